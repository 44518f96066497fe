"""Writer: stage finished results, publish them all or not at all, resume what was left."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import shutil
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from atlas.schema import SHARED, AtlasError, ClassRecord, Concept, Manifest, Pictures, Result
from atlas.store import files, tables
from atlas.store.metadata import encode_manifest
from atlas.store.reader import Store

#: Completes rows that depend on every class (neighbours, map) from all rows and all dictionaries.
Refine = Callable[
    [Sequence[Concept], Sequence[ClassRecord], dict[str, np.ndarray]],
    tuple[Sequence[Concept], Sequence[ClassRecord]],
]

_NOTE = "staged.json"
_EMPTY = {".", "..", files.BUILD, files.COMMIT, f"{files.COMMIT}.tmp"}


class Writer:
    """The one process that may write an atlas; use it as a context.

    Results are *staged* one by one (each durable once ``stage`` returns) and *published* together: readers see the atlas
    before or after a publish, never between.

    Raises:
        AtlasError: the folder holds something else, or another process is writing this atlas.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._staged = root / files.BUILD / "staged"
        self._aside = root / files.BUILD / "discarded"
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._refuse_strangers()
            self._lock = self._take_lock()
        except OSError as error:
            raise AtlasError(f"{self.root} cannot be written ({error.strerror}): choose another --out.") from error
        try:
            self._recover()
        except BaseException:
            self._lock.close()
            raise
        return self

    def _recover(self) -> None:
        """Bring what a killed writer left into order."""
        files.roll_forward(self.root)
        for leftover in (self.root / f"{files.COMMIT}.tmp", self.root / files.BUILD / "tmp", self._aside):
            shutil.rmtree(leftover, ignore_errors=True)
        published = self._published_digests()
        for owner, digest in self.staged().items():
            if published.get(owner) == digest:  # a publish was stopped at its very end
                files.discard(self._staged / owner, self._aside)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None and self.published and not self.staged():
                shutil.rmtree(self.root / files.BUILD, ignore_errors=True)
        finally:
            if self._lock:
                self._lock.close()

    def _refuse_strangers(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise AtlasError(f"{self.root} is a file: --out needs a folder.")
        present = {path.name for path in self.root.iterdir()} if self.root.exists() else set()
        if present - _EMPTY and not self.published:
            raise AtlasError(
                f"{self.root} is not empty and not an atlas (it holds {sorted(present - _EMPTY)[0]!r}): choose another --out."
            )

    def _take_lock(self) -> IO[str]:
        for _ in range(100):
            with suppress(FileNotFoundError, FileExistsError):  # a writer that has just finished removes the folder
                if lock := self._try_lock():
                    return lock
        self._staged.mkdir(parents=True, exist_ok=True)
        raise AtlasError(f"{self.root} is being written by others all the time: choose another --out.")

    def _try_lock(self) -> IO[str] | None:
        self._staged.mkdir(parents=True, exist_ok=True)
        path = self.root / files.BUILD / "lock"
        lock = path.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            owner = lock.read().strip() or "an unknown process"
            lock.close()
            raise AtlasError(f"{self.root} is being written by {owner}: wait for it, or choose another --out.") from error
        if os.fstat(lock.fileno()).st_nlink == 0:  # removed between opening and locking it
            lock.close()
            return None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        lock.flush()
        return lock

    @property
    def published(self) -> Store | None:
        """What readers see now, or None before the first publish."""
        found = files.locate(self.root, files.MANIFEST).exists()
        return Store(self.root) if found else None

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
        folders = sorted(self._staged.iterdir()) if self._staged.exists() else []
        return {folder.name: json.loads((folder / _NOTE).read_text()) for folder in folders}

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
        staged = self._staged / owner / files.DICTIONARIES
        arrays = load_file(staged) if staged.exists() else self._arrays() if self.published else {}
        if owner not in arrays:
            raise AtlasError(f"{self.root} holds no dictionary {owner!r} yet.")
        extra = {name.split(".", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{owner}.")}
        return {"atoms": arrays[owner].astype(np.float32), **extra}

    def _arrays(self) -> dict[str, np.ndarray]:
        path = files.locate(self.root, files.DICTIONARIES)
        try:
            return dict(load_file(path))
        except (OSError, SafetensorError) as error:
            raise AtlasError(f"{path} cannot be read ({error}): run `atlas check {self.root}`.") from error

    def stage(self, result: Result) -> None:
        """Keep a finished result durably, to be published later."""
        folder = self.root / files.BUILD / "tmp"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, table in _tables(result).items():
            pq.write_table(table, folder / name)
        if result.atoms is not None:
            extra = {f"{result.owner}.{name}": array for name, array in result.arrays.items()}
            arrays = {result.owner: result.atoms, **extra}
            files.write(folder / files.DICTIONARIES, save({n: np.asarray(array, order="C") for n, array in arrays.items()}))
        for name, picture in _named(result.owner, result.pictures).items():
            files.write(folder / name, picture)
        files.write(folder / _NOTE, json.dumps({"digest": result.digest, "skipped": result.skipped}).encode())
        files.discard(self._staged / result.owner, self._aside)
        files.become(folder, self._staged / result.owner)

    def publish(self, manifest: Manifest, *, refine: Refine | None = None) -> None:
        """Make everything staged visible, in one step; ``files`` and ``shared_digest`` of the manifest are filled in here."""
        new = self.root / f"{files.COMMIT}.tmp"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        digests = self.staged()
        staged = sorted(digests)
        old = self.published
        shared_digest = digests.get(SHARED) or (old.manifest.shared_digest if old else "")
        atoms = self._merge_dictionaries(new, staged)
        self._merge_tables(new, staged, refine, atoms)
        known = self._known_pictures(staged)
        for owner in staged:
            if (self._staged / owner / files.PICTURES).exists():
                shutil.copytree(self._staged / owner / files.PICTURES, new / files.PICTURES, dirs_exist_ok=True)
        known |= {name: files.fingerprint(new / name) for name in files.relative_files(new)}
        manifest = dataclasses.replace(manifest, files=dict(sorted(known.items())), shared_digest=shared_digest)
        files.write(new / files.MANIFEST, encode_manifest(manifest))
        files.become(new, self.root / files.COMMIT)
        files.roll_forward(self.root)
        for owner in staged:
            files.discard(self._staged / owner, self._aside)

    def _known_pictures(self, replaced: Sequence[str]) -> dict[str, dict[str, str | int]]:
        store = self.published
        found = store.manifest.files if store else {}
        return {
            name: entry
            for name, entry in found.items()
            if name.startswith(files.PICTURES + "/") and name.split("/")[1] not in replaced
        }

    def _merge_dictionaries(self, new: Path, staged: Sequence[str]) -> dict[str, np.ndarray]:
        atoms = self._arrays() if self.published else {}
        for owner in staged:
            atoms = {name: array for name, array in atoms.items() if name.split(".")[0] != owner}
            if (path := self._staged / owner / files.DICTIONARIES).exists():
                atoms |= load_file(path)
        atoms = dict(sorted(atoms.items()))
        files.write(new / files.DICTIONARIES, save(atoms))
        return atoms

    def _merge_tables(self, new: Path, staged: Sequence[str], refine: Refine | None, atoms: dict[str, np.ndarray]) -> None:
        merged = {name: self._merged(name, staged) for name in (files.CLASSES, files.CONCEPTS)}
        records = sorted(tables.read_records(merged[files.CLASSES]), key=lambda r: r.info.class_index)
        order = {SHARED: -1} | {r.info.wnid: r.info.class_index for r in records}
        concepts = sorted(tables.read_concepts(merged[files.CONCEPTS]), key=lambda c: (order[c.wnid or SHARED], c.index))
        if refine:
            refined = refine(concepts, records, atoms)
            concepts, records = list(refined[0]), list(refined[1])
        for name, table in ((files.CLASSES, tables.records_table(records)), (files.CONCEPTS, tables.concepts_table(concepts))):
            with _small_file(new / name, table.schema) as writer:
                writer.write_table(table)
        for name in (files.PHOTOS, files.STRATEGIES, files.EXEMPLARS):
            self._write_groups(new / name, name, staged, order)

    def _write_groups(self, path: Path, name: str, staged: Sequence[str], order: dict[str, int]) -> None:
        """Write a table with one row group an owner, owners in atlas order; never more than one of them is in memory."""
        old = self.published
        owners = {*staged, *(old.owners(name) if old else ())}
        with _small_file(path, tables.SCHEMAS[name]) as writer:
            for owner in sorted(owners & order.keys(), key=order.__getitem__):
                mine = self._staged / owner / name
                rows = pq.read_table(mine, use_threads=False) if owner in staged else old.rows(name, owner) if old else None
                if rows is not None and rows.num_rows:
                    writer.write_table(rows.combine_chunks(), row_group_size=rows.num_rows)

    def _merged(self, name: str, staged: Sequence[str]) -> pa.Table:
        pieces = [pq.read_table(self._staged / owner / name, use_threads=False) for owner in staged]
        if old := self.published:
            table = old.table(name)
            kept = pc.invert(pc.is_in(tables.owners(table), pa.array(staged, pa.string())))
            pieces.insert(0, table.filter(kept))
        return pa.concat_tables(pieces) if pieces else tables.SCHEMAS[name].empty_table()


def _small_file(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a table for writing so that it is small on disk.

    Statistics are kept of the first column alone, which says whose the rows are; a dictionary only of cosines, which repeat.
    """
    repeats = ["alignment.list.element"] if "alignment" in schema.names else False
    first = [schema.names[0]]
    return pq.ParquetWriter(path, schema, compression="zstd", compression_level=9, write_statistics=first, use_dictionary=repeats)


def _tables(result: Result) -> dict[str, pa.Table]:
    return {
        files.CLASSES: tables.records_table([result.record] if result.record else []),
        files.CONCEPTS: tables.concepts_table(result.concepts),
        files.PHOTOS: tables.photos_table(result.photos) if result.photos else tables.SCHEMAS[files.PHOTOS].empty_table(),
        files.STRATEGIES: tables.strategies_table(result.strategies),
        files.EXEMPLARS: tables.exemplars_table(result.exemplars),
    }


def _named(owner: str, pictures: Pictures) -> dict[str, bytes]:
    named: dict[str, bytes] = {}
    for kind, picture in (("class", pictures.class_picture), ("thumbnails", pictures.thumbnails)):
        if picture is not None:
            named[files.picture_name(owner, kind)] = picture  # type: ignore[arg-type]  # a Literal, narrowed by the loop
    for kind, by_index in (
        ("concept", pictures.concepts),
        ("exemplars", pictures.exemplars),
        ("heat", pictures.heat),
    ):
        named |= {files.picture_name(owner, kind, index): picture for index, picture in by_index.items()}  # type: ignore[arg-type]
    return named
