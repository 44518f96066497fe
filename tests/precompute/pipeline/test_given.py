"""Dictionaries and pictures of an atlas used again, for other photos."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas.format import Store, problems
from atlas.schema import SHARED

TENCH, SPRINGER = "n01440764", "n02102040"
SETTINGS = ("--scope", "both", "--shared-concepts", 4, "--pictures", "quick", "--threads", 1)


@pytest.fixture(scope="module")
def made_before(build: Any, made: Any, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """An atlas of two classes, one with concepts of its own and one with a single photo."""
    root = tmp_path_factory.mktemp("given")
    photos = made.draw_photos(root / "photos", (TENCH,), each=10)
    made.draw_photos(root / "photos", (SPRINGER,), each=1)
    assert build(root / "a", *SETTINGS, photos=photos).status == 0
    return Store(root / "a")


@pytest.mark.slow
def test_the_same_concepts_are_told_from_other_photos(build: Any, made: Any, made_before: Store, tmp_path: Path) -> None:
    photos = made.draw_photos(tmp_path / "other", (SPRINGER, TENCH), each=8)  # other seeds: other pictures of both classes
    ended = build(tmp_path / "b", *SETTINGS, "--dictionaries", made_before.root, photos=photos)
    assert ended.status == 0, ended.err
    store = Store(tmp_path / "b")
    assert problems(store.root) == []
    for owner in (TENCH, SHARED):
        assert np.array_equal(store.atoms(owner), made_before.atoms(owner))
    assert {wnid: record.scope for wnid, record in store.records.items()} == {TENCH: "class", SPRINGER: "shared"}
    assert store.photos(TENCH).keys[0].startswith("other/")
    assert store.concepts(TENCH)[0].contribution != made_before.concepts(TENCH)[0].contribution
    for owner, kind, index in ((TENCH, "class", None), (TENCH, "concept", 0), (SHARED, "concept", 3), (SPRINGER, "class", None)):
        before, now = made_before.picture(owner, kind, index), store.picture(owner, kind, index)
        assert store.picture_path(now).read_bytes() == made_before.picture_path(before).read_bytes()
    assert store.manifest.config["dictionaries"] == made_before.manifest.files["dictionaries.safetensors"]["sha256"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--dictionary", "kmeans"), "dictionary: nmf there, kmeans here"),
        (("--crop-input", 128), "crop_input: 0 there, 128 here"),
        (("--layer", "layer3"), "layer: last feature map there, layer3 here"),
    ],
)
def test_dictionaries_of_other_activations_are_refused(build: Any, made_before: Store, tmp_path: Path, change, said) -> None:
    ended = build(tmp_path / "b", *SETTINGS, *change, "--dictionaries", made_before.root)
    assert ended.status == 2
    assert said in " ".join(ended.err.split())
    assert not (tmp_path / "b" / "manifest.json").exists()


def test_what_is_no_atlas_or_a_damaged_one_is_refused(build: Any, made_before: Store, tmp_path: Path) -> None:
    ended = build(tmp_path / "b", *SETTINGS, "--dictionaries", tmp_path)
    assert (ended.status, "is not an atlas" in ended.err) == (2, True)
    broken = tmp_path / "broken"
    shutil.copytree(made_before.root, broken)
    (broken / "dictionaries.safetensors").write_bytes(b"not a dictionary")
    ended = build(tmp_path / "b", *SETTINGS, "--dictionaries", broken)
    assert (ended.status, "cannot be read" in ended.err) == (2, True)
