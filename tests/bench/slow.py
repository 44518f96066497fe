"""Fifty readers beside fifty clients that dawdle, for a minute: ``python -m tests.bench.slow [ATLAS]``.

Those send a request a byte a second, head or body, read an answer a byte a second, or say nothing at all; all come back when they
are shown out.
"""

from __future__ import annotations

import http.client
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from atlas.format import Store, data_path
from tests.bench.app import ask, many, memory, say, served

CLIENTS, SECONDS = 50, 60
HOST = b"Host: localhost\r\n"


def _dribble(connection: socket.socket, sent: bytes, end: float) -> None:
    for byte in sent:
        if time.perf_counter() > end:
            return
        connection.sendall(bytes([byte]))
        time.sleep(1)


def _head(connection: socket.socket, _: str, end: float) -> None:
    _dribble(connection, b"GET /health HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 10_000, end)


def _body(connection: socket.socket, _: str, end: float) -> None:
    connection.sendall(b"POST /_dash-update-component HTTP/1.1\r\n" + HOST + b"Content-Length: 60000\r\n\r\n")
    _dribble(connection, b"x" * 10_000, end)


def _reader(connection: socket.socket, path: str, end: float) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.sendall((b"GET " + path.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n") * 20)
    while time.perf_counter() < end and connection.recv(1):
        time.sleep(1)


def _silent(connection: socket.socket, _: str, end: float) -> None:
    connection.settimeout(max(end - time.perf_counter(), 0.1))
    connection.recv(1)


DAWDLERS: tuple[Callable[[socket.socket, str, float], None], ...] = (_head, _body, _reader, _silent)


def dawdle(kind: Callable[[socket.socket, str, float], None], port: int, path: str, end: float) -> None:
    """Be a slow client until the end; whenever the connection is closed, come back."""
    while time.perf_counter() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            kind(connection, path, end)
        time.sleep(0.1)


def browse(port: int, atlas: Store, end: float, failed: list[str]) -> list[float]:
    """Let readers look at pages of an atlas; return their milliseconds."""
    wnids = list(atlas.records)

    def reader(connection: http.client.HTTPConnection, chance: random.Random) -> list[float]:
        times: list[float] = []
        while time.perf_counter() < end:
            wnid = chance.choice(wnids)
            paths = (f"/{atlas.name}/class/{wnid}", f"/{atlas.name}/photos/{wnid}.json", f"/{atlas.name}/")
            start = time.perf_counter()
            try:
                ask(connection, chance.choice(paths))
                times.append((time.perf_counter() - start) * 1000)
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                failed.append(repr(error))
                connection.close()
            time.sleep(chance.uniform(0, 2))
        return times

    return many(port, CLIENTS, reader)


def main(given: str | None = None) -> None:
    """Print what the readers saw."""
    atlas = Store(Path(given) if given else data_path("data/imagenet-lite0"))
    with served(atlas.root) as (port, worker, _):
        browse(port, atlas, time.perf_counter() + 5, [])
        before, end, failed = memory(worker)[0], time.perf_counter() + SECONDS, list[str]()
        path = f"/{atlas.name}/map.json"
        slow = [threading.Thread(target=dawdle, args=(kind, port, path, end), daemon=True) for kind in DAWDLERS]
        slow += [threading.Thread(target=dawdle, args=(DAWDLERS[i % 4], port, path, end), daemon=True) for i in range(4, CLIENTS)]
        for thread in slow:
            thread.start()
        times = sorted(browse(port, atlas, end, failed))
        print(f"  {len(times)} answers, p50 {times[len(times) // 2]:.0f} ms; load of the machine {os.getloadavg()[0]:.1f}")
        say("answers that failed", len(failed), 0, "")
        say("p99 of readers beside slow clients", times[int(len(times) * 0.99)], 1000, "ms")
        say("growth of the worker's memory", memory(worker)[0] - before, 15, "MB")
        print(*set(failed), sep="\n", end="\n" if failed else "")


if __name__ == "__main__":
    main(*sys.argv[1:])
