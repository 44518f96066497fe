"""A store reads the publish it was opened on, whole, whatever happens to the folder meanwhile."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas.format import Store, paths, problems, untouched
from atlas.format.manifest import sealed
from atlas.format.reader import UnknownName
from atlas.schema import AtlasError


def told(store: Store, wnid: str) -> tuple[Any, ...]:
    """Return something of every table, and an atom."""
    photos, record = store.photos(wnid), store.record(wnid)
    assert photos
    exemplars, strategies = store.exemplars(f"{wnid}/0"), store.strategies(wnid)
    return (
        *(record.digest, record.n_photos, len(photos), photos.contributions[0, 0].item(), store.concepts(wnid)[0].contribution),
        *(exemplars[0].code, strategies[0].name, store.atoms(wnid)[0, 0].item(), len(store.layout(wnid).correct)),  # type: ignore[union-attr]
    )


def test_an_open_store_stays_with_its_publish_and_knows_of_the_next(tmp_path: Path, made: Any) -> None:
    wnid = made.TENCH.wnid
    old = made.write(tmp_path / "a", made.of_class(made.TENCH, 1, n=4))
    untouched = made.write(tmp_path / "b", made.of_class(made.TENCH, 1, n=4))
    assert (old.superseded(), old.snapshot) == (False, untouched.snapshot)
    before = told(untouched, wnid)
    new = made.write(tmp_path / "a", made.of_class(made.TENCH, 2, n=7), created="later")
    assert told(old, wnid) == before
    assert told(new, wnid) != before
    assert told(new, wnid)[1:3] == (7, 7)
    assert (old.superseded(), new.superseded(), old.snapshot == new.snapshot) == (True, False, False)


def test_a_publish_that_is_being_moved_into_place_supersedes_once(tmp_path: Path, made: Any) -> None:
    root = tmp_path / "a"
    made.write(root, made.of_class(made.TENCH, 1))
    (root / ".commit").mkdir()
    for path in [path for path in root.iterdir() if path.is_file()]:
        path.rename(root / ".commit" / path.name)
    store = Store(root)
    for path in list((root / ".commit").iterdir()):
        path.rename(root / path.name)
    assert not store.superseded()
    assert told(store, made.TENCH.wnid)[0] == f"{made.TENCH.wnid} version 1"


def test_threads_and_forked_processes_read_side_by_side(tmp_path: Path, made: Any) -> None:
    results = [made.of_class(info, k=3, n=5) for info in (made.TENCH, made.CRANE, made.CHURCH)]
    store = made.write(tmp_path / "a", *results)
    wnids = [info.wnid for info in (made.TENCH, made.CRANE, made.CHURCH)] * 40
    right = {wnid: told(Store(tmp_path / "a"), wnid) for wnid in wnids}

    def agree() -> bool:
        with ThreadPoolExecutor(4) as pool:
            return [right[wnid] for wnid in wnids] == list(pool.map(lambda wnid: told(store, wnid), wnids))

    assert agree()
    child = os.fork()
    if child == 0:
        os._exit(0 if [told(store, wnid) for wnid in wnids] == [right[wnid] for wnid in wnids] else 1)
    mine = [told(store, wnid) for wnid in wnids]
    assert os.waitpid(child, 0)[1] == 0
    assert mine == [right[wnid] for wnid in wnids]


def test_a_table_that_is_changed_in_place_is_not_read_on(tmp_path: Path, made: Any) -> None:
    store = made.write(tmp_path / "a", made.of_class(made.TENCH))
    path = tmp_path / "a" / paths.PHOTOS
    path.write_bytes(path.read_bytes()[:-9] + b"overwritten")
    with pytest.raises(AtlasError, match=r"photos\.parquet was changed while it was read: run `atlas check"):
        store.photos(made.TENCH.wnid)


def test_links_in_a_circle_are_said(tmp_path: Path, made: Any) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(AtlasError, match=r"loop/manifest\.json cannot be read .Too many levels of symbolic links."):
        Store(tmp_path / "loop")
    made.write(tmp_path / "a", made.of_class(made.TENCH))
    (tmp_path / "a" / "pictures" / "circle").symlink_to("circle")
    assert problems(tmp_path / "a") == ["pictures/circle: a link that leads out of the atlas"]


def test_whatever_is_no_file_of_an_atlas_is_told_and_a_link_out_is_not_served(tmp_path: Path, made: Any) -> None:
    root = tmp_path / "a"
    made.write(root, made.of_class(made.TENCH))
    os.mkfifo(root / "pictures" / "pipe")
    (root / "inside").symlink_to("manifest.json")
    assert problems(root) == ["inside: not named by the manifest", "pictures/pipe: no regular file"]
    assert untouched(root).records
    (root / "outside").symlink_to("/etc")
    assert problems(root)[1] == "outside: a link that leads out of the atlas"
    with pytest.raises(AtlasError, match=r"outside is a link that leads out of the atlas: copy the atlas with what its links"):
        untouched(root)


@pytest.mark.parametrize("what", ["a pipe", "a folder", "a link out", "a device"])
def test_what_stands_in_place_of_a_table_is_never_waited_for(tmp_path: Path, made: Any, what: str) -> None:
    made.write(tmp_path / "a", made.of_class(made.TENCH))
    path = tmp_path / "a" / paths.PHOTOS
    shutil.copy(path, tmp_path / "elsewhere")
    path.unlink()
    make = {
        "a pipe": lambda: os.mkfifo(path),
        "a folder": path.mkdir,
        "a link out": lambda: path.symlink_to("../elsewhere"),
        "a device": lambda: path.symlink_to("/dev/zero"),
    }
    make[what]()
    with pytest.raises(AtlasError, match=r"photos\.parquet cannot be read .photos\.parquet is missing.: run `atlas check"):
        Store(tmp_path / "a").photos(made.TENCH.wnid)


@pytest.mark.parametrize(("what", "words"), [("pipe", "not a regular file"), ("device", "a link that leads out of the atlas")])
def test_a_manifest_that_never_ends_is_not_waited_for(tmp_path: Path, made: Any, what: str, words: str) -> None:
    made.write(tmp_path / "a", made.of_class(made.TENCH))
    path = tmp_path / "a" / paths.MANIFEST
    path.unlink()
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(AtlasError, match=f"manifest.json cannot be read .{words}."):
        Store(tmp_path / "a")


def test_a_picture_is_given_out_only_as_it_was_published(tmp_path: Path, made: Any) -> None:
    old = made.write(tmp_path / "a", made.of_class(made.TENCH, 1))
    name = old.picture(made.TENCH.wnid, "class")
    assert old.picture_bytes(name) == made.picture("class 1")
    new = made.write(tmp_path / "a", made.of_class(made.TENCH, 2))
    assert new.picture_bytes(name) == made.picture("class 2")
    with pytest.raises(AtlasError, match=r"class\.webp is not the picture that was published"):
        old.picture_bytes(name)
    (tmp_path / "a" / name).unlink()
    with pytest.raises(AtlasError, match=r"class.webp cannot be read .No such file or directory.: run `atlas check"):
        new.picture_bytes(name)


@pytest.mark.parametrize(
    "name", ["pictures/../secret.webp", "pictures/n1/class.webp", "pictures/shared/x.webp", "photos.parquet"]
)
def test_only_names_that_pictures_have_are_pictures(tmp_path: Path, made: Any, name: str) -> None:
    store = made.write(tmp_path / "a", made.of_class(made.TENCH))
    manifest = json.loads((tmp_path / "a" / paths.MANIFEST).read_text())
    manifest["files"][name] = manifest["files"][paths.PHOTOS]
    (tmp_path / "a" / paths.MANIFEST).write_bytes(sealed(manifest))
    with pytest.raises(UnknownName, match="holds no picture"):
        Store(tmp_path / "a").picture_bytes(name)
    assert store.picture_bytes(f"pictures/{made.TENCH.wnid}/00.webp") == made.picture("concept 0 1")


def test_every_flipped_bit_of_a_manifest_is_noticed(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "a", made.of_class(made.TENCH), made.shared())
    path = tmp_path / "a" / paths.MANIFEST
    content = path.read_bytes()
    flips = [(at, bit) for at in range(len(content)) for bit in range(8)]
    rng = np.random.default_rng(0)
    ends = [flip for flip in flips if flip[0] < 60 or flip[0] >= len(content) - 90]
    chosen = ends + [flips[i] for i in rng.choice(len(flips), 1000, replace=False)]
    noticed = 0
    for at, bit in chosen:
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
        with pytest.raises(AtlasError, match=r"is not the manifest of an atlas|is not as it was published|has format"):
            Store(tmp_path / "a")
        noticed += 1
    assert noticed == len(chosen) >= 2000
    path.write_bytes(content)
    assert Store(tmp_path / "a").manifest.complete


def test_a_manifest_of_1_1_needs_no_digest_and_one_of_1_2_does(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "a", made.of_class(made.TENCH))
    path = tmp_path / "a" / paths.MANIFEST
    plain = json.loads(path.read_text())
    del plain["digest"]
    path.write_text(json.dumps(plain | {"format_version": "1.1"}))
    assert Store(tmp_path / "a").manifest.format_version == "1.1"
    path.write_text(json.dumps(plain))
    with pytest.raises(AtlasError, match=r"is not as it was published .its own digest does not fit."):
        Store(tmp_path / "a")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_manifest_holds_numbers_or_nothing(tmp_path: Path, word: str) -> None:
    (tmp_path / "manifest.json").write_text(f'{{"format_version": "1.2", "config": {{"seed": {word}}}}}')
    with pytest.raises(AtlasError, match=f"is not the manifest of an atlas .it holds {word}."):
        Store(tmp_path)
