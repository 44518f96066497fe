from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.format import data_path, tables
from atlas.format.limits import SWELLING, VALUES_A_BYTE, admit
from atlas.schema import AtlasError


def declared(path: Path, **columns: Any) -> tuple[pq.FileMetaData, int]:
    """Write a table and return its footer and its size."""
    pq.write_table(pa.table(columns), path, compression="zstd")
    return pq.read_metadata(path), path.stat().st_size


def test_rows_that_take_no_room_are_refused(tmp_path: Path) -> None:
    metadata, size = declared(tmp_path / "a", x=pa.nulls(1_000_000, pa.float64()))
    assert size < 100_000
    with pytest.raises(AtlasError, match=f"^its footer declares 1000000 rows, the file has {size} bytes$"):
        admit(metadata, size)


def test_values_that_take_no_room_are_refused(tmp_path: Path) -> None:
    row = pa.array([[None] * 4_000_000], pa.list_(pa.float64()))
    metadata, size = declared(tmp_path / "a", x=row)
    assert size * VALUES_A_BYTE < 4_000_000
    with pytest.raises(AtlasError, match=f"^its footer declares 4000000 values, the file has {size} bytes$"):
        admit(metadata, size)


def test_bytes_that_take_no_room_are_refused(tmp_path: Path) -> None:
    metadata, size = declared(tmp_path / "a", x=pa.array([bytes(100_000_000)], pa.binary()))
    assert size * SWELLING < 100_000_000
    with pytest.raises(AtlasError, match=rf"^its footer declares 1000\d+ bytes of content, the file has {size}$"):
        admit(metadata, size)


def test_what_repeats_in_a_small_table_is_admitted(tmp_path: Path) -> None:
    metadata, size = declared(tmp_path / "a", x=pa.array([[0.0] * 1_000_000], pa.list_(pa.float32())))
    assert size * VALUES_A_BYTE < 1_000_000
    admit(metadata, size)


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_a_table_of_measured_numbers_is_far_within(name: str) -> None:
    path = data_path("data/imagenet-lite0") / name
    metadata, size = pq.read_metadata(path), path.stat().st_size
    admit(metadata, size)
    admit(metadata, size // 4)
