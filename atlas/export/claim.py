"""Who writes a gallery: a file beside it, locked for as long as the export lives, so that a second one is told whose it is."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas.export.place import Place
from atlas.schema import AtlasError

_KIND = "concept-atlas export"
_IDENTITY = re.compile("[0-9a-f]{16}")
_SIZE = 1024  # bytes: always as many, so that one holder's words replace another's whole
_ATTEMPTS = 100
_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(slots=True)
class Claim:
    """The right to write one gallery; it ends with the process at the latest.

    Args:
        place: the directory that the gallery lies in.
        marker: the name of the file that says who holds it.
        descriptor: of that file, locked.
        identity: of the export, random: what it leaves beside the gallery bears it.
    """

    place: Place
    marker: str
    descriptor: int
    identity: str

    def close(self) -> None:
        """Let go of it; the file stays, for whoever mends what this export left."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def remove(self) -> None:
        """Delete the file: nothing is left to mend."""
        self.place.remove(self.marker)

    def renew(self) -> None:
        """Become the holder of a file that a dead export left, with an identity of its own."""
        self.identity = secrets.token_hex(8)
        os.pwrite(self.descriptor, _written(self.identity), 0)


def take(place: Place, name: str, mend: Callable[[str], None]) -> Claim:
    """Return the right to write a gallery.

    Args:
        place: the directory that it lies in.
        name: of the gallery's folder there.
        mend: called with the identity of an export that died, before this one begins.

    Raises:
        AtlasError: a living export has it, or a file that no export wrote bears the name of the one that says who has.
    """
    marker, out = f".{name}.export", place.path / name
    for _ in range(_ATTEMPTS):
        identity = secrets.token_hex(8)
        with suppress(FileExistsError):
            return Claim(place, marker, _new(place, marker, _written(identity)), identity)
        descriptor = _left(place, marker, out)
        if descriptor is None:  # its holder has just finished
            continue
        claim = Claim(place, marker, descriptor, _identity_in(os.pread(descriptor, _SIZE, 0)) or "")
        try:
            if not claim.identity:
                raise _strange(place.path / marker)
            os.pwrite(descriptor, _written(claim.identity), 0)
            mend(claim.identity)
            claim.renew()
        except BaseException:
            claim.close()
            raise
        return claim
    raise AtlasError(f"{out} is being written by others all the time: choose another OUT.")


def _written(identity: str) -> bytes:
    said = {"kind": _KIND, "id": identity, "process": os.getpid(), "host": socket.gethostname()}
    return f"{json.dumps(said):<{_SIZE - 1}}\n".encode()


def _read(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) and said.get("kind") == _KIND else {}


def _identity_in(content: bytes) -> str | None:
    identity = _read(content).get("id")
    return identity if isinstance(identity, str) and _IDENTITY.fullmatch(identity) else None


def _holder(content: bytes) -> str:
    said = _read(content)
    process, host = said.get("process"), said.get("host")
    known = isinstance(process, int) and isinstance(host, str) and host.isprintable()
    return f"process {process} on {host}" if known else "an unknown process"


def _new(place: Place, marker: str, content: bytes) -> int:
    """Create the file: locked and whole before it has a name, where the disk knows files without one.

    Raises:
        FileExistsError: it is there already.
    """
    try:
        descriptor = os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o644, dir_fd=place.handle)
        return _filled(descriptor, content, lambda: os.link(f"/proc/self/fd/{descriptor}", marker, dst_dir_fd=place.handle))
    except FileExistsError:
        raise
    except (AttributeError, OSError):
        descriptor = os.open(marker, _OPEN | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=place.handle)
        return _filled(descriptor, content, lambda: None)


def _filled(descriptor: int, content: bytes, name: Callable[[], None]) -> int:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.pwrite(descriptor, content, 0)
        name()
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _left(place: Place, marker: str, out: Path) -> int | None:
    """Open and lock the file that another export left; None: it is gone by now.

    Raises:
        AtlasError: that export lives, or it is no such file.
    """
    try:
        descriptor = os.open(marker, _OPEN, dir_fd=place.handle)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise _strange(place.path / marker) from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _strange(place.path / marker)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:
            return descriptor
    except BlockingIOError as error:
        holder = _holder(os.pread(descriptor, _SIZE, 0))
        os.close(descriptor)
        raise AtlasError(f"{out} is being written by {holder}: wait for it, or choose another OUT.") from error
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _strange(path: Path) -> AtlasError:
    return AtlasError(f"{path} is in the way, and no export wrote it: move it, or choose another OUT.")
