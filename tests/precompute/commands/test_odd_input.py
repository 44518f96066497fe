"""Input that is valid and odd: copies, one concept, brackets, weights that are no numbers, tags."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from atlas.format import Store, problems

TENCH = "n01440764"


@pytest.mark.parametrize("flags", [("--concepts", 1), ("--scope", "shared", "--shared-concepts", 3)])
def test_a_class_of_copies_of_one_photo_rests_on_one_photo(build: Any, made: Any, tmp_path: Path, flags: tuple[Any, ...]) -> None:
    folder = tmp_path / "set" / "fit" / TENCH
    one = made.draw_photo(folder / "00.png", 1)
    for i in range(1, 16):
        shutil.copy(one, folder / f"{i:02d}.png")
    ended = build(tmp_path / "a", *flags, photos=tmp_path / "set")
    assert ended.status == 0, ended.err
    assert problems(tmp_path / "a") == []
    store = Store(tmp_path / "a")
    record = store.record(TENCH)
    assert (record.n_photos, record.coverage, record.stability) == (1, "sample", None)
    assert set(store.manifest.skipped_photos) == {f"set/fit/{TENCH}/{i:02d}.png" for i in range(1, 16)}


@pytest.mark.parametrize("scope", ["class", "shared"])
def test_a_single_concept_is_enough(build: Any, tmp_path: Path, scope: str) -> None:
    ended = build(tmp_path / "a", "--concepts", 1, "--scope", scope, "--shared-concepts", 1, "--classes", TENCH)
    assert ended.status == 0, ended.err[-300:]
    assert problems(tmp_path / "a") == []


def test_brackets_in_a_name_are_printed_as_they_are(build: Any, made: Any, tmp_path: Path) -> None:
    folder = made.draw_photos(tmp_path / "set", (TENCH,), each=8)
    (folder / TENCH / "[bold]a[b] and a name that is longer than any terminal that anybody has is wide.jpg").write_bytes(b"")
    ended = build(tmp_path / "a", photos=folder)
    assert ended.status == 3, ended.err[-300:]
    name = "[bold]a[b] and a name that is longer than any terminal that anybody has is wide.jpg"
    assert f"skipped set/{TENCH}/{name}: the file is empty" in ended.err.splitlines()


def test_weights_that_are_not_numbers(build: Any, made: Any, weights: Path, tmp_path: Path) -> None:
    import torch

    state = torch.load(weights)
    torch.save({k: v * float("nan") if v.is_floating_point() else v for k, v in state.items()}, tmp_path / "nan.pth")
    ended = build(tmp_path / "a", "--weights", tmp_path / "nan.pth", "--classes", TENCH)
    assert ended.status == 2, ended.err[-300:]
    assert "nan.pth holds values that are not numbers" in ended.last


def test_a_tag_of_timm(build: Any, weights: Path, tmp_path: Path) -> None:
    ended = build(tmp_path / "a", "--backbone", "test_resnet.r160_in1k", "--classes", TENCH)
    assert ended.status == 0, ended.err[-300:]
