"""What a cell of a table may hold: whole columns at once, before anything is decoded.

Which cells may be unknown, and which words a cell may say, follows from the annotations of the domain types; what is a number
must be one; a text has an end, and shows on a screen.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.format import paths
from atlas.format.checks.bounds import RANGES
from atlas.format.checks.contradiction import ABSOLUTE, Contradiction, said
from atlas.format.manifest import imagenet_classes
from atlas.format.tables import ESTIMATORS, SCHEMAS, as_array
from atlas.schema import AtlasError, ClassRecord, Concept, Curve, Evidence, Exemplar, ImageNetClass, Neighbour, Photos, Strategy

#: No measured number is larger; squares and sums of these are still numbers.
LARGEST = 1e9
#: A photo is cut within so many pixels a side, and never more at once.
LARGEST_SIDE, LARGEST_AREA = 1 << 16, 100_000_000
_LONGEST = {"definition": 2000, "key": 4096}
_LONGEST_NAME = 200
_NAMES = ("wnid", "name", "key", "concept_id", "id", "method")  # never empty
_AS_ON_DISK = ("key",)  # a file may be called anything

_KINDS: dict[str, tuple[type, ...]] = {
    paths.CLASSES: (ImageNetClass, ClassRecord),
    paths.CONCEPTS: (Concept,),
    paths.PHOTOS: (Photos,),
    paths.STRATEGIES: (Strategy,),
    paths.EXEMPLARS: (Exemplar,),
}
_INSIDE: dict[str, type] = {
    "evidence": Evidence,
    "curves": Curve,
    **dict.fromkeys(("nearest_classes", "aligned", "neighbours"), Neighbour),
}
_CALLED: dict[str, str] = {
    paths.CLASSES: "{wnid}",
    paths.CONCEPTS: "{concept_id}",
    paths.PHOTOS: "{wnid}",
    paths.STRATEGIES: "{wnid}: strategy {index}",
    paths.EXEMPLARS: "{concept_id}: exemplar {rank}",
    "evidence": "shared/{index}",
    "curves": "{measure} of {method}",
    "nearest_classes": "nearest class {id}",
    "aligned": "aligned with {id}",
    "neighbours": "neighbour {id}",
}


class Cells(NamedTuple):
    """The values of a column, or of one field of what lies inside of it."""

    column: str
    values: pa.Array
    hint: Any  # the annotation of the domain type
    rows: np.ndarray  # (values,) which row each is of
    inside: str = ""  # the column they lie inside of
    beside: pa.Array | None = None  # the structs they are fields of
    places: np.ndarray | None = None  # (values,) which of these


def unfit(name: str, table: pa.Table) -> Iterator[Contradiction]:
    """Find, column by column, the first cell that holds nothing a page could show.

    Raises:
        AtlasError: the columns themselves are inconsistent, or a text is none.
    """
    try:
        table.validate(full=True)
    except (pa.ArrowException, ValueError) as error:
        raise AtlasError(f"{name}: cannot be read ({error})") from error
    for cells in _cells(name, table):
        if not _optional(cells.hint) and cells.values.null_count:
            yield _told(name, table, cells, pc.is_valid(cells.values), lambda value: "is missing")
        elif found := _rule(cells):
            yield from _unless(name, table, cells, *found)


def beyond(name: str, table: pa.Table) -> Iterator[Contradiction]:
    """Find, column by column, the first number out of its range, and intervals that end before they begin."""
    lows: dict[str, Cells] = {}
    for cells in _cells(name, table):
        if cells.column in RANGES and _numeric(cells.values.type):
            yield from _unless(name, table, cells, *_range(cells.values, *RANGES[cells.column]))
        if cells.column == "share_low":
            lows[cells.inside] = cells
        elif cells.column == "share_high" and cells.inside in lows:
            yield from _intervals(name, table, lows[cells.inside], cells.values)


def _range(values: pa.Array, low: float, high: float) -> tuple[pa.Array, Callable[[Any], str]]:
    allowed = f"not within {low:g}…{high:g}" if np.isfinite(high) else f"below {low:g}"
    fine = pc.and_(pc.greater_equal(values, low - ABSOLUTE), pc.less_equal(values, high + ABSOLUTE))
    return fine, lambda value: f"is {said(value)}, {allowed}"


def _intervals(name: str, table: pa.Table, low: Cells, high: pa.Array) -> Iterator[Contradiction]:
    ordered = pc.fill_null(pc.less_equal(low.values, high), False)
    fine = pc.or_(ordered, pc.and_(pc.is_null(low.values), pc.is_null(high)))
    for wrong in _unless(name, table, low, fine, lambda value: f"is {said(value)}"):
        ends = high[pc.index(fine, False).as_py()].as_py()
        yield wrong._replace(words=f"{wrong.words}, share_high is {said(ends)}")


def _rule(cells: Cells) -> tuple[pa.Array, Callable[[Any], str]] | None:
    """Return which values of a column can be shown, and what to say of those that cannot."""
    values, kind = cells.values, cells.values.type
    if cells.column == "box" and pa.types.is_list(kind):
        return _boxes(values), lambda box: f"is {tuple(box)}: not inside of a photo"
    if pa.types.is_floating(kind):
        return pc.less_equal(pc.abs(values), LARGEST), lambda value: f"is {said(value)}"
    if pa.types.is_integer(kind) and (limits := _limits(cells.column)):
        return _range(values, *limits)
    if pa.types.is_string(kind):
        return _readable(cells.column, values, allowed(cells.hint)), _unreadable(cells.column, allowed(cells.hint))
    return None


@cache
def _limits(column: str) -> tuple[float, float] | None:
    """Return the least and the largest index that a column may hold."""
    if column in ("class_index", "predicted", "mistake"):
        return 0, len(imagenet_classes()) - 1
    if column in ("dominant", "strategy"):
        return -1.0, math.inf
    return (0.0, math.inf) if column in ("index", "colour") else None


def _boxes(boxes: pa.Array) -> pa.Array:
    """Return which boxes are four numbers, inside of a photo, and can be cut: (n,) bool."""
    four = as_array(pc.fill_null(pc.equal(pc.list_value_length(boxes), 4), False))
    fine = np.zeros(len(boxes), bool)
    sides = pc.fill_null(pc.list_flatten(boxes.filter(pa.array(four))), -1)
    x, y, width, height = as_array(sides).astype(np.int64).reshape(-1, 4).T
    inside = (x >= 0) & (y >= 0) & (width > 0) & (height > 0) & (np.maximum(x + width, y + height) <= LARGEST_SIDE)
    fine[four] = inside & (width * height <= LARGEST_AREA)
    return pa.array(fine)


def _readable(column: str, values: pa.Array, words: tuple[str, ...]) -> pa.Array:
    if words:
        return pc.or_(pc.is_null(values), pc.is_in(values, pa.array(words)))
    long = pc.utf8_length(values)
    fine = pc.less_equal(long, _LONGEST.get(column, _LONGEST_NAME))
    if column in _NAMES:
        fine = pc.and_(fine, pc.greater(long, 0))
    if column == "key":
        fine = pc.and_(fine, pc.invert(pc.match_substring_regex(values, r"^/|(^|/)\.\.(/|$)|\x00")))
    return fine if column in _AS_ON_DISK else pc.and_(fine, pc.invert(pc.match_substring_regex(values, r"\pC")))


def _unreadable(column: str, words: tuple[str, ...]) -> Callable[[str], str]:
    def say(value: str) -> str:
        if words:
            return f"is {value[:40]!r}, none of {', '.join(words)}"
        longest = _LONGEST.get(column, _LONGEST_NAME)
        long = f"has {len(value)} characters, more than {longest}"
        return long if len(value) > longest else f"is {value[:40]!r}, which is no name"

    return say


def _cells(name: str, table: pa.Table) -> Iterator[Cells]:
    """Yield the columns of a table and what lies inside of them; columns that its format does not name are left alone."""
    every = np.arange(table.num_rows)
    hints: dict[str, Any] = {}
    for kind in _KINDS[name]:
        hints |= _hints(kind)
    for column in table.schema.names:
        if column in SCHEMAS[name].names:
            hint = float | None if column in ESTIMATORS else hints.get(column, object)
            yield from _inner(Cells(column, table[column].combine_chunks(), hint, every))


def _inner(cells: Cells) -> Iterator[Cells]:
    yield cells
    kind = cells.values.type
    if pa.types.is_list(kind):
        parents = as_array(pc.list_parent_indices(cells.values))
        places = None if cells.places is None else cells.places[parents]
        elements = pc.list_flatten(cells.values)
        yield from _inner(cells._replace(values=elements, hint=object, rows=cells.rows[parents], places=places))
    elif pa.types.is_struct(kind):
        hints, places = _hints(_INSIDE[cells.column]), np.arange(len(cells.values))
        for field in kind:
            hint = float | None if field.name in ESTIMATORS else hints.get(field.name, object)
            values = pc.struct_field(cells.values, [field.name])
            yield from _inner(Cells(field.name, values, hint, cells.rows, cells.column, cells.values, places))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _optional(hint: Any) -> bool:
    return type(None) in _alternatives(hint)


def allowed(hint: Any) -> tuple[str, ...]:
    """Return the words that an annotation allows; none: any."""
    return tuple(word for one in _alternatives(hint) if get_origin(one) is Literal for word in get_args(one))


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _numeric(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _unless(name: str, table: pa.Table, cells: Cells, fine: pa.Array, say: Callable[[Any], str]) -> Iterator[Contradiction]:
    if not pc.all(fine, min_count=0).as_py():
        yield _told(name, table, cells, fine, say)


def _told(name: str, table: pa.Table, cells: Cells, fine: pa.Array, say: Callable[[Any], str]) -> Contradiction:
    """Tell of the first value that is not fine, and how many more there are."""
    at = pc.index(fine, False).as_py()
    more = pc.sum(pc.invert(fine)).as_py() - 1
    row = int(cells.rows[at])
    owner = _called(name, table.slice(row, 1))
    if cells.beside is not None and cells.places is not None:
        place = int(cells.places[at])
        struct = cells.beside.slice(place, 1)
        owner += ": " + _called(cells.inside, pa.Table.from_struct_array(struct)) if struct.null_count == 0 else ""
    words = say(cells.values[at].as_py()) + (f" (and {more} more)" if more else "")
    return Contradiction(name, owner, cells.column, f"of photo {_photo(table, row)} {words}" if name == paths.PHOTOS else words)


def _called(what: str, row: pa.Table) -> str:
    """Return what a row is called by the columns that say so."""
    keys = [key for key in ("wnid", "concept_id", "index", "rank", "id", "measure", "method") if key in row.schema.names]
    (values,) = row.select(keys).to_pylist()
    try:
        return _CALLED[what].format(**values)
    except KeyError:  # only some columns were read
        return "a row"


def _photo(table: pa.Table, row: int) -> int:
    """Return which photo of its class a row is of."""
    if "wnid" not in table.schema.names or not table["wnid"][row].is_valid:
        return row
    return row - int(pc.index(table["wnid"], table["wnid"][row]).as_py())
