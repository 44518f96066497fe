import itertools

import numpy as np
import pytest
import torch

from precompute.importance import AffineHead, SampledHead, rise


def test_it_is_the_mean_logit_with_the_concept_there_less_the_mean_logit() -> None:
    head = SampledHead(lambda u: torch.sigmoid(u[:, 0] * u[:, 1] - u[:, 2]))
    u = np.array([[1.0, 2.0, 3.0], [3.0, 1.0, 0.5]])
    masks = np.array(list(itertools.product([0.0, 1.0], repeat=3)))
    F = head.masked(u, masks)
    expected = [F[:, masks[:, i] == 1].mean(axis=1) - F.mean(axis=1) for i in range(3)]
    assert rise.estimate(u, head, seed=0) == pytest.approx(np.stack(expected, axis=1), abs=1e-6)


def test_random_masks_approach_the_closed_form_where_there_are_too_many_to_try() -> None:
    rng = np.random.default_rng(0)
    slope = rng.standard_normal(14)
    weights = torch.tensor(slope, dtype=torch.float32)
    u = rng.random((4, 14))
    closed = rise.estimate(u, AffineHead(slope, constant=2.0), seed=0)
    sampled = rise.estimate(u, SampledHead(lambda codes: codes @ weights + 2.0), seed=0)
    assert sampled == pytest.approx(closed, abs=0.15 * abs(closed).max())
    assert not np.array_equal(sampled, rise.estimate(u, SampledHead(lambda codes: codes @ weights + 2.0), seed=1))
