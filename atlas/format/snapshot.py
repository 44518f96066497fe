"""One publish of an atlas, held open: its tables are read as they were, whatever is published meanwhile."""

from __future__ import annotations

import hashlib
import io
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from atlas.format import paths
from atlas.schema import AtlasError

#: What a snapshot holds open; pictures are too many, and each is compared with its digest when it is read.
HELD = (paths.CLASSES, paths.CONCEPTS, paths.PHOTOS, paths.STRATEGIES, paths.EXEMPLARS, paths.DICTIONARIES)
_ATTEMPTS = 20


class Identity(NamedTuple):
    """Which file stands under a name, and how it was when it was looked at."""

    device: int
    inode: int
    bytes: int
    changed: int  # ns


class Snapshot:
    """The manifest and the open tables of one publish.

    Raises:
        AtlasError: there is no manifest, it cannot be read, or publishes follow each other all the time.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        for _ in range(_ATTEMPTS):
            self.manifest, self._manifest_is = _manifest(root)
            self._open = {name: held for name in HELD if (held := _held(root, name)) is not None}
            if _manifest(root) == (self.manifest, self._manifest_is):  # nothing was published between the two looks
                self.digest = hashlib.sha256(self.manifest).hexdigest()
                return
        raise AtlasError(f"{root} is being published all the time: look again when that is done.")

    def superseded(self) -> bool:
        """Return whether something else is published by now: two looks at the folder, none into a file."""
        try:
            return _identity(paths.locate(self.root, paths.MANIFEST).stat()) != self._manifest_is
        except OSError:  # a build is moving it, or the atlas is gone: what is held stays good
            return False

    def file(self, name: str) -> io.BufferedReader:
        """Return a table or the dictionaries, to be read from their beginning by the caller alone.

        Raises:
            FileNotFoundError: this publish has none.
            AtlasError: it was changed in place since.
        """
        return io.BufferedReader(_Held(self._descriptor(name), self._open[name].bytes))

    def path(self, name: str) -> Path:
        """Return a path that opens the file that is held; for a library that reads nothing but paths.

        Raises:
            FileNotFoundError, AtlasError: as ``file``.
        """
        held = Path("/dev/fd") / str(self._descriptor(name))
        return held if held.exists() else paths.locate(self.root, name)

    def size(self, name: str) -> int:
        """Return the size of a file that is held, in bytes; FileNotFoundError, AtlasError: as ``file``."""
        self._descriptor(name)
        return self._open[name].bytes

    def fingerprint(self, name: str) -> dict[str, str | int]:
        """Return the sha256 and size of a file that is held, as the manifest records them.

        Raises:
            FileNotFoundError, AtlasError: as ``file``.
        """
        with self.file(name) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"sha256": digest, "bytes": self._open[name].bytes}

    def _descriptor(self, name: str) -> int:
        held = self._open.get(name)
        if held is None:
            raise FileNotFoundError(f"{name} is missing")
        if _identity(os.fstat(held.descriptor)) != held.identity:
            raise AtlasError(f"{self.root / name} was changed while it was read: run `atlas check {self.root}`.")
        return held.descriptor


class _Open:
    """A file that is open as long as somebody holds it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor, self.identity = descriptor, _identity(os.fstat(descriptor))
        weakref.finalize(self, os.close, descriptor)

    @property
    def bytes(self) -> int:
        return self.identity.bytes


class _Held(io.RawIOBase):
    """A view of a descriptor with a place of its own, so that threads and forked processes can read it side by side."""

    def __init__(self, descriptor: int, size: int) -> None:
        super().__init__()
        self._descriptor, self._size, self._at = descriptor, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = os.pread(self._descriptor, len(buffer), self._at)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at


def _held(root: Path, name: str) -> _Open | None:
    """Open one file; None where it is missing, no regular file, or leads out of the atlas."""
    with suppress(OSError), paths.opened(root, name) as stream:
        return _Open(os.dup(stream.fileno()))
    return None


@contextmanager
def _reading(root: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AtlasError(
            f"{root} is not an atlas: it has no manifest.json. Build one with `precompute build --out {root}`."
        ) from error
    except OSError as error:
        raise AtlasError(f"{root / paths.MANIFEST} cannot be read ({error.strerror}).") from error


def _manifest(root: Path) -> tuple[bytes, Identity]:
    with _reading(root), paths.opened(root, paths.MANIFEST) as stream:
        return stream.read(), _identity(os.fstat(stream.fileno()))


def _identity(status: os.stat_result) -> Identity:
    return Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
