"""The strategy graph: a dot a photo, near those the network recognises for the same reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from atlas.schema import Layout
from atlas.site import theme


def strategy_graph(photos: Layout, *, colours: Mapping[int, int], mode: theme.Mode = "light") -> go.Figure:
    """Draw the strategy graph of a class as a plotly figure: see ``strategy_graph_values``."""
    # Validation is nine tenths of the time of a figure; the tests do it once for all.
    return go.Figure(strategy_graph_values(photos, colours=colours, mode=mode), _validate=False)


def strategy_graph_values(
    photos: Layout, *, colours: Mapping[int, int], mode: theme.Mode = "light", digest: str = ""
) -> dict[str, object]:
    """Draw the photos of a class by their 2-D layout.

    Four traces, in this order: edges between mutual neighbours, hulls of the strategies, photos, numbers of the concepts.

    Args:
        photos: where the photos of one class lie.
        colours: concept index → colour index; a concept it lacks is grey.
        mode: light or dark.
        digest: of what is drawn, for whoever compares.
    """
    tokens = theme.TOKENS[mode]
    edges, hulls, labels = _edges(photos), _hulls(photos), _labels(photos, colours)
    traces: list[dict[str, object]] = [
        {"x": edges[0], "y": edges[1], "mode": "lines", "line": {"width": 1, "color": tokens["line"]}, "name": "edges"},
        {
            **{"x": hulls[0], "y": hulls[1], "mode": "lines", "fill": "toself", "name": "hulls"},
            **{"line": {"width": 1, "color": tokens["control"], "dash": "dot"}, "fillcolor": "rgba(128,128,128,.07)"},
        },
        _dots(photos, colours, mode),
        {**labels, "mode": "text", "name": "numbers", "textfont": {"size": 14, "color": tokens["ink"]}},
    ]
    axis: dict[str, object] = {"visible": False, "zeroline": False}
    layout = {
        "template": theme.template(mode),
        "dragmode": "pan",
        "hovermode": "closest",
        "xaxis": axis,
        "yaxis": axis | {"scaleanchor": "x"},
        "uirevision": "kept",
        **({"meta": {"digest": digest}} if digest else {}),
    }
    data = [{"type": "scatter", "hoverinfo": "skip", "showlegend": False, **trace} for trace in traces]
    return {"data": data, "layout": layout}


def _dots(photos: Layout, colours: Mapping[int, int], mode: theme.Mode) -> dict[str, object]:
    shown = [colours.get(int(concept), -1) for concept in photos.dominant]
    wrong = ~photos.correct.astype(bool)
    return {
        "x": _rounded(photos.xy[:, 0]),
        "y": _rounded(photos.xy[:, 1]),
        "mode": "markers",
        "name": "photos",
        "hoverinfo": "none",
        "marker": {
            "size": 11 if len(photos) < 200 else 9,
            "symbol": ["diamond" if held else "circle" for held in photos.holdout.tolist()],  # placed afterwards, and the others
            "opacity": 1,
            "color": [theme.colour(index, mode) for index in shown],
            "line": {"width": np.where(wrong, 2.5, 0.5).tolist(), "color": _ring_colours(wrong, mode)},
        },
    }


def _ring_colours(wrong: np.ndarray, mode: theme.Mode) -> list[str]:
    tokens = theme.TOKENS[mode]
    return [tokens["ink"] if bad else tokens["panel"] for bad in wrong]


def _rounded(values: np.ndarray) -> list[float]:
    return np.asarray(values, np.float64).round(3).tolist()


def _edges(photos: Layout) -> tuple[list[float | None], list[float | None]]:
    x: list[float | None] = []
    y: list[float | None] = []
    at_x, at_y = _rounded(photos.xy[:, 0]), _rounded(photos.xy[:, 1])
    for here, others in enumerate(photos.neighbours):
        for there in others:
            if there > here:
                x += (at_x[here], at_x[there], None)
                y += (at_y[here], at_y[there], None)
    return x, y


def _hulls(photos: Layout) -> tuple[list[float | None], list[float | None]]:
    x: list[float | None] = []
    y: list[float | None] = []
    for strategy in sorted(set(photos.strategy.tolist()) - {-1}):
        found = (photos.strategy == strategy) & ~photos.holdout  # held-out photos took no part in finding it
        outline = hull([tuple(p) for p in photos.xy[found].astype(float).tolist()])
        if len(outline) >= 3:
            x += [*(round(p[0], 3) for p in (*outline, outline[0])), None]
            y += [*(round(p[1], 3) for p in (*outline, outline[0])), None]
    return x, y


def _labels(photos: Layout, colours: Mapping[int, int]) -> dict[str, object]:
    """Put the number of each coloured concept beside the middle photo among those it dominates."""
    x, y, text = [], [], []
    for concept in colours:
        points = photos.xy[photos.dominant == concept]
        if len(points):
            middle = points[np.abs(points - np.median(points, axis=0)).sum(axis=1).argmin()]
            x.append(round(float(middle[0]), 3))
            y.append(round(float(middle[1]), 3))
            text.append(f"<b>{concept}</b>")
    return {"x": x, "y": y, "text": text, "textposition": "top right"}


def hull(points: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Return the convex hull of 2-D points, counter-clockwise (monotone chain)."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered
    return _chain(ordered)[:-1] + _chain(ordered[::-1])[:-1]


def _chain(points: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    chain: list[tuple[float, ...]] = []
    for p in points:
        while len(chain) >= 2 and _turn(chain[-2], chain[-1], p) <= 0:
            chain.pop()
        chain.append(p)
    return chain


def _turn(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
