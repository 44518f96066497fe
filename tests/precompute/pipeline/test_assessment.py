"""What is said for and against a dictionary: refits, halves, random patches, on activations whose truth is planted."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from atlas.schema import ImageNetClass
from precompute import config
from precompute.activations import ClassActivations
from precompute.dictionary import METHODS, codes_of
from precompute.network import backbone
from precompute.photos import Geometry, Photo
from precompute.pipeline import BuildContext, assessment
from precompute.pipeline.decomposition import explain
from precompute.progress import Silent
from precompute.visualize import spectrum

INFO = ImageNetClass(class_index=7, wnid="n01514668", name="cock")
N, K, PLACES, CROPS = 40, 4, 25, 3


@pytest.fixture(scope="module")
def context() -> BuildContext:
    net = backbone.load("test_resnet", weights="random", device="cpu")
    settings = config.make(None, photos="p", out="o", concepts=K, backbone="test_resnet")
    return BuildContext(settings, net, spectrum.load(), Silent(), workers=1)


@pytest.fixture(scope="module")
def acts(context: BuildContext) -> ClassActivations:
    """Photos mixed from four planted atoms, and nothing else; a quarter of them held out."""
    net, random = context.backbone, np.random.default_rng(0)
    weight, bias = net.class_head(INFO.class_index)
    atoms = random.random((K, net.channels)).astype(np.float32) * (random.random((K, net.channels)) < 0.1)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    atoms[:, :] = atoms[np.argsort(-(atoms @ weight))]
    codes = random.exponential(1.0, (N, PLACES, K)).astype(np.float32) * (random.random((N, PLACES, K)) < 0.5)
    positions = codes @ atoms
    fit = np.arange(N) % 4 > 0
    crops = (positions[fit].reshape(fit.sum(), CROPS + 2, -1, net.channels)[:, :CROPS]).mean(axis=2).reshape(-1, net.channels)
    photos = tuple(Photo(f"s/{i}", Path(str(i)), INFO.wnid, "fit" if fit[i] else "holdout", 1) for i in range(N))
    return ClassActivations(
        photos=photos,
        geometry=(Geometry((160, 160)),) * N,
        positions=positions,
        prefix=np.zeros((N, 0, net.channels), np.float32),
        class_logit=(positions.mean(axis=1) @ weight + bias).astype(np.float32),
        predicted=np.full(N, INFO.class_index, np.int32),
        crops=crops,
        crop_photo=np.repeat(np.flatnonzero(fit), CROPS).astype(np.int32),
        crop_number=np.tile(np.arange(CROPS, dtype=np.int32), int(fit.sum())),
    )


BASIS = np.arange(N) % 4 > 0


def test_the_dictionary_of_planted_atoms_misses_nothing_and_comes_back_random_patches_do_not(context, acts) -> None:
    dictionary = context.fit(acts.crops, K)
    codes = codes_of(acts.positions.reshape(N * PLACES, -1), dictionary).reshape(N, PLACES, K)
    found = assessment.of_crops(acts, dictionary, context) | assessment.of_photos(acts, dictionary, codes, BASIS)
    chance = assessment.by_chance(context, INFO, acts, K, judges=~BASIS)
    again = assessment.refitted(acts, dictionary, context)
    assert found["relative_l2"] < 0.05 < chance["relative_l2_random"]
    assert found["fid"] < chance["fid_random"]
    assert found["relative_l2_means"] <= found["relative_l2_positions"] < 0.6
    assert (len(again.folds), len(again.halves)) == (5, 2)
    assert again.stability(dictionary).overall > 0.99
    assert chance["stability_random"] < 0.99
    assert {(c.method, c.measure) for c in chance["curves"]} <= {
        ("random_patches", "c_deletion"),
        ("random_patches", "c_insertion"),
    }


def test_every_refit_takes_the_logit_apart_in_the_order_of_the_dictionary(context, acts) -> None:
    dictionary = context.fit(acts.crops, K)
    turned = dataclasses.replace(dictionary, atoms=dictionary.atoms[[2, 0, 3, 1]])
    codes = METHODS["nmf"].encode(acts.positions.reshape(N * PLACES, -1), dictionary).reshape(N, PLACES, K)
    own = explain(context.backbone, INFO, acts, dictionary, codes, seed=0).parts
    (account,) = assessment.accounts(context, INFO, acts, dictionary, assessment.Refitted((turned,), ()))
    assert account.contributions == pytest.approx(own.contributions, abs=1e-4)
    assert account.contributions.sum(axis=1) + account.bias + account.residual == pytest.approx(acts.class_logit, abs=1e-4)


def test_what_is_explained_is_told_apart_for_photos_that_were_held_out(context, acts) -> None:
    dictionary = context.fit(acts.crops, K)
    codes = codes_of(acts.positions.reshape(N * PLACES, -1), dictionary).reshape(N, PLACES, K)
    own = explain(context.backbone, INFO, acts, dictionary, codes, seed=0)
    share = np.clip(1 - abs(own.parts.residual) / abs(acts.class_logit - own.bias), 0, None)
    assert assessment.explained(own, acts, BASIS) == pytest.approx((share[BASIS].mean(), share[~BASIS].mean()), rel=1e-5)
    assert assessment.explained(own, acts, np.ones(N, bool))[1] is None


def test_too_few_patches_give_no_chance(context, acts) -> None:
    few = dataclasses.replace(
        acts, crops=acts.crops[: K - 1], crop_photo=acts.crop_photo[: K - 1], crop_number=acts.crop_number[: K - 1]
    )
    assert assessment.by_chance(context, INFO, few, K, judges=~BASIS) == {}
