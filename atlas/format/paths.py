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
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Literal

from atlas.confined import Directory
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
    try:
        return not path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return True


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
    path.stat()  # a link in a circle says so itself
    if links_out(root, path):
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


def recorded(folder: Directory, name: str) -> dict[str, str | int]:
    """Return the sha256 and size of a file, as the manifest records them."""
    with folder.open(name) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"sha256": digest, "bytes": stream.tell()}


def become(folder: Directory, source: str, target: str) -> None:
    """Give a finished folder its final name, in one step that a crash cannot halve; ``target`` must be free."""
    folder.sync(source)
    folder.move(source, target)
    folder.sync_folder(target.rpartition("/")[0])


def clear(folder: Directory, name: str, ours: Callable[[str], bool] = is_ours) -> None:
    """Delete a folder that builds write.

    Raises:
        AtlasError: it holds what no build has written.
    """
    if stays := folder.clear(name, ours):
        raise AtlasError(f"{folder.path / stays[0]} was not written by a build: move it away, then the same command goes on.")


def roll_forward(folder: Directory) -> None:
    """Finish a publish that was decided: drop the pictures it no longer names, move every file of ``.commit`` into place.

    The files are on the disk already (``become``); only the folders they move into are forced to it. The manifest that is there
    tells which pictures are a build's own: no other file is deleted, and none moved that a build would not have written.

    Raises:
        AtlasError: ``.commit`` holds a link, or what no build has written.
    """
    names = [name.removeprefix(f"{COMMIT}/") for name in folder.files(COMMIT)]
    if strange := [name for name in names if not is_ours(name)]:
        where = folder.path / COMMIT / strange[0]
        raise AtlasError(f"{where} was not written by a build: move it away, then the same command goes on.")
    changed = {""}
    if MANIFEST in names:
        changed |= _drop(folder, _named(folder, MANIFEST) - _named(folder, f"{COMMIT}/{MANIFEST}"))
    for name in names:
        folder.move(f"{COMMIT}/{name}", name)
        parent = name.rpartition("/")[0]
        changed |= {parent, parent.rpartition("/")[0]}
    for parent in sorted(changed):
        if not parent or folder.kind(parent) == "folder":
            folder.sync_folder(parent)
    clear(folder, COMMIT)


def _named(folder: Directory, manifest: str) -> set[str]:
    """Return the pictures that a manifest names; nothing where it cannot be read."""
    try:
        return {name for name in json.loads(folder.read(manifest))["files"] if is_picture(name)}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()


def _drop(folder: Directory, pictures: Collection[str]) -> set[str]:
    """Delete pictures that are no longer named, and folders that are empty then; return what has changed."""
    dropped = [name for name in sorted(pictures) if folder.holds(name)]
    for name in dropped:
        folder.remove(name)
    owners = {name.rpartition("/")[0] for name in dropped}
    gone = [owner for owner in sorted(owners) if folder.remove_empty(owner)]
    return owners | ({PICTURES} if gone else set())
