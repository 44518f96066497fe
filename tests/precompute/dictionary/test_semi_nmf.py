import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from precompute.dictionary import Dictionary, semi_nmf
from precompute.dictionary.base import unit_atoms


def planted(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signed atoms, three in five codes zero."""
    rng = np.random.default_rng(seed)
    atoms = rng.standard_normal((4, 20))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = rng.gamma(2.0, 1.0, (240, 4)) * (rng.random((240, 4)) < 0.4)
    return (codes @ atoms).astype(np.float32), codes, atoms


def test_planted_signed_atoms_are_found_again() -> None:
    A, _, atoms = planted()
    cosines = semi_nmf.fit(A, concepts=4, seed=0).atoms @ atoms.T
    rows, columns = linear_sum_assignment(-cosines)
    assert cosines[rows, columns].min() > 0.98


def test_codes_are_never_negative_while_atoms_are_free() -> None:
    A, _, _ = planted()
    dictionary = semi_nmf.fit(A, concepts=4, seed=0)
    assert semi_nmf.encode(A, dictionary).min() >= 0
    assert dictionary.atoms.min() < -0.1


def test_the_loss_never_rises_and_is_the_squared_error() -> None:
    rng = np.random.default_rng(0)
    A = rng.standard_normal((80, 15)).astype(np.float32)
    U, V = rng.random((len(A), 6)), rng.standard_normal((6, A.shape[1]))
    steps = list(semi_nmf.descend(A, U, V, iterations=25))
    energy = (A**2).sum()
    assert all(after.loss <= before.loss + 1e-6 * energy for before, after in itertools.pairwise(steps))
    assert steps[3].loss == pytest.approx(((A - steps[3].codes @ steps[3].atoms) ** 2).sum(), rel=1e-3)


def test_a_concept_no_patch_uses_stays_zero_and_harms_nothing() -> None:
    A, codes, atoms = planted()
    *_, last = semi_nmf.descend(A, np.pad(codes, ((0, 0), (0, 1))), np.pad(atoms, ((0, 1), (0, 0))), iterations=5)
    assert not last.codes[:, 4].any()
    assert not last.atoms[4].any()
    assert last.loss == pytest.approx(0.0, abs=1e-3)


def test_encoding_the_fitted_patches_reconstructs_them_as_well_as_the_last_step() -> None:
    A, codes, _ = planted()
    *_, last = semi_nmf.descend(A, codes, np.random.default_rng(1).standard_normal((4, 20)), iterations=30)
    dictionary = Dictionary("semi_nmf", unit_atoms(last.codes, last.atoms)[1])
    assert np.linalg.norm(A - semi_nmf.encode(A, dictionary) @ dictionary.atoms) ** 2 <= last.loss * 1.002 + 1e-3
