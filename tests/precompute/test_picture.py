from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlas.schema import AtlasError
from precompute import maco, picture


def _wanted(**changes):
    return picture.Wanted(
        **({"of_class": None, "atlas": None, "concept": None, "preset": "quick", "seed": 0, "raw": False} | changes)
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(maco.PRESETS, "quick", maco.Preset(size=64, crop_input=64, steps=2, crops=2, box=(0.6, 1.0)))


@pytest.mark.parametrize(("suffix", "raw", "bands"), [(".png", False, 4), (".webp", False, 4), (".png", True, 3)])
def test_a_class_to_a_file(tmp_path: Path, capsys, small, suffix, raw, bands):
    out = tmp_path / "new" / f"espresso{suffix}"
    assert (
        picture.write(
            _wanted(of_class="espresso", raw=raw), out, backbone="tf_efficientnet_lite0", weights="package", device="cpu"
        )
        == 0
    )
    assert np.asarray(Image.open(out)).shape == (64, 64, bands)
    assert "espresso (n07920052), logit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "name", "message"),
    [
        ({}, "a.png", "Name one thing to picture: --class NAME, or --atlas ATLAS --concept ID"),
        ({"of_class": "tench", "concept": "shared/1"}, "a.png", "Name one thing to picture"),
        ({"concept": "shared/1"}, "a.png", "--concept needs --atlas"),
        ({"of_class": "tench"}, "a.gif", r"must end in \.png or \.webp, found 'a\.gif'"),
        ({"of_class": "tench", "preset": "huge"}, "a.png", "--preset must be one of quick, fine, full, found 'huge'"),
        ({"of_class": "unicorn"}, "a.png", "No ImageNet class is called 'unicorn'"),
    ],
)
def test_what_cannot_be_pictured_says_why(tmp_path: Path, changes, name, message):
    with pytest.raises(AtlasError, match=message):
        picture.write(_wanted(**changes), tmp_path / name, backbone="tf_efficientnet_lite0", weights="package", device="cpu")


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
