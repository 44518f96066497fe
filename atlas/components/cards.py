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
    tools = html.Div(
        [_toggle("heat", "heat maps", on=False), _toggle("opacity", "transparency", on=True)],
        className="switch",
        role="group",
        **{"aria-label": "how pictures are shown"},
    )
    return html.Section(
        [
            html.Div(
                [
                    html.H2(title, id="concepts-title"),
                    html.P("by contribution · above: feature visualization · below: crops of photos that use the concept most"),
                    tools,
                ],
                className="section-head",
            ),
            *([html.P(_shared_note(view), className="note")] if view.record.scope == "shared" else []),
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


def _toggle(name: str, label: str, *, on: bool) -> Any:
    return html.Button(label, type="button", **{"data-toggle": name, "aria-pressed": "true" if on else "false"})


def _shared_note(view: ClassView) -> str:
    n = formats.counted(view.record.n_photos, "photo")
    return (
        f"This class rests on {n}: too few for a dictionary of its own. It is explained with concepts shared by all classes; "
        "these are the ones that count most here."
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
        _numbers(concept, view),
        *(html.P(doubt, className="doubt") for doubt in doubts(concept, view.record)),
        *_relations(concept, view),
        html.P(html.A(["open ", html.Span(name, className="sr"), " →"], href=href), className="more"),
        reference(
            key=concept.concept_id,
            title=f"{name[:1].upper()}{name[1:]}" + ("" if concept.scope == SHARED else f" of {view.record.info.name}"),
            path=href,
            backbone=view.backbone,
            created=view.created,
        ),
    ]
    return html.Article(
        [visualization(pictures.visualization, alt), exemplars(pictures, name), html.Div(body, className="card-body")],
        className=f"card {theme.colour_class(concept.colour)}",
        **{"data-card": str(concept.index)},
    )


def _numbers(concept: Concept, view: ClassView) -> Any:
    n = view.record.n_photos
    rows = [
        ("share", formats.percent(concept.share, 1) + (_interval(concept) if view.record.coverage == "full" else "")),
        ("prevalence", formats.prevalence(concept, n)),
        ("reliability", formats.reliability(concept, n)),
        ("stability", formats.plain(concept.stability)),
    ]
    known = [(label, text) for label, text in rows if label != "stability" or concept.stability is not None]
    return html.Dl([html.Div([html.Dt(label), html.Dd(text)]) for label, text in known], className="numbers")


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
    if concept.stability is not None and concept.stability < 0.6:
        found.append("unstable: other fits find something else")
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
