"""A card a concept: what excites it, where it is seen, what it counts, and why to doubt it."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas.schema import SHARED, ClassRecord, Concept
from atlas.site import formats, rates, theme
from atlas.site.class_view import ClassView, ConceptPictures
from atlas.site.components.downloads import reference, table_links
from atlas.site.components.image import exemplars, visualization
from atlas.site.glossary import explain
from atlas.site.urls import class_link, concept_url, joined, neighbour_text


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
                    html.P(f"by contribution; {formats.not_explained(view.record)} · above: {_ABOVE}" + (_CROPS if seen else "")),
                    tools,
                ],
                className="section-head",
            ),
            *([html.P(_shared_note(view), className="note")] if view.record.scope == "shared" else []),
            None if seen else html.P(_NO_CROPS, className="caption"),
            explain(
                *("feature visualization", "contribution", "share", "interval", "prevalence", "reliability", "stability"),
                *("aligned classes", "similar concepts"),
            ),
            html.Div([card(concept, view) for concept in view.concepts], className="cards"),
            table_links(view.atlas, view.record.info.wnid, "concepts"),
        ],
        className="concepts",
        **{"aria-labelledby": "concepts-title"},
    )


_ABOVE = "feature visualization"
_CROPS = " · below: crops of photos that use the concept most"
_NO_CROPS = [
    "Crops are not published with this atlas; ",
    html.Code("atlas serve ATLAS --photo-root FOLDER"),
    " cuts them from your own photos.",
]


def _toggle(name: str, label: str, *, on: bool) -> Any:
    return html.Button(label, type="button", **{"data-toggle": name, "aria-pressed": "true" if on else "false"})


def _shared_note(view: ClassView) -> str:
    record = view.record
    account = (
        f" All shared concepts together account for {formats.percent(record.explained)} of the logit photo by photo; "
        f"{formats.not_explained(record)}."
        if record.explained is not None
        else ""
    )
    had = "one photo" if record.n_photos == 1 else formats.counted(record.n_photos, "photo")
    return (
        f"We had {had}: too few to find concepts for this class alone. It is explained with concepts shared by all classes; "
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
        *(html.P(words, className="doubt poor") for words in warnings(concept, view.record)),
        *(html.P(words, className="doubt") for words in doubts(concept)),
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
    n = view.record.n_fit_split or view.record.n_photos
    lines: list[tuple[str, Any]] = [("share", _share(concept, view.record))]
    if view.record.n_photos > 1:  # how often a concept leads, one photo does not tell
        lines += [("leads", formats.prevalence(concept.prevalence, n)), *right_lines(concept)]
    return html.Dl([html.Div([html.Dt(label), html.Dd(text)]) for label, text in lines], className="numbers")


def _share(concept: Concept, record: ClassRecord) -> Any:
    share, between = formats.percent(concept.share, 1), share_interval(concept, record)
    return [share, html.Small(f" {between}", title=formats.interval_basis(record))] if between else share


def right_lines(concept: Concept) -> list[tuple[str, Any]]:
    """Return how often the network is right where a concept leads: on unseen photos and on the others."""
    held, known = rates.leads_unseen(concept), rates.leads(concept)
    lines = [("right, unseen", held), ("right, others" if held else "right", known)]
    said = [
        (label, [str(one), html.Small(f" ({rates.span(one)}\u202f%)", title="95\u202f% interval")])
        for label, one in lines
        if one is not None
    ]
    unknown = concept.dominates is None
    return [*said] or ([("right", formats.UNKNOWN)] if unknown else [])


def _stability(concept: Concept) -> Any:
    """Say in a badge whether other fits find the concept again; its mark and its word tell as much as its colour."""
    if concept.stability is None:
        return None
    word, number = formats.stability(concept.stability)
    return html.P([html.Span([f"{word} ", html.B(number)], className=f"pill {word.replace(' ', '-')}")], className="stability")


def share_interval(concept: Concept, record: ClassRecord) -> str:
    """Return the interval of a share in per cent, where enough photos were read for one."""
    if concept.share_low is None or concept.share_high is None or record.coverage != "full":
        return ""
    return f"({formats.span(concept.share_low * 100, concept.share_high * 100)})"


def warnings(concept: Concept, record: ClassRecord) -> list[str]:
    """Say where the network is wrong more often than usual, if chance does not explain it."""
    found = rates.shortfall(rates.leads(concept), rates.seen(record))
    return [found] if found else []


def doubts(concept: Concept) -> list[str]:
    """Say what else asks for caution."""
    found = []
    if concept.share is not None and concept.share <= -0.01:
        found.append("speaks against this class")
    if concept.stability is not None and formats.stability(concept.stability)[0] == "unstable":
        found.append("did not come back when we refitted: may be noise")
    return found


def _relations(concept: Concept, view: ClassView) -> list[Any]:
    parts = []
    aligned = [n for n in concept.aligned if n.id != view.record.info.wnid][:3]
    if aligned:
        links = [class_link(view.atlas, n.id, names=view.names, held=view.held) for n in aligned]
        parts.append(html.P(["also speaks for: ", *joined(links)], className="relations"))
    similar = [n for n in concept.neighbours if not n.background][:2]
    if similar:
        text = [f"{neighbour_text(n, view.names)} ({n.cosine:.2f})" for n in similar]
        parts.append(html.P(["similar: ", *joined(text)], className="relations"))
    return parts
