"""How large a table may become: what its footer declares, judged before anything of it is decoded.

Runs of equal values take no room in a file: four megabytes can declare sixty million rows. A table of measured numbers takes
about a byte a value, and no row of it takes none.
"""

from __future__ import annotations

import pyarrow.parquet as pq

from atlas.schema import AtlasError

#: Values that one byte of a file may stand for: a shared dictionary leaves most codes zero, which pack well.
VALUES_A_BYTE = 16
#: How many times its size a table may become.
SWELLING = 128
#: Values and bytes that are decoded in a moment, however few the file has.
_FEW_VALUES, _FEW_BYTES = 1 << 20, 1 << 26


def admit(metadata: pq.FileMetaData, size: int) -> None:
    """Refuse a table whose footer declares more than its file can hold.

    Args:
        metadata: the footer, or a part of it.
        size: of the file, in bytes.

    Raises:
        AtlasError: it declares more rows than the file has bytes, more than 16 values a byte, or swells beyond measure.
    """
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    columns = [group.column(i) for group in groups for i in range(group.num_columns)]
    rows = max(metadata.num_rows, sum(group.num_rows for group in groups))
    values = sum(column.num_values for column in columns)
    swollen = sum(column.total_uncompressed_size for column in columns)
    least = min([metadata.num_rows, *(n for group in groups for n in (group.num_rows, group.total_byte_size))])
    least = min([least, *(n for column in columns for n in (column.num_values, column.total_uncompressed_size))])
    if least < 0:
        raise AtlasError(f"its footer declares {least} rows, values or bytes")
    if rows > size:
        raise AtlasError(f"its footer declares {rows} rows, the file has {size} bytes")
    if values > max(VALUES_A_BYTE * size, _FEW_VALUES):
        raise AtlasError(f"its footer declares {values} values, the file has {size} bytes")
    if swollen > max(SWELLING * size, _FEW_BYTES):
        raise AtlasError(f"its footer declares {swollen} bytes of content, the file has {size}")
