"""What a network sees of a photo is what timm shows it, to the pixel; and every box lies where the photo shows the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from timm.data import create_transform, resolve_data_config, resolve_model_data_config
from timm.models import get_pretrained_cfg, list_pretrained
from torch import nn

from atlas.schema import AtlasError
from precompute.network.preprocessing import CROP_MODES, preprocessing_of, squares
from precompute.photos import Geometry

PHOTOS = ((251, 188), (97, 131), (500, 61), (160, 243), (333, 333))


def network(**stated: object) -> nn.Module:
    """Return a network of which only the preprocessing is known."""
    model = nn.Identity()
    model.pretrained_cfg = {"input_size": (3, 64, 64), "crop_pct": 0.875, "crop_mode": "center", **stated}  # type: ignore[assignment]
    return model


def stated_by_timm() -> list[dict[str, Any]]:
    """Return one of all pretrained tags for every size, crop, crop mode and interpolation, with square input."""
    found = {}
    for tag in list_pretrained():
        stated = get_pretrained_cfg(tag).to_dict()
        config = resolve_data_config(pretrained_cfg=stated)
        _, height, width = config["input_size"]
        if height == width:
            found[width, config["crop_pct"], config["crop_mode"], config["interpolation"]] = stated
    return list(found.values())


def test_the_pixels_are_timms_for_every_preprocessing_that_a_pretrained_tag_states() -> None:
    configs, modes = stated_by_timm(), set()
    for i, stated in enumerate(configs):
        model = network(**stated)
        config = resolve_model_data_config(model)
        found = preprocessing_of(model)
        size = PHOTOS[i % len(PHOTOS)]
        image = Image.fromarray(np.random.default_rng(i).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
        expected = create_transform(**config)(image)  # normalised
        mean, std = torch.tensor(found.mean)[:, None, None], torch.tensor(found.std)[:, None, None]
        pixels = torch.from_numpy(found.as_input(image)[0].copy()).permute(2, 0, 1)
        assert torch.equal((pixels.float() / 255 - mean) / std, expected), config
        modes.add(found.crop_mode)
    assert len(configs) > 90
    assert modes == set(CROP_MODES)


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (500, 333), (640, 427), (1023, 257), (224, 224), (40, 31)])
@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "resnet50", "test_vit", "eva02_tiny_patch14_336"])
def test_the_pixels_of_networks_are_timms(name: str, size: tuple[int, int]) -> None:
    with torch.device("meta"):
        model = timm.create_model(name)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    expected = create_transform(**resolve_model_data_config(model), normalize=False)(image)
    pixels, _ = preprocessing_of(model).as_input(image)
    np.testing.assert_array_equal(pixels, expected.permute(1, 2, 0).numpy())


def places(width: int, height: int) -> Image.Image:
    """Return an image (of at most 255 pixels a side) that says of every pixel where it is: red across, green down; all blue."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, None]
    return Image.fromarray(pixels)


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(90, 255),
    height=st.integers(90, 255),
    mode=st.sampled_from(CROP_MODES),
    crop_pct=st.sampled_from([0.875, 0.9, 1.0, 1.15]),
)
def test_every_pixel_of_the_input_lies_where_the_geometry_says(width: int, height: int, mode: str, crop_pct: float) -> None:
    preprocessing = preprocessing_of(network(crop_mode=mode, crop_pct=crop_pct, interpolation="bilinear", mean=(0.0,) * 3))
    pixels, geometry = preprocessing.as_input(places(width, height))
    inside = pixels[..., 2] == 255  # the border that is added where the photo ends is black
    assert inside.any()
    for axis, positions in ((0, np.arange(64)[None, :]), (1, np.arange(64)[:, None])):
        expected = (positions + 0.5) * geometry.scale[axis] + geometry.start[axis] - 0.5
        interior = inside & (expected > geometry.scale[axis]) & (expected < geometry.size[axis] - 1 - geometry.scale[axis])
        gap = np.abs(pixels[..., axis] - expected)[interior]
        assert gap.max() < 0.75  # values are whole numbers


def test_a_squashed_photo_has_two_scales_and_loses_nothing() -> None:
    _, geometry = preprocessing_of(network(crop_mode="squash", crop_pct=1.0)).as_input(Image.new("RGB", (640, 320)))
    assert geometry == Geometry(size=(640, 320), scale=(10.0, 5.0), start=(0.0, 0.0))
    assert geometry.box(0, 0, 64) == (0, 0, 640, 320)
    assert geometry.box(32, 16, 8) == (320, 80, 80, 40)


def test_a_photo_with_a_border_keeps_its_boxes_inside() -> None:
    pixels, geometry = preprocessing_of(network(crop_mode="border", crop_pct=1.0)).as_input(Image.new("RGB", (640, 320), "white"))
    assert geometry == Geometry(size=(640, 320), scale=(10.0, 10.0), start=(0.0, -160.0))
    assert (pixels[:16] != 255).all()
    assert (pixels[16:48] == 255).all()
    assert geometry.box(0, 0, 64) == (0, 0, 640, 320)
    assert geometry.box(0, 8, 16) == (0, 0, 160, 80)
    assert geometry.box(0, 0, 8) == (0, 0, 80, 1)  # all border: the nearest pixels
    assert geometry.box(0, 56, 8) == (0, 319, 80, 1)


def test_the_centre_square_is_seen_and_the_rest_is_not() -> None:
    _, geometry = squares(64).as_input(Image.new("RGB", (240, 160)))
    assert geometry.box(0, 0, 64) == (40, 0, 160, 160)
    assert geometry.box(16, 32, 8) == (80, 80, 20, 20)


@pytest.mark.parametrize("mode", CROP_MODES)
@pytest.mark.parametrize("size", [(300, 200), (200, 300), (97, 131), (224, 224), (1000, 40), (33, 1500)])
def test_every_box_of_the_input_lies_inside_the_photo(size: tuple[int, int], mode: str) -> None:
    stated = network(crop_mode=mode, input_size=(3, 224, 224))
    _, geometry = preprocessing_of(stated).as_input(Image.new("RGB", size))
    for x, y, side in ((0, 0, 224), (0, 0, 96), (128, 128, 96), (0, 128, 96), (64, 64, 1)):
        left, top, width, height = geometry.box(x, y, side)
        assert 0 <= left < left + width <= size[0]
        assert 0 <= top < top + height <= size[1]


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"crop_mode": "spiral"}, r"cuts photos by the crop mode 'spiral', .*\(only center, squash, border\)"),
        ({"input_size": (3, 1024, 768)}, "sees 3 channels of 768×1024 pixels; an atlas needs square RGB input"),
        ({"input_size": (1, 64, 64)}, "sees 1 channels of 64×64 pixels; an atlas needs square RGB input"),
    ],
)
def test_preprocessing_without_boxes_is_refused_by_name(stated: dict[str, object], message: str) -> None:
    with pytest.raises(AtlasError, match=message):
        preprocessing_of(network(**stated))


def test_a_step_that_boxes_cannot_be_followed_through_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rotate:
        pass

    from precompute.network import preprocessing

    monkeypatch.setattr(preprocessing, "create_transform", lambda **_: type("", (), {"transforms": [Rotate(), Rotate()]}))
    with pytest.raises(AtlasError, match="has the step Rotate, through which boxes cannot be followed"):
        preprocessing_of(network())


def test_preprocessing_is_a_value() -> None:
    assert preprocessing_of(network(crop_pct=1.0, interpolation="bicubic", mean=(0.5,) * 3, std=(0.5,) * 3)) == replace(
        squares(64), mean=(0.5,) * 3, std=(0.5,) * 3
    )
