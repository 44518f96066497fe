"""Whole builds, as commands: what they publish, and the one line they say when they cannot."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from atlas.format import Store, imagenet_classes, problems
from atlas.schema import SHARED, AtlasError
from precompute import config, pipeline
from precompute.commands.build import build_atlas
from precompute.photos import Unusable, decoding
from precompute.pipeline import exemplars as showing
from precompute.progress import Silent

TENCH, SPRINGER, CASSETTE = "n01440764", "n02102040", "n02979186"
SHARED_FIVE = ("--scope", "shared", "--shared-concepts", 5)


@pytest.fixture(scope="module")
def by_class(build: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Store]:
    out = tmp_path_factory.mktemp("by-class") / "atlas"
    return build(out), Store(out)


@pytest.fixture(scope="module")
def by_shared(build: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Store]:
    out = tmp_path_factory.mktemp("by-shared") / "atlas"
    return build(out, *SHARED_FIVE, "--json"), Store(out)


@pytest.fixture
def three(by_class: tuple[Any, Store], tmp_path: Path) -> Path:
    """Return a copy of an atlas of three classes."""
    return Path(shutil.copytree(by_class[1].root, tmp_path / "three"))


@pytest.fixture
def photos(photo_folder: Path, tmp_path: Path) -> Path:
    """Return a copy of the photos, to be spoilt."""
    return Path(shutil.copytree(photo_folder, tmp_path / "photos" / photo_folder.name))


# What comes out


def test_a_build_says_that_it_is_done_and_its_atlas_is_whole(by_class: tuple[Any, Store]) -> None:
    ended, store = by_class
    assert (ended.status, ended.out) == (0, "")
    assert f"{store.root}: 3 built, 0 unchanged, 0 failed, in " in ended.err.replace("\n", "")
    assert problems(store.root) == []
    assert store.manifest.complete
    assert store.manifest.classes == dict.fromkeys([TENCH, SPRINGER, CASSETTE], "complete")
    assert store.manifest.skipped_photos == {}
    assert [(s.name, s.n_photos) for s in store.manifest.photo_sets] == [("generated", 36)]
    assert not [path.name for path in store.root.iterdir() if path.name.startswith(".")]


def test_every_photo_of_every_class_is_there_in_order(by_class: tuple[Any, Store], photo_folder: Path) -> None:
    _, store = by_class
    for wnid, record in store.records.items():
        photos = store.photos(wnid)
        assert photos
        assert photos.keys == tuple(f"generated/{wnid}/{p.name}" for p in sorted((photo_folder / wnid).iterdir()))
        assert record.n_photos == 12
        assert record.n_holdout == photos.split.count("holdout")
        fit = np.array(photos.split) == "fit"
        assert record.accuracy_fit == np.mean(photos.correct[fit])
        assert record.accuracy_holdout == (np.mean(photos.correct[~fit]) if (~fit).any() else None)
        assert (photos.correct == (photos.predicted == record.info.class_index)).all()


@pytest.mark.parametrize("scope", ["by_class", "by_shared"])
def test_every_logit_is_explained(scope: str, request: pytest.FixtureRequest) -> None:
    _, store = request.getfixturevalue(scope)
    for wnid in store.records:
        photos = store.photos(wnid)
        total = photos.contributions.sum(axis=1) + photos.bias + photos.residual
        np.testing.assert_allclose(total, photos.class_logit, atol=1e-4)
        led = photos.contributions.max(axis=1) > 0
        assert (photos.dominant == np.where(led, photos.contributions.argmax(axis=1), -1)).all()


@pytest.mark.parametrize("scope", ["by_class", "by_shared"])
def test_the_numbers_of_a_class_are_those_of_its_photos(scope: str, request: pytest.FixtureRequest) -> None:
    _, store = request.getfixturevalue(scope)
    for wnid in store.records:
        photos, concepts = store.photos(wnid), store.concepts(wnid)
        assert photos
        assert len(concepts) == 3
        record, fit = store.record(wnid), np.array(photos.split) == "fit"
        above = float((photos.class_logit - photos.bias)[fit].mean())
        for concept in concepts:
            mine = photos.contributions[fit, concept.index].mean()
            dominated = photos.dominant[fit] == concept.index
            assert concept.contribution == pytest.approx(mine, abs=1e-5)
            assert concept.share == (pytest.approx(mine / above, abs=1e-4) if above > 0 else None)
            assert concept.dominates == dominated.sum()
            assert concept.prevalence == pytest.approx(dominated.mean())
            assert concept.dominates_holdout == (photos.dominant[~fit] == concept.index).sum()
            if dominated.any():
                assert concept.reliability == pytest.approx(photos.correct[fit][dominated].mean())
            else:
                assert concept.reliability is None
        if record.scope == "class" and above > 0:  # what the concepts do not explain is not divided away
            assert sum(c.share for c in concepts) + record.unexplained == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("scope", ["by_class", "by_shared"])
def test_exemplars_lie_inside_the_photos_they_were_cut_from(
    scope: str, request: pytest.FixtureRequest, photo_folder: Path
) -> None:
    _, store = request.getfixturevalue(scope)
    seen = 0
    for concept in store.all_concepts():
        shown = store.exemplars(concept.concept_id)
        assert [e.rank for e in shown] == list(range(len(shown)))
        assert [e.code for e in shown] == sorted((e.code for e in shown), reverse=True)
        assert len({e.key for e in shown}) == len(shown)  # one a photo
        for exemplar in shown:
            with Image.open(photo_folder.parent / exemplar.key) as image:
                x, y, width, height = exemplar.box
                assert x >= 0
                assert y >= 0
                assert x + width <= image.width + 1
                assert y + height <= image.height + 1
            seen += 1
    assert seen > 10


def test_a_shared_dictionary_explains_every_class(by_shared: tuple[Any, Store]) -> None:
    ended, store = by_shared
    assert ended.status == 0
    assert problems(store.root) == []
    assert len(store.shared_concepts) == 5
    assert store.atoms(SHARED).shape[0] == 5
    assert {record.scope for record in store.records.values()} == {"shared"}
    assert {c.scope for c in store.all_concepts()} == {"shared"}
    for wnid in store.records:
        photos = store.photos(wnid)
        assert photos
        assert photos.contributions.shape == (12, 5)


def test_atoms_have_unit_norm(by_class: tuple[Any, Store], by_shared: tuple[Any, Store]) -> None:
    for store, owner in ((by_class[1], TENCH), (by_shared[1], SHARED)):
        np.testing.assert_allclose(np.linalg.norm(store.atoms(owner), axis=1), 1, atol=1e-3)


def test_both_scopes_lend_the_shared_dictionary_to_a_class_of_few_photos(build: Any, made: Any, tmp_path: Path) -> None:
    photos = made.draw_photos(tmp_path / "photos", (TENCH,), each=10)
    made.draw_photos(tmp_path / "photos", (SPRINGER,), each=2)
    ended = build(tmp_path / "a", "--scope", "both", "--shared-concepts", 4, "--json", photos=photos)
    store = Store(tmp_path / "a")
    assert ended.status == 0
    assert problems(store.root) == []
    assert {wnid: record.scope for wnid, record in store.records.items()} == {TENCH: "class", SPRINGER: "shared"}
    assert (len(store.concepts(TENCH)), len(store.shared_concepts)) == (3, 4)
    for record in store.records.values():  # both can be told in the concepts they share
        assert len(record.alignment) == 4
        assert 0 < len(record.evidence) <= 4
    own, lent = store.record(TENCH), store.record(SPRINGER)
    assert lent.explained_shared is None
    assert 0 < own.explained_shared <= 1
    assert sum(e.contribution for e in own.evidence) == pytest.approx(_by_shared(store, TENCH), abs=0.02)


def test_what_a_class_of_few_photos_has_of_its_own_is_known_before() -> None:
    known = {"photos": "p", "out": "o", "concepts": 10}
    for scope, few, many in (("class", 10, 10), ("both", 0, 10), ("shared", 0, 0)):
        settings = config.make(None, scope=scope, **known)
        assert pipeline.own_concepts(settings, photos=1, crops=9) == few
        assert pipeline.own_concepts(settings, photos=5, crops=40) == many
        assert pipeline.own_concepts(settings, photos=0, crops=0) == 0


def _by_shared(store: Store, wnid: str) -> float:
    """Return what of the mean logit a class's own concepts tell that is not bias: shared ones tell nearly the same."""
    photos = store.photos(wnid)
    assert photos
    return float(photos.contributions.sum(axis=1).mean())


