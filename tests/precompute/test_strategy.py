import numpy as np
import pytest

from precompute import strategy


def _ways(outliers: int = 3):
    """Photos recognised in three ways (40, 36 and 30 of them), and a few in none."""
    random = np.random.default_rng(0)
    ways = [random.normal(centre, 0.3, (n, 3)) for centre, n in (([8, 0, 1], 40), ([0, 6, 1], 36), ([0, 0, 9], 30))]
    strange = random.normal(0, 1, (outliers, 3)) + [30, -30, 20] * np.arange(1, outliers + 1)[:, None]
    return np.concatenate([*ways, strange]).astype(np.float32)


def test_planted_strategies_are_found_and_named_by_their_concepts():
    phi = _ways()
    correct = np.ones(len(phi), bool)
    correct[40:58] = False
    found = strategy.find("n1", phi, correct=correct, seed=0)
    assert [s.size for s in found.strategies] == [40, 36, 30]  # the largest first
    assert [s.name for s in found.strategies] == ["concept 0", "concept 1", "concept 2"]
    assert [s.accuracy for s in found.strategies] == [1.0, 0.5, 1.0]
    assert found.membership[:106].tolist() == [0] * 40 + [1] * 36 + [2] * 30


def test_a_photo_in_no_cluster_is_said_to_be_in_none():
    phi = _ways()
    found = strategy.find("n1", phi, correct=np.ones(len(phi), bool), seed=0)
    assert (found.membership[106:] == -1).all()
    assert len(found.xy) == len(phi)  # and still has a place


def test_a_cluster_of_most_photos_is_opened():
    random = np.random.default_rng(1)
    near = [random.normal(centre, 0.05, (30, 2)) for centre in ([0, 0], [1, 0], [0, 1])]
    phi = np.concatenate([*near, random.normal([50, 50], 0.05, (20, 2))]).astype(np.float32)
    found = strategy.find("n1", phi, correct=np.ones(len(phi), bool), seed=0)
    assert sorted(s.size for s in found.strategies) == [20, 30, 30, 30]


def test_medoids_are_the_most_central_members():
    phi = _ways()
    found = strategy.find("n1", phi, correct=np.ones(len(phi), bool), seed=0)
    centre = phi[:40].mean(axis=0)
    nearest = np.argsort(np.linalg.norm(phi[:40] - centre, axis=1))[:3]
    assert list(found.strategies[0].medoids) == nearest.tolist()


def test_neighbours_are_mutual():
    phi = _ways()
    near = strategy.find("n1", phi, correct=np.ones(len(phi), bool), seed=0).neighbours
    assert all(i in near[j] for i, mine in enumerate(near) for j in mine)
    assert any(near)


def test_the_layout_separates_what_is_apart():
    phi = _ways(outliers=0)
    xy = strategy.tsne(phi, 0)
    one, two = xy[:40], xy[40:76]
    assert np.linalg.norm(one.mean(axis=0) - two.mean(axis=0)) > one.std() + two.std()
    assert np.abs(xy).max() <= 1.0 + 1e-6


@pytest.mark.parametrize("layout", strategy.METHODS)
def test_the_same_seed_gives_the_same_layout_to_the_bit(layout):
    phi = _ways()
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
