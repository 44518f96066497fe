"""Maps of either order and tokens become positions of an image grid, row by row, and go back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from precompute.network.layout import Layout, layout_of


def network(**stated: object) -> nn.Module:
    model = nn.Identity()
    for name, value in stated.items():
        setattr(model, name, value)
    return model


@pytest.mark.parametrize(
    ("shape", "stated", "expected"),
    [
        ((2, 5, 4, 4), {}, Layout("NCHW")),
        ((2, 4, 4, 5), {}, Layout("NHWC")),
        ((2, 4, 4, 4), {}, Layout("NCHW")),
        ((2, 4, 4, 4), {"output_fmt": "NHWC"}, Layout("NHWC")),
        ((2, 16, 6), {}, Layout("NLC", 0)),
        ((2, 17, 6), {}, Layout("NLC", 1)),
        ((2, 16, 6), {"num_prefix_tokens": 1}, Layout("NLC", 0)),  # stated, but not there yet
        ((2, 21, 6), {"num_prefix_tokens": 5}, Layout("NLC", 5)),
        ((2, 1, 6), {}, None),
        ((2, 2, 6), {"num_prefix_tokens": 2}, None),
        ((2, 30, 6), {}, Layout("NLC", 5)),
        ((2, 5, 1, 1), {}, None),
        ((2, 5, 4, 3), {}, None),
        ((2, 6), {}, None),
    ],
)
def test_the_shape_says_how_a_layer_lies(shape: tuple[int, ...], stated: dict[str, object], expected: Layout | None) -> None:
    assert layout_of(torch.zeros(shape), network(**stated)) == expected


@pytest.mark.parametrize("raw", [[torch.zeros(2, 5, 4, 4)], {"a": 1}, None])
def test_what_is_no_tensor_is_no_grid(raw: object) -> None:
    assert layout_of(raw, network()) is None


@pytest.mark.parametrize(
    ("layout", "shape", "at"),
    [
        (Layout("NCHW"), (1, 5, 4, 4), lambda raw: raw[0, :, 1, 2]),
        (Layout("NHWC"), (1, 4, 4, 5), lambda raw: raw[0, 1, 2]),
        (Layout("NLC", 2), (1, 18, 5), lambda raw: raw[0, 2 + 6]),
    ],
)
def test_positions_are_row_by_row_and_join_to_what_they_were(layout: Layout, shape: tuple[int, ...], at) -> None:  # type: ignore[no-untyped-def]
    raw = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    positions, prefix = layout.split(raw)
    assert positions.shape == (1, 16, 5)
    assert prefix.shape == (1, layout.prefix, 5)
    assert torch.equal(positions[0, 1 * 4 + 2], at(raw))
    assert layout.grid(raw) == (4, 4)
    assert torch.equal(layout.joined(positions, prefix, (4, 4)), raw)
