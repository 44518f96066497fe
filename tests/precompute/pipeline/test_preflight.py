"""A method that does not apply is refused once: with status 2 and one line, before anything is built."""

from pathlib import Path
from typing import Any

import pytest

GELU = ("--backbone", "test_convnext", "--weights", "random")


@pytest.mark.parametrize(
    "flags",
    [
        ("--dictionary", "nmf"),
        ("--dictionary", "nmf", "--scope", "shared", "--shared-concepts", 4),
        ("--dictionary", "kmeans", "--shared-dictionary", "nmf", "--scope", "both", "--shared-concepts", 4),
    ],
    ids=["class", "shared", "both"],
)
def test_nmf_on_a_network_with_negative_activations(build: Any, tmp_path: Path, flags: tuple[object, ...]) -> None:
    ended = build(tmp_path / "a", *GELU, *flags)
    assert ended.status == 2
    assert ended.last.startswith("precompute: NMF needs non-negative activations, found a minimum of -")
    assert "--dictionary semi_nmf" in ended.last
    assert not (tmp_path / "a" / "manifest.json").exists()


def test_the_way_out_works_in_the_same_folder_and_the_unused_method_is_not_asked(build: Any, tmp_path: Path) -> None:
    build(tmp_path / "a", *GELU, "--dictionary", "nmf")
    ended = build(tmp_path / "a", *GELU, "--dictionary", "semi_nmf", "--shared-dictionary", "nmf", "--classes", "n01440764")
    assert ended.status == 0, ended.err[-300:]


def test_evaluate_refuses_it_too(command_line: Any, photo_folder: Path, tmp_path: Path) -> None:
    ended = command_line.run("evaluate", "--photos", photo_folder, "--out", tmp_path / "e", *GELU, "--dictionary", "nmf")
    assert ended.status == 2
    assert ended.last.startswith("precompute: NMF needs non-negative activations")
