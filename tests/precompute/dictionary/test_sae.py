import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from precompute.dictionary import sae


def planted(concepts: int, channels: int, active: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    atoms = rng.standard_normal((concepts, channels))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    codes = np.zeros((600, concepts))
    for row in codes:
        row[rng.choice(concepts, active, replace=False)] = rng.uniform(1, 5, active)
    return (codes @ atoms).astype(np.float32), atoms


def test_planted_sparse_atoms_are_found_again() -> None:
    A, atoms = planted(concepts=6, channels=24, active=2)
    cosines = sae.fit(A, concepts=6, seed=0).atoms @ atoms.T
    rows, columns = linear_sum_assignment(-cosines)
    assert cosines[rows, columns].min() > 0.98


def test_a_patch_uses_at_most_the_active_concepts_and_never_negatively() -> None:
    A, _ = planted(concepts=12, channels=24, active=3)
    dictionary = sae.fit(A, concepts=12, seed=0)
    codes = sae.encode(A, dictionary)
    assert (codes > 0).sum(axis=1).max() <= sae.active_codes(12) == 3
    assert codes.min() >= 0


def test_codes_are_the_top_of_the_rectified_encoder() -> None:
    A, _ = planted(concepts=12, channels=24, active=3)
    dictionary = sae.fit(A, concepts=12, seed=0)
    dense = np.maximum(A @ dictionary.encoder["weight"] + dictionary.encoder["bias"], 0)
    kept = np.sort(dense, axis=1)[:, -3:]
    assert np.sort(sae.encode(A, dictionary), axis=1)[:, -3:] == pytest.approx(kept, abs=1e-4)


def test_more_concepts_than_channels_are_allowed_and_most_of_them_used() -> None:
    A, _ = planted(concepts=16, channels=8, active=2)
    dictionary = sae.fit(A, concepts=16, seed=0)
    assert dictionary.atoms.shape == (16, 8)
    assert (sae.encode(A, dictionary).max(axis=0) > 0).mean() > 0.8


def test_the_scale_of_the_activations_moves_into_the_codes() -> None:
    A, _ = planted(concepts=6, channels=24, active=2)
    small, large = sae.fit(A, concepts=6, seed=0), sae.fit(64 * A, concepts=6, seed=0)
    assert large.atoms == pytest.approx(small.atoms, abs=1e-4)
    assert sae.encode(64 * A, large) == pytest.approx(64 * sae.encode(A, small), rel=1e-2, abs=0.1)


def test_non_negative_activations_that_all_point_one_way_silence_no_atom() -> None:
    A = (0.5 + np.random.default_rng(0).random((300, 200))).astype(np.float32)  # cosines of 0.92
    assert (sae.encode(A, sae.fit(A, concepts=10, seed=0)).max(axis=0) > 0).all()


@pytest.mark.parametrize(("concepts", "active"), [(1, 1), (4, 1), (10, 3), (25, 7), (512, 32), (4096, 32)])
def test_a_quarter_of_the_concepts_is_active(concepts: int, active: int) -> None:
    assert sae.active_codes(concepts) == active


def test_what_a_fit_costs_is_told_by_a_few_steps_of_its_own_width() -> None:
    rng = np.random.default_rng(0)
    A = np.abs(rng.normal(size=(60, 12))).astype(np.float32)
    few, trial = sae.cost(A, concepts=8, seed=0, rows=60)
    many, _ = sae.cost(A, concepts=8, seed=0, rows=60_000_000)
    assert trial.atoms.shape == (8, 12)
    assert 0 < few < many
