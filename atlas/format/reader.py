"""Store: read an atlas. Light to open; a class is decoded when it is asked for."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from safetensors import SafetensorError, safe_open

from atlas.format import fits, limits, paths, tables, upgrade
from atlas.format.footers import Footer
from atlas.format.manifest import decode_manifest
from atlas.format.snapshot import Snapshot
from atlas.schema import SHARED, AtlasError, ClassRecord, Concept, Exemplar, Layout, Manifest, Photos, Strategy, is_class_id

#: What comes of decoding a table that was made to be read wrongly.
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, pa.ArrowException, SafetensorError)


class UnknownName(AtlasError):
    """A class, concept or picture that this atlas does not hold."""


class Records(Mapping[str, ClassRecord]):
    """The rows of a classes table by wnid, decoded when asked for: a thousand decoded ones would weigh 15 MB."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._last: tuple[str, ClassRecord] | None = None  # a page asks for its own class several times
        self._rows = {wnid: i for i, wnid in enumerate(table["wnid"].to_pylist())}

    def __getitem__(self, wnid: str) -> ClassRecord:
        last = self._last
        if last is None or last[0] != wnid:
            last = self._last = wnid, tables.read_records(self._table.slice(self._rows[wnid], 1))[0]
        return last[1]

    def __contains__(self, wnid: object) -> bool:
        return wnid in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class Groups(NamedTuple):
    """Where the rows of every owner are in a table of one row group an owner."""

    footer: Footer
    owners: dict[str, tuple[int, int]]  # number of the row group, rows in it


