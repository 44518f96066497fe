"""How often each concept leads, and how often it leads to the right answer: a dot a concept, the bars beside it are its list."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas import theme
from atlas.components import formats
from atlas.components.explain import explain
from atlas.components.exports import CHART, exports, rows
from atlas.components.view import ClassView
from atlas.schema import FULL_COVERAGE_PHOTOS, Concept


def reliability_chart(view: ClassView) -> Any:
    """Plot prevalence against reliability; None when too few photos were read or too few concepts dominate any."""
    known = [c for c in view.concepts if c.reliability is not None and c.prevalence]
    if view.record.n_photos < FULL_COVERAGE_PHOTOS or len(known) < 2:
        return None
    widest = max(c.prevalence or 0.0 for c in known)
    accuracy = view.record.accuracy
    marks = [_dot(c, widest) for c in known]
    if accuracy is not None:
        line = html.Span(
            className="level", style={"bottom": f"{100 * accuracy:.1f}%"}, title=f"class: {formats.percent(accuracy)}"
        )
        marks.insert(0, line)
    said = f"{len(known)} concepts by prevalence and reliability"
    numbers = rows(["concept", "prevalence", "reliability"], [(c.concept_id, c.prevalence, c.reliability) for c in known])
    return html.Div(
        [
            html.H3("Who leads, and is it right?"),
            html.P("a concept's place: photos it dominates, and how many of them are recognised", className="caption"),
            html.Div(
                [
                    html.Span(["100", "\u202f%"], className="top-label"),
                    html.Span(["0", "\u202f%"], className="bottom-label"),
                    html.Div(
                        marks,
                        className="plot",
                        role="img",
                        **{"aria-label": said},
                    ),
                    html.Span("reliability", className="y-label"),
                    html.Span(["prevalence, up to ", formats.percent(widest)], className="x-label"),
                ],
                className="scatter",
                id="who-leads",
                **numbers,
            ),
            html.P(f"dashed: the whole class, {formats.percent(accuracy)}", className="caption"),
            exports("prevalence-reliability", *CHART, of="#who-leads"),
            explain("prevalence", "reliability"),
        ],
        className="who-leads",
    )


def _dot(concept: Concept, widest: float) -> Any:
    prevalence, reliability = concept.prevalence or 0.0, concept.reliability or 0.0
    said = f"{formats.concept_name(concept)}: dominates {formats.percent(prevalence)}, {formats.percent(reliability)} right"
    style = {"left": f"{100 * prevalence / widest:.1f}%", "bottom": f"{100 * reliability:.1f}%"}
    return html.Span(
        str(concept.index),
        className=f"dot {theme.colour_class(concept.colour)}",
        style=style,
        title=said,
        **{"data-mark": str(concept.index)},
    )
