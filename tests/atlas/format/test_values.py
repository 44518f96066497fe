from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from atlas.format import Store, problems
from atlas.format.manifest import sealed
from atlas.schema import AtlasError


@pytest.fixture
def root(tmp_path: Path, made: Any) -> Path:
    made.write(tmp_path / "a", made.worked_by_hand(), made.held_out_by_hand(), made.shared(), refined=False)
    return tmp_path / "a"


DEEP: Any = 1
for _ in range(17):
    DEEP = [DEEP]
MANIFEST: list[tuple[str, Any, str]] = [
    ("created", 5, "created is 5, not a text"),
    ("created", "\x1b[2J", "created is '\\x1b[2J', which cannot be shown"),
    ("created", "x" * 201, "created has 201 characters, more than 200"),
    ("complete", "yes", "complete is 'yes', neither true nor false"),
    ("publish_photos", "all", "publish_photos is 'all', none of embed, reference"),
    ("backbone", {}, "backbone grid is None, not the height and width of a heat map"),
    ("backbone", {"grid": [7, -7]}, "backbone grid is [7, -7], not the height and width of a heat map"),
    ("backbone", {"grid": [10**9, 7]}, "backbone grid is [1000000000, 7], not the height and width of a heat map"),
    ("backbone", {"grid": [7, 7], "crop_pct": 1e300}, "backbone crop_pct is 1e+300, not a part of a photo"),
    ("backbone", {"grid": [7, 7], "name": 3}, "backbone name is 3, not a text"),
    ("config", {"a": DEEP}, "config is nested more than 16 deep"),
    ("config", {"a": "x" * 10_001}, "config holds a text of 10001 characters, more than 10000"),
    ("config", {"a": 1 << 70}, "config holds 1180591620717411303424, which is no number to work with"),
    ("libraries", {"numpy": 2}, "'numpy' of libraries is 2, not a text"),
    ("classes", {"church": "complete"}, "classes names 'church', no identity of a class"),
    ("photo_sets", [{"name": "a", "n_photos": -1}], "n_photos of a photo set is -1, not how many there are"),
]


@pytest.mark.parametrize(("key", "value", "said"), MANIFEST, ids=[said for _, _, said in MANIFEST])
def test_a_value_that_a_manifest_cannot_hold_is_refused(root: Path, key: str, value: Any, said: str) -> None:
    manifest = json.loads((root / "manifest.json").read_text())
    (root / "manifest.json").write_bytes(sealed(manifest | {key: value}))
    refused = f"{root}/manifest.json lacks what a manifest needs ({said}): build the atlas again."
    for read in (problems, Store):
        with pytest.raises(AtlasError) as error:
            read(root)
        assert str(error.value) == refused


def test_half_a_character_is_no_text(root: Path) -> None:
    manifest = json.loads((root / "manifest.json").read_text()) | {"config": {"a": "\ud800"}}
    del manifest["digest"]
    body = json.dumps(manifest, indent=1).encode().removesuffix(b"\n}")
    (root / "manifest.json").write_bytes(body + f',\n "digest": "{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode())
    with pytest.raises(AtlasError, match=r"config holds '\\ud800', which is no text"):
        problems(root)
