"""How long the lists of photos are, and what they point at: every photo of a class alike, and nothing that is not there.

Notation: n photos of a class, k concepts of its dictionary, m concepts with a heat map of h × w places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.format import paths
from atlas.format.checks.contradiction import Contradiction
from atlas.format.tables import as_array


class _Photos(NamedTuple):
    """Rows of one class or of several, those of a class together."""

    table: pa.Table
    wnids: list[str]
    first: np.ndarray  # (rows,) the first row of the class of each
    sizes: np.ndarray  # (rows,) how many photos that class has

    def lengths(self, column: str) -> np.ndarray:
        """Return how many elements the list of each row has: (rows,)."""
        return as_array(pc.list_value_length(self.table[column].combine_chunks()))

    def lists(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Return all elements of the lists of a column, and the row that each is of."""
        held = self.table[column].combine_chunks()
        return as_array(pc.list_flatten(held)), as_array(pc.list_parent_indices(held))


def of_photos(table: pa.Table, grid: tuple[int, int]) -> Iterator[Contradiction]:
    """Find, column by column, the first photo whose list has another length than it must, or points at what is not there.

    Args:
        table: photos whose cells are fit, those of a class together; all columns, or those of a layout.
        grid: height and width of a heat map, in places.
    """
    photos = _of(table)
    held = set(table.schema.names)
    if "neighbours" in held:
        near, rows = photos.lists("neighbours")
        wrong = (near < 0) | (near >= photos.sizes[rows])
        yield from _told(photos, "neighbours", rows, wrong, lambda at: f"name {near[at]}, of {photos.sizes[rows[at]]} photos")
    if "contributions" not in held:
        return
    k = photos.lengths("contributions")[photos.first]
    yield from _alike(photos, "contributions", k, "concepts")
    yield from _alike(photos, "codes", k, "concepts")
    dominant = as_array(table["dominant"].combine_chunks())
    yield from _told(photos, "dominant", np.arange(len(k)), dominant >= k, lambda at: f"is {dominant[at]}, of {k[at]} concepts")
    yield from _heat(photos, k, grid)


def _alike(photos: _Photos, column: str, needed: np.ndarray, of: str) -> Iterator[Contradiction]:
    own = photos.lengths(column)
    words = "are of {} {}, others of {}"
    yield from _told(photos, column, np.arange(len(own)), own != needed, lambda at: words.format(own[at], of, needed[at]))


def _heat(photos: _Photos, k: np.ndarray, grid: tuple[int, int]) -> Iterator[Contradiction]:
    height, width = grid
    m = photos.lengths("heat_concepts")[photos.first]
    yield from _alike(photos, "heat_concepts", m, "maps")
    shown, rows = photos.lists("heat_concepts")
    lists = photos.table["heat_concepts"]
    strange = (shown < 0) | (shown >= k[rows])
    yield from _told(
        photos, "heat_concepts", rows, strange, lambda at: f"are {lists[int(rows[at])].as_py()}, of {k[rows[at]]} concepts"
    )
    held = as_array(pc.binary_length(photos.table["heat"].combine_chunks()))
    needed = m.astype(np.int64) * height * width
    yield from _told(
        photos,
        "heat",
        np.arange(len(k)),
        held != needed,
        lambda at: f"has {held[at]} bytes, {m[at]} maps of {height} × {width} places take {needed[at]}",
    )


def _of(table: pa.Table) -> _Photos:
    wnids = table["wnid"].to_pylist() if "wnid" in table.schema.names else [""] * table.num_rows
    first = np.arange(len(wnids))
    for row in range(1, len(wnids)):
        if wnids[row] == wnids[row - 1]:
            first[row] = first[row - 1]
    return _Photos(table, wnids, first, np.bincount(first, minlength=len(first))[first])


def _told(
    photos: _Photos, column: str, rows: np.ndarray, wrong: np.ndarray, say: Callable[[int], str]
) -> Iterator[Contradiction]:
    """Tell of the first value that is wrong; ``rows`` says which photo each is of."""
    if not wrong.any():
        return
    at = int(wrong.argmax())
    row = int(rows[at])
    others = len(set(rows[wrong].tolist())) - 1
    more = f" (and {others} more photos)" if others else ""
    yield Contradiction(paths.PHOTOS, photos.wnids[row], column, f"of photo {row - photos.first[row]} {say(at)}{more}")
