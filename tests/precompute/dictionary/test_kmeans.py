import numpy as np
import pytest

from precompute.dictionary import kmeans


def test_planted_clusters_are_found_again() -> None:
    rng = np.random.default_rng(0)
    centres = 10 * np.eye(5)
    labels = rng.integers(5, size=200)
    A = (centres[labels] + 0.01 * rng.standard_normal((200, 5))).astype(np.float32)
    dictionary = kmeans.fit(A, concepts=5, seed=0)
    assert sorted(dictionary.atoms.argmax(axis=1)) == [0, 1, 2, 3, 4]
    assert kmeans.encode(A, dictionary) @ dictionary.atoms == pytest.approx(centres[labels], abs=0.05)


def test_a_patch_uses_one_atom_as_much_as_the_centroid_is_long() -> None:
    A = np.array([[3.0, 4.0], [3.0, 4.0], [0.0, 1.0]], np.float32)
    dictionary = kmeans.fit(A, concepts=2, seed=0)
    assert (kmeans.encode(A, dictionary) > 0).sum(axis=1).tolist() == [1, 1, 1]
    assert kmeans.encode(A, dictionary).max(axis=1) == pytest.approx([5.0, 5.0, 1.0])


def test_a_new_patch_goes_to_the_nearest_centroid_not_to_the_best_aligned() -> None:
    A = np.repeat(np.array([[10.0, 0.0], [0.0, 1.0]], np.float32), 3, axis=0)
    dictionary = kmeans.fit(A, concepts=2, seed=0)
    codes = kmeans.encode(np.array([[2.0, 0.0]], np.float32), dictionary)
    assert codes @ dictionary.atoms == pytest.approx(np.array([[0.0, 1.0]]))


def test_fewer_distinct_patches_than_clusters_leave_clusters_unused() -> None:
    A = np.ones((6, 4), np.float32)
    dictionary = kmeans.fit(A, concepts=3, seed=0)
    assert kmeans.encode(A, dictionary) @ dictionary.atoms == pytest.approx(np.ones((6, 4)))
