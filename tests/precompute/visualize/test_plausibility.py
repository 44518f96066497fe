import numpy as np
import pytest

from atlas.schema import AtlasError
from precompute.visualize.plausibility import Plausibility


def _real() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.abs(5 + random.normal(size=(60, 32))).astype(np.float32)


def test_a_real_activation_is_about_as_plausible_as_real_and_noise_is_not():
    real = _real()
    judge = Plausibility(real[:50])
    assert 0.8 < np.mean([judge(row) for row in real[50:]]) < 1.2
    strange = np.zeros(32, np.float32)
    strange[3] = 5.0
    assert judge(strange) < 0.5


def test_scale_does_not_matter():
    real = _real()
    judge = Plausibility(real)
    assert judge(7 * real[0]) == pytest.approx(judge(real[0]))


def test_two_photos_are_too_few():
    with pytest.raises(AtlasError, match="at least 3 photos; found 2"):
        Plausibility(_real()[:2])
