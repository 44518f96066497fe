import numpy as np
import pytest
import torch

from precompute.importance import SampledHead, integrated_gradients


def test_importances_sum_to_what_the_concepts_add_to_the_logit() -> None:
    head = SampledHead(lambda u: torch.tanh(u[:, 0] * u[:, 1]) + u[:, 2] ** 2)
    u = np.random.default_rng(0).random((6, 3))
    phi = integrated_gradients.estimate(u, head, seed=0)
    assert phi.sum(axis=1) == pytest.approx(head(u) - head(0 * u), abs=1e-3)


def test_a_square_by_hand() -> None:
    head = SampledHead(lambda u: (u**2).sum(dim=1))
    assert integrated_gradients.estimate(np.array([[3.0, 1.0]]), head, seed=0) == pytest.approx(np.array([[9.0, 1.0]]), abs=1e-3)
