"""Tables changed by value and sealed again: what the tests of unfit atlases do to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

CHURCH, TENCH = "n03028079", "n01440764"
Rows = list[dict[str, Any]]


def rewrite(made: Any, root: Path, name: str, change: Callable[[Rows], object]) -> None:
    """Change the rows of a table, a row group each owner as before, and seal it."""
    with pq.ParquetFile(root / name) as file:
        groups = [file.read_row_group(i).to_pylist() for i in range(file.num_row_groups)]
        schema = file.schema_arrow
    for rows in groups:
        change(rows)
    with pq.ParquetWriter(root / name, schema) as writer:
        for rows in groups:
            writer.write_table(pa.Table.from_pylist(rows, schema))
    made.seal(root, name)


def of_church(column: str, value: Any, at: int = 0) -> Callable[[Rows], None]:
    """Change a cell of the n-th row of the church."""

    def change(rows: Rows) -> None:
        own = [row for row in rows if CHURCH in (row.get("wnid"), row.get("concept_id", "").partition("/")[0])]
        if own:
            own[at][column] = value(own[at][column]) if callable(value) else value

    return change


def inner(**values: Any) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """Change fields of the first element of a list of structs."""
    return lambda held: [{**held[0], **values}, *held[1:]]
