"""A table of one row group an owner, a few owners at a time: checks look at many at once, and never at all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from atlas.format import limits, tables
from atlas.format.reader import Store

#: Bytes of decoded rows at once, if not those of one owner alone are more.
_BYTES = 1 << 25


class Batch(NamedTuple):
    """The rows of consecutive row groups, and whose they are."""

    rows: pa.Table
    owners: list[list[str]]  # of each row group, each once
    sizes: list[int]  # rows of each row group

    def groups(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield the rows of every row group that has one owner, as all do of a table that is whole."""
        start = 0
        for owners, size in zip(self.owners, self.sizes, strict=True):
            if len(owners) == 1:
                yield owners[0], self.rows.slice(start, size)
            start += size


def batches(store: Store, name: str) -> Iterator[Batch]:
    """Read a table to its end.

    Raises:
        AtlasError: it cannot be read.
    """
    with store._reading(name), limits.opened(store._published.file(name)) as file:
        store._admit(name)
        for groups in _together(file.metadata):
            rows = store._decoded(name, [file.read_row_groups(groups, use_threads=False)])
            sizes = [file.metadata.row_group(i).num_rows for i in groups]
            yield Batch(rows, list(_owners(rows, sizes)), sizes)


def _together(metadata: pq.FileMetaData) -> Iterator[list[int]]:
    groups: list[int] = []
    size = 0
    for i in range(metadata.num_row_groups):
        own = metadata.row_group(i).total_byte_size
        if groups and size + own > _BYTES:
            yield groups
            groups, size = [], 0
        groups.append(i)
        size += own
    if groups:
        yield groups


def _owners(rows: pa.Table, sizes: list[int]) -> Iterator[list[str]]:
    owners = tables.owners(rows)
    start = 0
    for size in sizes:
        yield owners.slice(start, size).unique().to_pylist()
        start += size
