import numpy as np
import pytest

from precompute.dictionary import pca


def planted(patches: int = 400) -> np.ndarray:
    """Patches that vary along three axes only, ever less, around a mean of 5."""
    spread = np.random.default_rng(0).standard_normal((patches, 3)) * np.array([9.0, 3.0, 1.0])
    return (5 + np.concatenate([spread, np.zeros((patches, 4))], axis=1)).astype(np.float32)


def test_planted_axes_are_found_again_in_order_of_their_variance() -> None:
    dictionary = pca.fit(planted(), concepts=3, seed=0)
    assert abs(dictionary.atoms[:, :3]) == pytest.approx(np.eye(3), abs=0.05)


def test_atoms_are_orthonormal_even_past_the_rank() -> None:
    atoms = pca.fit(planted(), concepts=6, seed=0).atoms
    assert atoms @ atoms.T == pytest.approx(np.eye(6), abs=1e-5)


def test_codes_are_centred_and_the_offset_is_the_mean() -> None:
    A = planted()
    dictionary = pca.fit(A, concepts=3, seed=0)
    codes = pca.encode(A, dictionary)
    assert dictionary.offset == pytest.approx(A.mean(axis=0), abs=1e-5)
    assert codes.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-4)
    assert codes @ dictionary.atoms + dictionary.offset == pytest.approx(A, abs=1e-3)


def test_no_dictionary_of_the_same_size_reconstructs_better() -> None:
    A = np.random.default_rng(1).standard_normal((60, 8)).astype(np.float32)
    dictionary = pca.fit(A, concepts=3, seed=0)
    left = A - pca.encode(A, dictionary) @ dictionary.atoms - dictionary.offset
    singular = np.linalg.svd(A - A.mean(axis=0), compute_uv=False)
    assert (left**2).sum() == pytest.approx((singular[3:] ** 2).sum(), rel=1e-4)


def test_the_longer_tail_of_the_codes_points_up() -> None:
    rare = np.zeros((100, 4), np.float32)
    rare[:5, 0] = -8.0
    assert pca.encode(rare, pca.fit(rare, concepts=1, seed=0))[:5].min() > 0
