"""Writer: stage finished results, publish them all or not at all, resume what was left."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load, load_file, save

from atlas.confined import Directory, Held
from atlas.format import paths, tables
from atlas.format.check import untouched
from atlas.format.manifest import encode_manifest
from atlas.format.reader import Store
from atlas.schema import SHARED, AtlasError, ClassRecord, Concept, Manifest, Pictures, Result, is_class_id

#: Completes rows that depend on every class (neighbours, map) from all rows and all dictionaries.
Refine = Callable[
    [Sequence[Concept], Sequence[ClassRecord], dict[str, np.ndarray]],
    tuple[Sequence[Concept], Sequence[ClassRecord]],
]

_NOTE = "staged.json"
_TMP, _STAGED, _ASIDE, _LOCK = (f"{paths.BUILD}/{name}" for name in ("tmp", "staged", "discarded", "lock"))
_NEW = f"{paths.COMMIT}.tmp"
_EMPTY = {".", "..", paths.BUILD, paths.COMMIT, _NEW}


class Writer:
    """The one process that may write an atlas; use it as a context.

    Results are *staged* one by one (each durable once ``stage`` returns) and *published* together: readers see the atlas
    before or after a publish, never between. What lies in the folder may have come from anywhere: it is looked at before
    anything is recovered or built upon, and nothing outside of it is ever read, written or deleted through it.

    Raises:
        AtlasError: the folder holds something else, was changed since it was published, or another process is writing it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._store: Store | None = None
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        self._refuse_strangers()
        try:
            self._folder = Directory(self.root, make=True)
        except OSError as error:
            raise AtlasError(f"{self.root} cannot be written ({error.strerror}): choose another --out.") from error
        try:
            self._lock = self._take_lock()
            self._refuse_links()
            if self.published:
                untouched(self.root)
            self._recover()
        except OSError as error:
            self._close()
            raise AtlasError(f"{self.root} cannot be written ({error.strerror}): choose another --out.") from error
        except BaseException:
            self._close()
            raise
        return self

    def _recover(self) -> None:
        """Bring what a killed writer left into order."""
        paths.roll_forward(self._folder)
        paths.clear(self._folder, _NEW)
        for name in self._folder.files(_STAGED):
            owner, _, inner = name.removeprefix(f"{_STAGED}/").partition("/")
            if not _is_staged(inner) or (paths.is_picture(inner) and inner.split("/")[1] != owner):
                raise _not_built(self.root / name)
        for leftover in (_TMP, _ASIDE):
            paths.clear(self._folder, leftover, _is_staged)
        published = self._published_digests()
        for owner, digest in self.staged().items():
            if published.get(owner) == digest:  # a publish was stopped at its very end
                self._discard(owner)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None and self.published and not self.staged():
                self._folder.clear(paths.BUILD, lambda name: name == "lock")
        finally:
            self._close()

    def _close(self) -> None:
        if self._lock:
            self._lock.close()
        self._folder.close()

    def _refuse_strangers(self) -> None:
        try:
            if self.root.exists() and not self.root.is_dir():
                raise AtlasError(f"{self.root} is a file: --out needs a folder.")
            present = {path.name for path in self.root.iterdir()} if self.root.exists() else set()
        except OSError as error:
            raise AtlasError(f"{self.root} cannot be written ({error.strerror}): choose another --out.") from error
        if present - _EMPTY and not self.published:
            raise AtlasError(
                f"{self.root} is not empty and not an atlas (it holds {sorted(present - _EMPTY)[0]!r}): choose another --out."
            )

    def _refuse_links(self) -> None:
        """Refuse an atlas that holds what no build leaves in it, before it is worked in."""
        for name, kind in self._folder.walk():
            if kind not in ("file", "folder"):
                what = "a link" if kind == "link" else "no regular file"
                raise AtlasError(f"{self.root / name} is {what}: remove it, or choose another --out.")

    def _take_lock(self) -> IO[str]:
        for _ in range(100):
            try:
                self._folder.make(_STAGED)
                if lock := self._folder.lock(_LOCK):
                    return lock
            except Held as held:
                raise AtlasError(f"{self.root} is being written by {held}: wait for it, or choose another --out.") from held
            except FileNotFoundError:  # a writer that has just finished removes the folder
                continue
        self._folder.make(_STAGED)  # if that is what fails, say so
        raise AtlasError(f"{self.root} is being written by others all the time: choose another --out.")

    @property
    def published(self) -> Store | None:
        """What readers see now, or None before the first publish."""
        if not paths.locate(self.root, paths.MANIFEST).exists():
            return None
        if self._store is None or self._store.superseded():
            self._store = Store(self.root)
        return self._store

    def staged(self) -> dict[str, str]:
        """Return owner → digest of everything finished but not yet published."""
        return {owner: note["digest"] for owner, note in self._notes().items()}

    def skipped(self) -> dict[str, str]:
        """Return photo key → reason, of everything finished."""
        notes = self._notes()
        old = self.published.manifest.skipped_photos if self.published else {}
        found = {key: reason for key, reason in old.items() if not set(key.split("/")) & set(notes)}
        for note in notes.values():
            found |= note["skipped"]
        return dict(sorted(found.items()))

    def _notes(self) -> dict[str, Any]:
        notes = {}
        for name in self._folder.names(_STAGED):
            try:
                note = notes[name] = json.loads(self._folder.read(f"{_STAGED}/{name}/{_NOTE}"))
                fine = isinstance(note["digest"], str) and isinstance(note["skipped"], dict) and _is_owner(name)
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                fine = False
            if not fine:
                raise _not_built(self.root / _STAGED / name)
        return notes

    def finished(self) -> dict[str, str]:
        """Return owner → digest of everything that need not be computed again."""
        return self._published_digests() | self.staged()

    def _published_digests(self) -> dict[str, str]:
        if (store := self.published) is None:
            return {}
        shared = {SHARED: store.manifest.shared_digest} if store.shared_concepts else {}
        return shared | {record.info.wnid: record.digest for record in store.records.values()}

    def dictionary(self, owner: str) -> dict[str, np.ndarray]:
        """Return the arrays of a finished dictionary, staged or published: "atoms" (float32), and what encoding needs besides.

        Raises:
            AtlasError: there is no such dictionary yet.
        """
        arrays = self._staged_arrays(owner) or (self._arrays() if self.published else {})
        if owner not in arrays:
            raise AtlasError(f"{self.root} holds no dictionary {owner!r} yet.")
        extra = {name.split(".", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{owner}.")}
        return {"atoms": arrays[owner].astype(np.float32), **extra}

    def _arrays(self) -> dict[str, np.ndarray]:
        store = self.published
        try:
            return dict(load_file(store.dictionaries())) if store else {}
        except (OSError, SafetensorError) as error:
            where = self.root / paths.DICTIONARIES
            raise AtlasError(f"{where} cannot be read ({error}): run `atlas check {self.root}`.") from error

    def _staged_arrays(self, owner: str) -> dict[str, np.ndarray]:
        name = f"{_STAGED}/{owner}/{paths.DICTIONARIES}"
        return dict(load(self._folder.read(name))) if self._folder.holds(name) else {}

    def stage(self, result: Result) -> None:
        """Keep a finished result durably, to be published later."""
        paths.clear(self._folder, _TMP, _is_staged)
        for name, table in _tables(result).items():
            with self._folder.create(f"{_TMP}/{name}") as stream:
                pq.write_table(table, stream)
        if result.atoms is not None:
            extra = {f"{result.owner}.{name}": array for name, array in result.arrays.items()}
            arrays = {result.owner: result.atoms, **extra}
            stored = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
            self._folder.write(f"{_TMP}/{paths.DICTIONARIES}", stored)
        for name, picture in _named(result.owner, result.pictures).items():
            self._folder.write(f"{_TMP}/{name}", picture)
        note = {"digest": result.digest, "skipped": result.skipped}
        self._folder.write(f"{_TMP}/{_NOTE}", json.dumps(note).encode())
        self._discard(result.owner)
        paths.become(self._folder, _TMP, f"{_STAGED}/{result.owner}")

    def _discard(self, owner: str) -> None:
        """Delete what is staged of an owner: it is gone in one step, so that a crash cannot leave half of it under its name."""
        if self._folder.kind(f"{_STAGED}/{owner}") == "folder":
            paths.clear(self._folder, _ASIDE, _is_staged)
            self._folder.move(f"{_STAGED}/{owner}", _ASIDE)
            paths.clear(self._folder, _ASIDE, _is_staged)

    def publish(self, manifest: Manifest, *, refine: Refine | None = None) -> None:
        """Make everything staged visible, in one step; ``files`` and ``shared_digest`` of the manifest are filled in here."""
        self._recover()  # from an interrupted publish
        self._folder.make(_NEW)
        digests = self.staged()
        staged = sorted(digests)
        old = self.published
        shared_digest = digests.get(SHARED) or (old.manifest.shared_digest if old else "")
        atoms = self._merge_dictionaries(staged)
        self._merge_tables(staged, refine, atoms)
        known = self._known_pictures(staged)
        for owner in staged:
            for name in self._folder.files(f"{_STAGED}/{owner}/{paths.PICTURES}"):
                self._folder.share(name, f"{_NEW}/{name.removeprefix(f'{_STAGED}/{owner}/')}", self._folder)
        for name in self._folder.files(_NEW):
            known[name.removeprefix(f"{_NEW}/")] = paths.recorded(self._folder, name)
        manifest = dataclasses.replace(manifest, files=dict(sorted(known.items())), shared_digest=shared_digest)
        self._folder.write(f"{_NEW}/{paths.MANIFEST}", encode_manifest(manifest))
        paths.become(self._folder, _NEW, paths.COMMIT)
        paths.roll_forward(self._folder)
        for owner in staged:
            self._discard(owner)

    def _known_pictures(self, replaced: Sequence[str]) -> dict[str, dict[str, str | int]]:
        store = self.published
        found = store.manifest.files if store else {}
        return {name: entry for name, entry in found.items() if paths.is_picture(name) and name.split("/")[1] not in replaced}

    def _merge_dictionaries(self, staged: Sequence[str]) -> dict[str, np.ndarray]:
        atoms = self._arrays()
        for owner in staged:
            atoms = {name: array for name, array in atoms.items() if name.split(".")[0] != owner} | self._staged_arrays(owner)
        atoms = dict(sorted(atoms.items()))
        self._folder.write(f"{_NEW}/{paths.DICTIONARIES}", save(atoms))
        return atoms

    def _merge_tables(self, staged: Sequence[str], refine: Refine | None, atoms: dict[str, np.ndarray]) -> None:
        merged = {name: self._merged(name, staged) for name in (paths.CLASSES, paths.CONCEPTS)}
        records = sorted(tables.read_records(merged[paths.CLASSES]), key=lambda r: r.info.class_index)
        order = {SHARED: -1} | {r.info.wnid: r.info.class_index for r in records}
        if homeless := {owner for owner in tables.owners(merged[paths.CONCEPTS]).to_pylist() if owner not in order}:
            raise AtlasError(f"{self.root} holds concepts of {min(homeless)}, a class that there is not: run `atlas check`.")
        concepts = sorted(tables.read_concepts(merged[paths.CONCEPTS]), key=lambda c: (order[c.wnid or SHARED], c.index))
        if refine:
            refined = refine(concepts, records, atoms)
            concepts, records = list(refined[0]), list(refined[1])
        for name, table in ((paths.CLASSES, tables.records_table(records)), (paths.CONCEPTS, tables.concepts_table(concepts))):
            with self._folder.create(f"{_NEW}/{name}") as stream, _small_file(stream, table.schema) as writer:
                writer.write_table(table)
        for name in (paths.PHOTOS, paths.STRATEGIES, paths.EXEMPLARS):
            self._write_groups(name, staged, order)

    def _write_groups(self, name: str, staged: Sequence[str], order: dict[str, int]) -> None:
        """Write a table with one row group an owner, owners in atlas order; never more than one of them is in memory."""
        old = self.published
        owners = {*staged, *(old.owners(name) if old else ())}
        with self._folder.create(f"{_NEW}/{name}") as stream, _small_file(stream, tables.SCHEMAS[name]) as writer:
            for owner in sorted(owners & order.keys(), key=order.__getitem__):
                rows = self._staged_rows(owner, name) if owner in staged else old.rows(name, owner) if old else None
                if rows is not None and rows.num_rows:
                    writer.write_table(rows.combine_chunks(), row_group_size=rows.num_rows)

    def _staged_rows(self, owner: str, name: str) -> pa.Table:
        path = f"{_STAGED}/{owner}/{name}"
        try:
            with self._folder.open(path) as stream:
                rows = pq.ParquetFile(stream).read(use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise _not_built(self.root / path) from error
        if not rows.schema.equals(tables.SCHEMAS[name]):
            raise _not_built(self.root / path)
        return rows

    def _merged(self, name: str, staged: Sequence[str]) -> pa.Table:
        pieces = [self._staged_rows(owner, name) for owner in staged]
        if old := self.published:
            table = old.table(name)
            kept = pc.invert(pc.is_in(tables.owners(table), pa.array(staged, pa.string())))
            pieces.insert(0, table.filter(kept))
        return pa.concat_tables(pieces) if pieces else tables.SCHEMAS[name].empty_table()


def _is_owner(name: str) -> bool:
    return name == SHARED or is_class_id(name)


def _not_built(path: Path) -> AtlasError:
    return AtlasError(f"{path} was not written by a build: move it away, then the same command goes on.")


def _is_staged(name: str) -> bool:
    """Return whether a build can have written a file of this name for one owner."""
    return name == _NOTE or paths.is_ours(name)


def _small_file(stream: io.BufferedWriter, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a table for writing so that it is small on disk.

    Statistics are kept of the first column alone, which says whose the rows are; a dictionary only of cosines, which repeat.
    """
    repeats = ["alignment.list.element"] if "alignment" in schema.names else False
    first = [schema.names[0]]
    return pq.ParquetWriter(
        stream, schema, compression="zstd", compression_level=9, write_statistics=first, use_dictionary=repeats
    )


def _tables(result: Result) -> dict[str, pa.Table]:
    return {
        paths.CLASSES: tables.records_table([result.record] if result.record else []),
        paths.CONCEPTS: tables.concepts_table(result.concepts),
        paths.PHOTOS: tables.photos_table(result.photos) if result.photos else tables.SCHEMAS[paths.PHOTOS].empty_table(),
        paths.STRATEGIES: tables.strategies_table(result.strategies),
        paths.EXEMPLARS: tables.exemplars_table(result.exemplars),
    }


def _named(owner: str, pictures: Pictures) -> dict[str, bytes]:
    named: dict[str, bytes] = {}
    for kind, picture in (("class", pictures.class_picture), ("thumbnails", pictures.thumbnails)):
        if picture is not None:
            named[paths.picture_name(owner, kind)] = picture  # type: ignore[arg-type]  # a Literal, narrowed by the loop
    for kind, by_index in (
        ("concept", pictures.concepts),
        ("exemplars", pictures.exemplars),
        ("heat", pictures.heat),
    ):
        named |= {paths.picture_name(owner, kind, index): picture for index, picture in by_index.items()}  # type: ignore[arg-type]
    return named