class Store:
    """A published atlas, read only, as it was published when it was opened: a later publish takes another store to see.

    Raises:
        AtlasError: the folder is no atlas, or of a newer major format version.
    """

    #: Tables that cannot be shown are refused; who examines an atlas reads them all the same.
    _refusing = True

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._footers: dict[str, Groups] = {}
        self._last_photos: dict[str, Photos | None] = {}
        self._last_exemplars: tuple[str, tuple[Exemplar, ...]] = ("", ())
        self._published = Snapshot(self.root)
        self.manifest: Manifest = decode_manifest(self._published.manifest, str(self.root))
        self._published.manifest = b""

    @property
    def snapshot(self) -> str:
        """The sha256 of the manifest: two stores with the same one read the same atlas."""
        return self._published.digest

    def superseded(self) -> bool:
        """Return whether something else has been published since; takes two looks at the folder."""
        return self._published.superseded()

    def fingerprint(self, name: str) -> dict[str, str | int]:
        """Return the sha256 and size of a table or of the dictionaries, as the manifest records them.

        Raises:
            FileNotFoundError: there is no such file.
            AtlasError: it was changed in place since the store was opened.
        """
        return self._published.fingerprint(name)

    @property
    def name(self) -> str:
        """The folder's name: the first part of every address."""
        return self.root.resolve().name

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of a heat map, in positions."""
        height, width = self.manifest.backbone["grid"]
        return int(height), int(width)

    def table(self, name: str) -> pa.Table:
        """Read one of the tables."""
        with self._reading(name), limits.opened(self._published.file(name)) as file:
            self._admit(name)
            groups = [file.read_row_group(i, use_threads=False) for i in range(file.num_row_groups)]
            return self._decoded(name, groups or [file.read(use_threads=False)])

    def _admit(self, name: str, group: int | None = None) -> None:
        """Refuse a table, or a row group, that would take more memory than its file can be worth, before it is decoded."""
        footer = self._footers[name].footer if name in self._footers else Footer(self._published.file(name))
        with self._named(name):
            limits.admit(footer, int(self._published.size(name)), group)

    def _decoded(self, name: str, pieces: Sequence[pa.Table]) -> pa.Table:
        """Write out the texts of row groups, if they take no more memory than their file can be worth."""
        with self._named(name):
            return limits.decoded(pieces, int(self._published.size(name)))

    @contextmanager
    def _named(self, name: str) -> Iterator[None]:
        """Name the file that is refused."""
        try:
            yield
        except AtlasError as error:
            raise AtlasError(f"{self.root / name} cannot be read ({error}): run `atlas check {self.root}`.") from error

    def _identified(self, name: str, owners: Iterable[object]) -> None:
        """Refuse a table that calls a class by what is no identity: it would name files and addresses."""
        strange = [owner for owner in owners if owner != SHARED and not is_class_id(owner)]
        if strange:
            raise AtlasError(
                f"{self.root / name} cannot be read ({str(strange[0])[:40]!r} is no identity of a class): "
                f"run `atlas check {self.root}`."
            )

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        """Name the file that cannot be read, whatever it is that cannot."""
        try:
            yield
        except AtlasError:
            raise
        except _UNREADABLE as error:
            words = " ".join(str(error).split())
            raise AtlasError(f"{self.root / name} cannot be read ({words}): run `atlas check {self.root}`.") from error

    @cached_property
    def _classes(self) -> pa.Table:
        table = self.table(paths.CLASSES)
        with self._reading(paths.CLASSES):
            self._identified(paths.CLASSES, table["wnid"].to_pylist())
            table = fits.sound(paths.CLASSES, table) if self._refusing else table
            return upgrade.classes(table) if self._old else table

    @cached_property
    def _concepts(self) -> pa.Table:
        table = self.table(paths.CONCEPTS)
        with self._reading(paths.CONCEPTS):
            self._identified(paths.CONCEPTS, table["wnid"].drop_null().unique().to_pylist())
            table = fits.sound(paths.CONCEPTS, table) if self._refusing else table
            return upgrade.concepts(table, self._classes) if self._old else table

    @property
    def _old(self) -> bool:
        return self.manifest.format_version == upgrade.VERSION

    @property
    def _exemplars(self) -> pa.Table:
        return self.table(paths.EXEMPLARS)

    @cached_property
    def _concept_rows(self) -> dict[str, tuple[int, int]]:
        with self._reading(paths.CONCEPTS):
            ranges = tables.ranges(self._concepts)
            self._identified(paths.CONCEPTS, ranges)
            return ranges

    def _concepts_of(self, owner: str) -> tuple[Concept, ...]:
        with self._reading(paths.CONCEPTS):
            found = tables.read_concepts(self._concepts.slice(*self._concept_rows.get(owner, (0, 0))))
            return fits.concepts(found, owner) if self._refusing else found

    def _groups(self, name: str) -> Groups:
        """Return where the rows of every owner are in a table of one row group each."""
        if name not in self._footers:
            footer = Footer(self._published.file(name))
            groups = Groups(footer, footer.owners())
            self._identified(name, groups.owners)
            self._footers[name] = groups
        return self._footers[name]

    def owners(self, name: str) -> list[str]:
        """Return whose rows a table of photos, strategies or exemplars holds: wnids, and "shared"."""
        with self._reading(name):
            return list(self._groups(name).owners)

    def rows(self, name: str, owner: str, columns: list[str] | None = None) -> pa.Table | None:
        """Read the rows of one owner, and nothing else; of these some columns, or all. None where there are none."""
        with self._reading(name):
            groups = self._groups(name)
            if owner not in groups.owners:
                return None
            group, _ = groups.owners[owner]
            self._admit(name, group)
            with limits.opened(self._published.file(name), groups.footer.of_group(group)) as file:
                rows = self._decoded(name, [file.read_row_group(0, columns=columns, use_threads=False)])
            grid = self.grid if name == paths.PHOTOS else (0, 0)
            return fits.rows(name, rows, owner, grid) if self._refusing else rows

    @cached_property
    def records(self) -> Mapping[str, ClassRecord]:
        """Every class of the atlas, by wnid, in order of class index; each is decoded when it is asked for."""
        with self._reading(paths.CLASSES):
            return Records(fits.classes(self._classes) if self._refusing else self._classes)

    @cached_property
    def names(self) -> dict[str, str]:
        """The name of every class of the atlas, by wnid."""
        return dict(zip(self._classes["wnid"].to_pylist(), self._classes["name"].to_pylist(), strict=True))

    def record(self, wnid: str) -> ClassRecord:
        """Return one class; UnknownName if the atlas does not hold it."""
        if wnid not in self.records:
            raise UnknownName(f"The atlas {self.name} holds no class {wnid!r}.")
        with self._reading(paths.CLASSES):
            record = self.records[wnid]
            return fits.record(record, self._concept_rows.get(SHARED, (0, 0))[1]) if self._refusing else record

    @cached_property
    def shared_concepts(self) -> tuple[Concept, ...]:
        """The concepts of the shared dictionary, by index; empty if there is none."""
        return self._concepts_of(SHARED)

    def concepts(self, wnid: str) -> tuple[Concept, ...]:
        """Return the concepts that explain a class, by contribution (largest first).

        For a class explained by the shared dictionary these are its evidence: the shared concepts with the largest
        contributions, carrying this class's numbers.
        """
        record = self.record(wnid)
        if record.scope == SHARED:
            with self._reading(paths.CLASSES):
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
            found = self._concepts_of(wnid)
        return tuple(sorted(found, key=lambda concept: (-(concept.contribution or 0.0), concept.index)))

    def all_concepts(self) -> tuple[Concept, ...]:
        """Return every concept of the atlas, shared first, then by class."""
        with self._reading(paths.CONCEPTS):
            self._concept_rows  # noqa: B018 (whose they are is looked at first)
            return tables.read_concepts(self._concepts)

    def photos(self, wnid: str) -> Photos | None:
        """Return the photos of a class, or None if it has none."""
        self.record(wnid)
        with self._reading(paths.PHOTOS):
            if wnid not in self._last_photos:
                rows = self.rows(paths.PHOTOS, wnid)
                found = None if rows is None else tables.read_photos(rows, self.grid)
                if found is not None and self._refusing:
                    fits.photos(found, self.record(wnid), self._explained_by(wnid))
                if found is not None and self._old:
                    found = dataclasses.replace(found, strategy=np.full_like(found.strategy, -1))
                # A page, its data and its graph ask one after the other; two readers may do so at once.
                self._last_photos = {**dict(list(self._last_photos.items())[-1:]), wnid: found}
                return found
            return self._last_photos[wnid]

    def layout(self, wnid: str) -> Layout | None:
        """Return what the strategy graph of a class draws, or None if the class has no photos; no other column is read."""
        self.record(wnid)
        with self._reading(paths.PHOTOS):
            rows = self.rows(paths.PHOTOS, wnid, tables.LAYOUT)
            found = None if rows is None else tables.read_layout(rows)
            if found is not None and self._old:
                found = dataclasses.replace(found, strategy=np.full_like(found.strategy, -1))
            return found

    def strategies(self, wnid: str) -> tuple[Strategy, ...]:
        """Return the strategies of a class, the largest first; none of format 1.0, which did not ask whether they come back."""
        self.record(wnid)
        if self._old:
            return ()
        with self._reading(paths.STRATEGIES):
            rows = self.rows(paths.STRATEGIES, wnid)
            found = () if rows is None else tables.read_strategies(rows)
            return fits.strategies(found, self.record(wnid), self._explained_by(wnid)) if self._refusing else found

    def _explained_by(self, wnid: str) -> int:
        """Return how many concepts the dictionary has that explains a class."""
        shared = self.record(wnid).scope == SHARED
        return len(self.shared_concepts) if shared else self._concept_rows.get(wnid, (0, 0))[1]

    def row_digests(self) -> dict[str, str]:
        """Return a digest of all that the tables of photos, strategies and exemplars hold of an owner, as it is stored."""
        found: dict[str, hashlib._Hash] = {}
        for name in (paths.PHOTOS, paths.STRATEGIES, paths.EXEMPLARS):
            with self._reading(name):
                content, groups = self._published.file(name).read(), self._groups(name)
                for owner, (group, _) in groups.owners.items():
                    chunks = groups.footer.chunks(group)
                    start = min(chunk.start for chunk in chunks)
                    end = start + sum(chunk.compressed for chunk in chunks)
                    found.setdefault(owner, hashlib.sha256()).update(name.encode() + content[start:end])
        return {owner: digest.hexdigest() for owner, digest in found.items()}

    def strategy_counts(self) -> dict[str, int]:
        """Return how many strategies every class has that has any."""
        if self._old:
            return {}
        with self._reading(paths.STRATEGIES):
            return {wnid: size for wnid, (_, size) in self._groups(paths.STRATEGIES).owners.items()}

    def concept_counts(self) -> dict[str, int]:
        """Return how many concepts every class has that has a dictionary of its own."""
        return {owner: size for owner, (_, size) in self._concept_rows.items() if owner != SHARED}

    def users(self, index: int) -> list[tuple[str, float]]:
        """Return the wnids of the classes that a shared concept explains, each with its contribution in logits."""
        return tables.users(self._classes, index)

    def places(self) -> pa.Table:
        """Return what a map of all concepts shows, a row each: identity, place and what it may be coloured by."""
        if self._refusing:
            named = self._concepts["wnid"].drop_null().unique().to_pylist()
            fits.owners([*self._concept_rows, *named], self.records)
        return self._concepts.select([name for name in tables.PLACES if name in self._concepts.schema.names])

    def photo_count(self) -> int:
        """Return the number of photos of all classes."""
        return int(pc.sum(self._classes["n_photos"]).as_py() or 0)

    def exemplars(self, concept_id: str) -> tuple[Exemplar, ...]:
        """Return the exemplars of a concept, by rank."""
        owner = concept_id.partition("/")[0]
        last = self._last_exemplars
        if last[0] != owner:
            with self._reading(paths.EXEMPLARS):
                rows = self.rows(paths.EXEMPLARS, owner)
                last = self._last_exemplars = owner, () if rows is None else tables.read_exemplars(rows)
        return tuple(exemplar for exemplar in last[1] if exemplar.concept_id == concept_id)

    def atoms(self, owner: str) -> np.ndarray:
        """Return the atoms (k, p) of a dictionary as float32; ``owner`` is a wnid or "shared"."""
        try:
            with safe_open(self.dictionaries(), framework="numpy") as dictionaries:
                return np.asarray(dictionaries.get_tensor(owner), np.float32)
        except (FileNotFoundError, SafetensorError) as error:
            raise UnknownName(f"The atlas {self.name} holds no dictionary for {owner!r} ({error}).") from error

    def dictionaries(self) -> Path:
        """Return a path that opens the dictionaries of this publish, as safetensors.

        Raises:
            FileNotFoundError: there are none.
            AtlasError: they were changed in place since the store was opened.
        """
        return self._published.path(paths.DICTIONARIES)

    def picture(self, owner: str, kind: paths.Kind, index: int | None = None) -> str | None:
        """Return the name of a picture inside the atlas, or None if there is no such picture."""
        name = paths.picture_name(owner, kind, index)
        return name if name in self.manifest.files else None

    def picture_path(self, name: str) -> Path:
        """Return where a picture named by the manifest lies; UnknownName for any other name."""
        if name not in self.manifest.files or not paths.is_picture(name):
            raise UnknownName(f"The atlas {self.name} holds no picture {name!r}.")
        path = paths.locate(self.root, name)
        if paths.links_out(self.root, path):
            raise UnknownName(f"{name} of the atlas {self.name} is a link that leads out of it.")
        return path

    def picture_bytes(self, name: str) -> bytes:
        """Return a picture named by the manifest, once it is known to be the one that was published.

        Raises:
            UnknownName: the manifest names no such picture.
            AtlasError: it is missing, or another one: changed, or published anew.
        """
        path = self.picture_path(name)
        try:
            content = paths.read_bytes(self.root, name)
        except OSError as error:
            raise AtlasError(f"{path} cannot be read ({error.strerror}): run `atlas check {self.root}`.") from error
        if hashlib.sha256(content).hexdigest() != self.manifest.files[name].get("sha256"):
            raise AtlasError(f"{path} is not the picture that was published: run `atlas check {self.root}`.")
        return content
