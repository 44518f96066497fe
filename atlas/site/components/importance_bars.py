"""What counts: a bar a concept, with interval, sign and unit; a button, so that the keyboard reaches it.

Only the first list is drawn here. The others are numbers, which ``assets/views/bars.js`` draws in its likeness when they are
asked for; a table compares them all, also where no script runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from atlas.site import formats, theme
from atlas.site.class_view import ClassView
from atlas.site.components.downloads import CHART, exports, rows
from atlas.site.components.reliability_scatter import reliability_chart
from atlas.site.glossary import explain
from atlas.site.importance import Bar, importance, label, sure


def importance_panel(view: ClassView) -> Any:
    """Show what each concept adds to the class, one list an estimator; the first is the default."""
    shown = importance(view)
    first = next(iter(shown), None)
    return html.Section(
        [
            html.H2(f"What makes it say “{view.record.info.name}”", id="counts-title"),
            html.P(_caption(view), className="caption"),
            _switch(list(shown)),
            html.Div([_bar_list(by, bars, drawn=by == first) for by, bars in shown.items()], id="importance"),
            exports("importance", *CHART, of="#importance"),
            _comparison(shown),
            explain("contribution", "share", "not explained", "interval"),
            reliability_chart(view),
        ],
        className="panel counts",
        **{"aria-labelledby": "counts-title"},
    )


def _caption(view: ClassView) -> str:
    n = view.record.n_fit_split or view.record.n_photos
    few = "" if view.record.coverage == "full" else ", too few for an interval"
    basis = f"{'average over' if n > 1 else 'from'} {formats.counted(n, 'photo')}{few}"
    line = f"; line: {formats.interval_basis(view.record)}" if sure(view) else ""
    return f"{basis}{line}; {formats.not_explained(view.record)}"


def _switch(options: Sequence[str]) -> Any:
    buttons = [
        html.Button(label(by), type="button", **{"data-by": by, "aria-pressed": "true" if i == 0 else "false"})
        for i, by in enumerate(options)
    ]
    return html.Div(buttons, className="switch", role="group", **{"aria-label": "importance, by"})


def _bar_list(by: str, bars: Sequence[Bar], *, drawn: bool) -> Any:
    ends = [end for bar in bars for end in (bar.value, bar.low, bar.high) if end is not None]
    low, high = min(0.0, *ends), max(0.0, *ends) or 1e-9
    columns = ["concept_id", by, *(["low", "high"] if drawn else [])]
    values = [(bar.key, bar.value, bar.low, bar.high)[: len(columns)] for bar in bars]
    entries = [html.Li(_bar(bar, low, high)) for bar in bars] if drawn else []
    return html.Ol(entries, className="bars", hidden=not drawn, **{"data-list": by}, **rows(columns, values))


def _comparison(shown: Mapping[str, Sequence[Bar]]) -> Any:
    """Offer every number of every list, a row a concept in the order of the first; None where there is nothing to compare."""
    if len(shown) < 2:
        return None
    told = {by: {bar.key: bar.text for bar in bars} for by, bars in shown.items()}
    head = html.Tr([html.Th("concept", scope="col"), *(html.Th(label(by), scope="col") for by in shown)])
    lines = []
    for bar in next(iter(shown.values())):
        cells = [html.Td(texts.get(bar.key, formats.UNKNOWN)) for texts in told.values()]
        lines.append(html.Tr([html.Th(bar.name, scope="row"), *cells], **{"data-key": bar.key}))
    table = html.Table([html.Thead(head), html.Tbody(lines)])
    wide = html.Div(table, className="wide", tabIndex=0, role="region", **{"aria-label": "importance by every estimator"})
    return html.Details([html.Summary("compare all estimators"), wide], className="explain compare")


def _bar(bar: Bar, low: float, high: float) -> Any:
    track = html.Span(_track(bar, low, high), className="track")
    value = html.Span(bar.text, className="value")
    if bar.concept is None:
        parts = [html.Span(bar.name, className="label"), track, value]
        return html.Div(parts, className="bar rest c-other", **{"data-rest": bar.key})
    said = "shared concept " if bar.concept.scope == "shared" else "concept "
    parts = [html.Span(said, className="sr"), html.Span(str(bar.concept.index), className="number"), track, value]
    marks = {"data-concept": str(bar.concept.index), "aria-pressed": "false"}
    return html.Button(parts, type="button", className=f"bar {theme.colour_class(bar.concept.colour)}", **marks)


def _track(bar: Bar, low: float, high: float) -> list[Any]:
    def at(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    track = []
    if bar.value is not None:
        start, end = sorted((at(0), at(bar.value)))
        css = "fill" + (" negative" if bar.value < 0 else "") + (" hatched" if bar.hatched else "")
        track.append(html.Span(className=css, style=_span(start, end)))
    if bar.low is not None and bar.high is not None:
        track.append(html.Span(className="interval", style=_span(at(bar.low), at(bar.high))))
    if low < 0:
        track.append(html.Span(className="zero", style={"left": f"{at(0)}%"}))
    return track


def _span(start: float, end: float) -> dict[str, str]:
    return {"left": f"{start}%", "width": f"{round(max(end - start, 0), 2)}%"}
