"""Who is who: every class, concept, photo, strategy and crop once, in its place, and under the name that it is found by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa

from atlas.format import paths
from atlas.format.checks.contradiction import Contradiction
from atlas.format.manifest import imagenet_classes
from atlas.schema import SHARED, is_class_id


def of_classes(table: pa.Table) -> Iterator[Contradiction]:
    """Check that classes are some of the 1000, each once, by class index."""
    known = {info.wnid: info.class_index for info in imagenet_classes()}
    last = -1
    for wnid, index in _rows(table, "wnid", "class_index"):
        if known.get(wnid) != index:
            at = f"ImageNet has it at {known[wnid]}" if wnid in known else "ImageNet has no such class"
            yield Contradiction(paths.CLASSES, wnid, "class_index", f"is {index}, {at}")
        elif index <= last:
            yield Contradiction(paths.CLASSES, wnid, "class_index", f"is {index}, after {last}")
        last = index


def of_concepts(table: pa.Table) -> Iterator[Contradiction]:
    """Check that the concepts of a dictionary stand together, by index, each once, and are called by their owner and index."""
    following: dict[str, int] = {}
    last: str | None = None
    for concept_id, scope, wnid, index in _rows(table, "concept_id", "scope", "wnid", "index"):
        owner = SHARED if wnid is None else wnid
        if concept_id != f"{owner}/{index}":
            yield Contradiction(paths.CONCEPTS, concept_id, "index", f"is {index}, its class {owner}")
        elif (scope == SHARED) != (wnid is None):
            yield Contradiction(paths.CONCEPTS, concept_id, "scope", f"is {scope}, its class {wnid or 'unknown'}")
        elif owner in following and owner != last:
            yield Contradiction(paths.CONCEPTS, concept_id, "concept_id", f"stands after the concepts of {last}")
        elif index < (least := following.get(owner, 0)):
            yield Contradiction(paths.CONCEPTS, concept_id, "index", f"is {index}, after {least - 1}")
        last, following[owner] = owner, index + 1


def of_photos(table: pa.Table) -> Iterator[Contradiction]:
    """Check that each photo of a class is there once."""
    for (wnid, key), times in Counter(_rows(table, "wnid", "key")).items():
        if times > 1:
            yield Contradiction(paths.PHOTOS, wnid, "key", f"is {key!r} of {times} photos")


def of_strategies(table: pa.Table) -> Iterator[Contradiction]:
    """Check that each strategy of a class is there once."""
    for (wnid, index), times in Counter(_rows(table, "wnid", "index")).items():
        if times > 1:
            yield Contradiction(paths.STRATEGIES, wnid, "index", f"is {index} of {times} strategies")


def of_exemplars(table: pa.Table) -> Iterator[Contradiction]:
    """Check that the crops of a concept stand together, ranked, each rank once."""
    following: dict[str, int] = {}
    for concept_id, rank in _rows(table, "concept_id", "rank"):
        expected = following.get(concept_id, 0)
        if rank != expected:
            yield Contradiction(paths.EXEMPLARS, f"{concept_id}: exemplar {expected}", "rank", f"is {rank}")
        following[concept_id] = expected + 1


#: What is asked of the rows of a table, all of them or those of whole owners.
CHECKS = {
    paths.CLASSES: of_classes,
    paths.CONCEPTS: of_concepts,
    paths.PHOTOS: of_photos,
    paths.STRATEGIES: of_strategies,
    paths.EXEMPLARS: of_exemplars,
}


def of_groups(name: str, groups: Sequence[Sequence[str]], named: Sequence[str], known: set[str]) -> Iterator[Contradiction]:
    """Check that every row group holds the rows of one owner, whose there is one, and that readers find it by.

    Args:
        name: of the table.
        groups: the owners of the rows of each row group, each once.
        named: the owners that readers find row groups by.
        known: the owners that there are.
    """
    seen: set[str] = set()
    for i, owners in enumerate(groups):
        if len(owners) != 1:
            held = ", ".join(owners[:3]) or "nothing"
            yield Contradiction(name, f"row group {i}", "rows", f"are of {held}: not of one owner")
            continue
        (owner,) = owners
        if owner in seen:
            yield Contradiction(name, owner, "rows", "stand in two row groups")
        elif not (is_class_id(owner) or owner == SHARED) or owner not in known:
            yield Contradiction(name, owner, "rows", "are there, but not their owner")
        elif i >= len(named) or named[i] != owner:
            yield Contradiction(name, owner, "rows", "are not found by the statistics of the table")
        seen.add(owner)


def _rows(table: pa.Table, *columns: str) -> Iterator[tuple]:
    return zip(*(table[column].to_pylist() for column in columns), strict=True)
