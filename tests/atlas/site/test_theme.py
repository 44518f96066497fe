from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from atlas.format import data_path
from atlas.site import theme

PROTANOPIA = np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]])
DEUTERANOPIA = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])
MODES: tuple[theme.Mode, ...] = ("light", "dark")


def linear(colour: str) -> np.ndarray:
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(rgb: np.ndarray) -> np.ndarray:
    to_lms = np.array([[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]])
    to_lab = np.array([[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]])
    return to_lab @ np.cbrt(to_lms @ rgb.clip(0, 1))


def test_the_sheet_in_assets_is_the_one_this_module_writes() -> None:
    assert (data_path("assets") / "tokens.css").read_text() == theme.tokens_css()


@pytest.mark.parametrize("mode", MODES)
def test_every_mark_stands_out_from_its_panel(mode: theme.Mode) -> None:
    panel = theme.TOKENS[mode]["panel"]
    assert min(contrast(colour, panel) for colour in theme.PALETTES[mode]) >= 3


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", ["ink", "muted", "accent", "wrong", "right"])
@pytest.mark.parametrize("ground", ["panel", "paper", "sunken"])
def test_text_is_readable(mode: theme.Mode, text: str, ground: str) -> None:
    assert contrast(theme.TOKENS[mode][text], theme.TOKENS[mode][ground]) >= 4.5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("eye", [np.eye(3), PROTANOPIA, DEUTERANOPIA], ids=["usual", "protanopia", "deuteranopia"])
def test_every_pair_of_colours_differs(mode: theme.Mode, eye: np.ndarray) -> None:
    seen = [oklab(eye @ linear(colour)) for colour in theme.PALETTES[mode]]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 0.07


def test_both_modes_have_the_same_number_of_colours_and_the_rest_is_grey() -> None:
    assert len(theme.PALETTES["light"]) == len(theme.PALETTES["dark"]) >= 10
    assert theme.colour(10) == theme.colour(-1) == theme.TOKENS["light"]["other"]
    assert (theme.colour_class(3), theme.colour_class(10)) == ("c-3", "c-other")


def test_sheets_name_no_colour_that_the_tokens_lack() -> None:
    sheet = Path(data_path("assets") / "atlas.css").read_text()
    known = set(theme.tokens_css().split())
    used = {part.split(")")[0].split(",")[0] for part in sheet.split("var(")[1:]} - {"--c", "--crops", "--flat"}
    assert {f"{name}:" for name in used} <= known
