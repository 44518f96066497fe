"""What holds for every estimator."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from atlas.format.tables import ESTIMATORS
from precompute.importance import METHODS, AffineHead, SampledHead

AFFINE = AffineHead(np.array([2.0, -1.0, 0.5, 3.0]), constant=-1.0)
EXACT = ["gradient_input", "integrated_gradients", "saliency", "smoothgrad", "occlusion", "rise"]


def as_sampled(head: AffineHead) -> SampledHead:
    """Hide that the head is affine, so that the estimator must sample."""
    slope = torch.tensor(head.slope, dtype=torch.float32)
    return SampledHead(lambda u: (u if u.ndim == 2 else u.mean(dim=1)) @ slope + head.constant)


def curved() -> SampledHead:
    """A head as after a transformer: LayerNorm over the reconstruction, the first token decides most."""
    V = torch.tensor(np.random.default_rng(3).standard_normal((4, 8)), dtype=torch.float32)
    w = torch.linspace(-1, 1, 8)
    return SampledHead(lambda U: functional.gelu(functional.layer_norm(U @ V, (8,)) @ w)[:, 0] * 3 + (U @ V @ w).mean(dim=1))


def codes(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(1.0, 1.0, shape)


@pytest.fixture(params=METHODS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_estimators_are_those_the_atlas_stores_in_its_order() -> None:
    assert tuple(METHODS) == ESTIMATORS


@pytest.mark.parametrize("name", ["gradient_input", "integrated_gradients", "occlusion"])
def test_on_an_affine_head_the_importance_is_the_contribution(name: str) -> None:
    u = np.array([[1.0, 2.0, 0.0, 1.0]])
    assert METHODS[name].estimate(u, AFFINE, seed=0).tolist() == [[2.0, -2.0, 0.0, 3.0]]


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("shape", [(6, 4), (6, 5, 4)])
def test_without_knowing_that_the_head_is_affine_the_result_is_the_closed_form(name: str, shape: tuple[int, ...]) -> None:
    u = codes(*shape)
    closed = METHODS[name].estimate(u, AFFINE, seed=0)
    assert METHODS[name].estimate(u, as_sampled(AFFINE), seed=0) == pytest.approx(closed, abs=1e-4)


@pytest.mark.parametrize("head", [AFFINE, as_sampled(AFFINE), curved()], ids=["affine", "sampled", "curved"])
def test_a_batch_equals_its_parts(name: str, head: AffineHead | SampledHead) -> None:
    u = codes(5, 3, 4)
    parts = [METHODS[name].estimate(u[i : i + 1], head, seed=0) for i in range(5)]
    assert METHODS[name].estimate(u, head, seed=0) == pytest.approx(np.concatenate(parts), abs=1e-5)


def test_a_seed_gives_the_same_importance_again(name: str) -> None:
    once, again = (METHODS[name].estimate(codes(3, 2, 4), curved(), seed=5) for _ in range(2))
    assert np.array_equal(once, again)


@pytest.mark.parametrize("head", [AFFINE, as_sampled(AFFINE)], ids=["affine", "sampled"])
def test_no_photos_have_no_importance(name: str, head: AffineHead | SampledHead) -> None:
    assert METHODS[name].estimate(codes(1, 4)[:0], head, seed=0).shape == (0, 4)


def test_a_concept_without_code_matters_to_no_photo(name: str) -> None:
    u = codes(4, 4)
    u[:, 2] = 0
    if name in {"saliency", "smoothgrad"}:  # they look at the slope alone: that is what is wrong with them
        assert (METHODS[name].estimate(u, AFFINE, seed=0)[:, 2] == 0.5).all()
        return
    assert not METHODS[name].estimate(u, AFFINE, seed=0)[:, 2].any()
    sampled = METHODS[name].estimate(u, as_sampled(AFFINE), seed=0)
    assert abs(sampled[:, 2]).max() < 0.02 * abs(sampled).max()


@pytest.mark.parametrize(
    "head", [AffineHead(np.zeros(4), constant=7.3), SampledHead(lambda u: torch.full((len(u),), 7.3))], ids=["affine", "sampled"]
)
def test_a_constant_logit_makes_every_concept_unimportant(name: str, head: AffineHead | SampledHead) -> None:
    assert METHODS[name].estimate(codes(3, 4), head, seed=0) == pytest.approx(np.zeros((3, 4)), abs=1e-6)


def test_a_photo_without_any_code_is_finite(name: str) -> None:
    assert np.isfinite(METHODS[name].estimate(np.zeros((2, 3, 4)), curved(), seed=0)).all()
    assert np.isfinite(METHODS[name].estimate(np.zeros((2, 4)), AFFINE, seed=0)).all()


def test_a_single_concept_has_an_importance(name: str) -> None:
    head = AffineHead(np.array([2.0]), constant=1.0)
    assert METHODS[name].estimate(np.ones((1, 1)), head, seed=0)[0, 0] > 0
    assert METHODS[name].estimate(np.ones((1, 1)), as_sampled(head), seed=0)[0, 0] > 0
