import numpy as np
import pytest

from precompute.importance import SampledHead, gradient_input


def test_a_square_by_hand() -> None:
    head = SampledHead(lambda u: (u**2).sum(dim=1))
    assert gradient_input.estimate(np.array([[3.0, 1.0]]), head, seed=0) == pytest.approx(np.array([[18.0, 2.0]]))


def test_positions_add_up() -> None:
    head = SampledHead(lambda u: (u**2).sum(dim=(1, 2)))
    assert gradient_input.estimate(np.array([[[3.0], [1.0]]]), head, seed=0) == pytest.approx(np.array([[20.0]]))
