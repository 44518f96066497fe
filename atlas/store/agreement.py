"""Do the tables of an atlas agree with each other? Class by class; what is asked of them is in ``consistency`` and ``bounds``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from safetensors import safe_open

from atlas.schema import SHARED, AtlasError, ClassRecord, Concept, Photos, Strategy
from atlas.store import bounds, consistency, files, tables, upgrade
from atlas.store.contradiction import Contradiction
from atlas.store.metadata import imagenet_classes
from atlas.store.reader import Store


@dataclass(frozen=True, slots=True, eq=False)
class _Dictionaries:
    """How many atoms each has, by owner, and which are centred."""

    sizes: dict[str, int]
    centred: frozenset[str]

    @property
    def shared(self) -> int:
        return self.sizes.get(SHARED, 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Class:
    """What the tables say of one class."""

    record: ClassRecord
    concepts: tuple[Concept, ...]  # of its own
    photos: Photos | None
    strategies: tuple[Strategy, ...]

    @property
    def wnid(self) -> str:
        return self.record.info.wnid

    @property
    def explained_by(self) -> str:
        """The owner of the dictionary that its photos are explained with."""
        return SHARED if self.record.scope == SHARED else self.wnid


def contradictions(store: Store) -> Iterator[Contradiction]:
    """Find what in the tables of an atlas contradicts something else in them.

    Raises:
        AtlasError: a table cannot be read.
        SafetensorError, OSError: the dictionaries cannot.
    """
    dictionaries = _dictionaries(store)
    concepts: dict[str, list[Concept]] = {}
    for concept in store.all_concepts():
        concepts.setdefault(concept.wnid or SHARED, []).append(concept)
    yield from _of_dictionaries(dictionaries, concepts)
    known = {concept.concept_id for found in concepts.values() for concept in found}
    classes = {info.wnid for info in imagenet_classes()}
    for owner, found in concepts.items():
        for concept in found:
            yield from bounds.of_names(concept, known, classes)
        if owner not in store.records:
            yield from _of_rows(files.CONCEPTS, [(concept.concept_id, concept) for concept in found])
        if owner not in store.records and owner != SHARED:
            yield Contradiction(files.CONCEPTS, owner, "wnid", "is a class that there is not")
    for wnid, record in store.records.items():
        yield from bounds.lacking(files.CLASSES, wnid, "nearest_classes", record.nearest_classes, store.records)
        try:
            its = _Class(record, tuple(concepts.get(wnid, ())), _photos(store, wnid), _strategies(store, wnid))
        except AtlasError as error:
            yield Contradiction(files.PHOTOS, wnid, "photos", f"cannot be read ({error.__cause__})")
            continue
        yield from _of_class(its, dictionaries, pooled=store.manifest.format_version == upgrade.VERSION)
    yield from _of_exemplars(store, known)


def _of_dictionaries(dictionaries: _Dictionaries, concepts: dict[str, list[Concept]]) -> Iterator[Contradiction]:
    for owner in sorted(dictionaries.sizes.keys() | concepts.keys()):
        size, indices = dictionaries.sizes.get(owner, 0), [concept.index for concept in concepts.get(owner, ())]
        if len(indices) != size:
            yield Contradiction(files.DICTIONARIES, owner, "atoms", f"are {size}, the concepts table names {len(indices)}")
        elif missing := sorted(set(range(size)) - set(indices)):
            yield Contradiction(files.DICTIONARIES, owner, "atoms", f"are {size}, the concepts table lacks {missing[0]}")


def _of_class(its: _Class, dictionaries: _Dictionaries, *, pooled: bool) -> Iterator[Contradiction]:
    record, wnid = its.record, its.wnid
    rows: list[tuple[str, str, bounds.Row]] = [(files.CLASSES, wnid, record)]
    rows += [(files.CONCEPTS, c.concept_id, c) for c in its.concepts]
    rows += [(files.STRATEGIES, f"{wnid}: strategy {s.index}", s) for s in its.strategies]
    unreal = [found for row in rows for found in bounds.unreal(*row)]
    unreal += bounds.unreal_photos(its.photos) if its.photos else ()
    if unreal:
        yield from unreal  # nothing can be computed from these
        return
    yield from _of_shared(record, dictionaries)
    size = dictionaries.sizes.get(its.explained_by, 0)
    if its.photos is None:
        yield from consistency.of_no_photos(record)
    elif not size:
        yield Contradiction(files.CLASSES, wnid, "scope", f"is {record.scope}, a dictionary that is missing")
    elif (of := its.photos.contributions.shape[1]) != size:
        yield Contradiction(files.PHOTOS, wnid, "contributions", f"are of {of} concepts, its dictionary has {size}")
    else:
        yield from _of_photos(its, its.photos, offset=its.explained_by in dictionaries.centred, pooled=pooled)
    for row in rows:
        yield from bounds.beyond(*row)  # after what can be computed: a number is told of once


def _of_shared(record: ClassRecord, dictionaries: _Dictionaries) -> Iterator[Contradiction]:
    """Check what a class says of shared concepts against how many of them there are."""
    wnid, shared = record.info.wnid, dictionaries.shared
    if beyond := [evidence.index for evidence in record.evidence if not 0 <= evidence.index < shared]:
        yield Contradiction(files.CLASSES, wnid, "evidence", f"names shared/{beyond[0]}, there are {shared} shared concepts")
    if record.alignment and len(record.alignment) != shared:
        words = f"is with {len(record.alignment)} concepts, there are {shared} shared ones"
        yield Contradiction(files.CLASSES, wnid, "alignment", words)
    yield from consistency.of_order(wnid, record.evidence)


def _of_photos(its: _Class, photos: Photos, *, offset: bool, pooled: bool) -> Iterator[Contradiction]:
    record, class_index = its.record, its.record.info.class_index
    account = consistency.account(photos, pooled=pooled)
    shared = record.scope == SHARED
    yield from consistency.of_photos(photos, class_index)
    yield from consistency.of_record(record, account, offset=offset)
    k = photos.contributions.shape[1]
    if shared:
        yield from consistency.of_concepts([evidence for evidence in record.evidence if evidence.index < k], account)
    elif {concept.index for concept in its.concepts} == set(range(k)):  # else it was told of already
        yield from consistency.of_concepts(its.concepts, account)
        yield from consistency.of_ranks(its.concepts)
        yield from consistency.of_sum(record, its.concepts)
    yield from consistency.of_strategies(its.strategies, account, class_index)
    yield from consistency.of_groups(record, its.strategies)
    yield from consistency.of_curves(record, len(record.evidence) if shared else k)


def _of_exemplars(store: Store, known: set[str]) -> Iterator[Contradiction]:
    exemplars = tables.read_exemplars(store._exemplars)
    for concept_id in {exemplar.concept_id for exemplar in exemplars} - known:
        yield Contradiction(files.EXEMPLARS, concept_id, "concept_id", "is that of no concept")
    unreal = [found for e in exemplars for found in bounds.unreal(files.EXEMPLARS, f"{e.concept_id}: exemplar {e.rank}", e)]
    yield from unreal or bounds.of_exemplars(exemplars)


def _of_rows(table: str, rows: Sequence[tuple[str, Concept]]) -> Iterator[Contradiction]:
    for owner, row in rows:
        yield from bounds.unreal(table, owner, row)
        yield from bounds.beyond(table, owner, row)


def _photos(store: Store, wnid: str) -> Photos | None:
    """Return the photos of a class as they are stored, in whichever format."""
    rows = store.rows(files.PHOTOS, wnid)
    with store._reading(files.PHOTOS):
        return None if rows is None else tables.read_photos(rows, store.grid)


def _strategies(store: Store, wnid: str) -> tuple[Strategy, ...]:
    rows = store.rows(files.STRATEGIES, wnid)
    return () if rows is None else tables.read_strategies(rows)


def _dictionaries(store: Store) -> _Dictionaries:
    with safe_open(files.locate(store.root, files.DICTIONARIES), framework="numpy") as stored:
        names = list(stored.keys())
        sizes = {owner: stored.get_slice(owner).get_shape()[0] for owner in names if "." not in owner}
    return _Dictionaries(sizes, frozenset(name.removesuffix(".offset") for name in names if name.endswith(".offset")))
