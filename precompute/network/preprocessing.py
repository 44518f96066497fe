"""How a photo becomes a network's input: timm's own transform decides the pixels, and each of its steps says where they lay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, create_transform, resolve_model_data_config
from timm.data.transforms import CenterCropOrPad, MaybePILToTensor, ResizeKeepRatio
from torch import nn
from torchvision.transforms import CenterCrop, Resize

from atlas.schema import AtlasError
from precompute.photos import Geometry

CROP_MODES = ("center", "squash", "border")  # timm takes any other name for "center"

Size = tuple[int, int]  # width, height
Place = Callable[[Geometry, Size, Size], Geometry]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What a network was trained to see of a photo."""

    input_size: int
    crop_pct: float
    crop_mode: str
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def as_input(self, image: Image.Image) -> tuple[UInt8[np.ndarray, "size size 3"], Geometry]:
        """Return the pixels that timm's transform makes of an RGB image, and where they lie in it."""
        geometry = Geometry(image.size)
        for step, place in self.steps():
            before, image = image.size, step(image)
            geometry = place(geometry, before, image.size)
        return np.asarray(image), geometry

    def steps(self) -> list[tuple[Callable[[Image.Image], Image.Image], Place]]:
        """Return the steps of timm's transform from image to image, each with what it does to the geometry.

        Raises:
            AtlasError: a step that no box can be followed through.
        """
        *steps, last = self.transform().transforms
        if unknown := [step for step in steps if type(step) not in _PLACES] + [last] * (type(last) is not MaybePILToTensor):
            raise AtlasError(
                f"This network's preprocessing has the step {type(unknown[0]).__name__}, through which boxes cannot be followed: "
                "take another network."
            )
        return [(step, _PLACES[type(step)]) for step in steps]

    def transform(self, *, normalize: bool = False) -> Any:
        """Return timm's own transform, from a PIL image to a tensor; of 8-bit values unless normalised."""
        return create_transform(
            input_size=(3, self.input_size, self.input_size),
            crop_pct=self.crop_pct,
            crop_mode=self.crop_mode,
            interpolation=self.interpolation,
            mean=self.mean,
            std=self.std,
            normalize=normalize,
        )


def preprocessing_of(model: nn.Module) -> Preprocessing:
    """Return the preprocessing that timm states for a network.

    Raises:
        AtlasError: an input that is not square or not RGB, or a crop mode or step that no box can be followed through.
    """
    config = resolve_model_data_config(model)
    channels, height, width = config["input_size"]
    if height != width or channels != 3:
        raise AtlasError(f"This network sees {channels} channels of {width}×{height} pixels; an atlas needs square RGB input.")
    if config["crop_mode"] not in CROP_MODES:
        raise AtlasError(
            f"This network cuts photos by the crop mode {config['crop_mode']!r}, through which boxes cannot be followed (only "
            f"{', '.join(CROP_MODES)}): take another network."
        )
    found = Preprocessing(
        input_size=width,
        crop_pct=config["crop_pct"],
        crop_mode=config["crop_mode"],
        interpolation=config["interpolation"],
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
    )
    found.steps()
    return found


def squares(size: int) -> Preprocessing:
    """Return the preprocessing that cuts centre squares, whatever the network."""
    return Preprocessing(size, 1.0, "center", "bicubic", IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)


def _resized(geometry: Geometry, before: Size, after: Size) -> Geometry:
    return geometry.resized(before, after)


def _centred(geometry: Geometry, before: Size, after: Size) -> Geometry:
    across, down = (_corner(old, new) for old, new in zip(before, after, strict=True))
    return geometry.moved((across, down))


def _corner(before: int, after: int) -> int:
    """Return where the first pixel of a centred cut lies; negative where a border is added, the odd pixel of it at the end."""
    return round((before - after) / 2) if before >= after else -((after - before) // 2)


_PLACES: dict[type, Place] = {
    Resize: _resized,
    ResizeKeepRatio: _resized,
    CenterCrop: _centred,
    CenterCropOrPad: _centred,
}
