"""What counts: a bar a concept, with interval, sign and unit; a button, so that the keyboard reaches it.

Only the first list is drawn here. The others are numbers, which ``assets/views/bars.js`` draws in its likeness when they are
asked for; a table compares them all, also where no script runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash import html

from atlas import theme
from atlas.components import formats
from atlas.components.explain import explain
from atlas.components.exports import CHART, exports, rows
from atlas.components.reliability import reliability_chart
from atlas.components.view import ClassView
from atlas.schema import Concept

#: How an estimator is called on screen.
ESTIMATOR_NAMES = {
    "share": "share",
    "logits": "logits",
    "gradient_input": "Gradient × Input",
    "integrated_gradients": "Integrated Gradients",
    "saliency": "Saliency",
    "smoothgrad": "SmoothGrad",
    "occlusion": "Occlusion",
    "rise": "RISE",
    "sobol": "Sobol",
    "hsic": "HSIC",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: a value with its text, and an interval if there is one."""

    concept: Concept
    value: float
    text: str
    low: float | None = None
    high: float | None = None


def importance_panel(view: ClassView) -> Any:
    """Show what each concept adds to the class, one list an estimator; the first is the default."""
    lists = {"share": _shares(view), "logits": _logits(view), **_estimators(view)}
    shown = {by: bars for by, bars in lists.items() if bars}
    first = next(iter(shown), None)
    return html.Section(
        [
            html.H2("What counts", id="counts-title"),
            html.P(_caption(view), className="caption"),
            _switch(list(shown)),
            html.Div([_bar_list(by, bars, drawn=by == first) for by, bars in shown.items()], id="importance"),
            exports("importance", *CHART, of="#importance"),
            _comparison(shown),
            explain("contribution", "share", "interval"),
            reliability_chart(view),
        ],
        className="panel counts",
        **{"aria-labelledby": "counts-title"},
    )


def _caption(view: ClassView) -> str:
    n = view.record.n_photos
    few = "" if view.record.coverage == "full" else ", too few for an interval"
    basis = f"{'mean over' if n > 1 else 'from'} {formats.counted(n, 'photo')}{few}"
    interval = ", line: 95 % interval" if _has_intervals(view) else ""
    return f"the evidence for “{view.record.info.name}”, {basis}{interval}"


def _switch(options: Sequence[str]) -> Any:
    buttons = [
        html.Button(ESTIMATOR_NAMES.get(by, by), type="button", **{"data-by": by, "aria-pressed": "true" if i == 0 else "false"})
        for i, by in enumerate(options)
    ]
    return html.Div(buttons, className="switch", role="group", **{"aria-label": "importance, by"})


def _bar_list(by: str, bars: Sequence[Bar], *, drawn: bool) -> Any:
    low = min(0.0, *(bar.low if bar.low is not None else bar.value for bar in bars), *(bar.value for bar in bars))
    high = max(0.0, *(bar.high if bar.high is not None else bar.value for bar in bars), *(bar.value for bar in bars)) or 1e-9
    columns = ["concept", by, *(["low", "high"] if drawn else [])]
    values = [(bar.concept.concept_id, bar.value, bar.low, bar.high)[: len(columns)] for bar in bars]
    entries = [html.Li(_bar(bar, low, high)) for bar in bars] if drawn else []
    return html.Ol(entries, className="bars", hidden=not drawn, **{"data-list": by}, **rows(columns, values))


def _comparison(shown: Mapping[str, Sequence[Bar]]) -> Any:
    """Offer every number of every list, a row a concept in the order of the first; None where there is nothing to compare."""
    if len(shown) < 2:
        return None
    told = {by: {bar.concept.concept_id: bar.text for bar in bars} for by, bars in shown.items()}
    head = html.Tr([html.Th("concept", scope="col"), *(html.Th(ESTIMATOR_NAMES.get(by, by), scope="col") for by in shown)])
    lines = []
    for concept in (bar.concept for bar in next(iter(shown.values()))):
        cells = [html.Td(texts.get(concept.concept_id, formats.UNKNOWN)) for texts in told.values()]
        lines.append(html.Tr([html.Th(str(concept.index), scope="row"), *cells]))
    table = html.Table([html.Thead(head), html.Tbody(lines)])
    wide = html.Div(table, className="wide", tabIndex=0, role="region", **{"aria-label": "importance by every estimator"})
    return html.Details([html.Summary("compare all estimators"), wide], className="explain compare")


def _bar(bar: Bar, low: float, high: float) -> Any:
    def at(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    start, end = sorted((at(0), at(bar.value)))
    track = [html.Span(className="fill" + (" negative" if bar.value < 0 else ""), style=_span(start, end))]
    if bar.low is not None and bar.high is not None:
        track.append(html.Span(className="interval", style=_span(at(bar.low), at(bar.high))))
    if low < 0:
        track.append(html.Span(className="zero", style={"left": f"{at(0)}%"}))
    parts = [
        html.Span("shared concept " if bar.concept.scope == "shared" else "concept ", className="sr"),
        html.Span(str(bar.concept.index), className="number"),
        html.Span(track, className="track"),
        html.Span(bar.text, className="value"),
    ]
    css = f"bar {theme.colour_class(bar.concept.colour)}"
    return html.Button(parts, type="button", className=css, **{"data-concept": str(bar.concept.index), "aria-pressed": "false"})


def _span(start: float, end: float) -> dict[str, str]:
    return {"left": f"{start}%", "width": f"{round(max(end - start, 0), 2)}%"}


def _shares(view: ClassView) -> list[Bar]:
    known = [c for c in view.concepts if c.share is not None]
    sure = _has_intervals(view)
    return [
        Bar(c, c.share or 0.0, formats.percent(c.share, 1), c.share_low if sure else None, c.share_high if sure else None)
        for c in known
    ]


def _has_intervals(view: ClassView) -> bool:
    """Tell whether there are intervals worth showing: resampling a handful of photos says nothing."""
    return view.record.coverage == "full" and any(c.share_low is not None for c in view.concepts)


def _logits(view: ClassView) -> list[Bar]:
    known = [c for c in view.concepts if c.contribution is not None]
    return [Bar(c, c.contribution or 0.0, formats.signed(c.contribution)) for c in known]


def _estimators(view: ClassView) -> dict[str, list[Bar]]:
    names = [name for name in ESTIMATOR_NAMES if any(name in c.estimators for c in view.concepts)]
    return {
        name: [
            Bar(c, c.estimators[name], formats.signed(c.estimators[name], 3))
            for c in sorted(view.concepts, key=lambda c: -c.estimators.get(name, 0.0))
            if name in c.estimators
        ]
        for name in names
    }
