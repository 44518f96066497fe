"""Photos and crops → activations, batched and streamed.

Notation: A (crop, channel) = spatial means of the activations of crops; one photo contributes c crops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from precompute.network.backbone import Backbone, Reading
from precompute.photos import Geometry, Photo

Decoded = tuple[Photo, UInt8[np.ndarray, "size size 3"], Geometry]

#: Rows of the shared dictionary's matrix at the most; more photos give fewer crops each.
SHARED_ROWS = 60_000


@dataclass(frozen=True, slots=True)
class CropPlan:
    """Square crops of the network's input: where they start, their side, and the size they are resized to."""

    starts: tuple[tuple[int, int], ...]  # x, y
    side: int
    resized: int

    @staticmethod
    def of(*, input_size: int, side: int, resized: int) -> CropPlan:
        """Cover the input evenly, edge to edge, with steps of at most 0.8 of the side."""
        room = input_size - side
        count = int(np.ceil(room / (0.8 * side))) + 1 if room > 0 else 1
        steps = [round(i * room / max(count - 1, 1)) for i in range(count)]
        return CropPlan(tuple((x, y) for y in steps for x in steps), side, resized)

    def cut(
        self, images: UInt8[Tensor, "image 3 size size"], chosen: Sequence[int] | None = None
    ) -> Float[Tensor, "crop 3 resized resized"]:
        """Return every crop of every image (image by image), or those ``chosen`` of them, resized, in 0…1."""
        crops = torch.stack([images[:, :, y : y + self.side, x : x + self.side] for x, y in self.starts], dim=1).flatten(0, 1)
        return self.resize((crops if chosen is None else crops[list(chosen)]).float() / 255)

    def resize(self, crops: Float[Tensor, "crop 3 side side"]) -> Float[Tensor, "crop 3 resized resized"]:
        """Resize crops to what the network is given."""
        if self.side == self.resized:
            return crops
        return F.interpolate(crops, size=(self.resized, self.resized), mode="bilinear", antialias=True)


@dataclass(frozen=True, slots=True, eq=False)
class ClassActivations:
    """What the backbone says of one class's photos."""

    photos: tuple[Photo, ...]  # (n,)
    geometry: tuple[Geometry, ...]  # (n,)
    positions: Float[np.ndarray, "photo position channel"]
    prefix: Float[np.ndarray, "photo prefix channel"]  # class tokens; none for most networks
    class_logit: Float[np.ndarray, " photo"]
    predicted: Int[np.ndarray, " photo"]
    crops: Float[np.ndarray, "crop channel"]  # of the fitted photos only
    crop_photo: Int[np.ndarray, " crop"]  # which photo
    crop_number: Int[np.ndarray, " crop"]  # which of the plan's crops

    @property
    def fitted(self) -> Bool[np.ndarray, " photo"]:
        """Which photos the crops come from."""
        return np.isin(np.arange(len(self.photos)), self.crop_photo)

    def of(self, chosen: Int[np.ndarray, " chosen"]) -> ClassActivations:
        """Return some of the photos, without their crops."""
        return ClassActivations(
            photos=tuple(self.photos[i] for i in chosen),
            geometry=tuple(self.geometry[i] for i in chosen),
            positions=self.positions[chosen],
            prefix=self.prefix[chosen],
            class_logit=self.class_logit[chosen],
            predicted=self.predicted[chosen],
            crops=self.crops[:0],
            crop_photo=self.crop_photo[:0],
            crop_number=self.crop_number[:0],
        )


class Extractor:
    """Run photos and crops through the backbone, ``batch`` images at a time; ``done`` is told of every image."""

    def __init__(self, backbone: Backbone, plan: CropPlan, *, batch: int, done: Callable[[int], None]) -> None:
        self.backbone, self.plan, self.batch, self.done = backbone, plan, batch, done

    def photos(self, images: UInt8[Tensor, "image 3 size size"]) -> Reading:
        """Return what the backbone says of whole photos."""
        with torch.inference_mode():
            found = self.backbone.read(self.backbone.normalise(images))
        self.done(len(images))
        return found

    def crops(
        self, images: UInt8[Tensor, "image 3 size size"], chosen: Sequence[int] | None = None
    ) -> Float[np.ndarray, "crop channel"]:
        """Return the spatial means of every crop of every image, or of those ``chosen`` (at least one)."""
        return np.concatenate([m.mean(dim=1).cpu().numpy() for m in self._crop_features(self.plan.cut(images, chosen))])

    def crop_maps(self, crops: UInt8[np.ndarray, "crop side side 3"]) -> Float[np.ndarray, "crop height width channel"]:
        """Return the activations of ready-cut crops at every position."""
        pixels = self.plan.resize(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255)
        maps = np.concatenate([m.cpu().numpy() for m in self._crop_features(pixels)])
        side = int(maps.shape[1] ** 0.5)
        return maps.reshape(len(maps), side, -1, maps.shape[2])

    def _crop_features(self, crops: Tensor) -> Iterator[Tensor]:
        backbone = self.backbone
        for part in torch.split(crops, self.batch):
            with torch.inference_mode():
                x = backbone.normalise_unit(part.to(device=backbone.device, memory_format=torch.channels_last))
                yield backbone.features(x)
            self.done(len(part))


