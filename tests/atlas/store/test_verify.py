from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from atlas.schema import AtlasError, Evidence, Exemplar, Result
from atlas.store import Store, problems, tampered
from atlas.store.reader import UnknownName


@pytest.fixture
def root(tmp_path: Path, made: Any) -> Path:
    made.write(tmp_path / "a", made.of_class(made.TENCH), made.shared(), made.by_shared(made.CHURCH))
    return tmp_path / "a"


def files_of(root: Path) -> list[str]:
    return list(Store(root).manifest.files)


def test_a_whole_atlas_has_no_problems(root: Path) -> None:
    assert problems(root) == []
    assert len(files_of(root)) == 11  # five tables, the dictionaries, five pictures


def test_what_is_no_atlas_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="is not an atlas"):
        problems(tmp_path)


def test_one_changed_bit_of_any_file_is_found_and_named(root: Path) -> None:
    for name in files_of(root):
        path = root / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        size = len(content)
        assert problems(root) == [f"{name}: changed since it was published ({size} bytes then, {size} now)"]
        path.write_bytes(content)
    assert problems(root) == []


def test_a_truncated_file_is_found_and_named(root: Path) -> None:
    for name in files_of(root):
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[: len(content) // 2])
        assert problems(root) == [f"{name}: changed since it was published ({len(content)} bytes then, {len(content) // 2} now)"]
        (root / name).write_bytes(content)


def test_a_missing_file_is_found_and_named(root: Path) -> None:
    for name in files_of(root):
        content = (root / name).read_bytes()
        (root / name).unlink()
        assert problems(root) == [f"{name}: missing"]
        (root / name).mkdir()
        assert problems(root) == [f"{name}: missing"]
        (root / name).rmdir()
        (root / name).write_bytes(content)


@pytest.mark.parametrize(
    "name", ["notes.txt", "pictures/n01440764/03.webp", "pictures/n99999999/class.webp", "photos.parquet.old"]
)
def test_a_file_too_many_is_found_and_named(root: Path, name: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("smuggled in")
    assert problems(root) == [f"{name}: not named by the manifest"]


def test_all_that_is_wrong_is_named_at_once(root: Path) -> None:
    (root / "photos.parquet").unlink()
    (root / "pictures/shared/00.webp").write_bytes(b"tampered")
    (root / "extra").write_text("")
    found = problems(root)
    assert len(found) == 3
    assert [sum(name in line for line in found) for name in ("photos.parquet", "pictures/shared/00.webp", "extra")] == [1, 1, 1]


@pytest.mark.parametrize("name", ["../secret", "pictures/../../secret", "/etc/hostname"])
def test_a_name_that_leads_out_of_the_atlas_is_named(root: Path, name: str) -> None:
    (root.parent / "secret").write_text("mine")
    manifest = json.loads((root / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": hashlib.sha256(b"mine").hexdigest(), "bytes": 4}
    (root / "manifest.json").write_text(json.dumps(manifest))
    assert problems(root) == [f"{name}: this name leads out of the atlas"]


@pytest.mark.parametrize("name", ["pictures/n01440764/class.webp", "pictures/n01440764", "photos.parquet"])
def test_a_link_that_leads_out_of_the_atlas_is_named_and_never_followed(root: Path, name: str) -> None:
    outside = root.parent / "outside"
    (root / name).rename(outside)  # the same bytes: no checksum tells
    (root / name).symlink_to(outside)
    found = problems(root)
    assert found
    assert all(line.endswith(": a link that leads out of the atlas") for line in found)
    assert all(line.startswith(name) for line in found)
    if name.startswith("pictures"):
        with pytest.raises(UnknownName, match="is a link that leads out of it"):
            Store(root).picture_path("pictures/n01440764/class.webp")
    assert tampered(Store(root)) == name
    (root / name).unlink()
    outside.rename(root / name)
    assert problems(root) == []


def test_an_entry_that_says_nothing_is_a_problem(root: Path) -> None:
    manifest = json.loads((root / "manifest.json").read_text())
    manifest["files"]["classes.parquet"] = {}
    (root / "manifest.json").write_text(json.dumps(manifest))
    assert [line.split(":")[0] for line in problems(root)] == ["classes.parquet"]


# Files that are what the manifest says, but contradict each other


def seal(root: Path, name: str) -> None:
    """Make the manifest agree with what a file holds now."""
    manifest = json.loads((root / "manifest.json").read_text())
    content = (root / name).read_bytes()
    manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (root / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("name", ["classes", "concepts", "photos", "strategies", "exemplars"])
def test_a_table_of_other_columns_is_named(root: Path, name: str) -> None:
    path = root / f"{name}.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(table.schema.names[-1]), path)
    seal(root, path.name)
    assert problems(root) == [f"{path.name}: its columns are not those of format 1.0"]


@pytest.mark.parametrize("name", ["classes.parquet", "photos.parquet", "dictionaries.safetensors"])
def test_a_sealed_file_of_another_kind_is_named(root: Path, name: str) -> None:
    (root / name).write_bytes(b"what is this?")
    seal(root, name)
    assert [line.split(":")[0] for line in problems(root)] == [name]


def replaced(result: Result, **values: Any) -> Result:
    return dataclasses.replace(result, **values)


def photos(result: Result, **values: Any) -> Result:
    return dataclasses.replace(result, photos=dataclasses.replace(result.photos, **values))


LIES: dict[str, tuple[Callable[[Any, Result], Result], str]] = {
    "an atom too many": (
        lambda made, tench: replaced(tench, atoms=np.ones((3, 4), np.float16)),
        "dictionaries.safetensors: n01440764 has 3 atoms, the concepts table 2",
    ),
    "no dictionary": (
        lambda made, tench: replaced(tench, atoms=None),
        "classes.parquet: n01440764 is explained by a dictionary that is missing",
    ),
    "a photo too few": (
        lambda made, tench: replaced(tench, record=dataclasses.replace(tench.record, n_photos=4)),
        "photos.parquet: n01440764 has 3 photos, its record says 4",
    ),
    "no photos": (
        lambda made, tench: replaced(tench, photos=None),
        "photos.parquet: n01440764 has 0 photos, its record says 3",
    ),
    "a logit out of thin air": (
        lambda made, tench: photos(tench, residual=tench.photos.residual + 1),
        "photos.parquet: n01440764: contributions + bias + residual miss the logit by 1",
    ),
    "a strategy nobody knows": (
        lambda made, tench: photos(tench, strategy=np.full(3, 7, np.int32)),
        "photos.parquet: n01440764 names a strategy that the strategies table lacks",
    ),
    "a neighbour that is not there": (
        lambda made, tench: photos(tench, neighbours=((0,), (3,), ())),
        "photos.parquet: n01440764 has neighbours among photos that it lacks",
    ),
    "contributions of other concepts": (
        lambda made, tench: replaced(tench, photos=made.photos(made.TENCH, 1, 3, 5)),
        "photos.parquet: n01440764 has contributions of 5 concepts, its dictionary 2",
    ),
    "heat maps of another size": (
        lambda made, tench: photos(tench, heat=np.zeros((3, 1, 5, 1), np.uint8)),
        "photos.parquet: the photos of n01440764 cannot be read",
    ),
    "an exemplar of nothing": (
        lambda made, tench: replaced(tench, exemplars=(Exemplar("n01440764/9", 0, "set/key.jpg", (0, 0, 1, 1), 1.0),)),
        "exemplars.parquet: exemplar of an unknown concept n01440764/9",
    ),
    "evidence beyond the dictionary": (
        lambda made, tench: replaced(
            made.by_shared(made.TENCH),
            record=dataclasses.replace(
                made.by_shared(made.TENCH).record, evidence=(Evidence(17, 1.0, None, None, None, 0.0, None),)
            ),
        ),
        "classes.parquet: n01440764 rests on concepts that the shared dictionary lacks",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_tables_that_contradict_each_other_are_named(tmp_path: Path, made: Any, lie: str) -> None:
    tell, words = LIES[lie]
    made.write(tmp_path / "a", made.shared(), tell(made, made.of_class(made.TENCH)))
    found = problems(tmp_path / "a")
    assert any(line.startswith(words) for line in found), found
    made.write(tmp_path / "a", made.of_class(made.TENCH))
    assert problems(tmp_path / "a") == []
