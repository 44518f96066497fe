"""Photos in tar shards: found, labelled, read where they lie; hostile shards are followed no further than they can be."""

from __future__ import annotations

import io
import json
import os
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from atlas.schema import AtlasError
from precompute import photos
from precompute.network.preprocessing import squares
from precompute.photos import Decoder, decoding, reading, shard_index, shards, tar
from precompute.photos.shard_index import Labelled

TENCH, SPRINGER = "n01440764", "n02102040"


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "concept-atlas" / "shards"


def jpeg(seed: int = 0) -> bytes:
    stream = io.BytesIO()
    grid = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(grid).resize((80, 60)).save(stream, "JPEG")
    return stream.getvalue()


def shard(path: Path, members: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def keys(source: Path) -> dict[str, str]:
    """Return the photos of a source: key → split."""
    return {p.key: p.split for group in photos.index([str(source)]).photos.values() for p in group}


# Where photos lie, and what they show


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_file_is_found_where_it_lies(tmp_path: Path, form: int) -> None:
    names = ["a.jpg", "folder/" * 12 + "b.jpg", *(["x" * 150 + ".jpg", "ünïcode.jpg"] if form != tarfile.USTAR_FORMAT else [])]
    contents = {name: os.urandom(size) for name, size in zip(names, (700, 0, 512, 1), strict=False)}
    path = shard(tmp_path / "a.tar", contents, form)
    whole = path.read_bytes()
    assert {m.name: whole[m.start : m.start + m.size] for m in tar.members(path)} == contents


def test_shards_of_class_folders_are_the_same_photos_as_the_folders(tmp_path: Path) -> None:
    contents = {f"{wnid}/photo {i}.jpg": jpeg(i) for wnid in (TENCH, SPRINGER) for i in range(4)}
    for name, content in contents.items():
        (tmp_path / "folders" / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folders" / "set" / name).write_bytes(content)
    half = len(contents) // 2
    for i, part in enumerate((list(contents)[:half], list(contents)[half:])):
        shard(tmp_path / "shards" / "set" / f"{i:03d}.tar", {name: contents[name] for name in part})
    unpacked, packed = photos.index([str(tmp_path / "folders" / "set")]), photos.index([str(tmp_path / "shards" / "set")])
    assert packed.sets == unpacked.sets
    for wnid, group in unpacked.photos.items():
        assert [(p.key, p.split, p.bytes) for p in packed.photos[wnid]] == [(p.key, p.split, p.bytes) for p in group]
        for one, other in zip(packed.photos[wnid], group, strict=True):
            assert np.array_equal(np.asarray(photos.read(one)), np.asarray(photos.read(other)))


def test_a_label_beside_a_photo_names_its_class(tmp_path: Path) -> None:
    shard(
        tmp_path / "set" / "train-0.tar",
        {
            "000.jpg": jpeg(), "000.cls": b"0",
            "001.jpg": jpeg(), "001.cls": b" n02102040\n",
            "002.jpg": jpeg(), "002.json": json.dumps({"caption": "a dog", "label": 217}).encode(),
            "003.jpg": jpeg(), "003.json": json.dumps({"wnid": TENCH}).encode(),
            "004.jpg": jpeg(), "004.cls": b"1000",
            "005.jpg": jpeg(), "005.cls": b"tench",
            "006.jpg": jpeg(), "006.json": b"[" * 9000,
            "007.jpg": jpeg(),
        },
    )  # fmt: skip
    found = photos.index([str(tmp_path / "set")])
    assert keys(tmp_path / "set") == {
        f"set/train-0/{wnid}/{name}.jpg": "fit"
        for name, wnid in (("000", TENCH), ("001", SPRINGER), ("002", SPRINGER), ("003", TENCH))
    }
    assert found.notes == (
        f"{tmp_path}/set/train-0.tar: 4 of 8 photos have no class among the 1000 of ImageNet, they are passed over",
    )


def test_a_shard_may_be_a_class_as_in_imagenets_own_archives(tmp_path: Path) -> None:
    shard(tmp_path / "imagenet" / "train" / f"{TENCH}.tar", {f"{TENCH}_1.JPEG": jpeg()})
    shard(tmp_path / "imagenet" / "val" / f"{TENCH}.tar", {"ILSVRC2012_val_1.JPEG": jpeg()})
    assert keys(tmp_path / "imagenet") == {
        f"imagenet/train/{TENCH}/{TENCH}/{TENCH}_1.JPEG": "fit",
        f"imagenet/val/{TENCH}/{TENCH}/ILSVRC2012_val_1.JPEG": "holdout",
    }


def test_splits_are_taken_from_folders_inside_and_outside_and_from_the_name_of_the_shard(tmp_path: Path) -> None:
    root = tmp_path / "set"
    shard(root / "train" / "0.tar", {f"{TENCH}/a.jpg": jpeg()})
    shard(root / "1.tar", {f"val/{TENCH}/b.jpg": jpeg()})
    shard(root / "imagenet-validation-0002.tar", {f"{TENCH}/c.jpg": jpeg()})
    shard(root / "3.tar", {f"{TENCH}/d.jpg": jpeg()})
    found = keys(root)
    assert found == {
        f"set/train/{TENCH}/a.jpg": "fit",
        f"set/val/{TENCH}/b.jpg": "holdout",
        f"set/{TENCH}/c.jpg": "holdout",
        f"set/{TENCH}/d.jpg": photos.hashed_split("d.jpg"),
    }


def test_the_layout_of_torchvision_is_read_and_its_archives_are_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "imagenet"
    for split in ("train", "val"):
        (root / split / TENCH).mkdir(parents=True)
        (root / split / TENCH / "a.JPEG").write_bytes(jpeg())
    (root / "meta.bin").write_bytes(b"never opened")
    shard(root / "ILSVRC2012_img_val.tar", {"ILSVRC2012_val_00000001.JPEG": jpeg()})
    assert keys(root) == {f"imagenet/train/{TENCH}/a.JPEG": "fit", f"imagenet/val/{TENCH}/a.JPEG": "holdout"}


def test_one_shard_is_a_set_too(tmp_path: Path) -> None:
    assert keys(shard(tmp_path / "few.tar", {f"{TENCH}/a.jpg": jpeg()})) == {f"few/{TENCH}/a.jpg": photos.hashed_split("a.jpg")}


def test_a_photo_that_is_in_two_shards_counts_once(tmp_path: Path) -> None:
    for name in ("0.tar", "1.tar"):
        shard(tmp_path / "set" / name, {f"{TENCH}/a.jpg": jpeg()})
    found = photos.index([str(tmp_path / "set")])
    assert found.total == found.sets[0].n_photos == 1
    assert found.notes == (f"{tmp_path}/set/1.tar: set/{TENCH}/a.jpg is there already, in 0.tar",)


def test_shards_without_photos_say_what_is_needed(tmp_path: Path) -> None:
    shard(tmp_path / "set" / "0.tar", {"readme.txt": b"hello"})
    (tmp_path / "set" / "1.tar.gz").write_bytes(b"")
    with pytest.raises(AtlasError, match=r"^No photos in .*set: it needs a folder for each class.*; or tar shards whose members"):
        photos.index([str(tmp_path / "set")])


# What is remembered


def test_a_shard_is_looked_through_once_until_it_changes(tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shard(tmp_path / "set" / "0.tar", {f"{TENCH}/a.jpg": jpeg()})
    first = keys(tmp_path / "set")
    (record,) = memory.glob("*.json")
    with monkeypatch.context() as patch:
        patch.setattr(shards, "scan", lambda path: pytest.fail(f"{path} was looked through again"))
        assert keys(tmp_path / "set") == first
    shard(path, {f"{TENCH}/b.jpg": jpeg(), f"{TENCH}/c.jpg": jpeg()})
    assert len(keys(tmp_path / "set")) == 2
    for broken in ("", "{}", "[1, 2]", '{"photos": [[1]], "notes": [], "damage": ""}'):
        for record in memory.glob("*.json"):
            record.write_text(broken)
        assert len(keys(tmp_path / "set")) == 2


def test_nothing_is_remembered_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    shard(tmp_path / "set" / "0.tar", {f"{TENCH}/a.jpg": jpeg()})
    assert len(keys(tmp_path / "set")) == 1


# Hostile shards


def test_members_that_lead_out_are_passed_over(tmp_path: Path) -> None:
    names = ["../a.jpg", f"/etc/{TENCH}/b.jpg", f"{TENCH}/../../c.jpg", f"{TENCH}/good\nname.jpg", f"{TENCH}/{'x' * 300}.jpg"]
    shard(tmp_path / "set" / "0.tar", {name: jpeg() for name in names})
    found = photos.index([str(tmp_path / "set")])
    assert [p.key for p in found.photos[TENCH]] == [f"set/{name}" for name in names[3:]]
    assert len(found.notes) == 3
    assert all(note.endswith("leads out of its folder, it is passed over") for note in found.notes)


def test_links_and_devices_are_no_photos(tmp_path: Path) -> None:
    path = tmp_path / "set" / "0.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"{TENCH}/{kind.decode()}.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo(f"{TENCH}/a.jpg")
        info.size = len(jpeg())
        archive.addfile(info, io.BytesIO(jpeg()))
    assert list(keys(tmp_path / "set")) == [f"set/{TENCH}/a.jpg"]


def test_a_shard_that_is_cut_short_gives_what_lies_before_the_cut(tmp_path: Path) -> None:
    path = shard(tmp_path / "set" / "0.tar", {f"{TENCH}/{i}.jpg": jpeg(i) for i in range(6)})
    whole = path.read_bytes()
    third = list(tar.members(path))[2]
    path.write_bytes(whole[: third.start + 100])
    found = photos.index([str(tmp_path / "set")])
    assert [p.key for p in found.photos[TENCH]] == [f"set/{TENCH}/{i}.jpg" for i in range(2)]
    reason = f"the member at byte {third.start - 512} should have {third.size} bytes, the file ends after 100"
    assert found.damaged == {"set/0.tar": f"damaged shard, photos may be missing: {reason}"}


def test_a_size_that_is_made_up_is_refused(tmp_path: Path) -> None:
    path = shard(tmp_path / "0.tar", {f"{TENCH}/a.jpg": jpeg()}, tarfile.USTAR_FORMAT)
    content = bytearray(path.read_bytes())
    for size in (b"77777777777\0", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"hello worl\0\0"):
        content[124:136] = size
        content[148:156] = f"{sum(content[:148]) + 8 * 32 + sum(content[156:512]):06o}\0 ".encode()
        path.write_bytes(content)
        with pytest.raises(tar.Damaged, match=r"the member at byte 0 should have -?\d+ bytes"):
            list(tar.members(path))


def test_a_name_of_a_gigabyte_is_refused(tmp_path: Path) -> None:
    path = shard(tmp_path / "0.tar", {"x" * 70_000: b"a"}, tarfile.GNU_FORMAT)
    with pytest.raises(tar.Damaged, match=r"the header at byte 0 claims 70001 bytes for a name"):
        list(tar.members(path))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = shard(tmp_path_factory.mktemp("fuzz") / "0.tar", {f"{TENCH}/{'n' * 120}{i}.jpg": bytes(300 * i) for i in range(4)})
    return path.with_name("spoilt.tar"), path.read_bytes()


@settings(max_examples=150, deadline=None)
@given(places=st.lists(st.tuples(st.integers(0, 8000), st.binary(min_size=1, max_size=12)), max_size=4), end=st.integers(0, 9000))
def test_no_damage_leads_out_of_the_file(sound: tuple[Path, bytes], places: list[tuple[int, bytes]], end: int) -> None:
    path, content = sound
    spoilt = bytearray(content)
    for at, junk in places:
        spoilt[at : at + len(junk)] = junk
    path.write_bytes(spoilt[:end])
    found: list[tar.Member] = []
    with suppress(tar.Damaged):
        found.extend(tar.members(path))
    assert all(0 <= m.start <= m.start + m.size <= path.stat().st_size for m in found)


def test_a_photo_outside_of_its_shard_is_skipped_with_a_reason(tmp_path: Path) -> None:
    path = shard(tmp_path / "0.tar", {"a.jpg": jpeg()})
    for size, start, reason in (
        (100, 10**9, "the shard ends before the photo does"),
        (reading.LARGEST_BYTES + 1, 0, f"too large ({reading.LARGEST_BYTES + 1} bytes)"),
        (0, 0, "the file is empty"),
        (100, 512, "not an image"),
    ):
        with pytest.raises(photos.Unusable) as refused:
            photos.read(photos.Photo("k", path, TENCH, "fit", size, 511 if reason == "not an image" else start))
        assert str(refused.value) == reason


def test_a_record_of_the_memory_is_checked_before_it_is_believed(tmp_path: Path, memory: Path) -> None:
    listing = shard_index.Listing((Labelled("a", 1, 2, TENCH),), ("n",), "d")
    path = shard(tmp_path / "0.tar", {})
    assert shard_index.remembered(path, lambda _: listing) == listing
    assert shard_index.remembered(path, lambda _: pytest.fail("it was remembered")) == listing


# A disk that does not answer


def test_a_photo_that_nobody_hands_over_fails_its_class_not_the_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import threading

    never = threading.Event()
    monkeypatch.setattr(decoding, "read", lambda photo: never.wait(20))
    monkeypatch.setattr(decoding, "PATIENCE", 0.05)
    with pytest.raises(AtlasError, match=r"^set/a.jpg could not be read in 0 s: does the disk or server it lies on answer\?$"):
        next(Decoder(squares(32).as_input, workers=1)([photos.Photo("set/a.jpg", tmp_path, TENCH, "fit", 0)]))
    never.set()


def test_a_shard_that_cannot_be_read_just_now_is_not_remembered_as_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shard(tmp_path / "set" / "0.tar", {f"{TENCH}/a.jpg": jpeg(), f"{TENCH}/b.jpg": jpeg(1)})

    def failing(path: Path) -> Any:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as now:
        now.setattr(tar, "members", failing)
        with pytest.raises(AtlasError, match=r"0\.tar cannot be read just now \(Input/output error\): the same command"):
            photos.index([str(tmp_path / "set")])
    with monkeypatch.context() as now:
        now.setattr(tar, "members", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
        with pytest.raises(AtlasError, match=r"set/0\.tar: damaged shard, photos may be missing: cannot be read \(Permission"):
            photos.index([str(tmp_path / "set")])
    assert list(keys(tmp_path / "set")) == [f"set/{TENCH}/a.jpg", f"set/{TENCH}/b.jpg"]


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), OSError(116, "Stale file handle")])
def test_what_may_pass_is_no_reason_to_skip_a_photo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: OSError) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise error

    path = shard(tmp_path / "a.jpg", {})
    monkeypatch.setattr(reading.Image, "open", failing)
    with pytest.raises(AtlasError, match=rf"^a\.jpg cannot be read just now \({error.strerror}\)\.$"):
        photos.read(path)
