"""Photographs as the backbone was trained to see them, decoded in parallel, a few ahead of the network."""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from atlas.photos import Unusable
from precompute.photos.geometry import Geometry
from precompute.photos.photo import Photo
from precompute.photos.reading import read
from precompute.photos.transient import NoAnswer

Pixels = UInt8[np.ndarray, "size size 3"]
Item = TypeVar("Item")
Found = TypeVar("Found")

#: Seconds that one photo may take before its class is given up: the disk or server it lies on does not answer.
PATIENCE = 300.0
_AHEAD = 32


@dataclass(slots=True)
class Skipped:
    """Photos that could not be used, with the reason."""

    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Decoder:
    """Decode photos in parallel and hand them on in order, a few ahead of the network: memory does not grow with their number."""

    as_input: Callable[[Image.Image], tuple[Pixels, Geometry]]
    workers: int = 2
    skipped: Skipped = field(default_factory=Skipped)

    def __call__(self, photos: Sequence[Photo]) -> Iterator[tuple[Photo, Pixels, Geometry]]:
        """Yield every usable photo with its pixels; the others are named in ``skipped``.

        Raises:
            NoAnswer: a photo takes so long that nobody answers.
        """
        for photo, result in ahead(self._decode, photos, workers=self.workers):
            try:
                yield photo, *result(photo.key)
            except Unusable as error:
                self.skipped.reasons[photo.key] = str(error)

    def _decode(self, photo: Photo) -> tuple[Pixels, Geometry]:
        return self.as_input(read(photo))


def ahead(
    function: Callable[[Item], Found], items: Iterable[Item], *, workers: int
) -> Iterator[tuple[Item, Callable[[str], Found]]]:
    """Run a function that reads photos on items, some ahead of whoever asks, in threads that nobody waits for.

    Yields:
        every item, in order, with a function that returns its result, given the name by which the photo is known.
        It raises what ``function`` raised, or NoAnswer after ``PATIENCE`` seconds.
    """
    orders: SimpleQueue[tuple[Item, Future[Found]] | None] = SimpleQueue()
    for _ in range(max(1, workers)):  # daemons: one that waits for a dead server must not keep the process alive
        threading.Thread(target=_serve, args=(function, orders), daemon=True).start()
    waiting: deque[tuple[Item, Future[Found]]] = deque()
    source = iter(items)
    try:
        while True:
            for item in islice(source, _AHEAD - len(waiting)):
                waiting.append((item, Future()))
                orders.put(waiting[-1])
            if not waiting:
                return
            item, future = waiting.popleft()
            yield item, functools.partial(_result, future)
    finally:
        for _, future in waiting:
            future.cancel()
        for _ in range(max(1, workers)):
            orders.put(None)


def _serve(function: Callable[[Item], Found], orders: SimpleQueue[tuple[Item, Future[Found]] | None]) -> None:
    while order := orders.get():
        item, future = order
        if not future.set_running_or_notify_cancel():
            continue
        try:
            found = function(item)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(found)


def _result(future: Future[Found], name: str) -> Found:
    try:
        return future.result(PATIENCE)
    except TimeoutError as error:
        raise NoAnswer(f"{name} could not be read in {PATIENCE:.0f} s: does the disk or server it lies on answer?") from error
