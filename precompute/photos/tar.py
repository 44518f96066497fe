"""Read where the members of a tar file lie, and nothing else: no member is ever written to disk, no link followed.

The format is POSIX ustar (IEEE 1003.1) with the extensions tar programs write: GNU's long names (``L``), pax headers (``x``).
Python's own reader trusts sizes that a header may make up; this one checks every number against the length of the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

_BLOCK = 512
_LONGEST_NAME = 1 << 16
_LARGEST_PAX = 1 << 20
_FILES = {b"0", b"\0", b"7"}
_NO_DATA = {b"1", b"2", b"3", b"4", b"5", b"6"}  # links, devices, folders: their size counts nothing


class Member(NamedTuple):
    """A file inside a tar file."""

    name: str
    start: int  # of its content, in bytes from the beginning of the tar file
    size: int


class Damaged(ValueError):
    """A tar file that cannot be followed any further; the message says where and why."""


def members(path: Path) -> Iterator[Member]:
    """Yield every regular file of a tar file, in order.

    Raises:
        Damaged: after the members that could be found, where the file is cut short or a header is none.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        total = os.fstat(stream.fileno()).st_size
        at, given = 0, dict[str, str]()
        while at < total:
            stream.seek(at)
            header = stream.read(_BLOCK)
            if len(header) == _BLOCK and not any(header):
                return
            if len(header) < _BLOCK or not _is_header(header):
                raise Damaged(f"what should be a header at byte {at} is none" if at else "not a tar file")
            kind, start = header[156:157], at + _BLOCK
            size = int(given["size"]) if "size" in given else _number(header[124:136])
            if kind in _NO_DATA:
                size = 0
            if size < 0 or start + size > total:
                raise Damaged(f"the member at byte {at} should have {size} bytes, the file ends after {total - start}")
            if kind == b"L":
                given["path"] = _text(_limited(stream, size, _LONGEST_NAME, at).rstrip(b"\0"))
            elif kind == b"x":
                given |= _pax(_limited(stream, size, _LARGEST_PAX, at))
            else:
                if kind in _FILES:
                    yield Member(given.get("path") or _name(header), start, size)
                given = {} if kind != b"g" else given
            at = start + -(-size // _BLOCK) * _BLOCK
    raise Damaged("it ends without an end mark")


def _is_header(header: bytes) -> bool:
    """Compare the checksum: the sum of all bytes, the checksum itself taken as blanks."""
    return _number(header[148:156]) == sum(header[:148]) + 8 * 0x20 + sum(header[156:])


def _number(field: bytes) -> int:
    """Read a number: octal digits, or (first bit set) GNU's base 256; -1 where there is none."""
    if field[:1] >= b"\x80":
        return int.from_bytes(field[1:], "big") if field[0] == 0x80 else -1
    digits = field.split(b"\0", 1)[0].strip()
    return int(digits, 8) if digits and all(0x30 <= digit < 0x38 for digit in digits) else 0 if not digits else -1


def _name(header: bytes) -> str:
    name, prefix = header[:100].split(b"\0", 1)[0], header[345:500].split(b"\0", 1)[0]
    return _text(prefix + b"/" + name if header[257:263] == b"ustar\0" and prefix else name)


def _limited(stream: IO[bytes], size: int, most: int, at: int) -> bytes:
    if size > most:
        raise Damaged(f"the header at byte {at} claims {size} bytes for a name")
    return stream.read(size)


def _pax(content: bytes) -> dict[str, str]:
    """Return the records of a pax header that matter here: lines of ``length key=value``."""
    found: dict[str, str] = {}
    while content:
        length, _, rest = content.partition(b" ")
        if not length.isdigit() or len(length) > 8 or int(length) <= len(length) + 1:
            raise Damaged("a pax header has no length")
        record, content = rest[: int(length) - len(length) - 2], content[int(length) :]
        key, _, value = record.partition(b"=")
        if key == b"path" or (key == b"size" and value.isdigit() and len(value) < 20):
            found[key.decode()] = _text(value)
    return found


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
