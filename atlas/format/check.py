"""Is an atlas whole? Checksums, schemas, and numbers that must agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError

from atlas.confined import Directory
from atlas.format import paths, tables, upgrade, version_1_0
from atlas.format.checks.agreement import contradictions
from atlas.format.checks.contradiction import plain, sentences
from atlas.format.checks.pictures import spoilt
from atlas.format.reader import Store
from atlas.schema import SHARED, AtlasError


class _Examined(Store):
    """An atlas that is read whatever its tables say: what is wrong with them is told, all of it."""

    _refusing = False


def problems(root: Path | str) -> list[str]:
    """Return what is wrong with an atlas, a sentence each; an empty list means whole.

    Raises:
        AtlasError: the folder is no atlas at all.
    """
    store = _Examined(root)
    try:
        return [plain(wrong) for wrong in _wrong(store)]
    except AtlasError as error:
        return [plain(str(error))]
    except Exception as error:  # checksums are right and tables are not: made to be read wrongly, in ways nobody can list
        return [plain(f"its tables cannot be read ({type(error).__name__}: {error})")]


def _wrong(store: Store) -> list[str]:
    """Return what is wrong, from the outside to the inside: what lies deeper is looked at if what holds it is right."""
    damaged = [*_damaged_files(store), *_strange_files(store)]
    pictures = [name for name in store.manifest.files if paths.is_picture(name)]
    return (
        damaged or list(_wrong_schemas(store)) or [*_contradictions(store), *_of_pictures(store), *spoilt(store.root, pictures)]
    )


def untouched(root: Path) -> Store:
    """Open an atlas whose tables are as they were published; look twice, a build may be publishing just now.

    Raises:
        AtlasError: it cannot be read, or was changed.
    """
    changed: str | None = None
    for _ in range(2):
        store = Store(root)
        if (changed := tampered(store)) is None:
            return store
    if changed and (root / changed).is_symlink():
        raise AtlasError(f"{root / changed} is a link that leads out of the atlas: copy the atlas with what its links lead to.")
    raise AtlasError(f"{root} is not as it was published ({changed} has changed): run `atlas check {root}`.")


def tampered(store: Store) -> str | None:
    """Return the first table or dictionary that is missing or was changed since it was published, or None.

    Pictures are left out: an atlas of many gigabytes opens in a moment all the same, and nothing here interprets a picture. But
    no name, a picture's neither, may be a link to somewhere else.
    """
    for link in paths.links(store.root):
        if paths.links_out(store.root, link):
            return link.relative_to(store.root).as_posix()
    for name, entry in store.manifest.files.items():
        if paths.leads_out(name):
            return name
        if not name.startswith(f"{paths.PICTURES}/"):
            path = paths.locate(store.root, name)
            if not path.is_file() or paths.fingerprint(path) != entry:
                return name
    return None


def _damaged_files(store: Store) -> Iterator[str]:
    for name, entry in store.manifest.files.items():
        path = paths.locate(store.root, name)
        if paths.leads_out(name):
            yield f"{name}: this name leads out of the atlas"
        elif not paths.is_ours(name):
            yield f"{name}: no file of an atlas"
        elif not path.is_file():
            yield f"{name}: missing"
        elif paths.links_out(store.root, path):
            yield f"{name}: a link that leads out of the atlas"
        elif (found := paths.fingerprint(path)) != entry:
            yield f"{name}: changed since it was published ({entry.get('bytes')} bytes then, {found['bytes']} now)"


def _strange_files(store: Store) -> Iterator[str]:
    expected = {paths.BUILD, paths.COMMIT, f"{paths.COMMIT}.tmp", paths.MANIFEST}
    if (store.root / paths.COMMIT).exists():
        expected.add(paths.PICTURES)  # the publish that is under way drops those that are no longer named
    with Directory(store.root) as folder:
        below = list(folder.walk())
    for name, kind in below:
        if kind == "link" and name not in store.manifest.files and paths.links_out(store.root, store.root / name):
            yield f"{name}: a link that leads out of the atlas"
        elif kind == "special":
            yield f"{name}: no regular file"
        elif kind != "folder" and name.split("/")[0] not in expected and name not in store.manifest.files:
            yield f"{name}: not named by the manifest"


def _wrong_schemas(store: Store) -> Iterator[str]:
    version = store.manifest.format_version
    for name, schema in tables.SCHEMAS.items():
        try:
            found = pq.read_schema(store._published.file(name))
        except (pa.ArrowException, OSError) as error:
            yield f"{name}: not a parquet table ({error})"
            continue
        columns = dict(zip(found.names, found.types, strict=True))
        first = version == upgrade.VERSION
        if len(columns) < len(found) or (columns != version_1_0.columns(name) if first else not found.equals(schema)):
            yield f"{name}: its columns are not those of format {version}"


def _contradictions(store: Store) -> list[str]:
    otherwise = version_1_0.OTHERWISE if store.manifest.format_version == upgrade.VERSION else ()
    try:
        return sentences(contradictions(store, otherwise))
    except (SafetensorError, OSError) as error:
        return [f"{paths.DICTIONARIES}: cannot be read ({' '.join(str(error).split())})"]


def _of_pictures(store: Store) -> Iterator[str]:
    """Check that pictures are of classes and concepts that there are."""
    sizes = store.concept_counts() | {SHARED: len(store.shared_concepts)}
    for name in store.manifest.files:
        if paths.is_picture(name):
            owner, stem = name.removeprefix(f"{paths.PICTURES}/").removesuffix(".webp").split("/")
            index = stem.partition("-")[0]
            if owner != SHARED and owner not in store.records:
                yield f"{name}: of a class that there is not"
            elif index.isdigit() and int(index) >= sizes.get(owner, 0):
                yield f"{name}: of a concept that there is not"
