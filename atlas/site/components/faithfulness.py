"""Whether to believe the order of the concepts: curves beside chance, how far estimators agree, how good the dictionary is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from atlas.schema import CLASS_RANKING, RANDOM, RANDOM_PATCHES, Curve
from atlas.site import formats
from atlas.site.class_view import ClassView
from atlas.site.components.downloads import CHART, exports, rows
from atlas.site.glossary import explain
from atlas.site.importance import label
from atlas.site.markup import Drawing
from atlas.site.measures import measures

_WIDTH, _HEIGHT = 240, 130
_MEASURES = {
    "c_deletion": ("C-Deletion", "how fast the answer collapses when we remove the top concepts first: steeper is better"),
    "c_insertion": ("C-Insertion", "how fast it comes back as they are put in, the most important first: steeper is better"),
}
#: What a curve follows: its name, how its line is drawn, and the class of that line. All others are estimators.
_CURVES = {
    "contribution": ("contribution, photo by photo", "thick", "ours"),
    CLASS_RANKING: ("the ranking shown above", "dash-dotted", "shown"),
    RANDOM: ("a random ranking", "dashed", "random"),
    RANDOM_PATCHES: ("random patches instead of concepts", "dotted", "patches"),
}
_ORDER = tuple(_CURVES)


def faithfulness_panel(view: ClassView) -> Any:
    """Show the curves of a class with their areas, and how good its dictionary is; None where nothing was measured."""
    curves, agreed, table = view.record.curves, view.record.agreement, measures(view)
    if not curves and agreed is None and table is None:
        return None
    charts = [_chart([c for c in curves if c.measure == measure], *words) for measure, words in _MEASURES.items()]
    return html.Section(
        [
            html.H2("Is this ranking right?", id="faith-title"),
            html.P(_said(view), className="caption"),
            html.Div([chart for chart in charts if chart is not None], className="halves", id="faithfulness", **_numbers(curves)),
            exports("faithfulness", *CHART, of="#faithfulness") if curves else None,
            explain(
                "C-Deletion", "C-Insertion", "agreement", *(("C-μFidelity",) if view.record.c_mu_fidelity is not None else ())
            ),
            table,
        ],
        className="panel faith",
        **{"aria-labelledby": "faith-title"},
    )


def _said(view: ClassView) -> str:
    """Say how far the estimators agree, and on which photos all this rests."""
    agreed, ways = view.record.agreement, {name for concept in view.concepts for name in concept.estimators}
    basis = _basis(view)
    if agreed is None:
        return f"Measured on {basis}." if view.record.curves else ""
    return f"{len(ways)} ways of measuring agree (rank correlation {formats.plain(agreed)}), on {basis}."


def _numbers(curves: Sequence[Curve]) -> dict[str, str]:
    steps = max((len(curve.values) for curve in curves), default=0)
    columns = ["measure", "method", "area", *(f"after_{i}" for i in range(steps))]
    return rows(columns, [(c.measure, c.method, c.auc, *c.values) for c in curves])


def _basis(view: ClassView) -> str:
    """Name the photos that the curves rest on."""
    record = view.record
    if record.n_holdout:
        return formats.counted(record.n_holdout, "unseen photo")
    few = ": a hint, no evidence" if record.coverage != "full" else ""
    return f"{formats.counted(record.n_photos, 'photo')}{few}"


def _chart(curves: Sequence[Curve], name: str, caption: str) -> Any:
    if not curves:
        return None
    ordered = sorted(curves, key=lambda c: -_ORDER.index(c.method) if c.method in _ORDER else -len(_ORDER))
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
    return _CURVES[curve.method][0] if curve.method in _CURVES else label(curve.method)


def _key(curve: Curve) -> Any:
    line = f" {_CURVES[curve.method][1]}" if curve.method in _CURVES else ""
    return [html.Span(className=f"key-line {_style(curve)}"), _called(curve), html.Small(line)]


def _style(curve: Curve) -> str:
    return _CURVES[curve.method][2] if curve.method in _CURVES else "rival"


def _line(curve: Curve, low: float, high: float) -> str:
    steps = max(len(curve.values) - 1, 1)
    points = " ".join(
        f"{1 + (_WIDTH - 2) * i / steps:.1f},{(_HEIGHT - 2) * (high - value) / (high - low) + 1:.1f}"
        for i, value in enumerate(curve.values)
    )
    return f'<polyline data-curve="{curve.method}" class="{_style(curve)}" points="{points}"/>'
