from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from atlas.format import Store
from precompute import photos
from precompute.photos import Unusable

TENCH, CHURCH = "n01440764", "n03028079"


def picture(seed: int = 0) -> Image.Image:
    grid = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(grid).resize((80, 60), Image.Resampling.BICUBIC)


def encoded(kind: str) -> bytes:
    stream = io.BytesIO()
    picture().save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """Return what a telephone leaves in a folder: three photos that can be read, four that cannot, and other files."""
    folder = tmp_path / "set" / TENCH
    folder.mkdir(parents=True)
    for name, content in {
        "IMG_0.jpg": encoded("JPEG"),
        "download.jfif": encoded("JPEG"),
        "IMG_1.HEIC": b"\0\0\0\x18ftypheic",
        "IMG_2.heif": encoded("JPEG"),  # as some telephones send them
        "pic.avif": b"\0\0\0\x18ftypavif",
        "x.jp2": encoded("JPEG2000"),
        "raw.DNG": encoded("TIFF"),  # inside a camera's raw file
        "noext": encoded("JPEG"),
        "notes.txt": b"",
        ".DS_Store": b"",
        "Thumbs.db": b"",
    }.items():
        (folder / name).write_bytes(content)
    (folder / "more").mkdir()
    return folder


def test_photos_of_formats_that_are_not_read_are_found_and_say_so(camera: Path) -> None:
    index = photos.index([str(camera.parent)])
    said = {}
    for photo in index.photos[TENCH]:
        try:
            said[photo.path.name] = str(photos.read(photo).size)
        except Unusable as error:
            said[photo.path.name] = str(error)
    assert said == {
        "IMG_0.jpg": "(80, 60)",
        "download.jfif": "(80, 60)",
        "IMG_1.HEIC": "HEIC is not read: convert it to JPEG or PNG",
        "IMG_2.heif": "(80, 60)",
        "pic.avif": "AVIF is not read: convert it to JPEG or PNG",
        "x.jp2": "JP2 is not read: convert it to JPEG or PNG",
        "raw.DNG": "DNG is not read: convert it to JPEG or PNG",
    }


def test_files_that_are_no_photos_by_their_names_are_counted(camera: Path) -> None:
    root = camera.parent
    (note,) = photos.index([str(root)]).notes
    assert note == f"{root}: 2 files without the suffix of a photo ({TENCH}/noext, {TENCH}/notes.txt)"
    (root / CHURCH).mkdir()
    for name in ("a.xml", "b.xml"):
        (root / CHURCH / name).write_text("")
    (note,) = photos.index([str(root)]).notes
    assert note.endswith(f": 4 files without the suffix of a photo ({TENCH}/noext, {TENCH}/notes.txt, {CHURCH}/a.xml, …)")
    for path in (camera / "noext", root / CHURCH / "a.xml", root / CHURCH / "b.xml"):
        path.unlink()
    (note,) = photos.index([str(root)]).notes
    assert note.endswith(f": 1 file without the suffix of a photo ({TENCH}/notes.txt)")


def test_photos_in_shards_are_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "set").mkdir()
    with tarfile.open(tmp_path / "set/0.tar", "w") as tar:
        for name, content in (("a.jfif", encoded("JPEG")), ("b.heic", b"\0\0\0\x18ftypheic"), ("raw.nef", encoded("TIFF"))):
            member = tarfile.TarInfo(f"{TENCH}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    jpeg, heic, raw = photos.index([str(tmp_path / "set")]).photos[TENCH]
    assert photos.read(jpeg).size == (80, 60)
    for photo, kind in ((heic, "HEIC"), (raw, "NEF")):
        with pytest.raises(Unusable, match=f"^{kind} is not read: convert it to JPEG or PNG$"):
            photos.read(photo)


def test_a_build_names_them_and_says_by_its_status_that_photos_are_missing(build: Any, made: Any, tmp_path: Path) -> None:
    folder = made.draw_photos(tmp_path / "set", (TENCH,))
    (folder / TENCH / "photo.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (folder / TENCH / "noext").write_bytes(encoded("JPEG"))
    ended = build(tmp_path / "a", "--json", photos=folder)
    assert ended.status == 3
    reason = "HEIC is not read: convert it to JPEG or PNG"
    assert f"skipped set/{TENCH}/photo.HEIC: {reason}" in ended.messages
    assert f"passed over {folder}: 1 file without the suffix of a photo ({TENCH}/noext)" in ended.messages
    assert Store(tmp_path / "a").manifest.skipped_photos == {f"set/{TENCH}/photo.HEIC": reason}
    (folder / TENCH / "photo.HEIC").unlink()
    assert build(tmp_path / "a", photos=folder).status == 0
    assert Store(tmp_path / "a").manifest.skipped_photos == {}
