import numpy as np
import pytest
from scipy import stats

from precompute.analysis import groups

SIZES = (30, 25, 20, 15)


def _blobs(seed: int, apart: float = 10.0, strange: int = 0):
    """Four groups of photos, each around its own concept, and a few strange ones."""
    random = np.random.default_rng(seed)
    blobs = [random.normal(apart * np.eye(6)[i], 1, (n, 6)) for i, n in enumerate(SIZES)]
    return np.concatenate([*blobs, 60 * np.eye(6)[:strange] - 30]).astype(np.float32)


def _own(sizes=SIZES):
    return [group for group, size in enumerate(sizes) for _ in range(size)]


@pytest.mark.parametrize("seed", range(3))
def test_planted_groups_come_back_and_are_more_than_chance_gives(seed):
    found = groups.find(_blobs(seed, strange=3), seed)
    core = np.array(_own())[found.membership[:90] >= 0]
    assert np.array_equal(found.membership[:90][found.membership[:90] >= 0], core)  # none in a wrong group
    assert len(core) > 75
    assert (found.membership[90:] == -1).all()
    assert (found.recurrence > 0.8).all()
    assert found.beyond_chance


def test_groups_far_apart_are_found_to_the_photo_the_largest_first():
    shuffled = np.random.default_rng(0).permutation(90)
    found = groups.find(_blobs(0, apart=40)[shuffled], 0)
    assert found.membership.tolist() == np.array(_own())[shuffled].tolist()
    assert found.recurrence.tolist() == [1.0] * 4


def _gaussian(random):
    return random.normal(size=(60, 6)) * [3, 2, 2, 1, 1, 0.5]


def _uniform(random):
    return random.uniform(0, 4, (60, 4))


def _skewed(random):
    """Contributions as they are: none negative, each concept with a long tail."""
    return stats.gamma.ppf(stats.norm.cdf(random.normal(size=(60, 6))), 0.7) * [4, 3, 2, 1, 1, 0.5]


@pytest.mark.parametrize("blob", [_gaussian, _uniform, _skewed])
def test_photos_without_structure_have_strategies_in_one_case_of_twenty_at_most(blob):
    found = [groups.find(blob(np.random.default_rng(seed)).astype(np.float32), seed) for seed in range(15)]
    assert sum(some.beyond_chance for some in found) <= 2  # a rate of 5 % gives more than two of 15 in 4 % of all cases


def test_as_many_groups_as_chance_gives_are_not_beyond_it():
    def found(chance):
        return groups.Groups(np.zeros(20, np.int32), np.array([0.9, 0.8]), np.array(chance, np.int32))

    assert found([1] * 57 + [2] * 2).beyond_chance
    assert not found([1] * 56 + [2] * 3).beyond_chance  # 5 % of 60, with the photos themselves
    assert not found([0] * 57 + [60] * 2).beyond_chance  # 2.03 expected
    assert found([0, 1, 0, 0]).expected == 0.25


def test_jaccard_indices_worked_by_hand():
    before = np.array([0, 0, 0, 0, 1, 1, 1, -1, -1, 2])
    again = np.array([1, 1, 1, -1, 0, 0, 1, 0, -1, -1])
    #  group 0: 3 of {4 or 4} in cluster 1 → 3/5; group 1: 2 in cluster 0 of 3 → 2/4; group 2: in none
    assert groups.best_jaccard(before, again, 3).tolist() == [0.6, 0.5, 0.0]
    assert groups.best_jaccard(before, np.full(10, -1), 3).tolist() == [0.0, 0.0, 0.0]
    assert groups.best_jaccard(before, before, 4).tolist() == [1.0, 1.0, 1.0, 0.0]  # a group that no photo was drawn of


