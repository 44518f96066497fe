"""How good a picture of a class is, by measures the optimisation did not see."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from atlas.format import imagenet_classes
from precompute import photos
from precompute.dictionary import nmf
from precompute.network import backbone
from precompute.network.backbone import Backbone
from precompute.visualize.plausibility import Plausibility

ENOUGH = 40  # photos of a class
REAL = 5  # photos of a class judged as pictures are


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one picture, looked at whole: by the network it was made for, and by another one."""

    logit: float
    probability: float
    transfer_logit: float
    transfer_probability: float
    distance: float  # to the 10th nearest photo of the class ÷ the same of the photos themselves; 1: as real as real


class Judge:
    """EfficientNet-Lite0's activations of real photos, and EfficientNet-Lite2 for a second opinion.

    Photos: BENCH_PHOTOS, folders with a folder a wnid, separated by colons.
    """

    def __init__(self, per_class: int = 60) -> None:
        self.own = backbone.load("tf_efficientnet_lite0")
        self._other = backbone.load("tf_efficientnet_lite2")
        self._real: dict[int, Plausibility] = {}
        self._photos: dict[int, list[Tensor]] = {}
        self._positions: dict[int, np.ndarray] = {}  # (photo, position, channel)
        folders = [f for f in os.environ.get("BENCH_PHOTOS", "").split(":") if f and Path(f).is_dir()]
        if not folders:
            raise SystemExit("BENCH_PHOTOS names no folder of photos (a folder a wnid): the distance to real photos needs some.")
        found = photos.index(folders)
        decoder = photos.Decoder(self.own.preprocessing.as_input)
        index = {c.wnid: c.class_index for c in imagenet_classes()}
        for wnid, group in found.photos.items():
            fit = [p for p in group if p.split == "fit"][:per_class]
            if len(fit) >= ENOUGH:
                images = [_tensor(pixels) for _, pixels, _ in decoder(fit)]
                maps = np.concatenate([self._maps(image) for image in images])
                self._photos[index[wnid]] = images[:REAL]
                self._real[index[wnid]] = Plausibility(maps.mean(axis=1))
                self._positions[index[wnid]] = maps

    @property
    def classes(self) -> list[int]:
        """Class indices with enough photos."""
        return sorted(self._real)

    def concepts(self, class_index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ten NMF atoms of a class (concept, channel), and their cosines with quarters of its photos (concept, crop)."""
        maps = self._positions[class_index]
        found = nmf.fit(maps.reshape(-1, maps.shape[2]), concepts=10, seed=0)
        side = int(maps.shape[1] ** 0.5)
        half = side // 2 + 1
        grid = maps.reshape(len(maps), side, side, -1)
        crops = np.concatenate(
            [grid[:, y : y + half, x : x + half].mean(axis=(1, 2)) for y in (0, side - half) for x in (0, side - half)]
        )
        unit = crops / np.maximum(np.linalg.norm(crops, axis=1, keepdims=True), 1e-9)
        order = np.argsort(-found.codes.mean(axis=0))
        return found.atoms[order], (unit @ found.atoms[order].T).T

    def real(self, class_index: int) -> Verdict:
        """Return the mean verdict on some real photos of a class: what a perfect picture would get."""
        each = [dataclasses.astuple(self._verdict(photo, class_index)) for photo in self._photos[class_index]]
        return Verdict(*np.mean(each, axis=0).tolist())

    def __call__(self, rgb: np.ndarray, class_index: int) -> Verdict:
        """Judge one picture (size, size, 3) in 0…1."""
        picture = torch.from_numpy(np.ascontiguousarray(rgb[..., :3])).permute(2, 0, 1)[None].float()
        return self._verdict(picture, class_index)

    def _verdict(self, picture: Tensor, class_index: int) -> Verdict:
        logits, other = logits_of(self.own, picture), logits_of(self._other, picture)
        return Verdict(
            float(logits[class_index]),
            float(logits.softmax(0)[class_index]),
            float(other[class_index]),
            float(other.softmax(0)[class_index]),
            1 / self._real[class_index](self._maps(picture)[0].mean(axis=0)),
        )

    def _maps(self, picture: Tensor) -> np.ndarray:
        net = self.own
        with torch.inference_mode():
            return net.features(net.normalise_unit(_resized(picture, net.preprocessing.input_size))).numpy()


def logits_of(net: Backbone, picture: Tensor) -> Tensor:
    """Return what a network says of a whole picture (1, 3, size, size) in 0…1."""
    with torch.inference_mode():
        return net.logits(net.normalise_unit(_resized(picture, net.preprocessing.input_size)))[1][0]


def _tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def _resized(picture: Tensor, size: int) -> Tensor:
    if picture.shape[-1] == size:
        return picture
    return F.interpolate(picture, size=(size, size), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
