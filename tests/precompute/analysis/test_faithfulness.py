import itertools

import numpy as np
import pytest
import torch

from precompute.analysis import faithfulness
from precompute.importance import METHODS, AffineHead, SampledHead

K = 6


def photos(*, n: int = 12, seed: int = 0) -> tuple[np.ndarray, AffineHead]:
    """Codes and an affine head whose slopes have both signs, for photos whose concepts raise the logit."""
    rng = np.random.default_rng(seed)
    codes, slope = rng.gamma(1.0, 1.0, (2000, K)), rng.standard_normal(K)
    slope[:2] = 1.0 + abs(slope[0]), -0.5 - abs(slope[1])
    raised = codes[codes @ slope > 0.5]
    return raised[:n], AffineHead(slope, constant=-1.5)


def exact_rise(codes: np.ndarray, head: AffineHead) -> np.ndarray:
    """E[F(u ⊙ m) | m_i = 1] over all masks, by their enumeration."""
    masks = np.array(list(itertools.product([0.0, 1.0], repeat=K)))
    return head.masked(codes, masks) @ masks / masks.sum(axis=0)


def importance(method: str, codes: np.ndarray, head: AffineHead) -> np.ndarray:
    return METHODS[method].estimate(codes, head, seed=0)


def test_the_curves_are_those_worked_by_hand() -> None:
    head = AffineHead(np.array([1.0, 3.0]), constant=5.0)  # contributions 2 and 6
    report = faithfulness.evaluate(np.array([[2.0, 2.0]]), head, {"by_hand": np.array([[2.0, 6.0]])}, seed=0)
    deletion, insertion = report.curves[:2]
    assert (deletion.measure, insertion.measure) == ("c_deletion", "c_insertion")
    assert deletion.values == pytest.approx((1.0, 0.25, 0.0))
    assert insertion.values == pytest.approx((0.0, 0.75, 1.0))
    assert (deletion.auc, insertion.auc) == pytest.approx((0.375, 0.625))


def test_a_class_level_ranking_is_the_same_ranking_for_every_photo() -> None:
    codes, head = photos()
    ranking = np.arange(K, dtype=float)
    one = faithfulness.evaluate(codes, head, {"x": ranking}, seed=0)
    each = faithfulness.evaluate(codes, head, {"x": np.tile(ranking, (len(codes), 1))}, seed=0)
    assert one == each


@pytest.mark.parametrize("seed", range(4))
def test_theorem_the_rankings_of_four_estimators_are_equal(seed: int) -> None:
    codes, head = photos(seed=seed)
    order = (-importance("gradient_input", codes, head)).argsort(axis=1)
    for phi in (*(importance(m, codes, head) for m in ("integrated_gradients", "occlusion", "rise")), exact_rise(codes, head)):
        assert np.array_equal((-phi).argsort(axis=1), order)


@pytest.mark.parametrize("seed", range(4))
def test_theorem_no_ranking_has_a_better_curve(seed: int) -> None:
    codes, head = photos(n=1, seed=seed)
    rankings = np.array(list(itertools.permutations(range(K))), float)  # all 720
    copies = np.repeat(codes, len(rankings), axis=0)
    phi = importance("gradient_input", codes, head)
    for measure, best in (("c_deletion", np.min), ("c_insertion", np.max)):
        areas = np.trapezoid(faithfulness.trajectories(copies, head, rankings, measure=measure), dx=1 / K, axis=1)
        area = np.trapezoid(faithfulness.trajectories(codes, head, phi, measure=measure), dx=1 / K, axis=1)[0]
        assert area == pytest.approx(best(areas), abs=1e-12)


@pytest.mark.parametrize("blind", ["saliency", "smoothgrad", "sobol", "hsic"])
def test_estimators_blind_to_the_code_or_to_its_sign_are_beaten(blind: str) -> None:
    codes, head = photos()
    names = ("gradient_input", blind)
    report = faithfulness.evaluate(codes, head, {name: importance(name, codes, head) for name in names}, seed=0)
    assert report.auc("gradient_input", "c_deletion") < report.auc(blind, "c_deletion") - 0.01
    assert report.auc("gradient_input", "c_insertion") > report.auc(blind, "c_insertion") + 0.01
    assert report.mu_fidelity["gradient_input"] > report.mu_fidelity[blind]


def test_contributions_have_a_perfect_correlation_with_the_drops() -> None:
    codes, head = photos()
    report = faithfulness.evaluate(codes, head, {"gradient_input": importance("gradient_input", codes, head)}, seed=0)
    assert report.mu_fidelity["gradient_input"] == pytest.approx(1.0)


