"""A gunicorn worker in which no thread ever waits for a client: waitress takes requests in, and answers out, in a loop.

A thread begins with a request once it has come in as a whole, and is done once its answer is in a buffer. So whoever sends a
byte a second, or reads one, holds a connection and nothing else; and not even that for ever.
"""

from __future__ import annotations

import os
import resource
import socket
import time
from typing import Any

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import logger, queue_logger

LONGEST_HEAD, LONGEST_BODY = 16 * 1024, 64 * 1024  # bytes
THREADS = {"pages": 4, "photos": 4}  # more would only wait for each other, and each has its own memory
SLOWEST = 120  # seconds that a client may take to read an answer and to send its next request
_SILENT = 15  # seconds in which a client neither sends nor reads anything
_LAST = 1.0  # seconds that are left for what has begun when the server is to end
_SETTINGS: dict[str, Any] = {
    "max_request_header_size": LONGEST_HEAD,
    "max_request_body_size": LONGEST_BODY,
    "channel_timeout": _SILENT,
    "cleanup_interval": 2,
    "clear_untrusted_proxy_headers": True,
    "ident": None,  # nobody needs to know
    "outbuf_overflow": 256 * 1024,  # bytes of an answer in memory; the rest waits on the disk
    "outbuf_high_watermark": 1 << 40,  # a thread would wait for the client above it
    "log_socket_errors": False,
}


class _Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # numbers of thousands of digits, addresses that are none
            raise ParsingError("Bad request") from error
        if self.body_rcv is None:
            self.expect_continue = False  # with what? waitress would wait for it


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Parser
    answered = 0.0  # when this client was last answered

    def service(self) -> None:
        with self.requests_lock:  # of requests sent without waiting for answers, one is answered: the others would pile up
            if len(self.requests) > 1:
                self.requests[0].headers["CONNECTION"] = "close"
                del self.requests[1:]
        super().service()
        self.answered = time.time()


class _Listener(TcpWSGIServer):  # type: ignore[misc]
    channel_class = _Channel

    def getsockname(self) -> tuple[str, Any]:
        name = self.socket.getsockname()
        return name[:2] if isinstance(name, tuple) else ("localhost", 0)

    def set_socket_options(self, conn: Any) -> None:
        if self.family != socket.AF_UNIX:
            super().set_socket_options(conn)

    def fix_addr(self, addr: Any) -> Any:
        return addr or ("localhost", 0)  # nobody has a name at a socket in the file system

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        for channel in self.active_channels.values():
            if not channel.requests and max(channel.creation_time, channel.answered) < now - SLOWEST:
                channel.will_close = True


class _Dispatcher:
    """Threads for pages, and others for photos: only photos wait for photos."""

    def __init__(self) -> None:
        self.kinds = {kind: ThreadedTaskDispatcher() for kind in THREADS}
        self._heads: dict[str, tuple[Any, float]] = {}
        for kind, threads in THREADS.items():
            self.kinds[kind].set_thread_count(threads)

    def add_task(self, channel: _Channel) -> None:
        path, query = (getattr(channel.requests[0], name, "") for name in ("path", "query"))
        decoded = path.endswith(".webp") and ("/pictures/" not in path or "opaque" in query)
        self.kinds["photos" if decoded else "pages"].add_task(channel)

    def stuck(self, seconds: float) -> bool:
        """Return whether the same request has waited for a thread that long."""
        for kind, each in self.kinds.items():
            with each.lock:
                head = each.queue[0] if each.queue else None
            if head is None or head is not self._heads.get(kind, (None, 0.0))[0]:
                self._heads[kind] = head, time.monotonic()
        return any(head is not None and time.monotonic() - since > seconds for head, since in self._heads.values())


class Buffered(Worker):  # type: ignore[misc]  # gunicorn has no types
    """``gunicorn -k atlas.server.wsgi.Buffered``: beats as long as requests are taken up, and ends within two seconds."""

    def run(self) -> None:
        """Serve until told to end, or until whoever started this process is gone."""
        queue_logger.disabled = True
        logger.setLevel("ERROR")
        sockets: dict[int, Any] = {}
        dispatcher = _Dispatcher()
        adjusted = Adjustments(sockets=[], **_SETTINGS, connection_limit=_room(), asyncore_use_poll=True)
        listeners = [
            _Listener(
                self.wsgi, sockets, True, each.sock, dispatcher, adjusted,
                sockinfo=(each.FAMILY, None, None, None), bind_socket=False,
            )
            for each in self.sockets
        ]  # fmt: skip
        while self.alive and self.ppid == os.getppid():
            if not dispatcher.stuck(self.cfg.timeout or float("inf")):
                self.notify()
            wasyncore.loop(timeout=0.5, use_poll=True, map=sockets, count=1)
        end = time.monotonic() + _LAST
        for each in listeners:
            each.accepting = False
        while time.monotonic() < end and any(_busy(channel) for each in listeners for channel in each.active_channels.values()):
            wasyncore.loop(timeout=0.1, use_poll=True, map=sockets, count=1)


def _busy(channel: _Channel) -> bool:
    return bool(channel.requests or channel.total_outbufs_len)


def _room() -> int:
    """Return how many connections there may be at once: each may need a second file for its answer."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 4096 if most == resource.RLIM_INFINITY else min(most, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return most // 3
