import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlas.schema import AtlasError
from precompute import visualize
from precompute.commands import visualize as picture


def _wanted(**changes):
    return picture.Wanted(**({"preset": "quick"} | changes))


def _write(wanted, out) -> int:
    return picture.write(wanted, out, backbone="tf_efficientnet_lite0", weights="package", device="cpu")


def _opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(visualize.PRESETS, "quick", visualize.Preset(size=64, crop_input=64, steps=3, crops=2, box=(0.6, 1.0)))


@pytest.mark.parametrize(("suffix", "raw", "bands"), [(".png", False, 4), (".webp", False, 4), (".png", True, 3)])
def test_a_class_to_a_file(tmp_path: Path, capsys, small, suffix, raw, bands):
    out = tmp_path / "new" / f"espresso{suffix}"
    assert _write(_wanted(classes=("espresso",), raw=raw), out) == 0
    assert np.asarray(Image.open(out)).shape == (64, 64, bands)
    assert "espresso (n07920052): logit" in capsys.readouterr().out


def test_several_targets_and_seeds_make_a_contact_sheet_the_best_first(tmp_path: Path, capsys, small):
    out = tmp_path / "sheet.webp"
    assert _write(_wanted(classes=("espresso", "church"), channels=(7,), seeds=2), out) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    names, values = zip(*(line.strip().split(": ") for line in lines), strict=True)
    assert names == ("espresso (n07920052)",) * 2 + ("church (n03028079)",) * 2 + ("channel 7",) * 2
    numbers = [float(value.split()[-1]) for value in values]
    assert all(numbers[i] >= numbers[i + 1] for i in (0, 2, 4))
    assert _opened(out).size == (2 * 232 + 8, 3 * 266 + 8)


def test_a_channel_of_another_layer_and_another_size(tmp_path: Path, capsys, small):
    out = tmp_path / "channel.png"
    assert _write(_wanted(channels=(7,), layer="blocks.2", size=96, parameterisation="fourier"), out) == 0
    assert _opened(out).size == (96, 96)
    assert "channel 7 of blocks.2: mean activation" in capsys.readouterr().out


@pytest.mark.parametrize("size", [320, 512, 1024])
def test_large_pictures_are_as_smooth_as_photographs_and_no_noise(tmp_path: Path, small, size):
    """Neighbouring pixels are alike, and the more so the larger the picture."""
    out = tmp_path / "large.png"
    assert _write(_wanted(classes=("church",), size=size, raw=True), out) == 0
    grey = np.asarray(Image.open(out)).mean(axis=2)
    assert grey.shape == (size, size)
    assert np.corrcoef(grey[:, 1:].ravel(), grey[:, :-1].ravel())[0, 1] > 0.95


def test_seeds_are_ranked_with_real_photos(tmp_path: Path, capsys, small):
    assert _write(_wanted(classes=("dalmatian",), photos=("sample:",), seeds=2), tmp_path / "a.png") == 0
    assert capsys.readouterr().out.count("plausibility") == 2


def test_the_making_of_a_picture(tmp_path: Path, small):
    out = tmp_path / "making.webp"
    assert _write(_wanted(classes=("church",), animate=True), out) == 0
    assert _opened(out).n_frames == 4  # before each of three steps, and the end


def test_a_picture_that_fails_is_said(tmp_path: Path, capsys, small, monkeypatch):
    broken = visualize.Target(0, direction=np.full(1280, np.inf, np.float32))
    monkeypatch.setattr(picture, "_named", lambda *_: [picture._Named("broken", broken)])
    assert _write(_wanted(channels=(1,)), tmp_path / "a.png") == 3
    assert "broken: failed: its objective was no number at step 1 of 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "name", "message"),
    [
        ({}, "a.png", "Name something to picture: --class NAME, --atlas ATLAS --concept ID, or --channel NUMBER"),
        ({"concepts": ("shared/1",)}, "a.png", "--concept needs --atlas"),
        ({"classes": ("tench",)}, "a.gif", r"must end in \.png or \.webp, found 'a\.gif'"),
        ({"classes": ("tench",), "preset": "huge"}, "a.png", "--preset must be one of quick, fine, full, found 'huge'"),
        ({"classes": ("tench",), "parameterisation": "cppn"}, "a.png", "--parameterisation must be one of maco, fourier"),
        ({"classes": ("tench",), "seeds": 0}, "a.png", "--seeds must be at least 1, found 0"),
        ({"classes": ("tench",), "size": 4096}, "a.png", "even number of pixels up to 2048; found 4096"),
        ({"classes": ("tench",), "animate": True}, "a.png", r"--animate shows how one picture .* writes a \.webp"),
        ({"classes": ("tench", "crane (bird)"), "animate": True}, "a.webp", "--animate shows how one picture"),
        ({"classes": ("unicorn",)}, "a.png", "No ImageNet class is called 'unicorn'"),
        ({"classes": ("tench",), "spectrum": Path("none")}, "a.png", "none is not a magnitude spectrum"),
    ],
)
def test_what_cannot_be_pictured_says_why(tmp_path: Path, changes, name, message):
    with pytest.raises(AtlasError, match=message):
        _write(_wanted(**changes), tmp_path / name)


def test_two_classes_of_one_name_are_told_apart():
    with pytest.raises(
        AtlasError, match=r"2 classes are called 'crane': crane \(bird\) is n02012849, crane \(machine\) is n03126707"
    ):
        picture.find_class("crane")
    assert picture.find_class("crane (bird)").wnid == "n02012849"


def test_a_synonym_is_a_name_too():
    assert picture.find_class("Tinca tinca").name == "tench"


def test_near_names_are_offered():
    with pytest.raises(AtlasError, match=r"Did you mean .*strawberry"):
        picture.find_class("berr")


def test_a_concept_is_called_by_its_class():
    assert picture._title("n03028079/3") == "church, concept 3 (n03028079/3)"
    assert picture._title("shared/17") == "shared, concept 17 (shared/17)"
