import numpy as np
import pytest
import torch

from precompute.importance import AffineHead, SampledHead
from precompute.importance.base import over_positions

SLOPE = np.array([2.0, -1.0, 0.5])
AFFINE = AffineHead(SLOPE, constant=3.0)


def affine_sampled(batch: int = 1024) -> SampledHead:
    """The same logit as AFFINE, known by its values only."""
    slope = torch.tensor(SLOPE, dtype=torch.float32)
    return SampledHead(lambda u: (u if u.ndim == 2 else u.mean(dim=1)) @ slope + 3.0, batch=batch)


def test_an_affine_head_by_hand() -> None:
    codes = np.array([[1.0, 2.0, 0.0]])
    assert AFFINE.contributions(codes).tolist() == [[2.0, -2.0, 0.0]]
    assert AFFINE(codes).tolist() == [3.0]
    assert AFFINE.masked(codes, np.array([[1.0, 0.0, 1.0], [0.5, 0.5, 0.5]])).tolist() == [[5.0, 3.0]]


def test_codes_at_positions_count_by_their_mean() -> None:
    codes = np.array([[[0.0, 4.0, 0.0], [2.0, 0.0, 0.0]]])
    assert AFFINE.contributions(codes).tolist() == [[2.0, -2.0, 0.0]]
    assert affine_sampled()(codes) == pytest.approx(AFFINE(codes))


@pytest.mark.parametrize("shape", [(5, 3), (5, 4, 3)])
def test_both_heads_agree_under_masks_common_to_all_photos_or_their_own(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    codes = rng.random(shape)
    for masks in (rng.random((7, 3)), rng.random((5, 7, 3))):
        assert affine_sampled(batch=4).masked(codes, masks) == pytest.approx(AFFINE.masked(codes, masks), abs=1e-5)


def test_the_size_of_a_batch_changes_nothing() -> None:
    codes, masks = np.random.default_rng(0).random((5, 2, 3)), np.random.default_rng(1).random((6, 3))
    small, large = affine_sampled(batch=1), affine_sampled(batch=1000)
    assert small.masked(codes, masks) == pytest.approx(large.masked(codes, masks), abs=1e-6)
    assert small.gradient(codes) == pytest.approx(large.gradient(codes), abs=1e-6)


def test_a_gradient_at_positions_sums_to_the_slope_along_the_mean_code() -> None:
    codes = np.random.default_rng(0).random((4, 6, 3))
    assert over_positions(affine_sampled().gradient(codes)) == pytest.approx(np.tile(SLOPE, (4, 1)), abs=1e-5)


def test_a_logit_that_ignores_its_codes_has_slope_zero() -> None:
    constant = SampledHead(lambda u: torch.full((len(u),), 2.0))
    assert not constant.gradient(np.ones((3, 2))).any()
    assert constant(np.ones((3, 2))).tolist() == [2.0, 2.0, 2.0]


def test_a_gradient_is_found_even_where_gradients_are_switched_off() -> None:
    with torch.no_grad():
        assert affine_sampled().gradient(np.ones((1, 3))) == pytest.approx(SLOPE[None])


def test_a_module_with_weights_of_its_own_may_be_the_head() -> None:
    torch.manual_seed(0)
    linear = torch.nn.Linear(3, 1)
    head = SampledHead(lambda u: linear(u)[:, 0])
    assert head.gradient(np.ones((1, 3))) == pytest.approx(linear.weight.detach().numpy())
    assert head(np.zeros((1, 3))) == pytest.approx(linear.bias.detach().numpy())
    ignoring = SampledHead(lambda u: linear(0.0 * torch.ones(len(u), 3))[:, 0])
    assert not ignoring.gradient(np.ones((2, 3))).any()


def with_a_token() -> tuple[SampledHead, np.ndarray, np.ndarray]:
    """A logit that reads a number of the photo's own beside the codes; codes, and what the logit has to be."""
    codes, own = np.random.default_rng(0).random((4, 3)), np.array([1.0, 2.0, 3.0, 4.0])
    slope = torch.tensor(SLOPE, dtype=torch.float32)
    token = torch.tensor(own, dtype=torch.float32)
    return SampledHead(lambda u, t: (u @ slope) * t, batch=3, beside=(token,)), codes, (codes @ SLOPE) * own


def test_what_a_photo_brings_along_stays_its_own_under_masks_and_gradients() -> None:
    head, codes, logits = with_a_token()
    assert head(codes) == pytest.approx(logits)
    masks = np.random.default_rng(1).random((5, 3))
    expected = [[(codes[p] * m) @ SLOPE * (p + 1) for m in masks] for p in range(4)]
    assert head.masked(codes, masks) == pytest.approx(np.array(expected), abs=1e-5)
    assert head.gradient(codes) == pytest.approx(np.arange(1, 5)[:, None] * SLOPE)


def test_the_head_of_some_photos_knows_which_they_are() -> None:
    head, codes, logits = with_a_token()
    some = np.array([2, 0, 0])
    assert head.of(some)(codes[some]) == pytest.approx(logits[some])
    assert AFFINE.of(some) is AFFINE


def test_codes_of_other_photos_than_the_heads_are_refused() -> None:
    head, codes, _ = with_a_token()
    for ask in (head, head.gradient):
        with pytest.raises(ValueError, match=r"speaks of 4 photos, found codes of 2: take head\.of\(photos\)"):
            ask(codes[:2])


@pytest.mark.parametrize("shape", [(4, 3), (4, 2, 3)])
def test_among_some_concepts_the_others_stay_as_they_are(shape: tuple[int, ...]) -> None:
    product = SampledHead(lambda u: torch.prod(u if u.ndim == 2 else u.sum(dim=1), dim=1))
    codes, chosen = np.random.default_rng(0).random(shape), np.array([2, 0])
    masks = np.array([[1.0, 1.0], [0.5, 1.0], [1.0, 0.0]])
    whole = np.stack([masks[:, 1], np.ones(3), masks[:, 0]], axis=1)  # the masks, of all three concepts
    found = product.among(chosen, codes).masked(codes[..., chosen], masks)
    assert found == pytest.approx(product.masked(codes, whole), abs=1e-5)


def test_among_some_concepts_an_affine_head_keeps_their_contributions() -> None:
    codes, chosen = np.random.default_rng(0).random((4, 3)), np.array([2, 0])
    found = AFFINE.among(chosen, codes).contributions(codes[:, chosen])
    assert found == pytest.approx(AFFINE.contributions(codes)[:, chosen])
