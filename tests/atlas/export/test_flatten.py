from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from atlas.export.flatten import opaque, opaque_name


@pytest.mark.parametrize("lossless", [False, True])
def test_the_colours_under_the_transparency_come_to_light(lossless: bool) -> None:
    pixels = np.full((64, 64, 4), (200, 40, 90, 255), np.uint8)
    pixels[:, 32:, 3] = 0
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", quality=90, exact=True, lossless=lossless)
    with Image.open(BytesIO(opaque(stream.getvalue()))) as image:
        assert image.mode == "RGB"
        assert image.size == (64, 64)
        assert np.abs(np.asarray(image, int) - (200, 40, 90)).max() < 12


def test_the_twin_has_a_name_of_its_own() -> None:
    assert opaque_name("pictures/n03445777/03.webp") == "pictures/n03445777/03-opaque.webp"
