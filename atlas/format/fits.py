"""Can what the tables say of one class be shown together? What is cheap to ask of an atlas each time it is read.

``atlas check`` asks much more; here it is only made sure that nothing points at what is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import pyarrow as pa

from atlas.format import paths, tables, version_1_0
from atlas.format.checks import columns, identities, shapes
from atlas.format.checks.contradiction import plain
from atlas.schema import SHARED, AtlasError, ClassRecord, Concept, Photos, Strategy

_COUNTS = ("wnid", "n_photos", "n_fit", "n_holdout")


def sound(name: str, table: pa.Table, *, some: bool = False) -> pa.Table:
    """Return a table if every cell holds what it may.

    Args:
        name: of the table.
        table: all rows, or those of an owner.
        some: whether only some of the columns were asked for.

    Raises:
        AtlasError: a column is missing or of another kind, a cell is not what it may be.
    """
    known, first = tables.SCHEMAS[name], version_1_0.columns(name)
    held = dict(zip(table.schema.names, table.schema.types, strict=True))
    if len(held) < len(table.schema):
        raise AtlasError(f"{name}: two of its columns are called alike")
    for column in known.names:
        if column in first and column not in held and not some:
            raise AtlasError(f"{name}: its column {column} is missing")
        if column in held and held[column] not in (known.field(column).type, first.get(column)):
            raise AtlasError(plain(f"{name}: its column {column} is of another kind ({held[column]})"))
    for wrong in (*columns.unfit(name, table), *columns.beyond(name, table)):
        raise AtlasError(str(wrong))
    return table


def rows(name: str, table: pa.Table, owner: str, grid: tuple[int, int]) -> pa.Table:
    """Return the rows of an owner if they are his, and sound.

    Args:
        name: of the table.
        table: the rows; all columns, or those of a layout.
        owner: whose they are said to be.
        grid: height and width of a heat map, in places.

    Raises:
        AtlasError: they are those of somebody else, or not sound.
    """
    some = tables.SCHEMAS[name].names[0] not in table.schema.names
    sound(name, table, some=some)
    if not some and (found := tables.owners(table).unique().to_pylist()) != [owner]:
        raise AtlasError(f"{name}: the rows of {owner} are those of {', '.join(found[:3]) or 'nobody'}")
    for wrong in shapes.of_photos(table, grid) if name == paths.PHOTOS else ():
        raise AtlasError(str(wrong))
    return table


def classes(table: pa.Table) -> pa.Table:
    """Return the classes table if it names each class once, in order, and no class has more photos of a kind than it has.

    Raises:
        AtlasError: it does not, or one has.
    """
    for wrong in identities.of_classes(table):
        raise AtlasError(str(wrong))
    for wnid, photos, fitted, held in zip(*(table[name].to_pylist() for name in _COUNTS), strict=True):
        if 0 < photos < fitted + held:
            raise AtlasError(f"{paths.CLASSES}: {wnid}: {fitted} photos are fitted on and {held} held out, of {photos}")
    return table


def record(found: ClassRecord, shared: int) -> ClassRecord:
    """Return a class if the shared concepts it names are there.

    Args:
        found: what is said of it.
        shared: how many shared concepts there are.

    Raises:
        AtlasError: it names others, or has cosines with another number of them.
    """
    where = f"{paths.CLASSES}: {found.info.wnid}"
    if (named := max((evidence.index for evidence in found.evidence), default=-1)) >= shared:
        raise AtlasError(f"{where}: evidence names shared/{named}, there are {shared} shared concepts")
    if found.alignment and len(found.alignment) != shared:
        raise AtlasError(f"{where}: alignment is with {len(found.alignment)} concepts, there are {shared} shared ones")
    return found


def owners(found: Iterable[str], classes: Collection[str]) -> None:
    """Check that concepts are those of classes that there are, or shared.

    Args:
        found: whose concepts there are.
        classes: the wnids that there are.

    Raises:
        AtlasError: some are not.
    """
    if strange := [owner for owner in found if owner != SHARED and owner not in classes]:
        raise AtlasError(f"{paths.CONCEPTS}: {strange[0]} is a class that there is not")


def concepts(found: Sequence[Concept], owner: str) -> tuple[Concept, ...]:
    """Return the concepts of a dictionary if each stands where its index says.

    Args:
        found: the concepts.
        owner: of the dictionary.

    Raises:
        AtlasError: one does not.
    """
    for position, concept in enumerate(found):
        if concept.concept_id != f"{owner}/{position}" or concept.index != position:
            raise AtlasError(plain(f"{paths.CONCEPTS}: {concept.concept_id} stands where {owner}/{position} should"))
    return tuple(found)


def photos(found: Photos, record: ClassRecord, concepts: int) -> Photos:
    """Return the photos of a class if they are as many as its record says, and explained with its concepts.

    Args:
        found: the photos.
        record: what is said of the class.
        concepts: how many concepts its dictionary has.

    Raises:
        AtlasError: they are not.
    """
    where = f"{paths.PHOTOS}: {record.info.wnid}"
    if len(found) != record.n_photos:
        raise AtlasError(f"{where}: {len(found)} photos are there, the classes table names {record.n_photos}")
    if found.contributions.shape[1] != concepts:
        raise AtlasError(f"{where}: contributions are of {found.contributions.shape[1]} concepts, its dictionary has {concepts}")
    return found


def strategies(found: Sequence[Strategy], record: ClassRecord, concepts: int) -> tuple[Strategy, ...]:
    """Return the strategies of a class if they are made of its photos and concepts.

    Args:
        found: the strategies.
        record: what is said of the class.
        concepts: how many concepts its dictionary has.

    Raises:
        AtlasError: they are not.
    """
    for strategy in found:
        where = f"{paths.STRATEGIES}: {strategy.wnid}: strategy {strategy.index}"
        if (of := len(strategy.contributions)) != concepts:
            raise AtlasError(f"{where}: contributions are of {of} concepts, its dictionary has {concepts}")
        if max(strategy.medoids, default=0) >= max(record.n_photos, 1):
            raise AtlasError(f"{where}: medoids name photo {max(strategy.medoids)}, of {record.n_photos}")
    return tuple(found)
