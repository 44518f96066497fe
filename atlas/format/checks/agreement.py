"""Do the tables of an atlas agree with each other? Class by class; what is asked of them is in ``consistency`` and ``bounds``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pyarrow as pa

from atlas.format import paths, tables, upgrade
from atlas.format.checks import bounds, columns, consistency, dictionaries, identities, shapes
from atlas.format.checks.batches import batches
from atlas.format.checks.contradiction import Contradiction
from atlas.format.checks.dictionaries import Dictionaries
from atlas.format.manifest import imagenet_classes
from atlas.format.reader import Store
from atlas.schema import SHARED, ClassRecord, Concept, Photos, Strategy


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


def contradictions(store: Store, otherwise: Collection[str] = ()) -> Iterator[Contradiction]:
    """Find what in the tables of an atlas cannot be, or contradicts something else in them.

    Args:
        store: the atlas; it must not refuse what is unfit.
        otherwise: columns that its format defines in another way: nothing else can be held against them.

    Raises:
        AtlasError: a table cannot be read.
        SafetensorError, OSError: the dictionaries cannot.
    """
    whole = {name: store.table(name) for name in (paths.CLASSES, paths.CONCEPTS)}
    atoms, unfit = dictionaries.read(store.dictionaries())
    unfit += [wrong for name, table in whole.items() for wrong in _of_rows(name, table)]
    unfit = unfit or list(_of_groups(store))
    if unfit:
        yield from unfit  # nothing can be computed from these
        return
    yield from (wrong for wrong in _computed(store, atoms) if wrong.column not in otherwise)
    for name, table in whole.items():
        yield from columns.beyond(name, table)  # after what can be computed: a number is told of once
    for batch in batches(store, paths.STRATEGIES):
        yield from columns.beyond(paths.STRATEGIES, batch.rows)


def _computed(store: Store, atoms: Dictionaries) -> Iterator[Contradiction]:
    """Find what contradicts what else is stored; every cell is fit."""
    concepts: dict[str, list[Concept]] = {}
    for concept in store.all_concepts():
        concepts.setdefault(concept.wnid or SHARED, []).append(concept)
    yield from _of_dictionaries(atoms, concepts)
    yield from _of_names(store, concepts)
    pooled = store.manifest.format_version == upgrade.VERSION
    for wnid, photos in _photos(store):
        record = store.records[wnid]
        yield from bounds.lacking(paths.CLASSES, wnid, "nearest_classes", record.nearest_classes, store.records)
        its = _Class(record, tuple(concepts.get(wnid, ())), photos, _strategies(store, wnid))
        yield from _of_class(its, atoms, pooled=pooled)
    known = {concept.concept_id for found in concepts.values() for concept in found}
    for batch in batches(store, paths.EXEMPLARS):
        yield from bounds.of_exemplars(tables.read_exemplars(batch.rows), known)


def _of_rows(name: str, table: pa.Table) -> Iterator[Contradiction]:
    """Check the cells of a table, and if they are fit who is who in it."""
    unfit = list(columns.unfit(name, table))
    yield from unfit or identities.CHECKS[name](table)


def _of_groups(store: Store) -> Iterator[Contradiction]:
    """Check the tables of one row group an owner: their cells, who is who, how long lists are, whose the rows are."""
    for name in (paths.PHOTOS, paths.STRATEGIES, paths.EXEMPLARS):
        found: list[list[str]] = []
        unfit = False
        for batch in batches(store, name):
            wrong = list(_of_rows(name, batch.rows))
            if name == paths.PHOTOS and not wrong:
                wrong = list(shapes.of_photos(batch.rows, store.grid))
            yield from wrong
            unfit |= bool(wrong)
            found += batch.owners
        if not unfit:
            yield from identities.of_groups(name, found, store.owners(name), {*store.records, SHARED})


def _of_names(store: Store, concepts: dict[str, list[Concept]]) -> Iterator[Contradiction]:
    """Check that concepts and classes name what is there."""
    known = {concept.concept_id for found in concepts.values() for concept in found}
    classes = {info.wnid for info in imagenet_classes()}
    for owner, found in concepts.items():
        for concept in found:
            yield from bounds.of_names(concept, known, classes)
        if owner not in store.records and owner != SHARED:
            yield Contradiction(paths.CONCEPTS, owner, "wnid", "is a class that there is not")


def _of_dictionaries(atoms: Dictionaries, concepts: dict[str, list[Concept]]) -> Iterator[Contradiction]:
    for owner in sorted(atoms.sizes.keys() | concepts.keys()):
        size, indices = atoms.sizes.get(owner, 0), [concept.index for concept in concepts.get(owner, ())]
        if len(indices) != size:
            yield Contradiction(paths.DICTIONARIES, owner, "atoms", f"are {size}, the concepts table names {len(indices)}")
        elif missing := sorted(set(range(size)) - set(indices)):
            yield Contradiction(paths.DICTIONARIES, owner, "atoms", f"are {size}, the concepts table lacks {missing[0]}")


def _of_class(its: _Class, atoms: Dictionaries, *, pooled: bool) -> Iterator[Contradiction]:
    record, wnid = its.record, its.wnid
    yield from _of_shared(record, atoms)
    yield from consistency.of_coverage(record)
    size = atoms.sizes.get(its.explained_by, 0)
    if its.photos is None:
        yield from consistency.of_no_photos(record)
    elif not size:
        yield Contradiction(paths.CLASSES, wnid, "scope", f"is {record.scope}, a dictionary that is missing")
    elif (of := its.photos.contributions.shape[1]) != size:
        yield Contradiction(paths.PHOTOS, wnid, "contributions", f"are of {of} concepts, its dictionary has {size}")
    else:
        yield from _of_photos(its, its.photos, offset=its.explained_by in atoms.centred, pooled=pooled)


def _of_shared(record: ClassRecord, atoms: Dictionaries) -> Iterator[Contradiction]:
    """Check what a class says of shared concepts against how many of them there are."""
    wnid, shared = record.info.wnid, atoms.shared
    if beyond := [evidence.index for evidence in record.evidence if not 0 <= evidence.index < shared]:
        yield Contradiction(paths.CLASSES, wnid, "evidence", f"names shared/{beyond[0]}, there are {shared} shared concepts")
    if record.alignment and len(record.alignment) != shared:
        words = f"is with {len(record.alignment)} concepts, there are {shared} shared ones"
        yield Contradiction(paths.CLASSES, wnid, "alignment", words)
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


def _photos(store: Store) -> Iterator[tuple[str, Photos | None]]:
    """Yield every class with its photos as they are stored, in whichever format: first those that have any."""
    without = dict.fromkeys(store.records)
    for batch in batches(store, paths.PHOTOS):
        for wnid, rows in batch.groups():
            yield wnid, tables.read_photos(rows, store.grid)
            without.pop(wnid, None)
    yield from ((wnid, None) for wnid in without)


def _strategies(store: Store, wnid: str) -> tuple[Strategy, ...]:
    rows = store.rows(paths.STRATEGIES, wnid)
    return () if rows is None else tables.read_strategies(rows)
