"""Whether to believe the order of the concepts: curves beside a random ranking, and how far the estimators agree."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from dash import html

from atlas.components import formats
from atlas.components.bars import ESTIMATOR_NAMES
from atlas.components.explain import explain
from atlas.components.exports import CHART, exports, rows
from atlas.components.markup import Drawing
from atlas.components.view import ClassView
from atlas.schema import Concept, Curve

_WIDTH, _HEIGHT = 240, 130
_MEASURES = {
    "c_deletion": ("C-Deletion", "the logit as the most important concepts are taken away: lower is better"),
    "c_insertion": ("C-Insertion", "the logit as they are put in, the most important first: higher is better"),
}
_OURS, _RANDOM = "contribution", "random"


def faithfulness_panel(view: ClassView) -> Any:
    """Show the curves of a class with their areas; None where none were measured."""
    curves, agreed = view.record.curves, agreement(view.concepts)
    if not curves and agreed is None:
        return None
    charts = [_chart([c for c in curves if c.measure == measure], *words) for measure, words in _MEASURES.items()]
    alike = f"Estimators agree: Spearman {formats.plain(agreed)}, mean over pairs. " if agreed is not None else ""
    said = alike + (_basis(view) if curves else "")
    return html.Section(
        [
            html.H2("Can the order be believed?", id="faith-title"),
            html.P(said, className="caption"),
            html.Div([chart for chart in charts if chart is not None], className="halves", id="faithfulness", **_numbers(curves)),
            exports("faithfulness", *CHART, of="#faithfulness") if curves else None,
            explain("C-Deletion", "C-Insertion", "agreement"),
        ],
        className="panel faith",
        **{"aria-labelledby": "faith-title"},
    )


def _numbers(curves: Sequence[Curve]) -> dict[str, str]:
    steps = max((len(curve.values) for curve in curves), default=0)
    columns = ["measure", "method", "area", *(f"after_{i}" for i in range(steps))]
    return rows(columns, [(c.measure, c.method, c.auc, *c.values) for c in curves])


def _basis(view: ClassView) -> str:
    """Say on how many photos the curves rest."""
    record = view.record
    if record.n_holdout:
        return f"Measured on the {formats.counted(record.n_holdout, 'photo')} held out."
    few = ": a hint, no evidence" if record.coverage != "full" else ""
    return f"Measured on {formats.counted(record.n_photos, 'photo')}{few}."


def agreement(concepts: Sequence[Concept]) -> float | None:
    """Return the mean Spearman correlation between all pairs of estimators; None with fewer than two."""
    names = sorted(set.intersection(*(set(c.estimators) for c in concepts))) if concepts else []
    columns = [[c.estimators[name] for c in concepts] for name in names]
    if all(c.contribution is not None for c in concepts):
        columns.append([c.contribution or 0.0 for c in concepts])
    if len(columns) < 2 or len(concepts) < 3:
        return None
    ranks = [_ranks(np.asarray(column)) for column in columns]
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in combinations(ranks, 2) if a.std() and b.std()] or [0.0]))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of values, ties sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return np.asarray((last - (counts - 1) / 2)[inverse], np.float64)


def _chart(curves: Sequence[Curve], name: str, caption: str) -> Any:
    if not curves:
        return None
    ordered = sorted(curves, key=lambda c: (c.method != _RANDOM, c.method == _OURS))
    low = min(0.0, *(value for curve in curves for value in curve.values))
    high = max(1.0, *(value for curve in curves for value in curve.values))
    lines = "".join(_line(curve, low, high) for curve in ordered)
    said = f"{name}: " + ", ".join(f"{_called(c)} {c.auc:.2f}" for c in reversed(ordered))
    drawing = Drawing(
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}" class="curves">'
        f'<path class="frame-line" d="M1 0V{_HEIGHT - 1}H{_WIDTH}"/>{lines}</svg>'
    )
    lines_of = [
        html.Tr([html.Th(_key(c), scope="row"), html.Td(formats.plain(c.auc))], **{"data-curve": c.method})
        for c in reversed(ordered)
    ]
    table = html.Table([html.Caption(f"area under {name}", className="sr"), html.Tbody(lines_of)], className="areas")
    return html.Div([html.H3(name), html.P(caption, className="caption"), html.Div([drawing, table], className="curve-row")])


def _called(curve: Curve) -> str:
    return ESTIMATOR_NAMES.get(curve.method, curve.method)


def _key(curve: Curve) -> Any:
    return [html.Span(className=f"key-line {_style(curve)}"), _called(curve)]


def _style(curve: Curve) -> str:
    return {_OURS: "ours", _RANDOM: "random"}.get(curve.method, "rival")


def _line(curve: Curve, low: float, high: float) -> str:
    steps = max(len(curve.values) - 1, 1)
    points = " ".join(
        f"{1 + (_WIDTH - 2) * i / steps:.1f},{(_HEIGHT - 2) * (high - value) / (high - low) + 1:.1f}"
        for i, value in enumerate(curve.values)
    )
    return f'<polyline data-curve="{curve.method}" class="{_style(curve)}" points="{points}"/>'
