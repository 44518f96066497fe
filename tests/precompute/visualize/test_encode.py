import io

import numpy as np
from PIL import Image

from precompute.visualize import encode


def _open(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    assert image.format == "WEBP"
    return image


def test_a_picture_keeps_its_colours_below_full_transparency():
    rgba = np.zeros((32, 32, 4), np.float32)
    rgba[..., 0] = 0.8
    rgba[:16, :, 3] = 1.0
    found = np.asarray(_open(encode.encode_rgba(rgba)))
    assert found.shape == (32, 32, 4)
    assert abs(int(found[28, 16, 0]) - 204) < 12
    assert found[28, 16, 3] == 0
    assert found[4, 16, 3] == 255


def test_a_strip_shows_the_crops_in_order():
    crops = [Image.new("RGB", (50, 50), colour) for colour in ("red", "lime", "blue")]
    found = np.asarray(_open(encode.strip(crops)).convert("RGB"))
    side = encode.EXEMPLAR_SIDE
    assert found.shape == (side, 3 * side, 3)
    assert [int(found[side // 2, i * side + side // 2].argmax()) for i in range(3)] == [0, 1, 2]


def test_heat_is_opaque_where_the_code_is_high():
    heat = np.zeros((2, 4, 4), np.float32)
    heat[0, 0, 0] = 2.0
    heat[1, 3, 3] = 1.0
    alpha = np.asarray(_open(encode.heat_strip(heat)))[..., 3]
    side = encode.HEAT_SIDE
    assert alpha.shape == (side, 2 * side)
    assert alpha[4, 4] > 150  # the top left of the first
    assert alpha[-4, 4] < 30
    assert 60 < alpha[-4, -4] < 150  # the bottom right of the second, half as hot


def test_no_heat_at_all_is_transparent():
    assert np.asarray(_open(encode.heat_strip(np.zeros((1, 3, 3), np.float32))))[..., 3].max() == 0


def test_thumbnails_lie_in_rows_in_the_order_of_the_photos():
    count = encode.THUMBNAIL_COLUMNS + 2
    small = [encode.thumbnail(np.full((160, 160, 3), 10 * i, np.uint8)) for i in range(count)]
    found = np.asarray(_open(encode.thumbnail_grid(small)).convert("RGB"))
    side = encode.THUMBNAIL_SIDE
    assert found.shape == (2 * side, encode.THUMBNAIL_COLUMNS * side, 3)
    assert abs(int(found[side + 48, side + 48, 0]) - 10 * (count - 1)) < 6