def test_a_random_ranking_has_no_correlation_and_a_straight_line_for_a_curve() -> None:
    codes, head = photos(n=100)
    report = faithfulness.evaluate(codes, head, {}, seed=0)
    assert report.mu_fidelity["random"] == pytest.approx(0.0, abs=0.1)
    assert {c.method for c in report.curves} == {"random"}
    assert report.auc("random", "c_deletion") == pytest.approx(0.5, abs=0.2)
    assert report.auc("random", "c_insertion") == pytest.approx(1 - report.auc("random", "c_deletion"), abs=0.02)


def test_one_photo_is_enough_and_its_random_baseline_is_no_single_throw() -> None:
    codes, head = photos(n=1)
    aucs = [faithfulness.evaluate(codes, head, {}, seed=seed).auc("random", "c_deletion") for seed in range(5)]
    assert aucs == pytest.approx([0.5] * 5, abs=0.15)


def test_photos_whose_concepts_do_not_raise_the_logit_are_left_out_and_counted() -> None:
    codes, head = photos(n=3)
    lowered, unmoved = np.where(head.slope < 0, 1.0, 0.0), np.zeros(K)
    more = np.concatenate([codes, [lowered, unmoved]])
    name = "gradient_input"
    few, many = (faithfulness.evaluate(c, head, {name: importance(name, c, head)}, seed=0) for c in (codes, more))
    assert (few.left_out, many.left_out, many.n_photos) == (0, 2, 5)
    assert many.curves[:2] == few.curves[:2]


def test_a_constant_logit_has_no_curve_and_no_correlation() -> None:
    codes, _ = photos(n=3)
    report = faithfulness.evaluate(codes, AffineHead(np.zeros(K), constant=2.0), {"x": codes}, seed=0)
    assert report.curves == ()
    assert report.mu_fidelity == {"x": None, "random": None}
    assert report.left_out == 3
    assert report.auc("x", "c_deletion") is None


def test_no_photos_are_no_evidence() -> None:
    codes, head = photos()
    report = faithfulness.evaluate(codes[:0], head, {"x": codes[:0]}, seed=0)
    assert (report.curves, report.n_photos, report.mu_fidelity["x"]) == ((), 0, None)


def test_an_importance_that_tells_nothing_apart_has_no_correlation() -> None:
    codes, head = photos()
    assert faithfulness.evaluate(codes, head, {"flat": np.ones(K)}, seed=0).mu_fidelity["flat"] is None


def test_more_than_25_concepts_take_25_steps() -> None:
    codes = np.ones((2, 60))
    phi = np.arange(60, dtype=float)
    curve = faithfulness.evaluate(codes, AffineHead(np.ones(60), constant=0.0), {"x": phi}, seed=0).curves[0]
    assert len(curve.values) == 26
    assert curve.auc == pytest.approx(0.5)


def test_a_sampled_head_is_judged_like_the_affine_one_it_equals() -> None:
    codes, head = photos()
    slope = torch.tensor(head.slope, dtype=torch.float32)
    sampled = SampledHead(lambda u: u.mean(dim=1) @ slope + head.constant, batch=7)
    phi = {"sobol": importance("sobol", codes, head)}
    exact = faithfulness.evaluate(codes, head, phi, seed=0)
    positions = np.stack([0.5 * codes, 1.5 * codes], axis=1)
    judged = faithfulness.evaluate(positions, sampled, phi, seed=0)
    assert [c.auc for c in judged.curves] == pytest.approx([c.auc for c in exact.curves], abs=1e-5)
    assert judged.mu_fidelity["sobol"] == pytest.approx(exact.mu_fidelity["sobol"], abs=1e-3)


def test_a_head_that_reads_something_of_each_photo_is_judged_with_it() -> None:
    """Half of the photos have codes −u and a logit that counts them as −u·slope: each of them has the drops of u."""
    codes, head = photos(n=30)
    slope, times = torch.tensor(head.slope, dtype=torch.float32), torch.tensor([1.0, -1.0] * 15)
    signed = SampledHead(lambda u, t: (u @ slope) * t, beside=(times,))
    flipped = codes * np.array([1.0, -1.0] * 15)[:, None]
    phi = {"x": importance("gradient_input", codes, head)}
    plain = SampledHead(lambda u: u @ slope)
    found, expected = (faithfulness.evaluate(u, h, phi, seed=0) for u, h in ((flipped, signed), (codes, plain)))
    assert [c.auc for c in found.curves] == pytest.approx([c.auc for c in expected.curves], abs=1e-5)
    assert found.mu_fidelity == pytest.approx(expected.mu_fidelity, abs=1e-3)
