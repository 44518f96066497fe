"""How the photos are recognised: the strategy graph, and beside it what a keyboard can reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import dcc, html

from atlas import theme
from atlas.components import formats
from atlas.components.explain import explain
from atlas.components.exports import exports, graph_exports, reference, rows, table_links
from atlas.components.links import class_url
from atlas.components.view import ClassView
from atlas.figures.strategy_graph import strategy_graph_values
from atlas.schema import FULL_COVERAGE_PHOTOS, Layout, Photos, Strategy

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
            *_strategy_list(view),
            html.P(id="selection-status", className="caption status", role="status"),
            html.Div(id="photo-list", className="photo-list", role="group", **{"aria-label": "photos"}),
            explain("strategy", "dominant concept"),
            html.Div(
                [
                    graph_exports() if len(view.photos or ()) >= GRAPH_PHOTOS else None,
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
    return "a dot a photo, coloured by its dominant concept; a ring: the network gets it wrong"


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


def graph(photos: Layout | None, colours: Mapping[int, int]) -> Any:
    """Return the live graph that takes the place of the slot; None when there are too few photos."""
    if photos is None or len(photos) < GRAPH_PHOTOS:
        return None
    figure = strategy_graph_values(photos, colours=colours)
    return dcc.Graph(id="strategy-graph", figure=figure, config=_CONFIG, responsive=True)


def _strategy_list(view: ClassView) -> list[Any]:
    if not view.strategies:
        enough = len(view.photos or ()) >= GRAPH_PHOTOS
        return [html.P("No strategies: the photos form no clusters.", className="caption")] if enough else []
    outside = int((view.photos.strategy < 0).sum()) if view.photos else 0
    rest = [html.Li(f"in no strategy: {formats.counted(outside, 'photo')}", className="outside")] if outside else []
    k = max(len(s.contributions) for s in view.strategies)
    columns = ["strategy", "name", "photos", "accuracy", *(f"concept_{i}_logits" for i in range(k))]
    numbers = rows(columns, [(strategy_id(s), s.name, s.size, s.accuracy, *s.contributions) for s in view.strategies])
    chips = [html.Li(_strategy(s, view)) for s in view.strategies]
    return [html.Ul(chips + rest, className="chips", id="strategies", **numbers)]


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
    poor = formats.falls_short(strategy.accuracy, view.record)
    parts = [
        html.Span(className="swatch"),
        html.Span("strategy ", className="sr"),
        f"{strategy.index} · {strategy.name} · ",
        html.B(str(strategy.size)),
        " photo" if strategy.size == 1 else " photos",
        html.Span([" · ", _right(strategy)], className="poor" if poor else ""),
    ]
    css = f"chip {theme.colour_class(view.colours.get(leading, -1))}"
    return html.Button(parts, type="button", className=css, **{"data-strategy": str(strategy.index), "aria-pressed": "false"})


def _right(strategy: Strategy) -> str:
    if strategy.size >= FULL_COVERAGE_PHOTOS / 3:
        return f"{formats.percent(strategy.accuracy)} right"
    return f"{round(strategy.accuracy * strategy.size)} right"
