"""The whole path on the real network: real weights, the sample photographs."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from timm.data import create_transform, resolve_model_data_config

from atlas.format import Store, imagenet_classes, problems
from atlas.schema import dominant_concept
from precompute import config, dictionary, importance, photos
from precompute.analysis import faithfulness
from precompute.commands.build import build_atlas
from precompute.network import weights
from precompute.progress import Silent

DALMATIAN = "n02110341"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """An atlas of five sample classes explained by one shared dictionary."""
    out = tmp_path_factory.mktemp("atlas") / "sample"
    wnids = tuple(photos.index([photos.SAMPLE]).photos)[:5]
    settings = config.make(
        photos="sample:", out=out, classes=wnids, scope="shared", shared_concepts=12, concepts=6, pictures="none", crop_input=128
    )
    assert build_atlas(settings, Silent()).failed == {}
    return Store(out)


@pytest.fixture(scope="module")
def dalmatians(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """An atlas of one class with a dictionary of its own, from forty crops of the sample dalmatian."""
    root = tmp_path_factory.mktemp("photos")
    original = photos.read(next(p.path for p in photos.index([photos.SAMPLE]).photos[DALMATIAN]))
    random = np.random.default_rng(0)
    for i in range(40):
        side = int(min(original.size) * random.uniform(0.55, 1.0))
        x, y = (int(random.integers(0, extent - side + 1)) for extent in original.size)
        path = root / "dogs" / ("holdout" if i % 4 == 0 else "fit") / DALMATIAN / f"{i:02d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        original.crop((x, y, x + side, y + side)).save(path)
    out = tmp_path_factory.mktemp("atlas") / "dogs"
    settings = config.make(photos=str(root / "dogs"), out=out, concepts=6, pictures="none", crop_input=128)
    assert build_atlas(settings, Silent()).failed == {}
    return Store(out)


@pytest.fixture(scope="module")
def plain() -> torch.nn.Module:
    """The network as timm has it: neither folded nor cut."""
    model, _ = weights.with_weights("tf_efficientnet_lite0", "package")
    return model.eval()


def _logits(plain: torch.nn.Module, paths: list[Path]) -> np.ndarray:
    as_trained = create_transform(**resolve_model_data_config(plain))
    with torch.inference_mode():
        return plain(torch.stack([as_trained(photos.read(p)) for p in paths])).numpy()


def test_an_atlas_is_whole(shared, dalmatians):
    assert problems(shared.root) == []
    assert problems(dalmatians.root) == []


def test_contributions_bias_and_residual_sum_to_the_logit_for_every_photo(shared, dalmatians):
    for store in (shared, dalmatians):
        for wnid in store.records:
            found = store.photos(wnid)
            total = found.contributions.sum(axis=1, dtype=np.float64) + found.bias + found.residual
            np.testing.assert_allclose(total, found.class_logit, atol=1e-4)


def test_the_logit_is_the_one_the_plain_network_gives(shared, plain):
    by_key = {p.key: p.path for group in photos.index([photos.SAMPLE]).photos.values() for p in group}
    for wnid, record in shared.records.items():
        found = shared.photos(wnid)
        logits = _logits(plain, [by_key[key] for key in found.keys])
        np.testing.assert_allclose(found.class_logit, logits[:, record.info.class_index], atol=2e-3)
        assert found.predicted.tolist() == logits.argmax(axis=1).tolist()


def test_the_published_atoms_give_the_published_contributions(dalmatians, plain):
    """A reader can check the arithmetic with nothing but the atlas and the network's head."""
    weight = plain.classifier.weight[dalmatians.record(DALMATIAN).info.class_index].detach().numpy()
    found = dalmatians.photos(DALMATIAN)
    np.testing.assert_allclose(found.codes * (dalmatians.atoms(DALMATIAN) @ weight), found.contributions, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(dalmatians.atoms(DALMATIAN), axis=1), 1, atol=1e-3)


def test_the_concepts_explain_most_of_the_logit(dalmatians):
    record = dalmatians.record(DALMATIAN)
    assert record.explained > 0.5
    assert record.relative_l2 < 1
    auc = {(c.method, c.measure): c.auc for c in record.curves}
    assert auc["contribution", "c_deletion"] < auc["random", "c_deletion"]
    assert auc["contribution", "c_insertion"] > auc["random", "c_insertion"]
    assert auc["contribution", "c_deletion"] <= auc["class_ranking", "c_deletion"] < auc["random", "c_deletion"]
    assert 0 < auc["random_patches", "c_deletion"] < auc["random", "c_deletion"]
    assert record.c_mu_fidelity is None  # 1 by construction for this head


def test_every_measure_has_the_one_that_chance_gives_beside_it(dalmatians):
    record = dalmatians.record(DALMATIAN)
    assert record.relative_l2 < record.relative_l2_random < 1
    assert record.stability > record.stability_random
    assert record.stability_halves < record.stability
    assert record.relative_l2_means < record.relative_l2_positions  # the mean over places evens out what patches miss
    assert 0 < record.explained_random <= 1
    assert 0 < record.explained_holdout <= 1
    assert record.refits == 5


def test_prevalence_sums_to_one_and_dominance_is_the_argmax(dalmatians):
    found, concepts = dalmatians.photos(DALMATIAN), dalmatians.concepts(DALMATIAN)
    assert sum(c.prevalence for c in concepts) == pytest.approx(1)
    assert np.array_equal(found.dominant, dominant_concept(found.contributions))
    assert sum(c.share for c in concepts) + dalmatians.record(DALMATIAN).unexplained == pytest.approx(1)
    assert all(c.share_low <= c.share <= c.share_high for c in concepts)


