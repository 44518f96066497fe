"""How good a picture of a class is, by measures the optimisation did not see."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from atlas.store import imagenet_classes
from precompute import backbone, photos
from precompute.backbone import Backbone

NEIGHBOURS = 10
ENOUGH = 40  # photos of a class


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
        self._real: dict[int, np.ndarray] = {}
        self._usual: dict[int, float] = {}
        folders = [f for f in os.environ.get("BENCH_PHOTOS", "").split(":") if f and Path(f).is_dir()]
        if not folders:
            raise SystemExit("BENCH_PHOTOS names no folder of photos (a folder a wnid): the distance to real photos needs some.")
        found = photos.index(folders)
        size = self.own.preprocessing.input_size
        decoder = photos.Decoder(size, self.own.preprocessing.crop_pct, "bicubic")
        index = {c.wnid: c.class_index for c in imagenet_classes()}
        for wnid, group in found.photos.items():
            fit = [p for p in group if p.split == "fit"][:per_class]
            if len(fit) >= ENOUGH:
                rows = [self._activations(self.own, _tensor(pixels)) for _, pixels, _ in decoder(fit)]
                self._remember(index[wnid], np.concatenate(rows))

    def _remember(self, class_index: int, rows: np.ndarray) -> None:
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        between = np.sqrt(np.maximum(2 - 2 * unit @ unit.T, 0))
        self._real[class_index] = unit
        self._usual[class_index] = float(np.sort(between, axis=1)[:, NEIGHBOURS].mean())  # the nearest is the photo itself

    @property
    def classes(self) -> list[int]:
        """Class indices with enough photos."""
        return sorted(self._real)

    def __call__(self, rgb: np.ndarray, class_index: int) -> Verdict:
        """Judge one picture (size, size, 3) in 0…1."""
        picture = torch.from_numpy(np.ascontiguousarray(rgb[..., :3])).permute(2, 0, 1)[None].float()
        logits, other = self._logits(self.own, picture), self._logits(self._other, picture)
        row = self._activations(self.own, picture)[0]
        distances = np.linalg.norm(self._real[class_index] - row / np.linalg.norm(row), axis=1)
        return Verdict(
            float(logits[class_index]),
            float(logits.softmax(0)[class_index]),
            float(other[class_index]),
            float(other.softmax(0)[class_index]),
            float(np.sort(distances)[NEIGHBOURS - 1] / self._usual[class_index]),
        )

    @staticmethod
    def _logits(net: Backbone, picture: Tensor) -> Tensor:
        with torch.inference_mode():
            return net.logits(net.normalise_unit(_resized(picture, net.preprocessing.input_size)))[1][0]

    @staticmethod
    def _activations(net: Backbone, picture: Tensor) -> np.ndarray:
        with torch.inference_mode():
            return net.features(net.normalise_unit(_resized(picture, net.preprocessing.input_size))).mean(dim=1).numpy()


def _tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def _resized(picture: Tensor, size: int) -> Tensor:
    if picture.shape[-1] == size:
        return picture
    return F.interpolate(picture, size=(size, size), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
