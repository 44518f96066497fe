"""One row group of a parquet file, without decoding what its footer says of a thousand others.

A footer is a thrift struct in the compact protocol; its fourth field lists the row groups. Here their byte ranges are found once,
so that a footer with a single row group can be handed to the reader: a hundredth of the time and memory of the whole.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_MAGIC = b"PAR1"
_ROW_GROUPS = 4  # field of FileMetaData
_BOOLEANS, _BYTE, _WHOLE, _DOUBLE, _BINARY, _LISTS, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12


class Footer:
    """The footer of a parquet file, cut between its row groups.

    Raises:
        OSError, ArrowInvalid: there is no such file, or it is no parquet file.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            if stream.seek(0, 2) < 2 * len(_MAGIC) + 4:
                raise pa.ArrowInvalid(f"{path} is not a parquet file")
            stream.seek(-8, 2)
            size = int.from_bytes(stream.read(4), "little")
            if stream.read() != _MAGIC:
                raise pa.ArrowInvalid(f"{path} is not a parquet file")
            stream.seek(-min(8 + size, stream.tell()), 2)
            self._bytes = stream.read(size)
        try:
            self._start, self._groups = _row_groups(self._bytes)
        except (IndexError, KeyError) as error:
            raise pa.ArrowInvalid(f"the footer of {path} cannot be read") from error

    def __len__(self) -> int:
        return len(self._groups) - 1

    def read(self, path: Path, group: int) -> pa.Table:
        """Read one row group of the file that this footer is of."""
        with pq.ParquetFile(path, metadata=self._alone(group)) as file:
            return file.read_row_group(0, use_threads=False)

    def owners(self) -> dict[str, tuple[int, int]]:
        """Return the wnid or "shared" that every row group belongs to (its first column says so), its number and its rows."""
        groups = ((i, self._alone(i).row_group(0)) for i in range(len(self)))
        return {str(group.column(0).statistics.min).partition("/")[0]: (i, group.num_rows) for i, group in groups}

    def _alone(self, group: int) -> pq.FileMetaData:
        """Return the footer as if the file had this row group only."""
        body = self._bytes
        one = bytes([1 << 4 | _STRUCT]) + body[self._groups[group] : self._groups[group + 1]]
        footer = body[: self._start] + one + body[self._groups[-1] :]
        return pq.read_metadata(BytesIO(_MAGIC + footer + len(footer).to_bytes(4, "little") + _MAGIC))


def _row_groups(body: bytes) -> tuple[int, list[int]]:
    """Return where the list of row groups begins, and the limits of its elements."""
    at, field = 0, 0
    while body[at]:
        kind, step = body[at] & 15, body[at] >> 4
        at += 1
        if step:
            field += step
        else:
            zigzag, at = _varint(body, at)
            field = zigzag >> 1 ^ -(zigzag & 1)
        if field == _ROW_GROUPS:
            return at, _elements(body, at)
        at = _skip(body, at, kind)
    return at, [at]


def _elements(body: bytes, at: int) -> list[int]:
    count, at = _list_size(body, at)
    limits = [at]
    for _ in range(count):
        limits.append(_skip(body, limits[-1], _STRUCT))
    return limits


def _list_size(body: bytes, at: int) -> tuple[int, int]:
    count = body[at] >> 4
    return _varint(body, at + 1) if count == 15 else (count, at + 1)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while body[at] & 128:
        value |= (body[at] & 127) << shift
        shift, at = shift + 7, at + 1
    return value | body[at] << shift, at + 1


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
        while head := body[at]:
            at += 1
            if not head >> 4:
                _, at = _varint(body, at)
            at = _skip(body, at, head & 15)
        return at + 1
    if kind in _LISTS:
        element = body[at] & 15
        count, at = _list_size(body, at)
        for _ in range(count):
            at = at + 1 if element in _BOOLEANS else _skip(body, at, element)
        return at
    return at + {_BYTE: 1, _DOUBLE: 8}[kind]
