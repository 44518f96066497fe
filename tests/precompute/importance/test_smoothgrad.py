import numpy as np
import pytest

from precompute.importance import SampledHead, smoothgrad


def test_the_noise_is_a_fifth_of_the_range_of_the_codes() -> None:
    """The slope of u³ is 3 u²; its mean under noise is 3 (u² + σ²), so the noise can be read off."""
    cube = SampledHead(lambda u: (u**3).sum(dim=1))
    u = np.zeros((1, 400))
    u[0, 0] = 5.0  # range 5: σ = 1
    assert smoothgrad.estimate(u, cube, seed=0)[0, 1:].mean() == pytest.approx(3.0, rel=0.05)


def test_a_kink_is_smoothed() -> None:
    head = SampledHead(lambda u: u[:, 0].clamp(min=1.0))
    assert 0.2 < smoothgrad.estimate(np.array([[1.0, 0.0]]), head, seed=0)[0, 0] < 0.8
