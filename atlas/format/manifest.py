"""The 1000 ImageNet classes, and the manifest as JSON."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from atlas.format.paths import data_path
from atlas.format.values import oddities
from atlas.schema import FORMAT_VERSION, AtlasError, ImageNetClass, Manifest, PhotoSet

CLASSES_CSV = "data/imagenet_classes.csv"
_SHA256 = re.compile("[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}")
_SEALED_SINCE = (1, 2)
_SEAL = re.compile(rb',\n "digest": "([0-9a-f]{64})"\n}\n\Z')
_MAPPINGS = ("project", "backbone", "config", "libraries", "classes", "skipped_photos", "files")


@cache
def imagenet_classes() -> tuple[ImageNetClass, ...]:
    """Return the 1000 classes, by class index (names from WordNet, unique on screen)."""
    with data_path(CLASSES_CSV).open(encoding="utf-8", newline="") as stream:
        return tuple(
            ImageNetClass(
                class_index=int(row["class_index"]),
                wnid=row["wnid"],
                name=row["name"],
                synonyms=tuple(filter(None, row["synonyms"].split("; "))),
                definition=row["definition"],
                hypernyms=tuple(filter(None, row["hypernyms"].split(" > "))),
            )
            for row in csv.DictReader(stream)
        )


class Entries(Mapping[str, dict[str, Any]]):
    """The files of a manifest, 40 bytes each: of tens of thousands, as dictionaries, a reader would carry 16 MB."""

    def __init__(self, packed: Mapping[str, bytes | dict[str, Any]]) -> None:
        self._packed = packed

    def __getitem__(self, name: str) -> dict[str, Any]:
        packed = self._packed[name]
        if isinstance(packed, dict):
            return packed
        return {"sha256": packed[:32].hex(), "bytes": int.from_bytes(packed[32:], "big")}

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def _packed(value: dict[str, Any]) -> Any:
    """Pack the entry of a file while it is read; leave anything else, and anything strange, as it is."""
    if len(value) != 2 or not isinstance(value.get("sha256"), str) or not isinstance(value.get("bytes"), int):
        return value
    if not _SHA256.fullmatch(value["sha256"]) or not 0 <= value["bytes"] < 1 << 64:
        return value
    return bytes.fromhex(value["sha256"]) + value["bytes"].to_bytes(8, "big")


def _is_entry(value: object) -> bool:
    """Return whether something is the entry of a file; a newer minor version may say more of it."""
    known = {name: value.get(name) for name in ("sha256", "bytes")} if isinstance(value, dict) else {}
    return isinstance(value, bytes) or isinstance(_packed(known), bytes)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as indented JSON that ends with a digest of all that stands before it."""
    return sealed(dataclasses.asdict(dataclasses.replace(manifest, files=dict(manifest.files))))


def sealed(values: Mapping[str, Any]) -> bytes:
    """Return the values of a manifest as JSON, with a digest of themselves at the end: one changed bit is noticed."""
    plain = {name: value for name, value in values.items() if name != "digest"}
    body = json.dumps(plain, indent=1, ensure_ascii=False).encode().removesuffix(b"\n}")
    return body + f',\n "digest": "{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode()


def decode_manifest(content: bytes, where: str) -> Manifest:
    """Read a manifest.

    Raises:
        AtlasError: not JSON, not a manifest, not as it was published, or written by a newer major version of the format.
    """
    try:
        values: dict[str, Any] = json.loads(content, object_hook=_packed, parse_constant=_no_number)
        version = str(values["format_version"])
        if not _VERSION.fullmatch(version):
            raise ValueError(f"its version is {version[:20]!r}")
        major, minor = map(int, version.split("."))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AtlasError(
            f"{where}/manifest.json is not the manifest of an atlas ({error}): restore it, or build the atlas again."
        ) from error
    if major > int(FORMAT_VERSION.split(".")[0]):
        raise AtlasError(
            f"{where} has format {version}; this version reads up to {FORMAT_VERSION.split('.')[0]}.x. "
            "Upgrade concept-atlas to open it."
        )
    if not _seal_holds(content, needed=(major, minor) >= _SEALED_SINCE or "digest" in values):
        raise AtlasError(
            f"{where}/manifest.json is not as it was published (its own digest does not fit): restore it, or build it again."
        )
    try:
        sets = tuple(PhotoSet(**_known(PhotoSet, s)) for s in values.pop("photo_sets"))
        manifest = Manifest(photo_sets=sets, **_known(Manifest, values))
        if strange := [name for name in _MAPPINGS if not isinstance(getattr(manifest, name), dict)]:
            raise TypeError(f"{strange[0]!r} must be an object")
        if strange := [name for name, entry in manifest.files.items() if not _is_entry(entry)]:
            raise TypeError(f"the entry of {strange[0][:200]!r} must have a sha256 and bytes")
        manifest = dataclasses.replace(manifest, files=Entries(manifest.files))
        for words in oddities(manifest):
            raise TypeError(words)
    except (TypeError, KeyError, AttributeError) as error:
        raise AtlasError(f"{where}/manifest.json lacks what a manifest needs ({error}): build the atlas again.") from error
    return manifest


def _no_number(word: str) -> float:
    raise ValueError(f"it holds {word}")


def _seal_holds(content: bytes, *, needed: bool) -> bool:
    """Return whether a manifest is as it was published; versions before 1.2 had no digest, and need none."""
    seal = _SEAL.search(content)
    if seal is None:
        return not needed
    return hashlib.sha256(content[: seal.start()]).hexdigest().encode() == seal[1]


def _known(kind: type[Manifest] | type[PhotoSet], values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a newer minor version may have added."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names}
