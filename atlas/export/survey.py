"""What lies in the folder of a gallery: what an export wrote, what was changed since, and what somebody else put there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from atlas.export.own import FOLDERS, is_own, parents
from atlas.export.place import Place

NOTE = "gallery.json"
KIND = "concept-atlas gallery"
_LARGEST = 64 << 20  # bytes of a note; a thousand classes need less than one million
_DEEPEST = 4  # parts of the longest name, class/WNID/INDEX/index.html


@dataclass(frozen=True, slots=True)
class Note:
    """What a gallery says of itself."""

    units: dict[str, str]  # wnid, or "shared" → digest of what its pages depend on
    files: dict[str, str] | None  # name → digest of its content; None: an earlier version wrote it, and kept no list
    content: bytes


@dataclass(frozen=True, slots=True)
class Survey:
    """Whose the things in the folder of a gallery are."""

    own: dict[str, str]  # file → digest, as an export wrote it
    changed: tuple[str, ...]  # files that an export wrote, and somebody changed
    theirs: tuple[str, ...]  # files, links and whole folders that no export wrote


def read_note(place: Place, folder: str) -> Note | None:
    """Return what the gallery in a folder says of itself; None: there is no gallery.

    Raises:
        Unfit: a link or a special file stands in the way.
    """
    try:
        with place.open(f"{folder}/{NOTE}") as stream:
            content = stream.read(_LARGEST + 1)
        said: Any = json.loads(content) if len(content) <= _LARGEST else None
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("kind") != KIND:
        return None
    if "files" not in said:
        return Note({}, None, content)
    files = {name: digest for name, digest in _texts(said["files"]).items() if is_own(name)}
    return Note(_texts(said.get("units")), files, content)


def _texts(said: Any) -> dict[str, str]:
    return {key: value for key, value in said.items() if isinstance(value, str)} if isinstance(said, dict) else {}


def survey(place: Place, folder: str, note: Note | None) -> Survey:
    """Tell what is whose in a folder; nothing is ours where there is no note."""
    listed = {} if note is None else _by_name(place, folder) if note.files is None else note.files
    folders = {parent for name in listed for parent in parents(name)}
    own, changed, theirs, waiting = dict[str, str](), list[str](), list[str](), [""]
    while waiting:
        inside = waiting.pop()
        for last, kind in place.entries(f"{folder}/{inside}".rstrip("/")):
            name = f"{inside}/{last}" if inside else last
            if kind == "folder" and name in folders:
                waiting.append(name)
            elif kind == "file" and name in listed:
                digest = place.digest(f"{folder}/{name}")
                own.update({name: digest}) if digest == listed[name] else changed.append(name)
            elif note is None or name != NOTE:
                theirs.append(name)
    return Survey(own, tuple(sorted(changed)), tuple(sorted(theirs)))


def _by_name(place: Place, folder: str) -> dict[str, str]:
    """Return the files of a gallery without a list that have the names of ours, with their digests."""
    return {name: place.digest(f"{folder}/{name}") for name in _named(place, folder, "") if is_own(name)}


def _named(place: Place, folder: str, inside: str) -> Iterator[str]:
    """Yield the names of all files that are no deeper than ours."""
    for last, kind in place.entries(f"{folder}/{inside}".rstrip("/")):
        name = f"{inside}/{last}" if inside else last
        if kind == "file":
            yield name
        elif kind == "folder" and name.split("/")[0] in FOLDERS and name.count("/") < _DEEPEST - 1:
            yield from _named(place, folder, name)
