import numpy as np
import pytest

from atlas.schema import AtlasError
from precompute.dictionary import refits

GROUPS = np.repeat(np.arange(10), 4)
ROWS = np.stack([GROUPS, GROUPS], axis=1).astype(float)


def photos_of(part: np.ndarray) -> set[int]:
    photos, counts = np.unique(part[:, 0], return_counts=True)
    assert set(counts) == {4}  # with all their patches
    return set(photos.astype(int).tolist())


def test_each_photo_is_left_out_once_with_all_its_patches() -> None:
    parts = refits.without_folds(ROWS, photos_of, groups=GROUPS, seed=0)
    left_out = [set(range(10)) - part for part in parts]
    assert [len(part) for part in left_out] == [2] * 5
    assert set.union(*left_out) == set(range(10))


def test_halves_share_no_photo_and_hold_them_all() -> None:
    first, second = refits.on_halves(ROWS, photos_of, groups=GROUPS, seed=0)
    assert (len(first), len(second)) == (5, 5)
    assert first | second == set(range(10))
    assert first & second == set()


@pytest.mark.parametrize("parts", [refits.without_folds, refits.on_halves])
def test_nothing_comes_of_one_photo_or_where_a_part_is_too_small(parts) -> None:
    def refuse(part: np.ndarray) -> np.ndarray:
        raise AtlasError("too few patches")

    assert parts(ROWS, photos_of, groups=np.zeros(40, int), seed=0) == ()
    assert parts(ROWS, refuse, groups=GROUPS, seed=0) == ()


def test_random_patches_are_rows_of_unit_norm_none_twice() -> None:
    A = np.random.default_rng(0).random((12, 40)).astype(np.float32)
    A[3] = 0
    drawn = refits.random_patches(A, 11, seed=0)
    unit = np.delete(A, 3, axis=0)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    assert len(drawn) == refits.DRAWS
    for made in drawn:
        nearest = (made.atoms @ unit.T).argmax(axis=1)
        assert sorted(nearest.tolist()) == list(range(11))  # every usable patch once; the one without a direction never
        assert made.atoms == pytest.approx(unit[nearest], abs=1e-3)
    assert refits.random_patches(A, 12, seed=0) == ()
    assert not np.array_equal(drawn[0].atoms, drawn[1].atoms)
