"""Is an atlas whole? Checksums, schemas and cross-references."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open

from atlas.schema import SHARED, AtlasError
from atlas.store import files, tables
from atlas.store.reader import Store


def problems(root: Path | str) -> list[str]:
    """Return what is wrong with an atlas, a sentence each; an empty list means whole.

    Raises:
        AtlasError: the folder is no atlas at all.
    """
    store = Store(root)
    damaged = list(_damaged_files(store)) + list(_strange_files(store))
    try:
        return damaged or list(_wrong_schemas(store)) or list(_dangling_references(store))
    except AtlasError as error:
        return [str(error)]
    except Exception as error:  # checksums are right and tables are not: made to be read wrongly, in ways nobody can list
        return [f"its tables cannot be read ({type(error).__name__}: {error})"]


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
    raise AtlasError(f"{root} is not as it was published ({changed} has changed): run `atlas check {root}`.")


def tampered(store: Store) -> str | None:
    """Return the first table or dictionary that is missing or was changed since it was published, or None.

    Pictures are left out: an atlas of many gigabytes opens in a moment all the same, and nothing here interprets a picture. But
    no name, a picture's neither, may be a link to somewhere else.
    """
    for link in files.links(store.root):
        if files.links_out(store.root, link):
            return link.relative_to(store.root).as_posix()
    for name, entry in store.manifest.files.items():
        if files.leads_out(name):
            return name
        if not name.startswith(f"{files.PICTURES}/"):
            path = files.locate(store.root, name)
            if not path.is_file() or files.fingerprint(path) != entry:
                return name
    return None


def _damaged_files(store: Store) -> Iterator[str]:
    for name, entry in store.manifest.files.items():
        path = files.locate(store.root, name)
        if files.leads_out(name):
            yield f"{name}: this name leads out of the atlas"
        elif not path.is_file():
            yield f"{name}: missing"
        elif files.links_out(store.root, path):
            yield f"{name}: a link that leads out of the atlas"
        elif (found := files.fingerprint(path)) != entry:
            yield f"{name}: changed since it was published ({entry.get('bytes')} bytes then, {found['bytes']} now)"


def _strange_files(store: Store) -> Iterator[str]:
    expected = {files.BUILD, files.COMMIT, f"{files.COMMIT}.tmp", files.MANIFEST}
    if (store.root / files.COMMIT).exists():
        expected.add(files.PICTURES)  # the publish that is under way drops those that are no longer named
    for name in files.relative_files(store.root):
        if name.split("/")[0] not in expected and name not in store.manifest.files:
            yield f"{name}: not named by the manifest"


def _wrong_schemas(store: Store) -> Iterator[str]:
    for name, schema in tables.SCHEMAS.items():
        try:
            found = pq.read_schema(files.locate(store.root, name))
        except (pa.ArrowException, OSError) as error:
            yield f"{name}: not a parquet table ({error})"
            continue
        if not found.equals(schema):
            yield f"{name}: its columns are not those of format {store.manifest.format_version}"


def _dangling_references(store: Store) -> Iterator[str]:
    try:
        concepts = {concept.concept_id: concept for concept in store.all_concepts()}
        sizes = _dictionary_sizes(store)
    except (SafetensorError, OSError) as error:
        yield f"{files.DICTIONARIES}: cannot be read ({error})"
        return
    for owner, size in sizes.items():
        known = sum(concept_id.split("/")[0] == owner for concept_id in concepts)
        if known != size:
            yield f"{files.DICTIONARIES}: {owner} has {size} atoms, the concepts table {known}"
    for wnid, record in store.records.items():
        size = sizes.get(SHARED if record.scope == "shared" else wnid, 0)
        if record.scope and not size:
            yield f"{files.CLASSES}: {wnid} is explained by a dictionary that is missing"
        if any(not 0 <= evidence.index < sizes.get(SHARED, 0) for evidence in record.evidence):
            yield f"{files.CLASSES}: {wnid} rests on concepts that the shared dictionary lacks"
        if record.alignment and len(record.alignment) != sizes.get(SHARED, 0):
            yield f"{files.CLASSES}: {wnid} is aligned with {len(record.alignment)} concepts, not with all shared ones"
        yield from _photo_problems(store, wnid, size)
    for exemplar in tables.read_exemplars(store._exemplars):
        if exemplar.concept_id not in concepts:
            yield f"{files.EXEMPLARS}: exemplar of an unknown concept {exemplar.concept_id}"
    for concept in concepts.values():
        if concept.wnid is not None and concept.wnid not in store.records:
            yield f"{files.CONCEPTS}: {concept.concept_id} belongs to an unknown class"


def _photo_problems(store: Store, wnid: str, concepts: int) -> Iterator[str]:
    record = store.records[wnid]
    try:
        photos = store.photos(wnid)
    except AtlasError as error:
        yield f"{files.PHOTOS}: the photos of {wnid} cannot be read ({error.__cause__})"
        return
    if (len(photos) if photos else 0) != record.n_photos:
        yield f"{files.PHOTOS}: {wnid} has {len(photos) if photos else 0} photos, its record says {record.n_photos}"
    if photos is None:
        return
    if photos.contributions.shape[1] != concepts:
        yield f"{files.PHOTOS}: {wnid} has contributions of {photos.contributions.shape[1]} concepts, its dictionary {concepts}"
    if any(not 0 <= i < len(photos) for near in photos.neighbours for i in near):
        yield f"{files.PHOTOS}: {wnid} has neighbours among photos that it lacks"
    total = photos.contributions.sum(axis=1) + photos.bias + photos.residual
    gap = abs(total - photos.class_logit).max(initial=0)
    if gap > 1e-3:
        yield f"{files.PHOTOS}: {wnid}: contributions + bias + residual miss the logit by {gap:.2g}"
    strategies = {strategy.index for strategy in store.strategies(wnid)}
    if not set(photos.strategy.tolist()) <= strategies | {-1}:
        yield f"{files.PHOTOS}: {wnid} names a strategy that the strategies table lacks"


def _dictionary_sizes(store: Store) -> dict[str, int]:
    with safe_open(files.locate(store.root, files.DICTIONARIES), framework="numpy") as dictionaries:
        owners = [name for name in dictionaries.keys() if "." not in name]  # noqa: SIM118 (not a dict)
        return {owner: dictionaries.get_slice(owner).get_shape()[0] for owner in owners}