def test_photos_that_may_not_be_published_are_not(build: Any, tmp_path: Path) -> None:
    assert build(tmp_path / "a", "--publish-photos", "reference", "--classes", TENCH).status == 0
    store = Store(tmp_path / "a")
    assert store.manifest.publish_photos == "reference"
    kinds = {Path(name).stem.split("-")[-1] for name in store.manifest.files if name.startswith("pictures/")}
    assert kinds == {"heat"}
    assert store.exemplars(f"{TENCH}/0")  # where they lie is still said


def test_a_class_without_photos_is_built_when_all_are_asked_for(
    made: Any, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("precompute.commands.build.imagenet_classes", lambda: imagenet_classes()[:4])  # all of a smaller world
    photos = made.draw_photos(tmp_path / "photos", (TENCH,))
    small = {"backbone": made.BACKBONE, "weights": str(weights), "concepts": 3, "pictures": "none", "device": "cpu"}
    report = build_atlas(config.make(None, photos=str(photos), out=tmp_path / "a", classes="all", **small), Silent())
    store = Store(tmp_path / "a")
    assert len(report.built) == 4
    assert report.failed == {}
    assert {wnid: record.coverage for wnid, record in store.records.items()} == {
        c.wnid: "sample" if c.wnid == TENCH else "none" for c in imagenet_classes()[:4]
    }
    assert store.manifest.complete
    assert problems(store.root) == []


def test_json_is_one_record_a_line_and_nothing_else(by_shared: tuple[Any, Store]) -> None:
    ended, store = by_shared
    assert ended.err == ""
    records = ended.records
    assert all(isinstance(record, dict) and record["seconds"] >= 0 for record in records)
    assert [record["seconds"] for record in records] == sorted(record["seconds"] for record in records)
    assert records[0]["event"] == "begin"
    assert records[0]["classes"] == 4
    finished = [record for record in records if record["event"] == "finish"]
    assert [(r["owner"], r["outcome"], r["finished"]) for r in finished] == [
        ("shared", "complete", 1),
        (TENCH, "complete", 2),
        (SPRINGER, "complete", 3),
        (CASSETTE, "complete", 4),
    ]
    assert ended.messages[-1].startswith(f"{store.root}: 4 built, 0 unchanged, 0 failed, in ")


# The same again


@pytest.mark.slow
def test_two_runs_with_one_seed_are_identical_to_the_last_byte(build: Any, made: Any, tmp_path: Path) -> None:
    """Once as the command that people type, once as the tests run it; with pictures."""
    flags = ("--classes", TENCH, "--concepts", 2, "--pictures", "quick", "--seed", 3)
    command = [sys.executable, "-m", "precompute", *map(str, build.arguments(tmp_path / "one", *flags))]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    typed = subprocess.run(command, cwd=Path(__file__).parents[3], env=environment, capture_output=True, timeout=200, check=False)
    assert typed.returncode == 0, typed.stderr
    assert build(tmp_path / "two", *flags).status == 0
    one, two = made.content(tmp_path / "one"), made.content(tmp_path / "two")
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert {f"pictures/{TENCH}/{name}.webp" for name in ("class", "00", "01", "photos", "00-exemplars", "00-heat")} <= one.keys()
    with Image.open(tmp_path / "one" / "pictures" / TENCH / "00.webp") as image:
        assert (image.mode, image.size) == ("RGBA", (224, 224))


def test_another_seed_is_another_atlas(build: Any, made: Any, tmp_path: Path) -> None:
    flags = ("--classes", TENCH, "--dictionary", "kmeans")
    for seed in (0, 1):
        assert build(tmp_path / str(seed), *flags, "--seed", seed).status == 0
    assert made.content(tmp_path / "0")["dictionaries.safetensors"] != made.content(tmp_path / "1")["dictionaries.safetensors"]


def test_nothing_is_built_again_when_nothing_has_changed(build: Any, three: Path) -> None:
    def state() -> dict[str, tuple[int, int]]:
        found = {p.name: p.stat() for p in three.rglob("*") if p.is_file()}
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}

    before = state()
    ended = build(three, "--json")
    assert ended.status == 0
    assert ended.messages[-1].startswith(f"{three}: 0 built, 3 unchanged, 0 failed, in ")
    assert [r for r in ended.records if r["event"] in {"stage", "finish"}] == []
    assert state() == before


