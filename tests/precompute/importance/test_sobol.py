import numpy as np
import pytest
import torch

from precompute.importance import AffineHead, SampledHead, sobol

SLOPE = np.array([3.0, -2.0, 1.0, 0.0])
AFFINE = AffineHead(SLOPE, constant=5.0)


def sampled() -> SampledHead:
    slope = torch.tensor(SLOPE, dtype=torch.float32)
    return SampledHead(lambda u: u @ slope + 5.0)


def test_on_an_affine_head_it_is_the_share_of_the_squares_blind_to_their_sign() -> None:
    assert sobol.estimate(np.ones((1, 4)), AFFINE, seed=0) == pytest.approx(np.array([[9.0, 4.0, 1.0, 0.0]]) / 14)


def test_thirty_two_designs_come_near_the_closed_form() -> None:
    u = np.random.default_rng(0).random((5, 4))
    assert sobol.estimate(u, sampled(), seed=0) == pytest.approx(sobol.estimate(u, AFFINE, seed=0), abs=0.25)


def test_more_designs_converge_to_the_closed_form() -> None:
    u = np.random.default_rng(0).random((5, 4))
    first, second = sobol.designs(4, number=4096, seed=0)
    estimate = sobol.jansen(u, sampled(), first=first, second=second)
    assert estimate == pytest.approx(sobol.estimate(u, AFFINE, seed=0), abs=0.01)


def test_the_product_of_two_concepts_belongs_to_both() -> None:
    """Y = a b with a, b uniform: Var Y = 7/144, and each total index is (1/12 · 1/3) ÷ (7/144) = 4/7."""
    first, second = sobol.designs(2, number=4096, seed=0)
    product = SampledHead(lambda u: u[:, 0] * u[:, 1])
    assert sobol.jansen(np.ones((1, 2)), product, first=first, second=second) == pytest.approx(np.full((1, 2), 4 / 7), abs=0.01)


def test_jansens_formula_by_hand() -> None:
    """F(a) = 0, 1; swapping changes F by 1 in the first design only: (1 + 0) / 2 ÷ (2 · ½) = ½."""
    first, second = np.array([[0.0], [1.0]]), np.array([[1.0], [1.0]])
    head = AffineHead(np.array([1.0]), constant=0.0)
    assert sobol.jansen(np.ones((1, 1)), head, first=first, second=second) == pytest.approx(np.array([[0.5]]))


def test_designs_are_scrambled_by_the_seed_and_fill_the_cube_evenly() -> None:
    first, second = sobol.designs(3, number=32, seed=0)
    assert not np.array_equal(first, sobol.designs(3, number=32, seed=1)[0])
    for half in (first, second):
        assert (np.sort((32 * half).astype(int), axis=0) == np.arange(32)[:, None]).all()
