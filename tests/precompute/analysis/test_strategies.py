import numpy as np
import pytest

from precompute.analysis import strategies

SIZES = (40, 36, 30, 24)


def _ways(outliers: int = 3):
    """Photos recognised in four ways, and a few in none."""
    random = np.random.default_rng(0)
    ways = [random.normal(9 * np.eye(6)[i] + 1, 0.6, (n, 6)) for i, n in enumerate(SIZES)]
    strange = 90 * np.eye(6)[:outliers] - 30
    return np.concatenate([*ways, strange]).astype(np.float32)


def _find(phi, *, fit=None, predicted=None, seed=0, layout="pca"):
    """Find the strategies of class 7."""
    fit = np.ones(len(phi), bool) if fit is None else fit
    predicted = np.full(len(phi), 7) if predicted is None else predicted
    return strategies.find("n1", phi, fit=fit, predicted=predicted, class_index=7, seed=seed, layout=layout)


def test_planted_strategies_are_found_and_named_by_their_concepts():
    found = _find(_ways(), predicted=np.array([7] * 40 + [3] * 18 + [7] * 75))
    assert [s.size for s in found.strategies] == list(SIZES)  # the largest first
    assert [s.name for s in found.strategies] == ["concept 0", "concept 1", "concept 2", "concept 3"]
    assert [s.accuracy for s in found.strategies] == [1.0, 0.5, 1.0, 1.0]
    assert all(0.9 < s.recurrence <= 1 for s in found.strategies)
    assert found.membership[:130].tolist() == [i for i, n in enumerate(SIZES) for _ in range(n)]
    assert found.groups == 4
    assert found.groups_expected < 2


def test_a_photo_in_no_cluster_is_said_to_be_in_none():
    found = _find(_ways())
    assert (found.membership[130:] == -1).all()
    assert len(found.xy) == 133  # and still has a place


def test_a_strategy_may_hold_most_photos():
    random = np.random.default_rng(1)
    ways = [random.normal(9 * np.eye(4)[i], 0.6, (n, 4)) for i, n in enumerate((60, 12, 10, 8))]
    found = _find(np.concatenate(ways).astype(np.float32))
    assert [s.size for s in found.strategies] == [60, 12, 10, 8]


@pytest.mark.parametrize("seed", range(4))
def test_one_crowd_is_no_strategy(seed):
    phi = np.random.default_rng(seed).gamma(2, size=(80, 6)).astype(np.float32)
    found = _find(phi, seed=seed)
    assert found.strategies == ()
    assert (found.membership == -1).all()
    assert found.groups is not None
    assert found.groups_expected is not None


def test_groups_that_chance_gives_as_well_are_counted_and_not_shown():
    """Along a single concept a Gaussian comes apart as often."""
    phi = np.random.default_rng(0).normal(size=(80, 1)).astype(np.float32)
    found = _find(phi)
    assert found.groups > 0
    assert found.groups_expected > 1
    assert found.strategies == ()
    assert (found.membership == -1).all()


def test_medoids_are_the_most_central_fit_members():
    phi, fit = _ways(), np.ones(133, bool)
    fit[:10] = False
    members = np.arange(10, 40)
    distance = np.linalg.norm(phi[members] - phi[members].mean(axis=0), axis=1)
    described = next(s for s in _find(phi, fit=fit).strategies if s.name == "concept 0")
    assert list(described.medoids) == members[np.argsort(distance)[:3]].tolist()
    assert np.allclose(described.contributions, phi[members].mean(axis=0), atol=1e-5)
    assert (described.size, described.size_holdout) == (30, 10)


def test_held_out_photos_change_nothing_about_the_others():
    phi = _ways()
    held = np.concatenate([phi[:4], phi[50:53] + 0.1, np.full((5, 6), 4)]).astype(np.float32)
    both = np.insert(phi, [0, 0, 3, 70, 70, 71, 90, 100, 101, 110, 133, 133], held, axis=0)
    fit = np.insert(np.ones(133, bool), [0, 0, 3, 70, 70, 71, 90, 100, 101, 110, 133, 133], False)
    one, other = _find(phi, layout="tsne"), _find(both, fit=fit, layout="tsne")
    assert np.array_equal(one.membership, other.membership[fit])
    assert np.array_equal(one.xy, other.xy[fit])
    assert np.array_equal(one.xy.max(axis=0), other.xy.max(axis=0))  # the others lie inside
    assert [s.recurrence for s in one.strategies] == [s.recurrence for s in other.strategies]
    assert [s.contributions for s in one.strategies] == [s.contributions for s in other.strategies]
    assert [s.size for s in other.strategies] == list(SIZES)
    assert one.groups_expected == other.groups_expected


