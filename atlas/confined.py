"""A directory that is worked in and never left: every name is followed from an open handle, part by part, through no link.

What lies in a directory may have been put there by anybody, and may change while it is looked at. So nothing here takes a path
apart with strings and hopes: each folder on the way is opened relative to the one before it, and a link, a pipe or a device in
the place of a file or folder is refused.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Literal, Self

from atlas.schema import AtlasError

Kind = Literal["file", "folder", "link", "special"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LONGEST_OWNER = 200  # characters
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Unfit(AtlasError):
    """A name that leads out of the directory, or something that is neither a file nor a folder."""


class Held(Exception):
    """A lock that another process holds; says which, "process 12 on host"."""


class Directory:
    """An open directory; use it as a context, or close it.

    Names are relative and use ``/``. Every operation raises Unfit for a name that leads out and where a link or a special file
    stands in the way, and OSError where the system refuses.

    Args:
        path: of the directory; links on the way to it are the caller's own, and followed.
        make: create it where it is missing.
    """

    def __init__(self, path: Path, *, make: bool = False) -> None:
        if make:
            path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the handle."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def kind(self, name: str) -> Kind | None:
        """Return what has this name; None: nothing has."""
        try:
            with self._parent(name) as (parent, last):
                return _kind(os.lstat(last, dir_fd=parent).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def holds(self, name: str) -> bool:
        """Return whether there is a regular file of this name."""
        return self.kind(name) == "file"

    def open(self, name: str) -> io.BufferedReader:
        """Open a regular file for reading."""
        with self._parent(name) as (parent, last):
            try:
                descriptor = os.open(last, _READ, dir_fd=parent)
            except OSError as error:
                raise self._told(error, name) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise self._unfit(name)
        return os.fdopen(descriptor, "rb")

    def read(self, name: str) -> bytes:
        """Return the content of a regular file."""
        with self.open(name) as stream:
            return stream.read()

    def sha256(self, name: str) -> str:
        """Return the hash of a regular file."""
        with self.open(name) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def write(self, name: str, content: bytes, *, durable: bool = False) -> None:
        """Write a new file, with the folders it lies in; an old one of this name is let go of, never written into.

        Args:
            name: of the file.
            content: what it shall hold.
            durable: have it on the disk before this returns.
        """
        with self.create(name) as stream:
            stream.write(content)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())

    def create(self, name: str) -> io.BufferedWriter:
        """Open a new file for writing, as ``write`` does."""
        with self._parent(name, make=True) as (parent, last):
            with suppress(FileNotFoundError):
                os.unlink(last, dir_fd=parent)
            return os.fdopen(os.open(last, _NEW, 0o666, dir_fd=parent), "wb")

    def lock(self, name: str) -> io.TextIOWrapper | None:
        """Hold a file that says who holds it, until it is closed; None if it was deleted just now: try again.

        Raises:
            Held: another process holds it.
        """
        with self._parent(name, make=True) as (parent, last):
            try:
                descriptor = os.open(last, _LOCK, 0o666, dir_fd=parent)
            except OSError as error:
                raise self._told(error, name) from error
        lock = os.fdopen(descriptor, "r+")
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise self._unfit(name)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = lock.read(_LONGEST_OWNER).strip() or "an unknown process"
            lock.close()
            raise Held(owner) from error
        except BaseException:
            lock.close()
            raise
        if os.fstat(descriptor).st_nlink == 0:  # deleted between opening and locking it
            lock.close()
            return None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        lock.flush()
        return lock

    def make(self, name: str) -> None:
        """Create a folder, with those it lies in, where there is none."""
        with self._folder(name, make=True):
            pass

    def names(self, name: str = "") -> list[str]:
        """Return the names of everything directly in a folder, in order; none where there is no such folder."""
        try:
            with self._folder(name) as handle, os.scandir(handle) as entries:
                return sorted(entry.name for entry in entries)
        except FileNotFoundError:
            return []

    def walk(self, name: str = "") -> Iterator[tuple[str, Kind]]:
        """Yield everything below a folder with its kind, in order of names, a folder before what it holds; nothing is followed.

        Nothing is yielded where there is no such folder.
        """
        try:
            with self._folder(name) as handle, os.scandir(handle) as entries:
                found = sorted((entry.name, _kind(entry.stat(follow_symlinks=False).st_mode)) for entry in entries)
        except FileNotFoundError:
            return
        for last, kind in found:
            inner = f"{name}/{last}" if name else last
            yield inner, kind
            if kind == "folder":
                yield from self.walk(inner)

    def files(self, name: str = "") -> Iterator[str]:
        """Yield the names of all regular files below a folder, in order.

        Raises:
            Unfit: it holds a link or a special file.
        """
        for inner, kind in self.walk(name):
            if kind == "file":
                yield inner
            elif kind != "folder":
                raise self._unfit(inner)

    def move(self, source: str, target: str, into: Directory | None = None) -> None:
        """Give something another name, in one step; a file in its place is replaced.

        Args:
            source: its name in this directory.
            target: its new name.
            into: the directory it goes to, on the same disk; None: it stays in this one.
        """
        with self._parent(source) as (old, last), (into or self)._parent(target, make=True) as (new, name):
            os.rename(last, name, src_dir_fd=old, dst_dir_fd=new)

    def share(self, source: str, target: str, into: Directory) -> None:
        """Give a regular file a second name in another directory; copy it where the disk knows no such thing."""
        if not self.holds(source):
            raise self._unfit(source)
        try:
            with self._parent(source) as (old, last), into._parent(target, make=True) as (new, name):
                os.link(last, name, src_dir_fd=old, dst_dir_fd=new, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError:
            into.write(target, self.read(source))

    def remove(self, name: str) -> None:
        """Delete a file or a link; whatever a link leads to stays."""
        with self._parent(name) as (parent, last):
            os.unlink(last, dir_fd=parent)

    def remove_empty(self, name: str) -> bool:
        """Delete a folder if it is empty; return whether it is gone."""
        try:
            with self._parent(name) as (parent, last):
                os.rmdir(last, dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return False
        return True

    def clear(self, name: str, ours: Callable[[str], bool]) -> list[str]:
        """Delete what is known to be ours below a folder, then every folder that is empty, itself too.

        Args:
            name: of the folder; there may be none.
            ours: tells of the name of a regular file, from the folder on, whether it is ours.

        Returns:
            what stays: the names of files that are not ours, of links and of special files.
        """
        below = list(self.walk(name))
        for inner, kind in below:
            if kind == "file" and ours(inner.removeprefix(f"{name}/")):
                self.remove(inner)
        folders = [inner for inner, kind in below if kind == "folder"]
        for folder in [*reversed(folders), *([name] if self.kind(name) == "folder" else [])]:
            self.remove_empty(folder)
        return [inner for inner, kind in self.walk(name) if kind != "folder"]

    def sync(self, name: str = "") -> None:
        """Force a folder, and every file and folder below it, to the disk."""
        for inner, kind in self.walk(name):
            if kind == "file":
                with self.open(inner) as stream:
                    os.fsync(stream.fileno())
            elif kind == "folder":
                self.sync_folder(inner)
        self.sync_folder(name)

    def sync_folder(self, name: str = "") -> None:
        """Force a folder's list of names to the disk."""
        with self._folder(name) as handle:
            os.fsync(handle)

    @contextmanager
    def _folder(self, name: str, *, make: bool = False) -> Iterator[int]:
        """Open a folder below, one part of its name after the other."""
        handle = os.dup(self._handle)
        try:
            passed = ""
            for part in _parts(name) if name else ():
                passed = f"{passed}/{part}" if passed else part
                handle, outer = self._step(handle, part, passed, make=make), handle  # an interrupt may follow any call
                os.close(outer)
            yield handle
        finally:
            os.close(handle)

    def _step(self, handle: int, part: str, passed: str, *, make: bool) -> int:
        for made in (False, True):
            try:
                return os.open(part, _FOLDER, dir_fd=handle)
            except FileNotFoundError:
                if made or not make:
                    raise
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
            except OSError as error:
                raise self._told(error, passed) from error
        raise AssertionError("the second attempt returns or raises")

    @contextmanager
    def _parent(self, name: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Open the folder that a name lies in; yield it with the last part of the name."""
        *folders, last = _parts(name)
        with self._folder("/".join(folders), make=make) as handle:
            yield handle, last

    def _told(self, error: OSError, name: str) -> OSError | Unfit:
        """Return what to raise for a name that could not be opened: a link gives ELOOP, or ENOTDIR where a folder is needed."""
        if error.errno == errno.ELOOP or (error.errno == errno.ENOTDIR and self.kind(name) == "link"):
            return self._unfit(name)
        if error.errno in (errno.ENXIO, errno.EISDIR):
            return self._unfit(name)
        return error

    def _unfit(self, name: str) -> Unfit:
        kind = self.kind(name) or "special"
        called = {"link": "a link", "folder": "a folder, not a file", "file": "a file", "special": "no regular file"}[kind]
        return Unfit(f"{self.path / name} is {called}: nothing is read, written or deleted through it. Remove it first.")


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a name.

    Raises:
        Unfit: it leads out of a directory, or is none.
    """
    parts = PurePosixPath(name).parts
    if not parts or "\0" in name or parts[0] == "/" or ".." in parts:
        raise Unfit(f"{name!r} is no name inside of a folder.")
    return parts


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "special"
