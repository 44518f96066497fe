"""Sizes of pictures from their first bytes, and photos as the network saw them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from atlas.schema import AtlasError
from atlas.server.media import as_seen
from atlas.site.context import webp_size


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


def test_a_pipe_in_the_place_of_a_picture_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.webp")
    with pytest.raises(AtlasError, match=r"pipe.webp cannot be read \(not a regular file\)"):
        webp_size(tmp_path / "pipe.webp")


def test_a_photo_is_cut_to_the_square_that_the_network_saw() -> None:
    assert as_seen((400, 256), 0.875) == (88, 16, 312, 240)
    assert as_seen((200, 300), 1.0) == (0, 50, 200, 250)
    assert as_seen((256, 256), 0.875) == (16, 16, 240, 240)


def test_a_network_that_squashes_photos_or_gives_them_a_border_saw_other_parts() -> None:
    assert as_seen((400, 200), 0.5, "squash") == (100, 50, 300, 150)
    assert as_seen((400, 200), 1.0, "border") == (0, -100, 400, 300)