def of_class(
    extractor: Extractor,
    decoded: Callable[[Sequence[Photo]], Iterable[Decoded]],
    photos: Sequence[Photo],
    *,
    class_index: int,
    least: int,
) -> ClassActivations:
    """Compute everything a class needs in one pass over its photos.

    Crops are taken from the photos of the fit split that the backbone recognises. If these give fewer than ``least`` crops, the
    rest of the fit split is taken too, in a second pass: a class the network seldom recognises still has concepts.
    """
    parts = _Parts(len(photos), len(extractor.plan.starts))
    for batch in _batches(decoded(photos), extractor.batch):
        images = _stack(batch)
        first = len(parts.photos)
        parts.add(batch, extractor.photos(images), class_index)
        chosen = [i for i, (photo, *_) in enumerate(batch) if photo.split == "fit" and parts.predicted[first + i] == class_index]
        parts.add_crops(extractor, images, chosen, first)
    if parts.n_crops < least:
        rest = [p for i, p in enumerate(parts.photos) if p.split == "fit" and parts.predicted[i] != class_index]
        where = {photo.key: i for i, photo in enumerate(parts.photos)}
        for batch in _batches(decoded(rest), extractor.batch):
            for i, (photo, *_) in enumerate(batch):
                parts.add_crops(extractor, _stack(batch[i : i + 1]), [0], where[photo.key])
    return parts.joined(extractor)


class _Parts:
    """Batches of results, joined at the end."""

    def __init__(self, expected: int, crops_each: int) -> None:
        self.photos: list[Photo] = []
        self.geometry: list[Geometry] = []
        self.predicted: list[int] = []
        self.class_logit: list[float] = []
        self._positions = _Rows(expected)
        self._prefix: list[np.ndarray] = []
        self._crops = _Rows(expected * crops_each)
        self._crop_photo: list[int] = []

    @property
    def n_crops(self) -> int:
        return len(self._crops)

    def add(self, batch: Sequence[Decoded], found: Reading, class_index: int) -> None:
        self.photos += [photo for photo, *_ in batch]
        self.geometry += [geometry for *_, geometry in batch]
        self.predicted += found.logits.argmax(dim=1).tolist()
        self.class_logit += found.logits[:, class_index].tolist()
        self._positions.add(found.activations.cpu().numpy())
        self._prefix.append(found.prefix.cpu().numpy())

    def add_crops(self, extractor: Extractor, images: Tensor, chosen: list[int], first: int) -> None:
        if chosen:
            self._crops.add(extractor.crops(images[chosen]))
            self._crop_photo += [first + i for i in chosen]

    def joined(self, extractor: Extractor) -> ClassActivations:
        crops_each = len(extractor.plan.starts)
        channels = extractor.backbone.channels
        return ClassActivations(
            photos=tuple(self.photos),
            geometry=tuple(self.geometry),
            positions=self._positions.joined((0, int(np.prod(extractor.backbone.grid)), channels)),
            prefix=np.concatenate(self._prefix) if self._prefix else np.zeros((0, 0, channels), np.float32),
            class_logit=np.array(self.class_logit, np.float32),
            predicted=np.array(self.predicted, np.int32),
            crops=self._crops.joined((0, channels)),
            crop_photo=np.repeat(np.array(self._crop_photo, np.int32), crops_each),
            crop_number=np.tile(np.arange(crops_each, dtype=np.int32), len(self._crop_photo)),
        )


class _Rows:
    """Rows that are added batch by batch to one array: never two copies of everything."""

    def __init__(self, expected: int) -> None:
        self._expected, self._count = max(expected, 1), 0
        self._array: np.ndarray | None = None

    def __len__(self) -> int:
        return self._count

    def add(self, rows: np.ndarray) -> None:
        if self._array is None:
            self._array = np.empty((self._expected, *rows.shape[1:]), np.float32)
        while self._count + len(rows) > len(self._array):
            self._array = np.concatenate([self._array, np.empty_like(self._array)])
        self._array[self._count : self._count + len(rows)] = rows
        self._count += len(rows)

    def joined(self, empty: tuple[int, ...]) -> np.ndarray:
        return np.zeros(empty, np.float32) if self._array is None else self._array[: self._count]


def crops_kept(plan: CropPlan, *, n_photos: int, rows: int = SHARED_ROWS) -> int:
    """Return how many crops of each of ``n_photos`` photos give about ``rows`` in all, at least one."""
    return max(1, min(len(plan.starts), rows // max(n_photos, 1)))


def of_all(
    extractor: Extractor, decoded: Iterable[Decoded], *, n_photos: int, rows: int = SHARED_ROWS
) -> tuple[Float[np.ndarray, "crop channel"], tuple[Photo, ...], tuple[Geometry, ...], Int[np.ndarray, "crop two"]]:
    """Compute crops of many classes for a shared dictionary, at most about ``rows`` of them.

    Returns:
        activations, the photos used, how they lie, and for every row (which photo, which of the plan's crops).
    """
    crops_each, keep = len(extractor.plan.starts), crops_kept(extractor.plan, n_photos=n_photos, rows=rows)
    found = _Rows(n_photos * keep)
    which: list[tuple[int, int]] = []
    photos: list[Photo] = []
    geometry: list[Geometry] = []
    for batch in _batches(decoded, extractor.batch):
        first = len(photos)
        every = [(i, crop) for i in range(len(batch)) for crop in range(crops_each)]
        kept = [(i, crop) for i, crop in every if (crop + first + i) % crops_each < keep]  # others from photo to photo
        found.add(extractor.crops(_stack(batch), [i * crops_each + crop for i, crop in kept]))
        which += [(first + i, crop) for i, crop in kept]
        photos += [photo for photo, *_ in batch]
        geometry += [lie for *_, lie in batch]
    A = found.joined((0, extractor.backbone.channels))
    return A, tuple(photos), tuple(geometry), np.array(which, np.int32).reshape(-1, 2)


def _batches(items: Iterable[Decoded], size: int) -> Iterator[list[Decoded]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _stack(batch: Sequence[Decoded]) -> UInt8[Tensor, "image 3 size size"]:
    return torch.from_numpy(np.stack([pixels for _, pixels, _ in batch])).permute(0, 3, 1, 2)
