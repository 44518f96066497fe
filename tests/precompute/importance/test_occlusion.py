import numpy as np
import pytest

from precompute.importance import SampledHead, occlusion


def test_a_product_is_lost_with_either_factor() -> None:
    head = SampledHead(lambda u: u[:, 0] * u[:, 1] + u[:, 2])
    assert occlusion.estimate(np.array([[2.0, 3.0, 1.0]]), head, seed=0) == pytest.approx(np.array([[6.0, 6.0, 1.0]]))


def test_a_concept_is_taken_from_all_positions_at_once() -> None:
    head = SampledHead(lambda u: u.amax(dim=1)[:, 0])
    assert occlusion.estimate(np.array([[[4.0], [3.0]]]), head, seed=0) == pytest.approx(np.array([[4.0]]))
