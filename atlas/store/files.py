"""File names of an atlas, and the few file operations that survive a crash.

A publish is a redo log: everything new is written into ``.commit.tmp``, which becomes ``.commit`` by one rename. From then on
``.commit/NAME`` wins over ``NAME``; moving its files into place can stop anywhere and be finished by the next writer.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

from atlas.schema import SHARED, AtlasError

MANIFEST = "manifest.json"
CLASSES = "classes.parquet"
CONCEPTS = "concepts.parquet"
PHOTOS = "photos.parquet"
STRATEGIES = "strategies.parquet"
EXEMPLARS = "exemplars.parquet"
DICTIONARIES = "dictionaries.safetensors"
PICTURES = "pictures"

COMMIT = ".commit"
BUILD = ".build"

Kind = Literal["class", "concept", "exemplars", "heat", "thumbnails"]

_TABLES = {MANIFEST, CLASSES, CONCEPTS, PHOTOS, STRATEGIES, EXEMPLARS, DICTIONARIES}
_PICTURE = re.compile(rf"{PICTURES}/(n[0-9]{{8}}|{SHARED})/(class|photos|[0-9]{{2,6}}(-exemplars|-heat)?)\.webp")


def picture_name(owner: str, kind: Kind, index: int | None = None) -> str:
    """Return the name of a picture inside an atlas; ``owner`` is a wnid or ``"shared"``."""
    stem = {
        "class": "class",
        "thumbnails": "photos",
        "concept": f"{index or 0:02d}",
        "exemplars": f"{index or 0:02d}-exemplars",
        "heat": f"{index or 0:02d}-heat",
    }[kind]
    return f"{PICTURES}/{owner}/{stem}.webp"


def data_path(name: str) -> Path:
    """Return a file shipped with the project (under ``data/`` or ``assets/``), in a checkout or an installed wheel."""
    package = Path(__file__).parent.parent
    for base in (package.parent, package / "_shipped"):
        if (base / name).exists():
            return base / name
    raise AtlasError(f"The project's own file {name} is missing: reinstall concept-atlas, or run it from a checkout.")


def is_picture(name: str) -> bool:
    """Return whether a picture of an atlas can have this name, as ``picture_name`` gives them."""
    return _PICTURE.fullmatch(name) is not None


def is_ours(name: str) -> bool:
    """Return whether a file of an atlas can have this name: nothing else is ever moved or deleted."""
    return name in _TABLES or is_picture(name)


def leads_out(name: str) -> bool:
    """Return whether a name would leave the atlas; a manifest from elsewhere may hold anything."""
    return ".." in Path(name).parts or Path(name).is_absolute()


def locate(root: Path, name: str) -> Path:
    """Return where ``name`` of the atlas ``root`` lies now; an unfinished publish wins."""
    pending = root / COMMIT / name
    return pending if pending.exists() else root / name


def links_out(root: Path, path: Path) -> bool:
    """Return whether a file of the atlas is a link (or lies behind one) to somewhere else."""
    return not path.resolve().is_relative_to(root.resolve())


def links(folder: Path) -> Iterator[Path]:
    """Yield every link below a folder, without following any: a look at the folders, none at the files."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:  # a publish has just moved it
        return
    for entry in entries:
        if entry.is_symlink():
            yield Path(entry.path)
        elif entry.is_dir():
            yield from links(Path(entry.path))


def opened(root: Path, name: str) -> io.BufferedReader:
    """Open a file of the atlas for reading, also while a publish is moving it.

    Raises:
        OSError: there is none, it is no regular file (which is never waited for), or a link leads out of the atlas.
    """
    try:
        return _opened(root, locate(root, name))
    except FileNotFoundError:  # moved between the look and the read
        return _opened(root, root / name)


def _opened(root: Path, path: Path) -> io.BufferedReader:
    if path.is_symlink() and links_out(root, path):
        raise OSError(errno.ELOOP, "a link that leads out of the atlas")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise (
            IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if stat.S_ISDIR(mode)
            else OSError(errno.EINVAL, "not a regular file")
        )
    return os.fdopen(descriptor, "rb")


def read_bytes(root: Path, name: str) -> bytes:
    """Read a file of the atlas, also while a publish is moving it.

    Raises:
        OSError: as ``opened``.
    """
    with opened(root, name) as stream:
        return stream.read()


def fingerprint(path: Path) -> dict[str, str | int]:
    """Return the sha256 and size of a file, as the manifest records them."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return {"sha256": digest.hexdigest(), "bytes": path.stat().st_size}


def write(path: Path, content: bytes) -> None:
    """Write a file and force it to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sync(folder: Path) -> None:
    """Force every file and folder below (and the folder itself) to the disk."""
    for path in (*folder.rglob("*"), folder):
        _fsync(path)


def become(source: Path, target: Path) -> None:
    """Give a finished folder its final name, in one step that a crash cannot halve; ``target`` must be free."""
    sync(source)
    source.rename(target)
    _fsync(target.parent)


def discard(folder: Path, aside: Path) -> None:
    """Delete a folder: it is gone in one step, so that a crash cannot leave half of it under its name."""
    if folder.exists():
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        shutil.rmtree(aside)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def relative_files(folder: Path) -> Iterator[str]:
    """Yield the names of all files below a folder, in order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def roll_forward(root: Path) -> None:
    """Finish a publish that was decided: move every file of ``.commit`` into place, drop the pictures it no longer names.

    The files are on the disk already (``become``); only the folders they move into are forced to it.
    """
    commit = root / COMMIT
    if not commit.exists():
        return
    folders = {root}
    for name in list(relative_files(commit)):
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (commit / name).replace(target)
        folders |= {target.parent, target.parent.parent}
    if (root / MANIFEST).exists():
        _drop_pictures(root, json.loads((root / MANIFEST).read_bytes())["files"])
    for folder in folders - {root.parent}:
        _fsync(folder)
    shutil.rmtree(commit)


def _drop_pictures(root: Path, known: Collection[str]) -> None:
    for name in list(relative_files(root / PICTURES)):
        if f"{PICTURES}/{name}" not in known:
            (root / PICTURES / name).unlink()
