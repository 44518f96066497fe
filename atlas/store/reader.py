"""Store: read an atlas. Light to open; a class is decoded when it is asked for."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open

from atlas.schema import SHARED, AtlasError, ClassRecord, Concept, Exemplar, Manifest, Photos, Strategy
from atlas.store import files, tables
from atlas.store.metadata import decode_manifest


class UnknownName(AtlasError):
    """A class, concept or picture that this atlas does not hold."""


class Store:
    """A published atlas, read only.

    Raises:
        AtlasError: the folder is no atlas, or of a newer major format version.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        try:
            content = files.read_bytes(self.root, files.MANIFEST)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise AtlasError(
                f"{self.root} is not an atlas: it has no manifest.json. Build one with `precompute build --out {self.root}`."
            ) from error
        except OSError as error:
            raise AtlasError(f"{self.root / files.MANIFEST} cannot be read ({error.strerror}).") from error
        self.manifest: Manifest = decode_manifest(content, str(self.root))

    @property
    def name(self) -> str:
        """The folder's name: the first part of every address."""
        return self.root.resolve().name

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of a heat map, in positions."""
        height, width = self.manifest.backbone["grid"]
        return int(height), int(width)

    def _table(self, name: str) -> pa.Table:
        try:
            return pq.read_table(BytesIO(files.read_bytes(self.root, name)))
        except (FileNotFoundError, pa.ArrowException) as error:
            raise AtlasError(f"{self.root / name} cannot be read ({error}): run `atlas check {self.root}`.") from error

    @cached_property
    def _classes(self) -> pa.Table:
        return self._table(files.CLASSES)

    @cached_property
    def _concepts(self) -> pa.Table:
        return self._table(files.CONCEPTS)

    @cached_property
    def _strategies(self) -> pa.Table:
        return self._table(files.STRATEGIES)

    @cached_property
    def _exemplars(self) -> pa.Table:
        return self._table(files.EXEMPLARS)

    @cached_property
    def records(self) -> dict[str, ClassRecord]:
        """Every class of the atlas, by wnid, in order of class index."""
        return {record.info.wnid: record for record in tables.read_records(self._classes)}

    def record(self, wnid: str) -> ClassRecord:
        """Return one class; UnknownName if the atlas does not hold it."""
        try:
            return self.records[wnid]
        except KeyError:
            raise UnknownName(f"The atlas {self.name} holds no class {wnid!r}.") from None

    @cached_property
    def shared_concepts(self) -> tuple[Concept, ...]:
        """The concepts of the shared dictionary, by index; empty if there is none."""
        return tables.read_concepts(self._concepts.filter(pc.equal(self._concepts["scope"], SHARED)))

    def concepts(self, wnid: str) -> tuple[Concept, ...]:
        """Return the concepts that explain a class, by contribution (largest first).

        For a class explained by the shared dictionary these are its evidence: the shared concepts with the largest
        contributions, carrying this class's numbers.
        """
        record = self.record(wnid)
        if record.scope == SHARED:
            found = tuple(
                dataclasses.replace(
                    self.shared_concepts[evidence.index],
                    wnid=wnid,
                    colour=rank,
                    **{k: v for k, v in dataclasses.asdict(evidence).items() if k != "index"},
                )
                for rank, evidence in enumerate(record.evidence)
            )
        else:
            found = tables.read_concepts(self._concepts.filter(pc.equal(self._concepts["wnid"], wnid)))
        return tuple(sorted(found, key=lambda concept: (-(concept.contribution or 0.0), concept.index)))

    def all_concepts(self) -> tuple[Concept, ...]:
        """Return every concept of the atlas, shared first, then by class."""
        return tables.read_concepts(self._concepts)

    def photos(self, wnid: str) -> Photos | None:
        """Return the photos of a class, or None if it has none."""
        self.record(wnid)
        with pq.ParquetFile(files.locate(self.root, files.PHOTOS)) as file:  # its row groups move with every publish
            groups = range(file.num_row_groups)
            group = next((i for i in groups if file.metadata.row_group(i).column(0).statistics.min == wnid), None)
            return None if group is None else tables.read_photos(file.read_row_group(group), self.grid)

    def strategies(self, wnid: str) -> tuple[Strategy, ...]:
        """Return the strategies of a class, the largest first."""
        self.record(wnid)
        return tables.read_strategies(self._strategies.filter(pc.equal(self._strategies["wnid"], wnid)))

    def exemplars(self, concept_id: str) -> tuple[Exemplar, ...]:
        """Return the exemplars of a concept, by rank."""
        return tables.read_exemplars(self._exemplars.filter(pc.equal(self._exemplars["concept_id"], concept_id)))

    def atoms(self, owner: str) -> np.ndarray:
        """Return the atoms (k, p) of a dictionary as float32; ``owner`` is a wnid or "shared"."""
        try:
            with safe_open(files.locate(self.root, files.DICTIONARIES), framework="numpy") as dictionaries:
                return np.asarray(dictionaries.get_tensor(owner), np.float32)
        except (FileNotFoundError, SafetensorError) as error:
            raise UnknownName(f"The atlas {self.name} holds no dictionary for {owner!r} ({error}).") from error

    def picture(self, owner: str, kind: files.Kind, index: int | None = None) -> str | None:
        """Return the name of a picture inside the atlas, or None if there is no such picture."""
        name = files.picture_name(owner, kind, index)
        return name if name in self.manifest.files else None

    def picture_path(self, name: str) -> Path:
        """Return where a picture named by the manifest lies; UnknownName for any other name."""
        if name not in self.manifest.files or not name.startswith(files.PICTURES + "/") or files.leads_out(name):
            raise UnknownName(f"The atlas {self.name} holds no picture {name!r}.")
        return files.locate(self.root, name)
