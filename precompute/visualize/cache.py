"""Pictures made before: the most expensive part of an atlas, kept by what they depend on, so that none is ever made twice."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from atlas.photos import opened, regular
from precompute.network.backbone import Backbone
from precompute.visualize.presets import Preset
from precompute.visualize.spectrum import Spectrum
from precompute.visualize.target import Target

#: Raise it whenever the same target, preset and seed come to give another picture, or the picture other bytes.
MACO_VERSION = 3


class PictureCache:
    """A folder of encoded pictures; without a folder nothing is remembered.

    A file is written beside its place and moved into it, so several processes may share the folder, and one that dies leaves
    nothing half written.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        """Return a picture, unless it was never made or its file is damaged."""
        if self._folder is None:
            return None
        try:
            with regular(self._path(key)) as stream:
                data = stream.read()
            with opened(io.BytesIO(data)) as image:
                image.load()
        except Exception:  # whatever decoders raise
            return None
        return data

    def put(self, key: str, data: bytes) -> None:
        """Remember a picture, if there is room: a class must not fail because its pictures cannot be kept for the next time."""
        if self._folder is None:
            return
        path = self._path(key)
        beside = path.with_suffix(f".{os.getpid()}.part")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(data)
            beside.replace(path)

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        return self._folder / key[:2] / f"{key}.webp"


def key(
    backbone: Backbone,
    spectrum: Spectrum,
    target: Target,
    preset: Preset,
    *,
    seeds: int,
    real: Float[np.ndarray, "crop channel"] | None = None,
) -> str:
    """Return the hash of everything a picture depends on; ``real`` decides which of several seeds is kept."""
    direction = None if target.direction is None else np.asarray(target.direction, np.float32).tobytes().hex()
    seen = [
        MACO_VERSION,
        backbone.weights["sha256"],
        backbone.layer,
        spectrum.sha256,
        dataclasses.asdict(preset),
        [target.seed, target.class_index, target.channel, target.layer, direction],
        seeds,
        None if real is None or seeds == 1 else hashlib.sha256(np.ascontiguousarray(real, "<f4").tobytes()).hexdigest(),
        backbone.device.type,
        torch.get_num_threads(),  # the last bits of a sum depend on it, and the optimisation is chaotic
    ]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()