def test_nothing_is_fitted_on_holdout_photos(dalmatians):
    record, found = dalmatians.record(DALMATIAN), dalmatians.photos(DALMATIAN)
    assert record.n_holdout == found.split.count("holdout") == 10
    recognised = [s == "fit" and bool(ok) for s, ok in zip(found.split, found.correct, strict=True)]
    assert record.n_fit == sum(recognised)
    fitted = {key for key, split in zip(found.keys, found.split, strict=True) if split == "fit"}
    assert {e.key for c in dalmatians.concepts(DALMATIAN) for e in dalmatians.exemplars(c.concept_id)} <= fitted


def test_few_photos_are_told_as_such(shared):
    for wnid, record in shared.records.items():
        assert record.coverage == "sample"
        assert record.scope == "shared"
        assert record.accuracy_holdout is None
        assert len(shared.concepts(wnid)) == 6
        assert all(c.share_low is None for c in shared.concepts(wnid)) == (record.n_photos == 1)


def test_exemplars_lie_inside_their_photo_and_have_heat_maps(shared):
    from PIL import Image

    by_key = {p.key: p.path for group in photos.index([photos.SAMPLE]).photos.values() for p in group}
    for concept in shared.shared_concepts:
        for exemplar in shared.exemplars(concept.concept_id):
            x, y, width, height = exemplar.box
            with Image.open(by_key[exemplar.key]) as image:
                assert 0 <= x < x + width <= image.width + 1
                assert 0 <= y < y + height <= image.height + 1
        assert shared.picture("shared", "heat", concept.index)
        assert shared.picture("shared", "exemplars", concept.index)


def test_aligned_classes_are_those_the_head_says(shared, plain):
    head = plain.classifier.weight.detach().numpy()
    atoms, wnids = shared.atoms("shared"), [c.wnid for c in imagenet_classes()]
    cosine = (atoms[0] @ head.T) / np.linalg.norm(head, axis=1) / np.linalg.norm(atoms[0])
    aligned = shared.shared_concepts[0].aligned
    assert [n.id for n in aligned] == [wnids[i] for i in np.argsort(-cosine)[:5]]
    assert aligned[0].cosine == pytest.approx(float(cosine.max()), abs=1e-3)


def test_the_theorem_holds_on_the_real_network(dalmatians, plain):
    """For its affine head, no order of concepts deletes or inserts better than the contribution's (Fel et al., 2023).

    The logit is asked of the network's own last layer, not of the closed form.
    """
    found, atoms = dalmatians.photos(DALMATIAN), torch.from_numpy(dalmatians.atoms(DALMATIAN))
    index = dalmatians.record(DALMATIAN).info.class_index
    head = importance.SampledHead(lambda u: plain.classifier.requires_grad_(False)(u @ atoms)[:, index])
    codes = found.codes[:8].astype(np.float64)
    for name in ("gradient_input", "integrated_gradients", "occlusion", "rise"):
        phi = importance.METHODS[name].estimate(codes, head, seed=0)
        assert np.array_equal(np.argsort(-phi, axis=1), np.argsort(-found.contributions[:8], axis=1))
    ranks = np.array(list(itertools.permutations(range(len(atoms)))), float)
    assert len(ranks) == 720
    for i in range(3):
        copies = np.repeat(codes[i : i + 1], len(ranks), axis=0)
        for measure, best in (("c_deletion", np.min), ("c_insertion", np.max)):
            ours = faithfulness.trajectories(codes[i : i + 1], head, found.contributions[i : i + 1], measure=measure).mean()
            every = faithfulness.trajectories(copies, head, ranks, measure=measure).mean(axis=1)
            assert ours == pytest.approx(best(every), abs=1e-5)


@pytest.mark.parametrize("blind", ["saliency", "sobol"])
def test_where_signs_differ_estimators_blind_to_sign_or_code_are_beaten_on_the_real_network(plain, blind):
    """Concepts of semi_nmf speak for and against a class; asked is the network's own last layer."""
    original = photos.read(next(p.path for p in photos.index([photos.SAMPLE]).photos[DALMATIAN]))
    boxes = [(x, y, x + 150, y + 150) for x in (0, 25, 50, 74) for y in (0, 25, 50, 74)]
    pixels = [np.asarray(original.resize((224, 224)).crop(box).resize((224, 224))) for box in boxes]
    with torch.inference_mode():
        x = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
        A = plain.forward_features(x).flatten(2).transpose(1, 2).numpy()
    found = dictionary.METHODS["semi_nmf"].fit(A.reshape(-1, A.shape[2]), concepts=6, seed=0)
    codes = dictionary.codes_of(A.reshape(-1, A.shape[2]), found).reshape(*A.shape[:2], 6).mean(axis=1)
    atoms, last = torch.from_numpy(found.atoms), plain.classifier.requires_grad_(False)
    index = next(c.class_index for c in imagenet_classes() if c.wnid == DALMATIAN)
    head = importance.SampledHead(lambda u: last(u @ atoms)[:, index])
    phi = {name: importance.METHODS[name].estimate(codes, head, seed=0) for name in ("occlusion", blind)}
    assert (phi["occlusion"].mean(axis=0) < 0).any()
    report = faithfulness.evaluate(codes, head, phi, seed=0)
    assert report.auc("occlusion", "c_deletion") < report.auc(blind, "c_deletion") - 0.01
    assert report.auc("occlusion", "c_insertion") > report.auc(blind, "c_insertion") + 0.01
    assert report.mu_fidelity["occlusion"] > report.mu_fidelity[blind]
