import numpy as np
import pytest

from precompute import strategy


def _two_ways(n: int = 60, outliers: int = 3):
    """Photos recognised in two ways, and a few in none."""
    random = np.random.default_rng(0)
    first = random.normal([8, 0, 1], 0.3, (n, 3))
    second = random.normal([0, 6, 1], 0.3, (n // 2, 3))
    strange = random.normal(0, 1, (outliers, 3)) + [30, -30, 20] * np.arange(1, outliers + 1)[:, None]
    return np.concatenate([first, second, strange]).astype(np.float32), n, n // 2


def test_planted_strategies_are_found_and_named_by_their_concepts():
    phi, first, second = _two_ways()
    correct = np.ones(len(phi), bool)
    correct[first : first + second // 2] = False
    found = strategy.find("n1", phi, correct=correct, seed=0)
    assert [s.size for s in found.strategies] == [first, second]  # the largest first
    assert [s.name for s in found.strategies] == ["concept 0", "concept 1"]
    assert [s.accuracy for s in found.strategies] == [1.0, 0.5]
    assert set(found.membership[:first]) == {0}
    assert set(found.membership[first : first + second]) == {1}


def test_a_photo_in_no_cluster_is_said_to_be_in_none():
    phi, first, second = _two_ways()
    found = strategy.find("n1", phi, correct=np.ones(len(phi), bool), seed=0)
    assert (found.membership[first + second :] == -1).all()
    assert len(found.xy) == len(phi)  # and still has a place


def test_medoids_are_the_most_central_members():
    phi, first, _ = _two_ways()
    found = strategy.find("n1", phi, correct=np.ones(len(phi), bool), seed=0)
    centre = phi[:first].mean(axis=0)
    nearest = np.argsort(np.linalg.norm(phi[:first] - centre, axis=1))[:3]
    assert list(found.strategies[0].medoids) == nearest.tolist()


def test_neighbours_are_mutual():
    phi, *_ = _two_ways()
    near = strategy.find("n1", phi, correct=np.ones(len(phi), bool), seed=0).neighbours
    assert all(i in near[j] for i, mine in enumerate(near) for j in mine)
    assert any(near)


def test_the_layout_separates_what_is_apart():
    phi, first, second = _two_ways(outliers=0)
    xy = strategy.tsne(phi, 0)
    one, two = xy[:first].mean(axis=0), xy[first:].mean(axis=0)
    spread = xy[:first].std()
    assert np.linalg.norm(one - two) > spread
    assert np.abs(xy).max() <= 1.0 + 1e-6


@pytest.mark.parametrize("layout", strategy.METHODS)
def test_the_same_seed_gives_the_same_layout_to_the_bit(layout):
    phi, *_ = _two_ways()
    assert np.array_equal(strategy.METHODS[layout](phi, 3), strategy.METHODS[layout](phi, 3))


@pytest.mark.parametrize("n", [1, 2, 5, 11])
def test_few_photos_have_a_place_and_no_strategy(n):
    phi = np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
    found = strategy.find("n1", phi, correct=np.ones(n, bool), seed=0)
    assert found.xy.shape == (n, 2)
    assert np.isfinite(found.xy).all()
    assert (found.membership == -1).all() or n > 9


def test_photos_that_are_all_alike_do_not_divide_by_zero():
    found = strategy.find("n1", np.ones((20, 3), np.float32), correct=np.ones(20, bool), seed=0)
    assert np.array_equal(found.xy, np.zeros((20, 2)))
