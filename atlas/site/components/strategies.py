"""How the photos are recognised: the strategy graph, and beside it what a keyboard can reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from atlas.schema import ClassRecord, Concept, Layout, Photos, Strategy
from atlas.site import formats, rates, theme
from atlas.site.charts.strategy_graph import strategy_graph_values
from atlas.site.class_view import ClassView
from atlas.site.components.downloads import exports, graph_exports, reference, rows, table_links
from atlas.site.components.photo_panel import DIGITS, name_of
from atlas.site.glossary import explain
from atlas.site.rates import Rate
from atlas.site.urls import class_url

#: Below this there is no graph: a few dots have no shape.
GRAPH_PHOTOS = 4

#: Where the document puts the live graph (see ``document``).
GRAPH_SLOT = html.Div(id="graph-slot")

_CONFIG = {"displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClick": "reset"}


def strategies_panel(view: ClassView) -> Any:
    """Show the strategy graph with the list of strategies and the list of photos."""
    return html.Section(
        [
            html.H2("How its photos are recognised", id="strategies-title"),
            html.P(_caption(view), className="caption"),
            *_graph(view),
            *_leading(view),
            *_strategy_list(view),
            html.P(id="selection-status", className="caption status", role="status"),
            html.Div(id="photo-list", className="photo-list", role="group", **{"aria-label": "photos"}),
            explain("dominant concept", "placed afterwards", "strategy", "comes back", "interval of a rate"),
            html.Div(
                [
                    graph_exports() if len(view.photos or ()) >= GRAPH_PHOTOS else None,
                    exports("leading-concepts", "csv", "json", of="#leading") if len(view.photos or ()) >= GRAPH_PHOTOS else None,
                    exports("strategies", "csv", "json", of="#strategies") if view.strategies else None,
                    table_links(view.atlas, view.record.info.wnid, "photos"),
                ],
                className="take",
            ),
            _references(view) if view.strategies else None,
        ],
        className="panel strategies",
        **{"aria-labelledby": "strategies-title"},
    )


def _caption(view: ClassView) -> str:
    if len(view.photos or ()) < GRAPH_PHOTOS:
        return f"{formats.counted(view.record.n_photos, 'photo')}: too few for strategies"
    placed = "; diamond: an unseen photo, placed afterwards" if view.record.n_holdout else ""
    dot = "Each dot is a photo, coloured by the concept that helped most, grey where no concept leads"
    return f"{dot}. Black ring: the network got it wrong{placed}"


def _graph(view: ClassView) -> list[Any]:
    if view.photos is None or len(view.photos) < GRAPH_PHOTOS:
        return []
    label = f"Graph of {len(view.photos)} photos. The lists after it offer the same to the keyboard."
    shape = {"--flat": f"{_flatness(view.photos):.2f}"}
    return [html.Div(GRAPH_SLOT, className="graph", style=shape, role="img", **{"aria-label": label})]


def _flatness(photos: Photos) -> float:
    """Return how much lower than usual a graph can be: its two axes have one scale, and its dots may lie in a wide band."""
    width, height = (float(span) for span in photos.xy.max(axis=0) - photos.xy.min(axis=0))
    return min(max(width / max(height, 1e-6) / 1.5, 1.0), 1.8)


def graph(photos: Layout | None, colours: Mapping[int, int], digest: str) -> Any:
    """Return the live graph that takes the place of the slot; None when there are too few photos.

    Args:
        photos: where they lie.
        colours: concept index → colour index.
        digest: of the class; the page compares it with its own.
    """
    if photos is None or len(photos) < GRAPH_PHOTOS:
        return None
    figure = strategy_graph_values(photos, colours=colours, digest=digest[:DIGITS])
    return dcc.Graph(id="strategy-graph", figure=figure, config=_CONFIG, responsive=True)


def _leading(view: ClassView) -> list[Any]:
    """List the groups that cover every photo: by the concept that leads."""
    if view.photos is None or len(view.photos) < GRAPH_PHOTOS:
        return []
    shown = [concept.index for concept in view.concepts]
    every = set(view.photos.dominant.tolist()) - {-1}
    groups = [(concept, rates.led(view.photos, [concept.index])) for concept in view.concepts]
    groups = sorted((one for one in groups if any(one[1])), key=lambda one: -sum(led.of for led in one[1] if led))
    entries = [html.Li(_led(concept, *both)) for concept, both in groups]
    for said, both in (
        ("led by other shared concepts", rates.led(view.photos, sorted(every - set(shown)))),
        ("no concept leads", rates.led(view.photos, [-1])),
    ):
        entries += [html.Li(f"{said}: {_counts(*both)}", className="outside")] if any(both) else []
    columns = ["concept_id", "dominates", "right", "dominates_holdout", "right_holdout"]
    numbers = rows(columns, [(concept.concept_id, *_numbers(known), *_numbers(held)) for concept, (known, held) in groups])
    return [html.H3("Led by"), html.Ul(entries, className="chips", id="leading", **numbers)]


def _led(concept: Concept, known: Rate | None, held: Rate | None) -> Any:
    parts = [html.Span(className="swatch"), f"{formats.concept_name(concept)}: {_counts(known, held)}"]
    marks = {"data-concept": str(concept.index), "aria-pressed": "false"}
    return html.Button(parts, type="button", className=f"chip {theme.colour_class(concept.colour)}", **marks)


def _counts(known: Rate | None, held: Rate | None) -> str:
    """Say "41 photos, 39 right; unseen: 9, 7 right"."""
    said = [f"{formats.counted(known.of, 'photo')}, {known.right} right"] if known else []
    return "; ".join([*said, *([f"unseen: {held.of}, {held.right} right"] if held else [])])


def _numbers(known: Rate | None) -> tuple[int, int]:
    return (known.of, known.right) if known else (0, 0)


def heading(record: ClassRecord, shown: int) -> str:
    """Say how many groups of photos come back when photos are resampled, beside how many chance would give."""
    if record.groups is None:
        return "Groups of photos: it was not measured whether any come back"
    if record.groups == 0:
        return "No group of photos comes back"
    expected = f"{formats.plain(record.groups_expected, 1)} expected by chance"
    if not shown:
        rare = record.groups_expected is not None and record.groups > record.groups_expected
        often = ", but as many in more than 1 draw of 20" if rare else ""
        return f"{formats.counted(record.groups, 'group')}, {expected}{often}: none is shown"
    return f"{formats.counted(record.groups, 'group')} that {'comes' if record.groups == 1 else 'come'} back, {expected}"


def _strategy_list(view: ClassView) -> list[Any]:
    title = html.H3(heading(view.record, len(view.strategies)))
    if not view.strategies:
        return [title] if len(view.photos or ()) >= GRAPH_PHOTOS else []
    outside = int((view.photos.strategy < 0).sum()) if view.photos else 0
    fits = f"{formats.counted(outside, 'photo')} {'fits' if outside == 1 else 'fit'} no group"
    last = [html.Li(fits, className="outside")] if outside else []
    entries = [html.Li([_strategy(s, view), html.Small(_about(s, view), className="about")]) for s in view.strategies]
    return [title, html.Ul(entries + last, className="groups-list", id="strategies", **_rows(view.strategies))]


def _rows(strategies: Sequence[Strategy]) -> dict[str, str]:
    """Return every stored number of the strategies."""
    k = max(len(s.contributions) for s in strategies)
    rated = [f"accuracy{kind}{end}" for kind in ("", "_holdout") for end in ("", "_low", "_high")]
    columns = ["strategy", "name", "size", *rated[:3], "size_holdout", *rated[3:], "recurrence", "mistake", "mistakes"]
    return rows(
        [*columns, *(f"concept_{i}_logits" for i in range(k))],
        [
            (
                *(strategy_id(s), s.name, s.size, s.accuracy, *rates.ends(rates.grouped(s))),
                *(s.size_holdout, s.accuracy_holdout, *rates.ends(rates.placed(s))),
                *(s.recurrence, s.mistake, s.mistakes, *s.contributions),
            )
            for s in strategies
        ],
    )


def strategy_id(strategy: Strategy) -> str:
    """Return what identifies a strategy: "n02086240/strategy/1"."""
    return f"{strategy.wnid}/strategy/{strategy.index}"


def _references(view: ClassView) -> Any:
    """Offer id, link and citation of every strategy; with one selected, of that one."""
    name, base = view.record.info.name, class_url(view.atlas, view.record.info.wnid)
    entries = [
        html.Div(
            [
                html.P(f"strategy {s.index} · {s.name}", className="caption"),
                reference(
                    key=strategy_id(s),
                    title=f"Strategy {s.index} of {name}",
                    path=f"{base}?strategy={s.index}",
                ),
            ],
            **{"data-when-strategy": str(s.index)},
        )
        for s in view.strategies
    ]
    return html.Details([html.Summary("link to a strategy"), *entries], className="explain")


def _strategy(strategy: Strategy, view: ClassView) -> Any:
    leading = max(range(len(strategy.contributions)), key=lambda i: strategy.contributions[i]) if strategy.contributions else -1
    parts = [
        html.Span(className="swatch"),
        html.Span("strategy ", className="sr"),
        f"{strategy.index} · {strategy.name} · ",
        html.B(str(strategy.size)),
        " photo" if strategy.size == 1 else " photos",
        f" · {rates.grouped(strategy) or formats.UNKNOWN} right",
    ]
    css = f"chip {theme.colour_class(view.colours.get(leading, -1))}"
    return html.Button(parts, type="button", className=css, **{"data-strategy": str(strategy.index), "aria-pressed": "false"})


def _about(strategy: Strategy, view: ClassView) -> list[Any]:
    """Say how sure a strategy is, what unseen photos make of it, and what its photos are taken for."""
    known, held = rates.grouped(strategy), rates.placed(strategy)
    said = [rates.interval(known), f"comes back: {formats.plain(strategy.recurrence)}"]
    if held is not None:
        said.append(f"placed afterwards: {formats.counted(held.of, 'unseen photo')}, {held.right} right")
    if strategy.mistake is not None:
        taken = name_of(strategy.mistake, view.class_names)
        said.append(f"most often taken for {taken}: {formats.counted(strategy.mistakes, 'photo')}")
    warning = rates.shortfall(known, rates.seen(view.record))
    return [" · ".join(said), *([" · ", html.Span(warning, className="poor")] if warning else [])]
