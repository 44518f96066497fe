"""A card a concept: what excites it, where it is seen, what it counts, and why to doubt it."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas import theme
from atlas.components import formats
from atlas.components.explain import explain
from atlas.components.exports import reference, table_links
from atlas.components.links import class_link, concept_url, joined, neighbour_text
from atlas.components.pictures import exemplars, visualization
from atlas.components.view import ClassView, ConceptPictures
from atlas.schema import SHARED, ClassRecord, Concept


def concepts_section(view: ClassView) -> Any:
    """Show the concepts of a class, the largest contribution first."""
    title = f"{len(view.concepts)} {'shared ' if view.record.scope == 'shared' else ''}concepts"
    seen = any(pictures.exemplars or pictures.crops for pictures in view.pictures.values())
    tools = html.Div(
        [_toggle("heat", "heat maps", on=False) if seen else None, _toggle("opacity", "transparency", on=True)],
        className="switch",
        role="group",
        **{"aria-label": "how pictures are shown"},
    )
    return html.Section(
        [
            html.Div(
                [
                    html.H2(title, id="concepts-title"),
                    html.P("by contribution · above: feature visualization" + (_CROPS if seen else "")),
                    tools,
                ],
                className="section-head",
            ),
            *([html.P(_shared_note(view), className="note")] if view.record.scope == "shared" else []),
            None if seen else html.P(_NO_CROPS, className="caption"),
            explain(
                *("feature visualization", "contribution", "prevalence", "reliability", "stability"),
                *("aligned classes", "similar concepts"),
            ),
            html.Div([card(concept, view) for concept in view.concepts], className="cards"),
            table_links(view.atlas, view.record.info.wnid, "concepts"),
        ],
        className="concepts",
        **{"aria-labelledby": "concepts-title"},
    )


_CROPS = " · below: crops of photos that use the concept most"
_NO_CROPS = [
    "Crops are not published with this atlas; ",
    html.Code("atlas serve ATLAS --photo-root FOLDER"),
    " cuts them from your own photos.",
]


def _toggle(name: str, label: str, *, on: bool) -> Any:
    return html.Button(label, type="button", **{"data-toggle": name, "aria-pressed": "true" if on else "false"})


def _shared_note(view: ClassView) -> str:
    n, explained = formats.counted(view.record.n_photos, "photo"), view.record.explained
    account = (
        f" All shared concepts together account for {formats.percent(explained)} of the logit." if explained is not None else ""
    )
    return (
        f"This class rests on {n}: too few for a dictionary of its own. It is explained with concepts shared by all classes; "
        f"these are the ones that count most here.{account}"
    )


def card(concept: Concept, view: ClassView) -> Any:
    """Show one concept."""
    name, pictures = formats.concept_name(concept), view.pictures.get(concept.index, ConceptPictures())
    alt = f"feature visualization of {name} of {view.record.info.name}"
    heading = html.H3(
        html.Button(name, type="button", **{"data-concept": str(concept.index), "aria-pressed": "false"}), className="name"
    )
    unit, href = html.Small(" logits"), concept_url(view.atlas, concept)
    body = [
        html.Div([heading, html.Span([formats.signed(concept.contribution), unit], className="amount")], className="card-head"),
        _stability(concept),
        _numbers(concept, view),
        *(html.P(doubt, className="doubt") for doubt in doubts(concept, view.record)),
        *_relations(concept, view),
        html.P(html.A(["open ", html.Span(name, className="sr"), " →"], href=href), className="more"),
        reference(
            key=concept.concept_id,
            title=f"{name[:1].upper()}{name[1:]}" + ("" if concept.scope == SHARED else f" of {view.record.info.name}"),
            path=href,
        ),
    ]
    return html.Article(
        [visualization(pictures.visualization, alt), _crops(pictures, name), html.Div(body, className="card-body")],
        className=f"card {theme.colour_class(concept.colour)}",
        **{"data-card": str(concept.index)},
    )


def _crops(pictures: ConceptPictures, name: str) -> Any:
    """Show the crops of a concept; where an atlas has none, its section says so once."""
    return exemplars(pictures, name) if pictures.exemplars or pictures.crops else None


def _numbers(concept: Concept, view: ClassView) -> Any:
    n = view.record.n_photos
    rows = [("share", formats.percent(concept.share, 1) + (_interval(concept) if view.record.coverage == "full" else ""))]
    if n > 1:  # how often a concept leads, one photo does not tell
        rows += [("prevalence", formats.prevalence(concept, n)), ("reliability", formats.reliability(concept, n))]
    return html.Dl([html.Div([html.Dt(label), html.Dd(text)]) for label, text in rows], className="numbers")


def _stability(concept: Concept) -> Any:
    """Say in a badge whether other fits find the concept again; its mark and its word tell as much as its colour."""
    if concept.stability is None:
        return None
    word, number = formats.stability(concept.stability)
    return html.P([html.Span([f"{word} ", html.B(number)], className=f"pill {word.replace(' ', '-')}")], className="stability")


def _interval(concept: Concept) -> str:
    if concept.share_low is None or concept.share_high is None:
        return ""
    return f" ({formats.span(concept.share_low * 100, concept.share_high * 100)})"


def doubts(concept: Concept, record: ClassRecord) -> list[str]:
    """Say why a concept deserves caution."""
    found = []
    if concept.share is not None and concept.share <= -0.01:
        found.append("speaks against this class")
    if formats.falls_short(concept.reliability, record):
        found.append(f"less reliable than the class ({formats.percent(record.accuracy)} right)")
    if concept.stability is not None and formats.stability(concept.stability)[0] == "unstable":
        found.append("other fits find something else")
    return found


def _relations(concept: Concept, view: ClassView) -> list[Any]:
    parts = []
    aligned = [n for n in concept.aligned if n.id != view.record.info.wnid][:3]
    if aligned:
        links = [class_link(view.atlas, n.id, names=view.names, held=view.held) for n in aligned]
        parts.append(html.P(["also in ", *joined(links)], className="relations"))
    similar = [n for n in concept.neighbours if not n.background][:2]
    if similar:
        text = [f"{neighbour_text(n, view.names)} ({n.cosine:.2f})" for n in similar]
        parts.append(html.P(["similar: ", *joined(text)], className="relations"))
    return parts