def test_held_out_photos_lie_beside_their_like_and_are_judged_apart():
    phi = _ways()
    far = 29 * np.eye(6)[:1] + 1  # nearest to the first strategy, but nowhere near it
    held = np.concatenate([phi[:2], phi[41:44] + 0.05, far]).astype(np.float32)
    fit = np.arange(139) < 133
    predicted = np.array([7] * 133 + [7, 7, 7, 3, 3, 3])
    found = _find(np.concatenate([phi, held]), fit=fit, predicted=predicted, layout="tsne")
    assert found.membership[133:].tolist() == [0, 0, 1, 1, 1, -1]  # the last is like nothing there is
    assert np.allclose(found.xy[133:135], found.xy[:2], atol=1e-5)  # twins
    second = found.xy[40:76]
    assert (found.xy[135:138] >= second.min(axis=0)).all()
    assert (found.xy[135:138] <= second.max(axis=0)).all()
    one, two, three, _ = found.strategies
    assert (one.size_holdout, one.accuracy_holdout) == (2, 1.0)
    assert (two.size_holdout, two.accuracy_holdout) == (3, pytest.approx(1 / 3))
    assert (three.size_holdout, three.accuracy_holdout) == (0, None)
    assert [s.accuracy for s in found.strategies] == [1.0] * 4  # of fit photos alone


def test_a_held_out_photo_between_two_places_lies_with_its_nearest():
    """Not in the gap between them, where nothing is."""
    phi = np.array([[0, 0], [1, 0], [20, 0], [21, 0], [10.7, 0]], np.float32)
    xy = _find(phi, fit=np.array([True] * 4 + [False])).xy
    assert xy[1, 0] != xy[2, 0]
    assert np.allclose(xy[4], xy[2] + (xy[3] - xy[2]) * 9.3**2 / (9.3**2 + 10.3**2), atol=1e-6)


def test_the_typical_mistake_is_what_most_are_taken_for():
    phi, fit = _ways(), np.ones(133, bool)
    fit[36:40] = False
    phi[36:40] = phi[:4]  # so they are in the same strategy
    predicted = np.full(133, 7)
    predicted[[0, 1, 36, 37]] = [5, 5, 5, 9]  # three for 5, one of them held out
    predicted[[40, 41, 42, 43]] = [9, 2, 9, 2]  # a tie
    predicted[130] = 4  # in no strategy
    found = _find(phi, fit=fit, predicted=predicted)
    told = {s.name: (s.mistake, s.mistakes) for s in found.strategies}
    assert told == {"concept 0": (5, 3), "concept 1": (2, 2), "concept 2": (None, 0), "concept 3": (None, 0)}


def test_the_order_of_concepts_changes_no_strategy():
    phi, order = _ways(), [3, 5, 0, 2, 4, 1]
    one, other = _find(phi), _find(phi[:, order])
    assert np.array_equal(one.membership, other.membership)
    assert [s.recurrence for s in one.strategies] == [s.recurrence for s in other.strategies]
    assert [s.name for s in other.strategies] == ["concept 2", "concept 5", "concept 3", "concept 0"]


@pytest.mark.parametrize("layout", strategies.METHODS)
def test_a_class_of_held_out_photos_alone_has_a_layout_and_no_strategy(layout):
    phi = _ways()
    found = _find(phi, fit=np.zeros(133, bool), layout=layout)
    assert np.array_equal(found.xy, strategies.METHODS[layout](phi, 0))
    assert (found.strategies, found.groups, found.groups_expected) == ((), None, None)
    assert (found.membership == -1).all()


def test_one_fit_photo_is_enough_to_place_the_others():
    found = _find(np.eye(3, dtype=np.float32), fit=np.array([False, True, False]))
    assert np.array_equal(found.xy, np.zeros((3, 2)))
    assert found.groups is None


def test_neighbours_are_mutual():
    near = _find(_ways(), fit=np.arange(133) % 3 > 0).neighbours
    assert all(i in near[j] for i, mine in enumerate(near) for j in mine)
    assert any(near)
    assert any(j % 3 == 0 for mine in near for j in mine)  # held-out photos have edges, too


def test_the_layout_separates_what_is_apart():
    phi = _ways(outliers=0)
    xy = strategies.tsne(phi, 0)
    one, two = xy[:40], xy[40:76]
    assert np.linalg.norm(one.mean(axis=0) - two.mean(axis=0)) > one.std() + two.std()
    assert np.abs(xy).max() <= 1.0 + 1e-6


@pytest.mark.parametrize("layout", strategies.METHODS)
def test_the_same_seed_gives_the_same_layout_to_the_bit(layout):
    phi = _ways()
    assert np.array_equal(strategies.METHODS[layout](phi, 3), strategies.METHODS[layout](phi, 3))


@pytest.mark.parametrize("n", [1, 2, 5, 11])
def test_few_photos_have_a_place_and_no_strategy(n):
    found = _find(np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32), layout="tsne")
    assert found.xy.shape == (n, 2)
    assert np.isfinite(found.xy).all()
    assert (found.membership == -1).all()
    assert (found.strategies, found.groups, found.groups_expected) == ((), None, None)


def test_photos_that_are_all_alike_do_not_divide_by_zero():
    found = _find(np.ones((20, 3), np.float32), fit=np.arange(20) < 16, layout="tsne")
    assert np.array_equal(found.xy, np.zeros((20, 2)))
    assert (found.strategies, found.groups, found.groups_expected) == ((), 0, 0.0)
