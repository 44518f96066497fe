import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.analysis import contributions


def _case(seed: int, n: int = 20, k: int = 5, p: int = 9, offset: bool = False):
    random = np.random.default_rng(seed)
    codes, atoms, weight = (random.normal(size=s).astype(np.float32) for s in ((n, k), (k, p), (p,)))
    logits = random.normal(scale=10, size=n).astype(np.float32)
    shift = random.normal(size=p).astype(np.float32) if offset else None
    return codes, atoms, {"weight": weight, "bias": 0.3, "class_logit": logits, "offset": shift}


@given(st.integers(0, 1000), st.booleans())
def test_contributions_bias_and_residual_sum_to_the_logit(seed, offset):
    codes, atoms, rest = _case(seed, offset=offset)
    parts = contributions.decompose(codes, atoms, **rest)
    total = parts.contributions.sum(axis=1) + parts.bias + parts.residual
    np.testing.assert_allclose(total, rest["class_logit"], atol=1e-4)


def test_a_perfect_dictionary_leaves_no_residual():
    codes, atoms, rest = _case(0)
    rest["class_logit"] = (codes @ atoms @ rest["weight"] + rest["bias"]).astype(np.float32)
    parts = contributions.decompose(codes, atoms, **rest)
    np.testing.assert_allclose(parts.residual, 0, atol=1e-4)


def test_by_hand():
    codes, atoms = np.array([[2.0, 3.0]], np.float32), np.eye(2, dtype=np.float32)
    parts = contributions.decompose(
        codes, atoms, weight=np.array([0.5, -1.0], np.float32), bias=1.0, class_logit=np.array([0.0], np.float32)
    )
    assert parts.contributions.tolist() == [[1.0, -3.0]]
    assert parts.residual.tolist() == [1.0]  # 0 − 1 − (1 − 3)


def test_shares_are_of_the_logit_above_its_bias_and_leave_room_for_what_is_not_explained():
    found = contributions.shares(np.array([3.0, 1.0, -2.0]), 4.0)
    assert found.tolist() == [0.75, 0.25, -0.5]  # adds up to 0.5: half of the logit is not explained
    rows = contributions.shares(np.array([[3.0], [3.0]]), np.array([4.0, 12.0]))
    assert rows.tolist() == [[0.75], [0.25]]


def test_where_the_logit_is_not_above_its_bias_there_is_no_share():
    assert np.isnan(contributions.shares(np.array([1.0, -1.0]), 0.0)).all()
    assert np.isnan(contributions.shares(np.array([1.0, -1.0]), -3.0)).all()


def test_of_a_logit_that_is_its_bias_no_share_is_known():
    logit, bias = np.array([0.3, 2.3], np.float32), np.array([0.3, 0.3], np.float32)
    found = contributions.explained(np.array([0.0, 0.5], np.float32), logit, bias)
    assert np.isnan(found[0])  # 0 ÷ 0 is not "all of it"
    assert found[1] == pytest.approx(0.75)
    assert contributions.mean_known(found) == pytest.approx(0.75)
    assert contributions.mean_known(found[:1]) is None


def account(phi: np.ndarray, residual: float = 0.0) -> contributions.Decomposition:
    n = len(phi)
    return contributions.Decomposition(phi.astype(np.float32), np.zeros(n, np.float32), np.full(n, residual, np.float32))


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    truth = np.array([2.0, 1.0, 0.5])
    held = 0
    for trial in range(100):
        low, high = contributions.share_interval([account(random.normal(truth, 1.0, size=(60, 3)))], seed=trial)
        held += int(low[0] <= truth[0] / truth.sum() <= high[0])
    assert 85 <= held <= 100


def test_the_interval_holds_what_refits_of_the_dictionary_say():
    photos = np.ones((40, 1))
    own, again = account(2 * photos, residual=2.0), account(3 * photos, residual=1.0)  # half, or three quarters of the logit
    assert contributions.share_interval([own], seed=0)[:, 0] == pytest.approx([0.5, 0.5])  # photos alone: as sure as can be
    assert contributions.share_interval([own, again], seed=0)[:, 0] == pytest.approx([0.5, 0.75])


def test_one_photo_has_no_interval():
    assert np.isnan(contributions.share_interval([account(np.ones((1, 3)))], seed=0)).all()


def test_a_concept_is_known_by_its_partner_in_a_refit():
    parts = account(np.array([[1.0, 2.0, 3.0]])).reordered(np.array([2, 0, 1]))
    assert parts.contributions.tolist() == [[3.0, 1.0, 2.0]]


PHI = np.array([[3.0, 1.0, 0.0], [3.0, 1.0, 0.0], [0.0, 2.0, 0.0], [5.0, 0.0, -1.0]], np.float32)
CORRECT = np.array([True, False, True, True])


def test_prevalence_reliability_and_colour_by_hand():
    found = contributions.concepts_of_class("n1", [account(PHI)], correct=CORRECT, basis=np.ones(4, bool), seed=0)
    assert [c.prevalence for c in found] == [0.75, 0.25, 0.0]
    assert [c.dominates for c in found] == [3, 1, 0]
    assert found[0].reliability == pytest.approx(2 / 3)
    assert [c.reliability for c in found[1:]] == [1.0, None]  # concept 2 dominates no photo: unknown, not 0
    assert [c.contribution for c in found] == [2.75, 1.0, -0.25]
    assert [c.share for c in found] == pytest.approx([2.75 / 3.5, 1.0 / 3.5, -0.25 / 3.5])
    assert [c.colour for c in found] == [0, 1, 2]
    assert found[0].concept_id == "n1/0"
    assert [(c.dominates_holdout, c.reliability_holdout) for c in found] == [(0, None)] * 3


def test_held_out_photos_are_counted_apart_and_change_no_share():
    with_held = np.concatenate([PHI, [[0.0, 9.0, 0.0], [0.0, 9.0, 0.0]]]).astype(np.float32)
    basis = np.array([True] * 4 + [False] * 2)
    correct = np.array([*CORRECT, True, False])
    found = contributions.concepts_of_class("n1", [account(with_held)], correct=correct, basis=basis, seed=0)
    alone = contributions.concepts_of_class("n1", [account(PHI)], correct=CORRECT, basis=np.ones(4, bool), seed=0)
    assert [c.share for c in found] == [c.share for c in alone]
    assert [(c.share_low, c.share_high) for c in found] == [(c.share_low, c.share_high) for c in alone]
    assert [c.prevalence for c in found] == [c.prevalence for c in alone]
    assert [(c.dominates_holdout, c.reliability_holdout) for c in found] == [(0, None), (2, 0.5), (0, None)]


def test_a_concept_without_contribution_leads_nothing():
    found = contributions.concepts_of_class(
        "n1", [account(np.zeros((3, 2)), residual=1.0)], correct=np.ones(3, bool), basis=np.ones(3, bool), seed=0
    )
    assert [(c.dominates, c.prevalence, c.reliability) for c in found] == [(0, 0.0, None), (0, 0.0, None)]
