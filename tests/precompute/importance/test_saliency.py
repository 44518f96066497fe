import numpy as np
import pytest

from precompute.importance import AffineHead, SampledHead, saliency


def test_a_square_by_hand() -> None:
    head = SampledHead(lambda u: -(u**2).sum(dim=1))
    assert saliency.estimate(np.array([[3.0, 1.0]]), head, seed=0) == pytest.approx(np.array([[6.0, 2.0]]))


def test_on_an_affine_head_every_photo_gets_the_unsigned_slope() -> None:
    head = AffineHead(np.array([2.0, -3.0]), constant=1.0)
    assert saliency.estimate(np.random.default_rng(0).random((2, 2)), head, seed=0).tolist() == [[2.0, 3.0]] * 2
