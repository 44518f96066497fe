import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from precompute.analysis import metrics


def test_relative_l2_by_hand() -> None:
    A = np.array([[3.0, 0.0], [0.0, 4.0]])
    assert metrics.relative_l2(A, A) == 0
    assert metrics.relative_l2(A, np.zeros((2, 2))) == 1
    assert metrics.relative_l2(A, np.array([[0.0, 0.0], [0.0, 4.0]])) == pytest.approx(3 / 5)


def test_relative_l2_of_nothing_is_unknown() -> None:
    assert metrics.relative_l2(np.zeros((2, 2)), np.zeros((2, 2))) is None


def test_sparsity_counts_exact_zeros() -> None:
    assert metrics.sparsity(np.array([[0.0, 1.0], [0.0, 0.0]])) == 0.75
    assert metrics.sparsity(np.zeros((0, 3))) is None


def test_hoyer_by_hand() -> None:
    assert metrics.hoyer(np.array([[0.0, 5.0, 0.0, 0.0]])) == pytest.approx(1.0)
    assert metrics.hoyer(np.full((1, 4), 2.0)) == pytest.approx(0.0)
    assert metrics.hoyer(np.array([[1.0, -1.0, 0.0, 0.0]])) == pytest.approx(2 - np.sqrt(2))
    assert metrics.hoyer(np.array([[0.0, 5.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])) == pytest.approx(1.0)


def test_hoyer_without_any_code_or_with_one_concept_is_unknown() -> None:
    assert metrics.hoyer(np.zeros((3, 4))) is None
    assert metrics.hoyer(np.ones((3, 1))) is None


def test_matching_sees_through_order_and_length() -> None:
    atoms = np.random.default_rng(0).standard_normal((5, 8))
    shuffled = 7 * atoms[[3, 1, 4, 0, 2]]
    assert metrics.matched_cosines(atoms, shuffled) == pytest.approx(np.ones(5))


def test_matching_takes_the_best_pairing_not_the_best_for_each() -> None:
    first = np.array([[1.0, 0.0], [1.0, 0.1]])
    second = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert metrics.matched_cosines(first, second) == pytest.approx([1.0, 0.1 / np.hypot(1, 0.1)])


def test_an_all_zero_atom_matches_nothing() -> None:
    assert metrics.matched_cosines(np.array([[1.0, 0.0], [0.0, 0.0]]), np.eye(2)) == pytest.approx([1.0, 0.0])


def test_refits_that_find_the_same_atoms_are_perfectly_stable() -> None:
    atoms = np.eye(3)
    found = metrics.stability(atoms, [atoms[::-1]] * 5)
    assert found is not None
    assert found.overall == pytest.approx(1.0)
    assert found.concepts == pytest.approx(np.ones(3))


def test_the_concept_that_comes_back_is_told_from_the_one_that_does_not() -> None:
    rng = np.random.default_rng(0)
    atoms, *refits = (np.stack([np.eye(50)[0], rng.standard_normal(50)]) for _ in range(6))
    found = metrics.stability(atoms, refits)
    assert found is not None
    assert found.concepts[0] == pytest.approx(1.0)
    assert abs(found.concepts[1]) < 0.5
    assert found.overall == pytest.approx(0.5, abs=0.2)


def test_partners_are_found_whatever_the_order() -> None:
    atoms = np.random.default_rng(0).standard_normal((5, 30))
    order = np.array([3, 0, 4, 1, 2])
    assert np.array_equal(order[metrics.partners(atoms, atoms[order])], np.arange(5))


def test_likeness_by_hand_and_unknown_for_one() -> None:
    turned = np.array([[1.0, 1.0], [-1.0, 1.0]])  # by 45 degrees
    assert metrics.likeness([np.eye(2), turned]) == pytest.approx(np.sqrt(0.5))
    assert metrics.likeness([np.eye(2), turned, np.eye(2)]) == pytest.approx((1 + 2 * np.sqrt(0.5)) / 3)
    assert metrics.likeness([np.eye(2)]) is None
    assert metrics.stability(np.eye(2), []) is None


def test_fid_is_the_mean_wasserstein_distance_of_the_channels() -> None:
    A, B = np.random.default_rng(0).standard_normal((2, 40, 3))
    assert metrics.fid(A, B) == pytest.approx(np.mean([wasserstein_distance(A[:, i], B[:, i]) for i in range(3)]))
    assert metrics.fid(A, A[::-1]) == 0
    assert metrics.fid(A, A + 2) == pytest.approx(2.0)


def test_ood_is_one_for_what_is_as_real_as_real() -> None:
    rng = np.random.default_rng(0)
    real, held_out, more = rng.random((3, 400, 10))
    assert metrics.ood(more, real, held_out) == pytest.approx(1.0, abs=0.05)
    assert metrics.ood(-more, real, held_out) > 3
    assert metrics.ood(5 * more, real, held_out) == pytest.approx(metrics.ood(more, real, held_out))


def test_ood_by_hand() -> None:
    real = np.array([[1.0, 0.0]])  # its 10th neighbour is its only one
    right_angle, opposite = np.array([[0.0, 3.0]]), np.array([[-2.0, 0.0]])
    assert metrics.ood(opposite, real, right_angle) == pytest.approx(2 / np.sqrt(2))


def test_ood_without_held_out_photos_or_with_known_ones_only_is_unknown() -> None:
    A = np.eye(3)
    assert metrics.ood(A, A, A[:0]) is None
    assert metrics.ood(A, A[:1], A[:1]) is None
