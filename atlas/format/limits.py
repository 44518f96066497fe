"""How large a table may become: what its footer declares, judged before anything of it is decoded.

Runs of equal values take no room in a file: four megabytes can declare sixty million rows. A table of measured numbers takes
about a byte a value, and no row of it takes none. A text that a file holds once can stand in every row; so texts are read as
places in a list of texts, and written out when it is known how much that makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from atlas.format.footers import Footer
from atlas.schema import AtlasError

#: Values that one byte of a file may stand for: a shared dictionary leaves most codes zero, which pack well.
VALUES_A_BYTE = 16
#: How many times its size a table may become.
SWELLING = 128
#: Values and bytes that are decoded in a moment, however few the file has.
_FEW_VALUES, _FEW_BYTES = 1 << 20, 1 << 26


def admit(footer: Footer, size: int, group: int | None = None) -> None:
    """Refuse a table whose footer declares more than its file can hold.

    Args:
        footer: of the file.
        size: of the file, in bytes.
        group: the one row group that will be read; None: all of them.

    Raises:
        AtlasError: it declares more rows than the file has bytes, more than 16 values a byte, or swells beyond measure.
    """
    chunks = [chunk for i in (range(len(footer)) if group is None else (group,)) for chunk in footer.chunks(i)]
    declared = footer.rows()
    rows = max(declared[0], sum(declared[1:]))
    values, swollen = sum(chunk.values for chunk in chunks), sum(chunk.uncompressed for chunk in chunks)
    least = min([*declared, *(number for chunk in chunks for number in chunk)])
    if least < 0:
        raise AtlasError(f"its footer declares {least} rows, values or bytes")
    if rows > size:
        raise AtlasError(f"its footer declares {rows} rows, the file has {size} bytes")
    if values > max(VALUES_A_BYTE * size, _FEW_VALUES):
        raise AtlasError(f"its footer declares {values} values, the file has {size} bytes")
    if swollen > max(SWELLING * size, _FEW_BYTES):
        raise AtlasError(f"its footer declares {swollen} bytes of content, the file has {size}")


def opened(source: Any, metadata: pq.FileMetaData | None = None) -> pq.ParquetFile:
    """Open a parquet file so that reading it does not write out its texts.

    Args:
        source: the file, at its beginning.
        metadata: its footer, or a part of it; None: it is read.
    """
    if metadata is None:
        metadata = pq.read_metadata(source)
        source.seek(0)
    leaves = [metadata.schema.column(i) for i in range(metadata.num_columns)]
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    return pq.ParquetFile(source, metadata=metadata, read_dictionary=texts)


def decoded(pieces: Sequence[pa.Table], size: int) -> pa.Table:
    """Return tables from ``opened``, one below the other, with their texts written out.

    Args:
        pieces: row groups of a file, one at least.
        size: of the file, in bytes.

    Raises:
        AtlasError: that makes more than its file can be worth.
    """
    swollen = sum(_written_out(chunk) for piece in pieces for column in piece.columns for chunk in column.chunks)
    if swollen > max(SWELLING * size, _FEW_BYTES):
        raise AtlasError(f"its texts take {swollen} bytes, the file has {size}")
    schema = pa.schema([pa.field(field.name, _plain(field.type)) for field in pieces[0].schema])
    return pa.concat_tables([piece.cast(schema) for piece in pieces])


def _written_out(values: pa.Array) -> int:
    """Return how many bytes the texts in an array take, however deep they lie."""
    if pa.types.is_dictionary(values.type):
        lengths = pc.binary_length(values.dictionary)
        return int(pc.sum(pc.take(lengths, values.indices).cast(pa.int64())).as_py() or 0)
    return sum(map(_written_out, _inside(values)))


def _inside(values: pa.Array) -> Iterator[pa.Array]:
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        yield pc.list_flatten(values)
    elif pa.types.is_struct(values.type):
        yield from values.flatten()


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return a type without dictionaries."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in kind])
    return kind
