"""Which requests are listened to at all: those for a host that is ours, with an address that can be one.

A page of another site may have its own name lead here (DNS rebinding) and would then read whatever is served: photos that are
nobody's business. Its requests carry that name. They never carry a number as the host, so numbers are let in.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from atlas.schema import AtlasError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LONGEST = 2_000  # characters of an address
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")
_NAME = re.compile(r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?P<host>[^/?#]*)")


class Hosts:
    """A WSGI application that hands on to another one what is for a host of ours.

    Args:
        application: answers what is let in.
        allowed: names beside localhost and numbers; with a leading dot, those below, too.

    Raises:
        AtlasError: a name is none.
    """

    def __init__(self, application: WSGIApplication, allowed: Iterable[str] = ()) -> None:
        self._application = application
        self._allowed = names(allowed)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer 400, 414 or 421, or have the application answer."""
        refused = self._refusal(environ)
        return (refused or self._application)(environ, start_response)

    def _refusal(self, environ: WSGIEnvironment) -> Response | None:
        asked = str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or "")
        path = str(environ.get("PATH_INFO", ""))
        if len(asked) > LONGEST or len(path) > LONGEST or len(environ.get("QUERY_STRING", "")) > LONGEST:
            return _said(f"An address has at most {LONGEST} characters.", 414)
        if any(ord(c) < 32 or ord(c) == 127 for c in path):
            return _said("An address has no control characters.", 400)
        absolute = _ABSOLUTE.match(asked)
        hosts = [environ.get("HTTP_HOST", ""), *([absolute["host"]] if absolute else [])]
        for host in hosts:
            found = _HOST.fullmatch(host)
            if found is None:
                return _said("A request names one host, in its header Host.", 400)
            if not is_ours(found["name"], self._allowed):
                name = found["name"].lower()
                return _said(f"Nothing is served to the host {name}: start it with `atlas serve --allowed-hosts {name}`.", 421)
        return None


def names(given: Iterable[str]) -> tuple[str, ...]:
    """Return names of hosts in lower case.

    Raises:
        AtlasError: one is none.
    """
    found = tuple(name.strip().lower().rstrip(".") for name in given)
    for name in found:
        if not _NAME.fullmatch(name):
            raise AtlasError(f"--allowed-hosts {name!r} is no name of a host: example.org, or .example.org with all below it.")
    return found


def is_ours(host: str, allowed: Sequence[str]) -> bool:
    """Return whether a host is localhost, a number, or among names; ``[::1]`` is a number in brackets."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost") or is_number(host.strip("[]")):
        return True
    return any(host == name.lstrip(".") or (name.startswith(".") and host.endswith(name)) for name in allowed)


def is_number(host: str) -> bool:
    """Return whether a host is given by its number, IPv4 or IPv6."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _said(words: str, status: int) -> Response:
    return Response(
        f"{words}\n", status, {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}, mimetype="text/plain"
    )
