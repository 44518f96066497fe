"""One row group of a parquet file, without decoding what its footer says of a thousand others.

A footer is a thrift struct in the compact protocol; its fourth field lists the row groups. Here their byte ranges are found once,
so that a footer with a single row group can be handed to the reader: a hundredth of the time and memory of the whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

_MAGIC = b"PAR1"
_ROW_GROUPS = 4  # field of FileMetaData
_COLUMNS, _NUM_ROWS = 1, 3  # fields of RowGroup
_META_DATA, _STATISTICS, _MIN_VALUE = 3, 12, 6  # fields of ColumnChunk, of its meta data, of its statistics
_FILE_ROWS = 3  # field of FileMetaData
_VALUES, _UNCOMPRESSED, _COMPRESSED, _DATA, _DICTIONARY = 5, 6, 7, 9, 11  # fields of the meta data of a ColumnChunk
_BOOLEANS, _BYTE, _WHOLE, _DOUBLE, _BINARY, _LISTS, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12


class Chunk(NamedTuple):
    """What a footer says of one column of one row group; pyarrow ends the process where some of it contradicts itself."""

    values: int
    uncompressed: int  # bytes
    compressed: int  # bytes
    start: int  # in the file


class Footer:
    """The footer of a parquet file, cut between its row groups.

    Raises:
        ArrowInvalid: it is no parquet file.
    """

    def __init__(self, stream: io.BufferedReader) -> None:
        if stream.seek(0, 2) < 2 * len(_MAGIC) + 4:
            raise pa.ArrowInvalid("it is not a parquet file")
        stream.seek(-8, 2)
        size = int.from_bytes(stream.read(4), "little")
        if stream.read() != _MAGIC:
            raise pa.ArrowInvalid("it is not a parquet file")
        stream.seek(-min(8 + size, stream.tell()), 2)
        self._bytes = stream.read(size)
        try:
            self._start, self._groups, self._first = _row_groups(self._bytes)
        except (IndexError, KeyError, RecursionError) as error:
            raise pa.ArrowInvalid("its footer cannot be read") from error

    def __len__(self) -> int:
        return len(self._groups) - 1

    def owners(self) -> dict[str, tuple[int, int]]:
        """Return the wnid or "shared" that every row group belongs to (its first column says so), its number and its rows."""
        return {name.decode("utf-8", "replace").partition("/")[0]: (i, rows) for i, (name, rows) in enumerate(self._first)}

    def rows(self) -> list[int]:
        """Return how many rows the file has as a whole, then how many each row group."""
        return [_fields(self._bytes, 0, (_FILE_ROWS,)).get(_FILE_ROWS, 0), *(rows for _, rows in self._first)]

    def chunks(self, group: int) -> list[Chunk]:
        """Return what is said of every column of a row group."""
        return list(_chunks(self._bytes, self._groups[group]))

    def of_group(self, group: int) -> pq.FileMetaData:
        """Return the footer as if the file had this row group only."""
        body = self._bytes
        one = bytes([1 << 4 | _STRUCT]) + body[self._groups[group] : self._groups[group + 1]]
        footer = body[: self._start] + one + body[self._groups[-1] :]
        return pq.read_metadata(io.BytesIO(_MAGIC + footer + len(footer).to_bytes(4, "little") + _MAGIC))


def _row_groups(body: bytes) -> tuple[int, list[int], list[tuple[bytes, int]]]:
    """Return where the list of row groups begins, the limits of its elements, and of each its first value and rows."""
    start = _place(body, 0, _ROW_GROUPS)
    if start is None:
        return len(body) - 1, [len(body) - 1], []
    count, at = _list_size(body, start)
    limits, first = [at], []
    for _ in range(count):
        at, name, rows = _row_group(body, at)
        limits.append(at)
        first.append((name, rows))
    return start, limits, first


def _list_size(body: bytes, at: int) -> tuple[int, int]:
    """Return how many elements a list has, and where they begin; one that claims more than can follow is refused.

    Raises:
        IndexError: it does.
    """
    count, start = _varint(body, at + 1) if body[at] >> 4 == 15 else (body[at] >> 4, at + 1)
    if count > len(body) - start:
        raise IndexError(count)
    return count, start


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while body[at] & 128 and shift < 70:
        value |= (body[at] & 127) << shift
        shift, at = shift + 7, at + 1
    return value | body[at] << shift, at + 1


def _whole(body: bytes, at: int) -> int:
    zigzag, _ = _varint(body, at)
    return zigzag >> 1 ^ -(zigzag & 1)


def _chunks(body: bytes, group: int) -> Iterator[Chunk]:
    columns = _place(body, group, _COLUMNS)
    count, at = (0, group) if columns is None else _list_size(body, columns)
    for _ in range(count):
        place = _place(body, at, _META_DATA)
        said = {} if place is None else _fields(body, place, (_VALUES, _UNCOMPRESSED, _COMPRESSED, _DATA, _DICTIONARY))
        start = said.get(_DICTIONARY) or said.get(_DATA, 0)
        yield Chunk(said.get(_VALUES, 0), said.get(_UNCOMPRESSED, 0), said.get(_COMPRESSED, 0), start)
        at = _skip(body, at, _STRUCT)


def _fields(body: bytes, at: int, wanted: tuple[int, ...]) -> dict[int, int]:
    """Return the whole numbers that some fields of a struct hold, of those that are there."""
    found: dict[int, int] = {}
    field = 0
    while head := body[at]:
        field, at = _field(body, at, field)
        if field in wanted and head & 15 in _WHOLE:
            found[field] = _whole(body, at)
        at = _skip(body, at, head & 15)
    return found


def _row_group(body: bytes, at: int) -> tuple[int, bytes, int]:
    """Return where a row group ends, the least value of its first column, and how many rows it has."""
    field, name, rows = 0, b"", 0
    while head := body[at]:
        field, at = _field(body, at, field)
        if field == _COLUMNS:
            name = _least(body, _list_size(body, at)[1])
        elif field == _NUM_ROWS:
            rows = _whole(body, at)
        at = _skip(body, at, head & 15)
    return at + 1, name, rows


def _field(body: bytes, at: int, last: int) -> tuple[int, int]:
    """Return the id of the field whose head is here, and where its value begins."""
    if step := body[at] >> 4:
        return last + step, at + 1
    return _whole(body, at + 1), _varint(body, at + 1)[1]


def _least(body: bytes, column: int) -> bytes:
    """Return the least value of a column chunk as its statistics say; nothing where they do not."""
    at = column
    for wanted in (_META_DATA, _STATISTICS, _MIN_VALUE):
        found = _place(body, at, wanted)
        if found is None:
            return b""
        at = found
    size, at = _varint(body, at)
    return body[at : at + size]


def _place(body: bytes, at: int, wanted: int) -> int | None:
    """Return where the value of a field of a struct begins."""
    field = 0
    while head := body[at]:
        field, at = _field(body, at, field)
        if field == wanted:
            return at
        at = _skip(body, at, head & 15)
    return None


def _skip(body: bytes, at: int, kind: int) -> int:
    """Return where the value that begins here ends."""
    if kind in _BOOLEANS:
        return at
    if kind in _WHOLE:
        while body[at] & 128:
            at += 1
        return at + 1
    if kind == _BINARY:
        size, at = _varint(body, at)
        return at + size
    if kind == _STRUCT:
        while head := body[at]:  # by far the most frequent: its commonest fields are skipped here, without a call
            at += 1
            if head < 16:
                _, at = _varint(body, at)
            kind = head & 15
            if 4 <= kind <= 6:
                while body[at] & 128:
                    at += 1
                at += 1
            elif kind == _BINARY and body[at] < 128:
                at += 1 + body[at]
            elif kind > 2:
                at = _skip(body, at, kind)
        return at + 1
    if kind in _LISTS:
        element = body[at] & 15
        count, at = _list_size(body, at)
        for _ in range(count):
            at = at + 1 if element in _BOOLEANS else _skip(body, at, element)
        return at
    return at + {_BYTE: 1, _DOUBLE: 8}[kind]
