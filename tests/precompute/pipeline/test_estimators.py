"""What speaks for the numbers of a class: estimators and curves on every kind of head, and where there is little to measure."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from atlas.format.tables import ESTIMATORS
from atlas.schema import Concept, ImageNetClass
from precompute.activations import ClassActivations
from precompute.dictionary import METHODS, Dictionary
from precompute.network import backbone
from precompute.photos import Geometry, Photo
from precompute.pipeline import estimators
from precompute.pipeline.decomposition import DecomposedLogits, explain

INFO = ImageNetClass(class_index=7, wnid="n01514668", name="cock")
N, K = 6, 4
CURVES = {"contribution", "class_ranking", "random", *ESTIMATORS}
ALL = np.ones(N, bool)


def look(net: backbone.Backbone, photos: int = N) -> ClassActivations:
    """What a network says of random pictures."""
    size = net.preprocessing.input_size
    pixels = torch.rand(photos, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        found = net.read(pixels)
    A = found.activations.numpy()
    return ClassActivations(
        photos=tuple(Photo(f"set/{i}.png", Path(f"{i}.png"), INFO.wnid, "fit", 1) for i in range(photos)),
        geometry=(Geometry((160, 160)),) * photos,
        positions=A,
        prefix=found.prefix.numpy(),
        class_logit=found.logits[:, INFO.class_index].numpy(),
        predicted=found.logits.argmax(dim=1).numpy().astype(np.int32),
        crops=A.mean(axis=1),
        crop_photo=np.arange(photos, dtype=np.int32),
        crop_number=np.zeros(photos, np.int32),
    )


def taken_apart(net: backbone.Backbone, acts: ClassActivations, method: str = "semi_nmf") -> tuple[Dictionary, DecomposedLogits]:
    rows = acts.positions.reshape(-1, acts.positions.shape[2])
    dictionary = METHODS[method].fit(rows, concepts=K, seed=0)
    codes = METHODS[method].encode(rows, dictionary).reshape(*acts.positions.shape[:2], K)
    return dictionary, explain(net, INFO, acts, dictionary, codes, seed=0)


def concepts(explained: DecomposedLogits) -> tuple[Concept, ...]:
    mean = explained.parts.contributions.mean(axis=0)
    return tuple(Concept(f"{INFO.wnid}/{i}", "class", INFO.wnid, i, contribution=float(c)) for i, c in enumerate(mean))


@pytest.fixture(scope="module")
def vit() -> backbone.Backbone:
    """A vision transformer whose head reads a class token, as small as they come."""
    torch.manual_seed(0)
    name = "vit_tiny_patch16_224"
    model = timm.create_model(name, patch_size=32, depth=2, embed_dim=64, num_heads=2)
    return backbone.Backbone(model, name=name, weights={}, layer="auto", device=torch.device("cpu"))


@pytest.fixture(scope="module")
def resnet() -> backbone.Backbone:
    torch.manual_seed(0)
    return backbone.load("test_resnet", weights="random", device="cpu")


NOBODY = np.zeros(N, bool)


def test_the_head_of_every_photo_reads_the_class_token_of_that_photo(vit) -> None:
    acts = look(vit)
    dictionary, explained = taken_apart(vit, acts)
    made = torch.from_numpy(explained.codes @ dictionary.atoms)
    with torch.inference_mode():
        own = [vit.head(made[i : i + 1], prefix=torch.from_numpy(acts.prefix[i : i + 1]))[0, 7].item() for i in range(N)]
        others = vit.head(made, prefix=torch.from_numpy(acts.prefix[::-1].copy()))[:, 7].numpy()
    assert explained.head(explained.codes) == pytest.approx(own, abs=1e-5)
    assert explained.head(explained.codes) != pytest.approx(others, abs=1e-5)
    parts = explained.parts
    assert parts.contributions.sum(axis=1) + parts.bias == pytest.approx(own, abs=1e-3)  # integrated gradients are complete
    assert parts.contributions.sum(axis=1) + parts.bias + parts.residual == pytest.approx(acts.class_logit, abs=1e-4)


def test_a_class_token_head_has_estimators_and_curves(vit) -> None:
    acts = look(vit)
    dictionary, explained = taken_apart(vit, acts)
    made, prefix = torch.from_numpy(explained.codes @ dictionary.atoms), torch.from_numpy(acts.prefix)
    with torch.inference_mode():  # a network that was never trained: take the class that the patches speak for most
        raised = vit.head(made, prefix=prefix) - vit.head(0 * made, prefix=prefix)
    best = dataclasses.replace(INFO, class_index=int(raised.min(dim=0).values.argmax()))
    explained = explain(vit, best, acts, dictionary, explained.codes, seed=0)
    filled, faithful = estimators.estimated(concepts(explained), explained, NOBODY, basis=ALL, seed=0)
    assert all(tuple(c.estimators) == ESTIMATORS for c in filled)
    assert {c.method for c in faithful["curves"]} == CURVES
    auc = {c.method: c.auc for c in faithful["curves"] if c.measure == "c_deletion"}
    assert min(auc["occlusion"], auc["contribution"]) < auc["random"] - 0.05
    assert faithful["c_mu_fidelity"] > 0.5 > faithful["c_mu_fidelity_random"] + 0.2


def test_photos_are_taken_together_as_they_would_be_alone(vit) -> None:
    acts = look(vit)
    _, explained = taken_apart(vit, acts)
    for name in ("occlusion", "sobol", "smoothgrad"):
        method = estimators.importance.METHODS[name]
        whole = method.estimate(explained.codes, explained.head, seed=0)
        for i in range(N):
            alone = explained.of(np.array([i]))
            assert method.estimate(alone.codes, alone.head, seed=0)[0] == pytest.approx(whole[i], rel=1e-2, abs=1e-4)


def test_a_head_that_must_be_sampled_is_asked_about_few_photos_those_held_out_first(vit, resnet) -> None:
    _, sampled = taken_apart(vit, look(vit))
    _, affine = taken_apart(resnet, look(resnet), "nmf")
    many = np.arange(200) >= 100
    assert np.array_equal(estimators.judging(affine, many), np.arange(100, 200))
    found = estimators.judging(sampled, many)
    assert (len(found), found[0], found[-1]) == (8, 100, 199)
    assert len(estimators.judging(sampled, np.zeros(200, bool))) == 8
    assert np.array_equal(estimators.judging(sampled, np.arange(200) >= 195), np.arange(195, 200))


def test_without_holdout_photos_all_judge(resnet) -> None:
    _, explained = taken_apart(resnet, look(resnet), "nmf")
    assert np.array_equal(estimators.judging(explained, NOBODY), np.arange(N))
    assert np.array_equal(estimators.judging(explained, np.arange(N) > 3), [4, 5])


@pytest.mark.parametrize("name", ["resnet", "vit"])
def test_shown_shared_concepts_are_judged_among_themselves(name, request) -> None:
    net = request.getfixturevalue(name)
    _, explained = taken_apart(net, look(net), "kmeans")
    shown = estimators.leading(concepts(explained), 3)
    among = explained.among(np.array([c.index for c in shown]))
    filled, faithful = estimators.estimated(shown, among, NOBODY, basis=ALL, seed=0)
    assert [e.estimators for e in estimators.as_evidence(filled)] == [c.estimators for c in filled]
    assert {len(c.values) for c in faithful["curves"]} <= {3 + 1}
    assert {c.method for c in faithful["curves"]} <= CURVES
    assert among.head(among.codes) - among.head(0 * among.codes) == pytest.approx(
        explained.head(explained.codes) - explained.head(explained.codes * ~np.isin(np.arange(K), [c.index for c in shown])),
        abs=1e-4,
    )
    if name == "resnet":  # with an affine head what a concept does depends on no other
        assert [c.estimators["occlusion"] for c in filled] == pytest.approx([c.contribution for c in shown], rel=1e-4)


# --- little to measure


def test_a_constant_logit_has_no_curve_and_no_importance(resnet) -> None:
    acts = look(resnet)
    dictionary = METHODS["nmf"].fit(acts.positions.reshape(-1, acts.positions.shape[2]), concepts=K, seed=0)
    flat = dataclasses.replace(dictionary, atoms=np.zeros_like(dictionary.atoms))
    explained = explain(resnet, INFO, acts, flat, np.ones((*acts.positions.shape[:2], K), np.float32), seed=0)
    filled, faithful = estimators.estimated(concepts(explained), explained, NOBODY, basis=ALL, seed=0)
    assert faithful == {"curves": (), "agreement": None}
    assert all(set(c.estimators.values()) == {0.0} for c in filled)


def test_a_concept_without_code_is_last_and_changes_no_curve(resnet) -> None:
    _, explained = taken_apart(resnet, look(resnet), "nmf")
    empty = dataclasses.replace(explained, codes=explained.codes * np.array([1.0, 1.0, 0.0, 1.0], np.float32))
    parts = dataclasses.replace(explained.parts, contributions=empty.head.contributions(empty.codes))
    filled, faithful = estimators.estimated(concepts(empty), dataclasses.replace(empty, parts=parts), NOBODY, basis=ALL, seed=0)
    assert {n: v for n, v in filled[2].estimators.items() if v} == {
        n: v for n, v in filled[2].estimators.items() if n in {"saliency", "smoothgrad"}
    }
    assert all(np.isfinite(curve.values).all() for curve in faithful["curves"])


@pytest.mark.parametrize("name", ["resnet", "vit"])
def test_one_photo_is_enough(name, request) -> None:
    net = request.getfixturevalue(name)
    _, explained = taken_apart(net, look(net, photos=1), "kmeans")
    filled, faithful = estimators.estimated(concepts(explained), explained, NOBODY[:1], basis=ALL[:1], seed=0)
    assert all(np.isfinite(list(c.estimators.values())).all() for c in filled)
    assert all(np.isfinite(curve.values).all() for curve in faithful["curves"])
