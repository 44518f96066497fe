from __future__ import annotations

from types import ModuleType

import numpy as np
import plotly.graph_objects as go
import pytest

from atlas.site import theme
from atlas.site.charts.strategy_graph import hull, strategy_graph


def test_a_dot_a_photo_in_order_coloured_by_its_dominant_concept(generated: ModuleType) -> None:
    photos = generated.photos_of("n03445777", 574, 60, 10, 0)
    dots = strategy_graph(photos.layout, colours={0: 5, 1: 2}).data[2]
    assert dots.name == "photos"
    assert np.allclose(dots.x, photos.xy[:, 0], atol=1e-3)
    expected = {0: theme.colour(5), 1: theme.colour(2)}
    assert list(dots.marker.color) == [expected.get(int(d), theme.colour(-1)) for d in photos.dominant]


def test_a_ring_marks_every_wrong_prediction_and_no_other(generated: ModuleType) -> None:
    photos = generated.photos_of("n03445777", 574, 60, 10, 0)
    for mode in ("light", "dark"):
        rings = strategy_graph(photos.layout, colours={}, mode=mode).data[2].marker.line.color
        assert [ring == theme.TOKENS[mode]["ink"] for ring in rings] == [not c for c in photos.correct]


def test_plotly_accepts_every_value(generated: ModuleType) -> None:
    photos = generated.photos_of("n03445777", 574, 60, 10, 0)
    for mode in ("light", "dark"):
        go.Figure(strategy_graph(photos.layout, colours={0: 5}, mode=mode).to_plotly_json())


def test_every_edge_is_drawn_once(generated: ModuleType) -> None:
    photos = generated.photos_of("n03445777", 574, 20, 10, 0)
    assert list(strategy_graph(photos.layout, colours={}).data[0].x).count(None) == 16


@pytest.mark.parametrize(
    ("points", "outline"),
    [
        ([(0, 0), (2, 0), (2, 2), (0, 2), (1, 1)], [(0, 0), (2, 0), (2, 2), (0, 2)]),
        ([(0, 0), (1, 1), (2, 2)], [(0, 0), (2, 2)]),
        ([(1, 1), (1, 1)], [(1, 1)]),
        ([], []),
    ],
)
def test_hull(points: list[tuple[float, float]], outline: list[tuple[float, float]]) -> None:
    assert hull(points) == outline
