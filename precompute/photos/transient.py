"""Errors of disks, networks and machines that may be gone when the same command resumes: nothing may be concluded from them."""

from __future__ import annotations

import errno

from atlas.schema import AtlasError

_MAY_PASS = {
    *(errno.EIO, errno.EAGAIN, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENXIO, errno.ENODEV),
    *(errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNRESET, errno.ECONNABORTED, errno.ECONNREFUSED),
    *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET),
}


class NoAnswer(AtlasError):
    """A disk or server did not answer in time; what comes next may fare no better."""


def is_transient(error: BaseException) -> bool:
    """Return whether an error says nothing about the file that was asked for."""
    return isinstance(error, OSError) and error.errno in _MAY_PASS


def raise_if_transient(error: OSError, what: object) -> None:
    """Refuse to go on where an error may pass: what is there would be taken for all there is.

    Raises:
        AtlasError: it may.
    """
    if is_transient(error):
        raise AtlasError(f"{what} cannot be read just now ({error.strerror}): the same command tries again.") from error
