"""The strategy graph as an SVG that needs no script: the traces of the app's figure, a titled path a photo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from atlas.schema import Photos
from atlas.site import theme
from atlas.site.charts.strategy_graph import strategy_graph
from atlas.site.class_view import ClassView
from atlas.site.markup import Drawing

_WIDTH, _HEIGHT, _MARGIN = 1000.0, 700.0, 34.0


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a place of the layout lies on the drawing: one scale for both directions, y upwards."""

    left: float
    top: float
    scale: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        return _MARGIN + (x - self.left) * self.scale, _MARGIN + (self.top - y) * self.scale


def drawing(view: ClassView, predicted: Sequence[str]) -> Drawing:
    """Return the graph of a class with photos.

    Args:
        view: the class.
        predicted: the name of the class that each photo was taken for.
    """
    photos = view.photos
    if photos is None:
        return Drawing()
    edges, hulls, dots, numbers = strategy_graph(photos.layout, colours=view.colours).to_plotly_json()["data"]
    frame, width, height = _fitted(dots["x"], dots["y"])
    return Drawing(
        f'<svg class="js-plotly-plot still" viewBox="0 0 {width:.0f} {height:.0f}">'
        f'<path class="edges" d="{_lines(edges, frame)}"/><path class="hulls" d="{_lines(hulls, frame)}"/>'
        f'<g class="points">{"".join(_dots(view, photos, dots, frame, predicted))}</g>'
        f'<g class="textpoint">{"".join(_numbers(numbers, frame))}</g></svg>'
    )


def _fitted(x: Sequence[float], y: Sequence[float]) -> tuple[_Frame, float, float]:
    wide, high = max(max(x) - min(x), 1e-9), max(max(y) - min(y), 1e-9)
    scale = min((_WIDTH - 2 * _MARGIN) / wide, (_HEIGHT - 2 * _MARGIN) / high)
    return _Frame(min(x), max(y), scale), wide * scale + 2 * _MARGIN, high * scale + 2 * _MARGIN


def _lines(trace: dict[str, Any], frame: _Frame) -> str:
    """Return a path through the places of a trace; None lifts the pen."""
    steps, pen = [], "M"
    for x, y in zip(trace["x"], trace["y"], strict=True):
        if x is None or y is None:
            pen = "M"
            continue
        across, down = frame.at(x, y)
        steps.append(f"{pen}{across:.0f} {down:.0f}")
        pen = "L"
    return "".join(steps)


def _dots(view: ClassView, photos: Photos, trace: dict[str, Any], frame: _Frame, predicted: Sequence[str]) -> Iterator[str]:
    radius = trace["marker"]["size"] * 0.8
    diamond = f"M0 {-1.25 * radius:g}L{1.25 * radius:g} 0L0 {1.25 * radius:g}L{-1.25 * radius:g} 0Z"
    circle = f"M{-radius:g} 0a{radius:g} {radius:g} 0 1 0 {2 * radius:g} 0a{radius:g} {radius:g} 0 1 0 {-2 * radius:g} 0"
    for i, (x, y) in enumerate(zip(trace["x"], trace["y"], strict=True)):
        across, down = frame.at(x, y)
        dominant, correct = int(photos.dominant[i]), bool(photos.correct[i])
        css = f"point {theme.colour_class(view.colours.get(dominant, -1))}{'' if correct else ' is-wrong'}"
        held = photos.split[i] == "holdout"
        lead = f"concept {dominant}" if dominant >= 0 else "no concept leads"
        unseen = ", placed afterwards" if held else ""
        said = f"photo {i}, {'recognised as' if correct else 'mistaken for'} {predicted[i]}, {lead}{unseen}"
        place = f"translate({across:.0f} {down:.0f})"
        yield f'<path class="{css}" transform="{place}" d="{diamond if held else circle}"><title>{escape(said)}</title></path>'


def _numbers(trace: dict[str, Any], frame: _Frame) -> Iterator[str]:
    for x, y, text in zip(trace["x"], trace["y"], trace["text"], strict=True):
        across, down = frame.at(x, y)
        number = text.removeprefix("<b>").removesuffix("</b>")
        yield f'<text x="{across + 8:.0f}" y="{down - 8:.0f}">{escape(number)}</text>'
