import numpy as np
import pytest
from scipy.optimize import nnls

from precompute.dictionary import nonnegative


def test_the_codes_are_those_of_lawson_and_hanson() -> None:
    rng = np.random.default_rng(0)
    atoms = rng.standard_normal((5, 12)).astype(np.float32)
    A = rng.standard_normal((30, 12)).astype(np.float32)
    exact = np.stack([nnls(atoms.T.astype(float), row.astype(float))[0] for row in A])
    assert nonnegative.solve(A, atoms) == pytest.approx(exact, abs=1e-4)


def test_orthonormal_atoms_give_clipped_projections() -> None:
    codes = nonnegative.solve(np.array([[2.0, -1.0, 5.0]], np.float32), np.eye(3, dtype=np.float32)[:2])
    assert codes.tolist() == [[2.0, 0.0]]


def test_an_all_zero_atom_gets_no_code() -> None:
    atoms = np.array([[1.0, 0.0], [0.0, 0.0]], np.float32)
    assert nonnegative.solve(np.ones((3, 2), np.float32), atoms).tolist() == [[1.0, 0.0]] * 3
