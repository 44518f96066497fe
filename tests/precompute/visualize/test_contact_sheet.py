import io

import numpy as np
from PIL import Image

from precompute.visualize import contact_sheet


def _picture(value: float, bands: int = 4) -> np.ndarray:
    picture = np.full((32, 32, bands), value)
    if bands == 4:
        picture[..., 3] = 1.0
    return picture


def test_a_sheet_has_a_place_for_every_tile_and_white_where_there_is_none():
    rows = [
        [contact_sheet.Tile(_picture(0.0), "first", "logit 3"), contact_sheet.Tile(_picture(0.5), "second")],
        [contact_sheet.Tile(_picture(0.2, 3), "third")],
    ]
    sheet = np.asarray(contact_sheet.contact_sheet(rows, side=64))
    assert sheet.shape == (2 * (64 + 34 + 8) + 8, 2 * (64 + 8) + 8, 3)
    assert tuple(sheet[40, 40]) == (0, 0, 0)
    assert tuple(sheet[40, 8 + 72 + 32]) == (128, 128, 128)
    assert (sheet[106 + 8 : 106 + 64, 80:] == 255).all()
    assert (sheet[72:106, :72] < 100).any()  # the caption


def test_transparency_lets_the_paper_through():
    picture = _picture(0.0)
    picture[..., 3] = 0.0
    sheet = np.asarray(contact_sheet.contact_sheet([[contact_sheet.Tile(picture, "")]], side=64))
    assert (sheet == 255).all()


def test_a_long_name_is_shortened_not_spilled():
    sheet = np.asarray(contact_sheet.contact_sheet([[contact_sheet.Tile(_picture(1.0), "x" * 500)]], side=64))
    assert (sheet[:, 72:] == 255).all()


def test_an_animation_ends_on_its_last_frame_and_rests():
    frames = [np.full((32, 32, 3), value) for value in (0.1, 0.9, 0.3, 0.7, 0.5)]
    image = Image.open(io.BytesIO(contact_sheet.animation(frames)))
    assert image.n_frames == 5
    image.seek(4)
    image.load()
    assert image.info["duration"] == 2000
    assert np.abs(np.asarray(image.convert("RGB")) / 255 - frames[-1]).mean() < 0.02
