import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute import contributions


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


def test_shares_keep_their_sign_and_the_positive_ones_sum_to_one():
    assert contributions.shares(np.array([3.0, 1.0, -2.0])).tolist() == [0.75, 0.25, -0.5]


def test_where_nothing_is_positive_there_is_no_share():
    assert np.isnan(contributions.shares(np.array([-1.0, 0.0]))).all()


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    truth = np.array([2.0, 1.0, 0.5])
    held = 0
    for trial in range(100):
        phi = random.normal(truth, 1.0, size=(60, 3)).astype(np.float32)
        low, high = contributions.share_interval(phi, seed=trial)
        held += int(low[0] <= truth[0] / truth.sum() <= high[0])
    assert 85 <= held <= 100


def test_one_photo_has_no_interval():
    assert np.isnan(contributions.share_interval(np.ones((1, 3), np.float32), seed=0)).all()


def test_prevalence_reliability_and_colour_by_hand():
    phi = np.array([[3.0, 1.0, 0.0], [3.0, 1.0, 0.0], [0.0, 2.0, 0.0], [5.0, 0.0, -1.0]], np.float32)
    dominant, correct = np.array([0, 0, 1, 0]), np.array([True, False, True, True])
    found = contributions.concepts_of_class("n1", phi, dominant=dominant, correct=correct, seed=0)
    assert [c.prevalence for c in found] == [0.75, 0.25, 0.0]
    assert found[0].reliability == pytest.approx(2 / 3)
    assert [c.reliability for c in found[1:]] == [1.0, None]  # concept 2 dominates no photo: unknown, not 0
    assert [c.contribution for c in found] == [2.75, 1.0, -0.25]
    assert [c.colour for c in found] == [0, 1, 2]
    assert found[0].concept_id == "n1/0"