def test_nothing_shared_is_built_again_either(build: Any, by_shared: tuple[Any, Store], tmp_path: Path) -> None:
    out = shutil.copytree(by_shared[1].root, tmp_path / "copy")
    ended = build(out, *SHARED_FIVE, "--json")
    assert [r for r in ended.records if r["event"] in {"stage", "finish"}] == []
    assert ended.messages[-1].startswith(f"{out}: 0 built, 3 unchanged")


def test_weights_are_the_same_wherever_they_lie(build: Any, three: Path, weights: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copy(weights, tmp_path / "renamed.pth")
    ended = build(three, "--weights", elsewhere, "--json")
    assert ended.messages[-1].startswith(f"{three}: 0 built, 3 unchanged")


@pytest.mark.parametrize("scope", ["by_class", "by_shared"])
def test_classes_added_later_equal_those_built_at_once(
    scope: str, build: Any, made: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _, together = request.getfixturevalue(scope)
    flags = SHARED_FIVE if scope == "by_shared" else ()
    assert build(tmp_path / "a", *flags, "--classes", CASSETTE).status == 0
    assert build(tmp_path / "a", *flags, "--classes", f"{TENCH},{SPRINGER}").status == 0
    assert made.content(tmp_path / "a") == made.content(together.root)
    assert problems(tmp_path / "a") == []


def test_only_a_class_whose_photos_changed_is_built_again(
    build: Any, made: Any, three: Path, photos: Path, tmp_path: Path
) -> None:
    made.draw_photo(photos / SPRINGER / "new.png", 77)
    next((photos / SPRINGER).glob("photo 0*.png")).unlink()
    ended = build(three, "--json", photos=photos)
    assert [r["owner"] for r in ended.records if r["event"] == "finish"] == [SPRINGER]
    assert build(tmp_path / "fresh", photos=photos).status == 0
    assert made.content(three) == made.content(tmp_path / "fresh")
    assert problems(three) == []


def test_a_new_shared_dictionary_takes_every_class_with_it(
    build: Any, made: Any, by_shared: tuple[Any, Store], photos: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(by_shared[1].root, tmp_path / "copy")
    made.draw_photo(photos / SPRINGER / "new.png", 78)
    ended = build(out, *SHARED_FIVE, "--classes", SPRINGER, "--json", photos=photos)
    assert {r["owner"] for r in ended.records if r["event"] == "finish"} == {SHARED, TENCH, SPRINGER, CASSETTE}
    assert build(tmp_path / "fresh", *SHARED_FIVE, photos=photos).status == 0
    assert made.content(out) == made.content(tmp_path / "fresh")


def test_a_shared_dictionary_is_not_torn_from_its_classes(
    build: Any, made: Any, by_shared: tuple[Any, Store], tmp_path: Path
) -> None:
    out = shutil.copytree(by_shared[1].root, tmp_path / "copy")
    others = made.draw_photos(tmp_path / "others", ("n03028079",), each=4)
    ended = build(out, *SHARED_FIVE, photos=others)
    assert ended.status == 2
    assert ended.last == (
        f"precompute: {out} explains {TENCH} by a shared dictionary, which these photos would change: name the photos of all its "
        "classes with --photos, or choose another --out."
    )
    assert made.content(out) == made.content(by_shared[1].root) | {
        name: content for name, content in made.content(out).items() if name.startswith(".build/")
    }
    assert problems(out) == []


# Photos and classes that fail


def test_unusable_photos_are_skipped_named_and_repaired_later(build: Any, made: Any, photos: Path, tmp_path: Path) -> None:
    spoilt = {
        "empty.jpg": "the file is empty",
        "text.jpg": "not an image",
        "one pixel.png": "too small (1×1 pixels, at least 32 are needed)",
        "loop.jpg": "cannot be read (Too many levels of symbolic links)",
        "half.png": "corrupt image (",
    }
    folder = photos / TENCH
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("I am no photo")
    Image.new("RGB", (1, 1)).save(folder / "one pixel.png")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    whole = (folder / "photo 00.png").read_bytes()
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    for seed, (name, image) in enumerate((("cmyk.jpg", "CMYK"), ("grey.png", "L"), ("palette.gif", "P"))):  # odd, but usable
        drawn = made.draw_photo(tmp_path / "drawn.png", 9000 + seed)
        with Image.open(drawn) as photo:
            photo.convert(image).save(folder / name)
    ended = build(tmp_path / "a", "--json", photos=photos)
    assert ended.status == 3
    store = Store(tmp_path / "a")
    keys = {f"generated/{TENCH}/{name}": reason for name, reason in spoilt.items()}
    assert store.manifest.skipped_photos.keys() == keys.keys()
    for key, reason in keys.items():
        assert store.manifest.skipped_photos[key].startswith(reason)
        assert any(line.startswith(f"skipped {key}: {reason}") for line in ended.messages)
    assert store.record(TENCH).n_photos == 15
    assert store.manifest.complete
    assert problems(store.root) == []
    again = build(tmp_path / "a", "--json", photos=photos)  # still so
    assert again.status == 3
    assert again.messages[-1].startswith(f"{tmp_path / 'a'}: 0 built, 3 unchanged")
    for name in spoilt:
        (folder / name).unlink()
    repaired = build(tmp_path / "a", "--json", photos=photos)
    assert repaired.status == 0
    assert Store(tmp_path / "a").manifest.skipped_photos == {}


def test_names_that_no_terminal_likes_do_no_harm(build: Any, made: Any, tmp_path: Path) -> None:
    folder = tmp_path / "photos" / "set" / TENCH
    for i in range(6):
        made.draw_photo(folder / f"{i}.png", i)
    (folder / "0.png").rename(folder / "two\nlines.png")
    (folder / "1.png").rename(folder / "rot 🐟 \x1b[31m.png")
    (folder / "2.png").rename(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png"))
    ended = build(tmp_path / "a", "--json", photos=folder.parent)
    assert ended.status == 0
    photos = Store(tmp_path / "a").photos(TENCH)
    assert photos
    keys = {f"set/{TENCH}/{name}.png" for name in ("two\nlines", "rot 🐟 \x1b[31m", "caf\\xe9", "3", "4", "5")}
    assert set(photos.keys) == keys
    assert problems(tmp_path / "a") == []


def test_a_class_that_fails_is_named_and_the_others_are_built(build: Any, made: Any, photos: Path, tmp_path: Path) -> None:
    for path in (photos / SPRINGER).iterdir():
        path.write_bytes(b"")
    for path in list((photos / CASSETTE).iterdir())[2:]:
        path.unlink()
    ended = build(tmp_path / "a", "--json", photos=photos)
    assert ended.status == 3
    store = Store(tmp_path / "a")
    assert not store.manifest.complete
    assert list(store.records) == [TENCH]
    none = f"{SPRINGER} (English springer): none of its 12 photos can be used (the first: the file is empty)."
    few = f"{CASSETTE} (cassette player): "
    assert store.manifest.classes[SPRINGER] == none
    assert store.manifest.classes[CASSETTE].startswith(few)
    assert store.manifest.classes[CASSETTE].endswith("Add photos, lower --concepts, or use --scope shared.")
    assert f"failed {SPRINGER}: {none}" in ended.messages
    assert any(line.startswith(f"failed {CASSETTE}: {few}") for line in ended.messages)
    assert ended.messages[-1].startswith(f"{tmp_path / 'a'}: 1 built, 0 unchanged, 2 failed")
    assert problems(store.root) == []
    made.draw_photos(photos)
    repaired = build(tmp_path / "a", "--json", photos=photos)
    assert repaired.status == 0
    assert repaired.messages[-1].startswith(f"{tmp_path / 'a'}: 2 built, 1 unchanged, 0 failed")
    assert Store(tmp_path / "a").manifest.complete


def test_more_concepts_than_the_photos_can_hold_is_said_class_by_class(build: Any, tmp_path: Path) -> None:
    ended = build(tmp_path / "a", "--concepts", 200, "--classes", TENCH, "--json")
    assert ended.status == 3
    (line,) = [line for line in ended.messages if line.startswith("failed")]
    assert line.startswith(f"failed {TENCH}: {TENCH} (tench): ")
    assert "crops of its photos are too few for 200 concepts, at least 800 are needed. Add photos, lower --concepts" in line


def test_an_attempt_of_which_nothing_came_does_not_spoil_the_folder(build: Any, tmp_path: Path) -> None:
    first = build(tmp_path / "a", "--concepts", 200, "--classes", TENCH)
    assert first.status == 3
    assert build(tmp_path / "a", "--scope", "shared", "--shared-concepts", 5000).status == 2
    assert build(tmp_path / "a", "--concepts", 2, "--classes", SPRINGER).status == 0
    store = Store(tmp_path / "a")
    assert store.manifest.config["concepts"] == 2
    assert store.manifest.classes == {SPRINGER: "complete"}
    assert problems(store.root) == []


def test_negative_activations_are_too_much_for_nmf_and_none_for_semi_nmf(build: Any, made: Any, tmp_path: Path) -> None:
    net = ("--backbone", "test_efficientnet", "--weights", made.save_weights(tmp_path / "silu.pth", "test_efficientnet"))
    advice = ". Choose a layer after a ReLU with --layer, or --dictionary semi_nmf."
    for out, flags in (("a", ("--classes", TENCH)), ("b", SHARED_FIVE)):
        ended = build(tmp_path / out, *net, *flags)
        refused(ended, "NMF needs non-negative activations, found a minimum of -")
        assert ended.last.endswith(advice)
    assert build(tmp_path / "a", *net, "--classes", TENCH, "--dictionary", "semi_nmf").status == 0
    assert problems(tmp_path / "a") == []


@pytest.mark.parametrize("dictionary", ["kmeans", "pca", "semi_nmf"])
def test_every_dictionary_explains_every_logit(build: Any, tmp_path: Path, dictionary: str) -> None:
    for scope in ("class", "shared"):
        out = tmp_path / scope
        ended = build(out, "--dictionary", dictionary, "--classes", TENCH, "--scope", scope, "--shared-concepts", 4)
        assert ended.status == 0, ended.err
        assert problems(out) == []
        photos = Store(out).photos(TENCH)
        assert photos
        total = photos.contributions.sum(axis=1) + photos.bias + photos.residual
        np.testing.assert_allclose(total, photos.class_logit, atol=1e-4)


# Wrong use and wrong input: status 2, one line, nothing touched


def refused(ended: Any, words: str) -> None:
    assert ended.status == 2, ended.err
    assert ended.out == ""
    assert ended.err.startswith(f"precompute: {words}")
    assert ended.err.count("\n") == 1, ended.err


def test_no_photos(build: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    needed = "it needs a folder for each class, named by wnid (n02086240/…), with image files"
    refused(build(tmp_path / "a", photos=tmp_path / "empty"), f"No photos in {tmp_path / 'empty'}: {needed}")
    refused(build(tmp_path / "a", photos=tmp_path / "none"), f"No photos: {tmp_path / 'none'} is not a folder.")
    assert not (tmp_path / "a").exists()


def test_a_class_that_is_none(build: Any, tmp_path: Path) -> None:
    for asked in ("goldfish", "n00000001", "N01440764"):
        words = f"{asked!r} is not one of the 1000 ImageNet classes: --classes takes wnids such as n02086240, or all."
        refused(build(tmp_path / "a", "--classes", f"{TENCH},{asked}"), words)
    refused(build(tmp_path / "a", "--classes", "n02086240"), "There are no photos of n02086240 (Shih-Tzu) in ")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--backbone", "resnet"), "timm knows no backbone 'resnet'. Did you mean "),
        (("--backbone", "xyzzy"), "timm knows no backbone 'xyzzy'."),
        (("--backbone", "eva02_tiny_patch14_224", "--weights", "random"), "eva02_tiny_patch14_224 has 0 outputs; an atlas"),
        (("--layer", "layer9"), "The backbone has no layer 'layer9'. Its parts are conv1, bn1, act1, maxpool, layer1, "),
        (("--layer", "layer4.0.bn2"), "A connection bypasses the layer 'layer4.0.bn2': cut where a whole block ends"),
        (("--device", "banana"), "The device 'banana' cannot be used here ("),
        (("--dictionary", "ica"), "--dictionary must be one of kmeans, pca, nmf, semi_nmf, sae, found 'ica'."),
        (("--engine", "steam"), "--engine must be one of local"),
        (("--pictures", "ultra"), "--pictures must be one of none, quick, fine, full, found 'ultra'."),
        (("--seed", -1), "--seed must be at least 0, found -1."),
        (("--concepts", 0), "--concepts must be at least 1, found 0."),
        (
            ("--weights", "package"),
            "No installed package carries weights for test_resnet (only for tf_efficientnet_lite0, ",
        ),
        (("--weights", "nowhere.pth"), "There is no weights file nowhere.pth. --weights takes package, hub, or a file."),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_is_not_known(build: Any, tmp_path: Path, flags: tuple[object, ...], words: str) -> None:
    refused(build(tmp_path / "a", *flags), words)
    assert not (tmp_path / "a").exists()


class Trap:
    """Code that a careless reader of weights would run."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_weights_that_hold_code_or_nonsense(build: Any, made: Any, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    code = "files that would execute code are refused."
    torch.save({"weight": Trap(mark)}, tmp_path / "trap.pth")
    (tmp_path / "trap.pkl").write_bytes(pickle.dumps(Trap(mark), protocol=2))
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "junk.safetensors").write_text("no tensors here")
    for name in ("trap.pth", "trap.pkl", "empty.pth", "junk.safetensors"):
        ended = build(tmp_path / "a", "--weights", tmp_path / name)
        refused(ended, f"{name} is not a plain state dict or safetensors file (")
        assert ended.err.endswith(f"{code}\n")
    assert not mark.exists()
    torch.save([1, 2, 3], tmp_path / "list.pth")
    refused(build(tmp_path / "a", "--weights", tmp_path / "list.pth"), "list.pth holds no state dict")
    other = made.save_weights(tmp_path / "other.pth", "test_vit")
    refused(build(tmp_path / "a", "--weights", other), "other.pth does not fit the backbone: ")
    assert not (tmp_path / "a").exists()


def test_settings_that_cannot_be_read(build: Any, tmp_path: Path) -> None:
    (tmp_path / "typo.toml").write_text("concpets = 3")
    (tmp_path / "broken.toml").write_text("concepts =")
    words = f"{tmp_path / 'typo.toml'}: unknown setting 'concpets'. Did you mean 'concepts'?"
    refused(build(tmp_path / "a", "--config", tmp_path / "typo.toml"), words)
    words = f"{tmp_path / 'broken.toml'} is not a readable TOML file ("
    refused(build(tmp_path / "a", "--config", tmp_path / "broken.toml"), words)


def test_an_out_that_is_something_else(build: Any, three: Path, photo_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(build(tmp_path / "file"), f"{tmp_path / 'file'} is a file: --out needs a folder.")
    words = f"{photo_folder} is not empty and not an atlas (it holds {TENCH!r}): choose another --out."
    refused(build(photo_folder), words)
    words = (
        f"{three} is another atlas (concepts: 3 there, 4 now; seed: 0 there, 1 now): choose another --out, or the same settings."
    )
    refused(build(three, "--concepts", 4, "--seed", 1), words)
    manifest = three / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format_version": "2.0"}))
    words = f"{three} has format 2.0; this version reads up to 1.x. Upgrade concept-atlas to open it."
    refused(build(three), words)
    manifest.write_text('{"name": "a browser extension"}')
    refused(build(three), f"{three}/manifest.json is not the manifest of an atlas (")


def test_other_weights_are_another_atlas(build: Any, made: Any, three: Path, tmp_path: Path) -> None:
    other = made.save_weights(tmp_path / "other.pth", made.BACKBONE, seed=1)
    refused(build(three, "--weights", other), f"{three} is another atlas (weights sha256: ")


# A full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Lend a disk of 100 kB, if the tests may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", folder], capture_output=True, check=False)
    except OSError:
        mounted = None
    if mounted is None or mounted.returncode:
        pytest.skip("mounting a small disk needs privileges")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def out_of_room(ended: Any, out: Path, words: str) -> None:
    assert ended.status == 2, ended.err
    advice = "What is published stays readable; make room, and the same command resumes."
    assert ended.last == f"precompute: {out} cannot be written ({words}). {advice}"
    assert "Traceback" not in ended.err


def test_a_full_disk_costs_nothing_that_was_published(
    build: Any, made: Any, by_class: tuple[Any, Store], small_disk: Path
) -> None:
    out = small_disk / "atlas"
    out_of_room(build(out), out, "No space left on device")
    assert problems(out) == []
    out_of_room(build(out), out, "No space left on device")  # and again, from what is there
    assert problems(out) == []
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    assert build(out).status == 0
    assert made.content(out) == made.content(by_class[1].root)
    assert problems(out) == []


def test_a_file_that_may_not_grow_is_like_a_full_disk(build: Any, made: Any, by_class: tuple[Any, Store], tmp_path: Path) -> None:
    sizes = sorted({p.stat().st_size for p in by_class[1].root.rglob("*") if p.is_file() and p.name != "manifest.json"})
    for i, limit in enumerate((sizes[-1] - 1, 300)):
        out = tmp_path / str(i)
        out_of_room(build(out, largest_file=limit), out, "File too large")
        if (out / "manifest.json").exists():
            assert problems(out) == []
        assert build(out).status == 0
        assert made.content(out) == made.content(by_class[1].root)


def test_a_place_that_cannot_be_written_is_one_line(build: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(build(tmp_path / "file" / "below"), f"{tmp_path / 'file' / 'below'} cannot be written (Not a directory)")
    refused(build(Path("/proc/atlas")), "/proc/atlas cannot be written (No such file or directory)")


# Servers that do not answer, shards that are cut


@pytest.fixture
def tiny(made: Any, weights: Path, tmp_path: Path) -> Any:
    """Return a build in this process, of a small backbone and small photos."""

    def run(photos: Path, out: str = "a") -> Any:
        small = {"backbone": made.BACKBONE, "weights": str(weights), "concepts": 3, "pictures": "none", "device": "cpu"}
        return build_atlas(config.make(None, photos=str(photos), out=tmp_path / out, **small), Silent())

    return run


def test_a_server_that_answers_for_no_class_ends_the_build_and_what_is_finished_is_kept(
    tiny: Any, photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("precompute.commands.build.UNANSWERED", 2)
    monkeypatch.setattr(decoding, "PATIENCE", 2.0)
    real = decoding.read
    with monkeypatch.context() as now:
        now.setattr(decoding, "read", lambda photo: real(photo) if photo.wnid == TENCH else time.sleep(10))
        with pytest.raises(
            AtlasError, match=r"^2 classes one after the other were given up: .*could not be read in 2 s: .*kept\.$"
        ):
            tiny(photo_folder)
    assert problems(tmp_path / "a") == []
    classes = Store(tmp_path / "a").manifest.classes
    assert (classes[TENCH], classes[CASSETTE]) == ("complete", "not built yet")
    assert "could not be read in 2 s" in classes[SPRINGER]
    assert tiny(photo_folder).unchanged == (TENCH,)


def test_a_server_that_stalls_while_exemplars_are_cut_costs_the_class_and_not_the_build(
    tiny: Any, photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "PATIENCE", 2.0)
    real = showing.read
    monkeypatch.setattr(showing, "read", lambda photo: time.sleep(10) if photo.wnid == SPRINGER else real(photo))
    report = tiny(photo_folder)
    assert list(report.failed) == [SPRINGER]
    assert "could not be read in 2 s" in report.failed[SPRINGER]
    monkeypatch.setattr(showing, "read", lambda photo: (_ for _ in ()).throw(Unusable("corrupt image")))
    report = tiny(photo_folder)
    assert "could be read a moment ago, and no more (corrupt image)" in report.failed[SPRINGER]


def test_a_shard_that_is_cut_is_named_in_the_manifest(tiny: Any, photo_folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "cut"
    source.mkdir()
    shutil.make_archive(str(source / "0"), "tar", photo_folder)
    whole = (source / "0.tar").read_bytes()
    (source / "0.tar").write_bytes(whole[: len(whole) * 5 // 6])
    report = tiny(source)
    (named,) = report.skipped
    assert named == "cut/0.tar"
    assert Store(tmp_path / "a").manifest.skipped_photos["cut/0.tar"].startswith("damaged shard, photos may be missing: ")
    (source / "0.tar").write_bytes(whole)
    assert tiny(source).skipped == {}
    assert Store(tmp_path / "a").manifest.skipped_photos == {}
