import numpy as np
from scipy.optimize import nnls

from precompute.dictionary import nonnegative


def test_it_solves_what_scipy_solves():
    random = np.random.default_rng(0)
    atoms = np.abs(random.normal(size=(6, 20))).astype(np.float32)
    activations = random.normal(size=(40, 20)).astype(np.float32)
    found = nonnegative.solve(activations, atoms)
    expected = np.stack([nnls(atoms.T.astype(float), row.astype(float))[0] for row in activations])
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert found.min() >= 0


def test_planted_codes_are_found_again():
    random = np.random.default_rng(1)
    atoms = np.abs(random.normal(size=(5, 30))).astype(np.float32)
    codes = np.clip(random.normal(size=(50, 5)), 0, None).astype(np.float32)
    np.testing.assert_allclose(nonnegative.solve(codes @ atoms, atoms), codes, atol=1e-3)


def test_a_row_does_not_depend_on_the_others():
    random = np.random.default_rng(2)
    atoms, rows = np.abs(random.normal(size=(4, 9))).astype(np.float32), random.normal(size=(7, 9)).astype(np.float32)
    together = nonnegative.solve(rows, atoms)
    alone = np.concatenate([nonnegative.solve(row[None], atoms) for row in rows])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_an_atom_of_zeros_gets_no_code_and_no_rows_give_none():
    atoms = np.array([[1.0, 0.0], [0.0, 0.0]], np.float32)
    assert nonnegative.solve(np.array([[2.0, 1.0]], np.float32), atoms).tolist() == [[2.0, 0.0]]
    assert nonnegative.solve(np.zeros((0, 2), np.float32), atoms).shape == (0, 2)
