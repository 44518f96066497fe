"""Pictures made when they are asked for: by a few threads, within bounded time, the last ones kept."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from pathlib import Path

THREADS = 2
PATIENCE = 10.0  # seconds
KEPT = 16_000_000  # bytes

Order = tuple[Hashable, Callable[[], bytes], "Future[bytes]"]


class Busy(Exception):
    """A picture could not be made in time."""


class Decoding:
    """Make pictures, never more than ``threads`` at once; nobody waits longer than ``patience`` seconds."""

    def __init__(self, *, threads: int = THREADS, patience: float = PATIENCE, kept: int = KEPT) -> None:
        self._threads, self._patience, self._room = threads, patience, kept
        self._started = 0
        self._orders: deque[Order] = deque()
        self._news = threading.Condition()
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()

    def __call__(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return the picture of this key, made by ``make`` unless it is kept.

        Raises:
            Busy: it takes too long.
        """
        order: Order = key, make, Future()
        with self._news:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            self._orders.append(order)
            if self._started < self._threads:  # here and not earlier: a process that forks takes no threads along
                self._started += 1
                threading.Thread(target=self._serve, daemon=True).start()
            self._news.notify()
        try:
            return order[2].result(self._patience)
        except TimeoutError as error:
            if order[2].done():  # the decoder's own
                raise
            with self._news:
                if order in self._orders:
                    self._orders.remove(order)
            raise Busy(f"This picture was not ready within {self._patience:g} s: ask again later.") from error

    def _serve(self) -> None:
        while True:
            with self._news:
                while not self._orders:
                    self._news.wait()
                key, make, future = self._orders.popleft()
                known = self._kept.get(key)  # somebody else may have asked for the same
            try:
                found = make() if known is None else known
            except BaseException as error:
                future.set_exception(error)
                continue
            self._keep(key, found)
            future.set_result(found)

    def _keep(self, key: Hashable, content: bytes) -> None:
        with self._news:
            self._kept[key] = content
            while sum(map(len, self._kept.values())) > self._room:
                self._kept.popitem(last=False)


def identity(path: Path) -> tuple[int, int, int, int]:
    """Return what tells a file from all others, and from itself once it has changed."""
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
