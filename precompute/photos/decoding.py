"""Photographs as the backbone was trained to see them, decoded in parallel, a few ahead of the network."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from atlas.schema import AtlasError
from precompute.photos.photo import Photo
from precompute.photos.reading import Unusable, read

Pixels = UInt8[np.ndarray, "size size 3"]

#: Seconds that one photo may take before its class is given up: the disk or server it lies on does not answer.
PATIENCE = 300.0
_AHEAD = 32
_RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR, "lanczos": Image.Resampling.LANCZOS}


@dataclass(slots=True)
class Geometry:
    """How the network's square input lies in a photo: input pixel · scale + offset = photo pixel."""

    scale: float
    left: float
    top: float

    def box(self, x: int, y: int, side: int) -> tuple[int, int, int, int]:
        """Return the box of the photo (x, y, width, height) below a square of the input."""
        start = (round(self.left + x * self.scale), round(self.top + y * self.scale))
        return (*start, round(side * self.scale), round(side * self.scale))


@dataclass(slots=True)
class Skipped:
    """Photos that could not be used, with the reason."""

    reasons: dict[str, str] = field(default_factory=dict)


def as_input(image: Image.Image, *, size: int, crop_pct: float, interpolation: str) -> tuple[Pixels, Geometry]:
    """Resize the short side to ``size / crop_pct`` and cut the centre square, as the backbone was trained to see photos."""
    short = round(size / crop_pct)
    width, height = image.size
    factor = short / min(width, height)
    resized = image.resize((max(size, round(width * factor)), max(size, round(height * factor))), _RESAMPLING[interpolation])
    left, top = (resized.width - size) // 2, (resized.height - size) // 2
    pixels = np.asarray(resized.crop((left, top, left + size, top + size)))
    return pixels, Geometry(1 / factor, left / factor, top / factor)


@dataclass(slots=True)
class Decoder:
    """Decode photos in parallel and hand them on in order, a few ahead of the network: memory does not grow with their number."""

    size: int
    crop_pct: float
    interpolation: str
    workers: int = 2
    skipped: Skipped = field(default_factory=Skipped)

    def __call__(self, photos: Sequence[Photo]) -> Iterator[tuple[Photo, Pixels, Geometry]]:
        """Yield every usable photo with its pixels; the others are named in ``skipped``.

        Raises:
            AtlasError: a photo takes so long that nobody answers.
        """
        orders: SimpleQueue[tuple[Photo, Future[tuple[Pixels, Geometry]]] | None] = SimpleQueue()
        for _ in range(max(1, self.workers)):  # daemons: one that waits for a dead server must not keep the process alive
            threading.Thread(target=self._serve, args=(orders,), daemon=True).start()
        waiting: deque[tuple[Photo, Future[tuple[Pixels, Geometry]]]] = deque()
        ahead = iter(photos)
        try:
            while True:
                while len(waiting) < _AHEAD and (photo := next(ahead, None)) is not None:
                    waiting.append((photo, Future()))
                    orders.put(waiting[-1])
                if not waiting:
                    return
                photo, future = waiting.popleft()
                try:
                    yield photo, *future.result(PATIENCE)
                except Unusable as error:
                    self.skipped.reasons[photo.key] = str(error)
                except TimeoutError as error:
                    raise AtlasError(
                        f"{photo.key} could not be read in {PATIENCE:.0f} s: does the disk or server it lies on answer?"
                    ) from error
        finally:
            for _, future in waiting:
                future.cancel()
            for _ in range(max(1, self.workers)):
                orders.put(None)

    def _serve(self, orders: SimpleQueue[tuple[Photo, Future[tuple[Pixels, Geometry]]] | None]) -> None:
        while order := orders.get():
            photo, future = order
            if not future.set_running_or_notify_cancel():
                continue
            try:
                image = read(photo)
                found = as_input(image, size=self.size, crop_pct=self.crop_pct, interpolation=self.interpolation)
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(found)
