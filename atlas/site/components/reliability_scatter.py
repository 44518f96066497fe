"""How often each concept leads, and how often it leads to the right answer: a dot a concept, the bars beside it are its list."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas.schema import FULL_COVERAGE_PHOTOS, Concept
from atlas.site import formats, rates, theme
from atlas.site.class_view import ClassView
from atlas.site.components.downloads import CHART, exports, rows
from atlas.site.glossary import explain
from atlas.site.rates import Rate


def reliability_chart(view: ClassView) -> Any:
    """Plot prevalence against reliability; None when too few photos were read or too few concepts lead any."""
    known = [(c, led) for c in view.concepts if (led := rates.leads(c)) is not None and c.prevalence]
    if view.record.n_photos < FULL_COVERAGE_PHOTOS or len(known) < 2:
        return None
    widest = max(c.prevalence or 0.0 for c, _ in known)
    whole = rates.seen(view.record)
    marks = [mark for c, led in known for mark in _dot(c, led, widest)]
    if whole is not None:
        marks.insert(0, html.Span(className="level", style={"bottom": f"{100 * whole.value:.1f}%"}, title=f"class: {whole}"))
    said = "; ".join(_said(c, led) for c, led in known)
    columns = ["concept_id", "prevalence", "dominates", "reliability", "reliability_low", "reliability_high"]
    numbers = rows(columns, [(c.concept_id, c.prevalence, c.dominates, c.reliability, *led.interval) for c, led in known])
    return html.Div(
        [
            html.H3("When this concept leads, is the network right?"),
            html.P(
                f"right: leads more photos; up: right more often, of photos {rates.SEEN}; line: 95\u202f% interval",
                className="caption",
            ),
            html.Div(
                [
                    html.Span(["100", "\u202f%"], className="top-label"),
                    html.Span(["0", "\u202f%"], className="bottom-label"),
                    html.Div(marks, className="plot", role="img", **{"aria-label": said}),
                    html.Span("right", className="y-label"),
                    html.Span(["leads, up to ", formats.percent(widest)], className="x-label"),
                ],
                className="scatter",
                id="who-leads",
                **numbers,
            ),
            html.P(f"dashed: the whole class, {whole or formats.UNKNOWN}", className="caption"),
            exports("prevalence-reliability", *CHART, of="#who-leads"),
            explain("prevalence", "reliability", "interval of a rate"),
        ],
        className="who-leads",
    )


def _dot(concept: Concept, led: Rate, widest: float) -> list[Any]:
    """Return a whisker, the interval, and on it a dot."""
    low, high = led.interval
    left = {"left": f"{100 * (concept.prevalence or 0.0) / widest:.1f}%"}
    colour = theme.colour_class(concept.colour)
    whisker = {**left, "bottom": f"{100 * low:.1f}%", "height": f"{100 * (high - low):.1f}%"}
    return [
        html.Span(className=f"whisker {colour}", style=whisker),
        html.Span(
            str(concept.index),
            className=f"dot {colour}",
            style={**left, "bottom": f"{100 * led.value:.1f}%"},
            title=_said(concept, led),
            **{"data-mark": str(concept.index)},
        ),
    ]


def _said(concept: Concept, led: Rate) -> str:
    return f"{formats.concept_name(concept)}: leads {led.of} photos, right on {led.right}, {rates.interval(led)}"
