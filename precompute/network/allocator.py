"""Memory that is asked for and freed in every step, kept by the process in between.

glibc gives large blocks back to the system as soon as they are freed, and the system clears every page again when they are asked
for next: with activations of tens of megabytes a layer that is a third of the time of a forward and backward pass on a CPU.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # of mallopt(3)
_LARGE = 2**30
_USUAL = 32 * 2**20  # what glibc's own thresholds grow to in a program with large blocks


@contextmanager
def reusing_memory() -> Iterator[None]:
    """Keep freed memory for the next request while inside; give it back at the end. Elsewhere than on glibc, do nothing."""
    libc = _glibc()
    if libc is None:
        yield
        return
    _set(libc, mmap=_LARGE, trim=2 * _LARGE - 1, pad=2**26)
    try:
        yield
    finally:
        _set(libc, mmap=_USUAL, trim=2 * _USUAL, pad=0)
        libc.malloc_trim(0)


def give_back() -> None:
    """Return freed memory to the system: between two classes, so that a worker's peak does not creep from one to the next."""
    if libc := _glibc():
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.gnu_get_libc_version  # noqa: B018  # other libraries by this name lack it
    except (OSError, AttributeError):
        return None
    return libc


def _set(libc: ctypes.CDLL, *, mmap: int, trim: int, pad: int) -> None:
    libc.mallopt(_MMAP_THRESHOLD, mmap)
    libc.mallopt(_TRIM_THRESHOLD, trim)
    libc.mallopt(_TOP_PAD, pad)