def test_recurrence_is_the_mean_over_resamples(monkeypatch):
    """A group that is found whole in half of the resamples and halved in the others has 0.75."""
    phi = _blobs(0, apart=40)
    own = np.array(_own())
    calls = iter(range(1000))

    def clusters(x):
        call, blob = next(calls), x[:, :4].argmax(axis=1)
        if len(x) == 90:
            return own if call == 0 else np.full(len(x), -1)
        halves = np.cumsum(blob == 0) > (blob == 0).sum() / 2
        return np.where((blob == 0) & halves, 9, blob) if call % 2 else blob

    monkeypatch.setattr(groups, "_clusters", clusters)
    found = groups.find(phi, 0)
    assert found.recurrence[1:].tolist() == [1.0] * 3
    assert 0.74 < found.recurrence[0] < 0.78  # the larger of two halves of an odd number is more than a half


def test_ending_early_counts_what_all_resamples_count():
    draws = [np.random.default_rng(seed).normal(size=(60, 2)) for seed in range(12)]
    early = [groups._coming_back(x, np.random.default_rng(1)) for x in draws]
    means = [np.mean([*groups._matches(groups._clusters(x), x, np.random.default_rng(1))] or [[]], axis=0) for x in draws]
    assert early == [int((mean >= 0.6).sum()) for mean in means]
    assert sum(early) > 0


@pytest.mark.parametrize(("n", "enough"), [(0, False), (1, False), (11, False), (12, True), (40, True)])
def test_a_resample_with_no_room_for_two_groups_is_not_looked_at(n, enough):
    phi = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    assert (groups.find(phi, 0) is not None) == enough


def test_photos_that_are_alike_are_no_group():
    rounded = np.repeat(np.float32([5, np.nextafter(np.float32(5), np.float32(6))]), 60).reshape(40, 3)
    for phi in (np.zeros((40, 3)), np.full((40, 3), 0.1), rounded):
        found = groups.find(phi.astype(np.float32), 0)
        assert (len(found), found.expected, found.beyond_chance) == (0, 0.0, False)


def test_the_order_of_concepts_changes_nothing():
    phi = _blobs(3, apart=6)
    one, other = groups.find(phi, 5), groups.find(phi[:, [4, 2, 0, 5, 1, 3]], 5)
    assert np.array_equal(one.membership, other.membership)
    assert np.array_equal(one.recurrence, other.recurrence)
    assert np.array_equal(one.chance, other.chance)


def test_the_same_seed_gives_the_same_groups_and_another_seed_other_gaussians():
    phi = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    found = [groups.find(phi, seed) for seed in (2, 2, 3)]
    assert np.array_equal(found[0].chance, found[1].chance)
    assert np.array_equal(found[0].recurrence, found[1].recurrence)
    assert not np.array_equal(found[0].chance, found[2].chance)


def test_chance_has_the_spread_of_the_photos(monkeypatch):
    """The Gaussians have the covariance of the photos, in the photos' own principal axes."""
    random = np.random.default_rng(0)
    phi = (random.normal(size=(400, 3)) @ np.array([[3, 1, 0], [0, 2, 0.5], [0, 0, 1]]) + 7).astype(np.float32)
    drawn = []
    monkeypatch.setattr(groups, "_coming_back", lambda x, _: drawn.append(x) or 0)
    assert groups.find(phi, 0).expected == 0
    spread = np.mean([np.cov(x.T) for x in drawn], axis=0)
    assert np.allclose(spread, np.diag(np.linalg.eigvalsh(np.cov(phi.T))[::-1]), atol=0.3)
    assert {len(x) for x in drawn} == {400}


@pytest.mark.parametrize(("photos", "least"), [(0, 5), (250, 5), (300, 6), (1300, 26)])
def test_the_smallest_strategy_is_two_per_cent_of_the_photos_but_five(photos, least):
    assert groups.smallest_strategy(photos) == least


def test_many_concepts_are_clustered_as_few_are():
    """Past twenty concepts neighbours are searched otherwise; empty concepts must not change what is found."""
    phi = _blobs(1, strange=2)
    wide = np.concatenate([phi, np.zeros((len(phi), 30), np.float32)], axis=1)
    assert np.array_equal(groups.find(phi, 0).membership, groups.find(wide, 0).membership)
