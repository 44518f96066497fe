from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.format import data_path, tables
from atlas.format.footers import Footer
from atlas.format.limits import SWELLING, VALUES_A_BYTE, admit, decoded, opened
from atlas.schema import AtlasError


def footer_of(path: Path) -> Footer:
    with path.open("rb") as stream:
        return Footer(stream)


def declared(path: Path, **columns: Any) -> tuple[Footer, int]:
    """Write a table and return its footer and its size."""
    pq.write_table(pa.table(columns), path, compression="zstd")
    return footer_of(path), path.stat().st_size


def test_rows_that_take_no_room_are_refused(tmp_path: Path) -> None:
    footer, size = declared(tmp_path / "a", x=pa.nulls(1_000_000, pa.float64()))
    assert size < 100_000
    with pytest.raises(AtlasError, match=f"^its footer declares 1000000 rows, the file has {size} bytes$"):
        admit(footer, size)


def test_values_that_take_no_room_are_refused(tmp_path: Path) -> None:
    row = pa.array([[None] * 4_000_000], pa.list_(pa.float64()))
    footer, size = declared(tmp_path / "a", x=row)
    assert size * VALUES_A_BYTE < 4_000_000
    with pytest.raises(AtlasError, match=f"^its footer declares 4000000 values, the file has {size} bytes$"):
        admit(footer, size)


def test_bytes_that_take_no_room_are_refused(tmp_path: Path) -> None:
    footer, size = declared(tmp_path / "a", x=pa.array([bytes(100_000_000)], pa.binary()))
    assert size * SWELLING < 100_000_000
    with pytest.raises(AtlasError, match=rf"^its footer declares 1000\d+ bytes of content, the file has {size}$"):
        admit(footer, size)


def test_what_repeats_in_a_small_table_is_admitted(tmp_path: Path) -> None:
    footer, size = declared(tmp_path / "a", x=pa.array([[0.0] * 1_000_000], pa.list_(pa.float32())))
    assert size * VALUES_A_BYTE < 1_000_000
    admit(footer, size)


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_a_table_of_measured_numbers_is_far_within(name: str) -> None:
    path = data_path("data/imagenet-lite0") / name
    footer, size = footer_of(path), path.stat().st_size
    admit(footer, size)
    admit(footer, size // 4)


def test_texts_that_a_file_holds_once_are_not_written_out_for_every_row(tmp_path: Path) -> None:
    often = pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), pa.array(["x" * 100_000]))
    lists = pa.ListArray.from_arrays(pa.array(range(20_001), pa.int32()), often)
    nested = pa.StructArray.from_arrays([lists], ["names"])
    _, size = declared(tmp_path / "a", alone=often, nested=nested, other=pa.array([os.urandom(4) for _ in range(20_000)]))
    with (tmp_path / "a").open("rb") as stream, opened(stream) as file, pytest.raises(AtlasError) as error:
        decoded([file.read_row_group(0)], size)
    assert str(error.value) == f"its texts take {2 * 20_000 * 100_000 + 20_000 * 4} bytes, the file has {size}"


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_texts_are_written_out_as_they_are(name: str) -> None:
    path = data_path("data/imagenet-lite0") / name
    with path.open("rb") as stream, opened(stream) as file:
        pieces = [file.read_row_group(i) for i in range(file.num_row_groups)]
        assert decoded(pieces, path.stat().st_size).equals(pq.read_table(path))


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_a_footer_is_read_as_its_writer_meant_it(name: str) -> None:
    path = data_path("data/imagenet-lite0") / name
    footer, metadata = footer_of(path), pq.read_metadata(path)
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    assert footer.rows() == [metadata.num_rows, *(group.num_rows for group in groups)]
    for i in {0, len(groups) - 1}:
        columns = [groups[i].column(j) for j in range(metadata.num_columns)]
        assert footer.chunks(i) == [
            (c.num_values, c.total_uncompressed_size, c.total_compressed_size, c.dictionary_page_offset or c.data_page_offset)
            for c in columns
        ]


def test_a_footer_that_contradicts_itself_does_not_end_the_process(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([[1, None], []], pa.list_(pa.int32()))}), tmp_path / "a")
    sound = (tmp_path / "a").read_bytes()
    length = int.from_bytes(sound[-8:-4], "little")
    for at in range(len(sound) - 8 - length, len(sound) - 8):
        for value in (0, 1, 0x15, 0x16, 0xFF):
            stream = io.BufferedReader(io.BytesIO(sound[:at] + bytes([value]) + sound[at + 1 :]))  # type: ignore[arg-type]
            try:
                admit(Footer(stream), len(sound))
            except (AtlasError, pa.ArrowInvalid, LookupError) as error:
                assert str(error)  # noqa: PT017 (either of two outcomes is right)
