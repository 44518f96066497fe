import numpy as np
import pytest
import torch

from precompute.importance import AffineHead, SampledHead, hsic


def by_definition(logits: np.ndarray, present: np.ndarray) -> float:
    """Tr(K H L H) ÷ (D − 1)², matrix by matrix."""
    D = len(logits)
    H = np.eye(D) - 1 / D
    K = (present[:, None] == present).astype(float)
    L = np.exp(-((logits[:, None] - logits) ** 2) / (2 * logits.var()))
    return float(np.trace(K @ H @ L @ H) / (D - 1) ** 2)


def test_the_sum_over_frequencies_is_the_trace_of_the_kernels() -> None:
    rng = np.random.default_rng(0)
    masks = (rng.random((60, 3)) < 0.5).astype(float)
    logits = np.stack([masks @ [1.0, -2.0, 0.5], np.exp(masks @ [3.0, 0.0, 1.0])])  # one of them with a heavy tail
    expected = [[by_definition(row, masks[:, i]) for i in range(3)] for row in logits]
    assert hsic.dependence(logits, masks) == pytest.approx(np.array(expected), rel=1e-6)


def test_the_closed_form_is_the_limit_over_all_masks() -> None:
    contributions = np.array([[1.0, -0.5, 2.0, 0.0], [0.1, 0.1, 0.1, 0.1]])
    slope = torch.ones(4)
    masks = hsic.designs(4, number=20_000, seed=0)
    sampled = hsic.dependence(SampledHead(lambda u: u @ slope, batch=10**6).masked(contributions, masks), masks)
    assert hsic.estimate(contributions, AffineHead(np.ones(4), constant=9.0), seed=0) == pytest.approx(sampled, abs=2e-3)


def test_five_hundred_designs_come_near_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    u, slope = rng.random((5, 8)), rng.standard_normal(8)
    weights = torch.tensor(slope, dtype=torch.float32)
    closed = hsic.estimate(u, AffineHead(slope, constant=0.0), seed=0)
    assert hsic.estimate(u, SampledHead(lambda c: c @ weights), seed=0) == pytest.approx(closed, abs=0.25 * closed.max())


def test_more_of_a_concept_means_more_dependence_whatever_its_sign() -> None:
    phi = hsic.estimate(np.ones((1, 4)), AffineHead(np.array([3.0, -2.0, 1.0, 0.0]), constant=1.0), seed=0)[0]
    assert phi[0] > phi[1] > phi[2] > phi[3] == 0


def test_the_unit_of_the_logit_does_not_matter() -> None:
    u, slope = np.ones((1, 3)), np.array([1.0, -2.0, 0.5])
    small, large = (hsic.estimate(u, AffineHead(scale * slope, constant=1.0), seed=0) for scale in (1.0, 1000.0))
    assert large == pytest.approx(small)


def test_each_concept_is_there_in_half_of_the_masks() -> None:
    assert hsic.designs(7, number=500, seed=0).sum(axis=0).tolist() == [250.0] * 7
