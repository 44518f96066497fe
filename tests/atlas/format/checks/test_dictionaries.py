from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from atlas.format import problems
from tests.atlas.format.rows import CHURCH, TENCH


@pytest.fixture
def root(tmp_path: Path, made: Any) -> Path:
    made.write(tmp_path / "a", made.worked_by_hand(), made.held_out_by_hand(), made.shared(), refined=False)
    return tmp_path / "a"


ARRAYS: dict[str, tuple[Callable[[dict[str, np.ndarray]], object], str]] = {
    "NaN": (lambda held: held[CHURCH].__setitem__((1, 2), np.nan), f"{CHURCH}: atoms hold nan"),
    "integers": (
        lambda held: held.update({CHURCH: held[CHURCH].astype(np.int32)}),
        f"{CHURCH}: atoms are I32, no numbers that are read",
    ),
    "one dimension": (
        lambda held: held.update({CHURCH: held[CHURCH][0]}),
        f"{CHURCH}: atoms have the shape (4,), not concepts × channels",
    ),
    "other channels": (lambda held: held.update({CHURCH: held[CHURCH][:, :3]}), "shared: atoms have 4 channels, others 3"),
    "an offset of nothing": (
        lambda held: held.update({f"{TENCH}.offset": np.ones(4, np.float32)}),
        f"{TENCH}: offset are beside no atoms",
    ),
    "an endless offset": (lambda held: held["shared.offset"].fill(np.inf), "shared: offset hold inf"),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_dictionaries_that_cannot_be_are_told(root: Path, made: Any, what: str) -> None:
    change, said = ARRAYS[what]
    held = load_file(root / "dictionaries.safetensors")
    change(held)
    save_file({name: np.ascontiguousarray(array) for name, array in held.items()}, root / "dictionaries.safetensors")
    made.seal(root, "dictionaries.safetensors")
    assert f"dictionaries.safetensors: {said}" in problems(root)
