"""Sizes of pictures from their first bytes, and photos as the network saw them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from atlas.pages.album import webp_size
from atlas.pages.files import as_seen
from atlas.schema import AtlasError


@pytest.mark.parametrize("size", [(1, 1), (96, 128), (2560, 48), (5, 4097)])
@pytest.mark.parametrize(("mode", "lossless"), [("RGB", False), ("RGB", True), ("RGBA", False), ("RGBA", True)])
def test_the_size_of_any_webp_is_known_without_decoding_it(
    tmp_path: Path, size: tuple[int, int], mode: str, lossless: bool
) -> None:
    path = tmp_path / "one.webp"
    Image.new(mode, size, 3).save(path, "WEBP", lossless=lossless, exact=True)
    assert webp_size(path) == size


@pytest.mark.parametrize("content", [b"", b"RIFF", b"\x89PNG" + bytes(40)])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.webp").write_bytes(content)
    with pytest.raises(AtlasError, match="is no WebP picture"):
        webp_size(tmp_path / "one.webp")


def test_a_photo_is_cut_to_the_square_that_the_network_saw() -> None:
    assert as_seen(Image.new("RGB", (400, 256)), 0.875).size == (224, 224)
    assert as_seen(Image.new("RGB", (200, 300)), 1.0).size == (200, 200)
    marked = Image.new("L", (256, 256))
    marked.paste(255, (16, 16, 240, 240))
    assert as_seen(marked, 0.875).getextrema() == (255, 255)


def test_a_network_that_squashes_photos_or_gives_them_a_border_saw_other_parts() -> None:
    wide = Image.new("L", (400, 200), 255)
    assert as_seen(wide, 0.5, "squash").size == (200, 100)
    bordered = as_seen(wide, 1.0, "border")
    assert bordered.size == (400, 400)
    assert bordered.getbbox() == (0, 100, 400, 300)
