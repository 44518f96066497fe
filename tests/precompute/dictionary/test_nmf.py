import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from precompute.dictionary import nmf


def test_planted_atoms_are_found_again() -> None:
    rng = np.random.default_rng(0)
    atoms = np.kron(np.eye(4), np.ones(3)) / np.sqrt(3)
    codes = rng.gamma(1.0, 1.0, (200, 4)) * (rng.random((200, 4)) < 0.6)
    A = (codes @ atoms).astype(np.float32)
    found = nmf.fit(A, concepts=4, seed=0)
    cosines = found.atoms @ atoms.T
    rows, columns = linear_sum_assignment(-cosines)
    assert cosines[rows, columns] == pytest.approx(np.ones(4), abs=1e-3)
    assert nmf.encode(A, found)[:, rows] == pytest.approx(codes[:, columns], abs=0.02)


def test_codes_and_atoms_are_never_negative() -> None:
    A = np.random.default_rng(0).random((60, 9)).astype(np.float32)
    dictionary = nmf.fit(A, concepts=4, seed=0)
    assert dictionary.atoms.min() >= 0
    assert nmf.encode(A[::-1], dictionary).min() >= 0


def test_encoding_the_fitted_patches_reconstructs_them_as_well_as_the_fit() -> None:
    A = np.random.default_rng(0).random((60, 9)).astype(np.float32)
    dictionary = nmf.fit(A, concepts=4, seed=0)
    model = NMF(4, init="nndsvda", solver="cd", tol=1e-4, max_iter=200, random_state=0)
    with pytest.warns(ConvergenceWarning):
        fitted = np.linalg.norm(A - model.fit_transform(A) @ model.components_)
    assert np.linalg.norm(A - nmf.encode(A, dictionary) @ dictionary.atoms) <= fitted * 1.001
