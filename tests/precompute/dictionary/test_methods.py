"""What holds for every dictionary method."""

import numpy as np
import pytest

from atlas.schema import AtlasError
from precompute.dictionary import METHODS, Dictionary, codes_of


def activations(*, patches: int = 120, channels: int = 12, seed: int = 0) -> np.ndarray:
    """Non-negative patches made of four planted atoms."""
    rng = np.random.default_rng(seed)
    codes = rng.gamma(1.0, 1.0, (patches, 4)) * (rng.random((patches, 4)) < 0.5)
    return (codes @ rng.random((4, channels)) + 0.01 * rng.random((patches, channels))).astype(np.float32)


def reconstruction(dictionary: Dictionary, codes: np.ndarray) -> np.ndarray:
    product = codes @ dictionary.atoms
    return product if dictionary.offset is None else product + dictionary.offset


@pytest.fixture(params=METHODS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_atoms_have_unit_norm(name: str) -> None:
    dictionary = METHODS[name].fit(activations(), concepts=4, seed=0)
    assert dictionary.method == name
    assert np.linalg.norm(dictionary.atoms, axis=1) == pytest.approx(np.ones(4), abs=1e-5)


def test_the_fit_explains_most_of_what_it_was_fitted_on(name: str) -> None:
    A = activations()
    dictionary = METHODS[name].fit(A, concepts=4, seed=0)
    error = np.linalg.norm(A - reconstruction(dictionary, codes_of(A, dictionary))) / np.linalg.norm(A)
    assert error < (0.6 if name in {"kmeans", "sae"} else 0.05)  # one code a patch explains less than four


def test_a_seed_gives_the_same_fit_again(name: str) -> None:
    once, again = (METHODS[name].fit(activations(), concepts=3, seed=7) for _ in range(2))
    assert np.array_equal(once.atoms, again.atoms)
    assert np.array_equal(codes_of(activations(), once), codes_of(activations(), again))


def test_a_dictionary_is_encoded_by_the_method_that_made_it(name: str) -> None:
    A = activations()
    dictionary = METHODS[name].fit(A, concepts=4, seed=0)
    assert np.array_equal(codes_of(A, dictionary), METHODS[name].encode(A, dictionary))


def test_patches_are_encoded_alone_as_in_a_batch(name: str) -> None:
    new = activations(seed=1)
    dictionary = METHODS[name].fit(activations(), concepts=4, seed=0)
    whole = METHODS[name].encode(new, dictionary)
    parts = np.concatenate([METHODS[name].encode(new[i : i + 1], dictionary) for i in range(len(new))])
    assert parts == pytest.approx(whole, abs=1e-3)


def test_no_patches_have_no_codes(name: str) -> None:
    dictionary = METHODS[name].fit(activations(), concepts=4, seed=0)
    assert METHODS[name].encode(np.zeros((0, 12), np.float32), dictionary).shape == (0, 4)


def test_activations_that_are_all_zero_are_reconstructed_as_zero(name: str) -> None:
    A = np.zeros((20, 6), np.float32)
    dictionary = METHODS[name].fit(A, concepts=3, seed=0)
    assert np.isfinite(dictionary.atoms).all()
    assert reconstruction(dictionary, codes_of(A, dictionary)) == pytest.approx(A, abs=1e-6)


def test_more_concepts_than_the_rank_still_give_a_finite_fit(name: str) -> None:
    A = np.outer(np.arange(1, 21), np.ones(6)).astype(np.float32)
    dictionary = METHODS[name].fit(A, concepts=4, seed=0)
    assert np.isfinite(dictionary.atoms).all()
    assert np.isfinite(codes_of(A, dictionary)).all()


def test_more_concepts_than_patches_are_refused(name: str) -> None:
    with pytest.raises(
        AtlasError, match=rf"{name} cannot find 5 concepts in 4 patches.*Add photos, or ask for fewer with --concepts"
    ):
        METHODS[name].fit(np.ones((4, 8), np.float32), concepts=5, seed=0)


@pytest.mark.parametrize("name", ["pca", "nmf", "semi_nmf"])
def test_more_concepts_than_channels_are_refused(name: str) -> None:
    with pytest.raises(AtlasError, match=rf"{name} cannot find 5 concepts in 9 patches of 4 channels \(at most 4\)"):
        METHODS[name].fit(np.ones((9, 4), np.float32), concepts=5, seed=0)


def test_negative_activations_are_refused_by_nmf_alone(name: str) -> None:
    A = activations() - 1
    if name == "nmf":
        with pytest.raises(AtlasError, match="semi_nmf"):
            METHODS[name].fit(A, concepts=3, seed=0)
    else:
        assert METHODS[name].fit(A, concepts=3, seed=0).atoms.shape == (3, 12)
