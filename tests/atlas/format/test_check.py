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

from atlas.format import Store, problems, tampered
from atlas.format.manifest import sealed
from atlas.format.reader import UnknownName
from atlas.schema import FORMAT_VERSION, AtlasError, ClassRecord, Concept, Evidence, Exemplar, ImageNetClass, Neighbour, Result


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
    (root / "manifest.json").write_bytes(sealed(manifest))
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


@pytest.mark.parametrize(
    "entry", [{}, {"sha256": "0" * 64}, {"sha256": "0" * 63, "bytes": 1}, {"sha256": "0" * 64, "bytes": -1}, 3]
)
def test_an_entry_that_says_nothing_is_refused(root: Path, entry: object) -> None:
    manifest = json.loads((root / "manifest.json").read_text())
    manifest["files"]["classes.parquet"] = entry
    (root / "manifest.json").write_bytes(sealed(manifest))
    with pytest.raises(AtlasError, match=r"the entry of 'classes\.parquet' must have a sha256 and bytes"):
        problems(root)


# Files that are what the manifest says, but contradict each other


@pytest.mark.parametrize("name", ["classes", "concepts", "photos", "strategies", "exemplars"])
def test_a_table_of_other_columns_is_named(root: Path, made: Any, name: str) -> None:
    path = root / f"{name}.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(table.schema.names[-1]), path)
    made.seal(root, path.name)
    assert problems(root) == [f"{path.name}: its columns are not those of format {FORMAT_VERSION}"]


@pytest.mark.parametrize("name", ["classes.parquet", "photos.parquet", "dictionaries.safetensors"])
def test_a_sealed_file_of_another_kind_is_named(root: Path, made: Any, name: str) -> None:
    (root / name).write_bytes(b"what is this?")
    made.seal(root, name)
    assert [line.split(":")[0] for line in problems(root)] == [name]


def replaced(result: Result, **values: Any) -> Result:
    return dataclasses.replace(result, **values)


def photos(result: Result, **values: Any) -> Result:
    return dataclasses.replace(result, photos=dataclasses.replace(result.photos, **values))


def record(result: Result, **values: Any) -> Result:
    return dataclasses.replace(result, record=dataclasses.replace(result.record, **values))


def named(concept: Concept, index: int) -> Concept:
    return dataclasses.replace(concept, concept_id=f"{concept.wnid}/{index}", index=index)


EMPTY = ClassRecord(ImageNetClass(0, "n01440764", "tench"), "none")

LIES: dict[str, tuple[Callable[[Any, Result], Result], list[str]]] = {
    "an atom too many": (
        lambda made, tench: replaced(tench, atoms=np.ones((3, 4), np.float16)),
        [
            "dictionaries.safetensors: n01440764: atoms are 3, the concepts table names 2",
            "photos.parquet: n01440764: contributions are of 2 concepts, its dictionary has 3",
        ],
    ),
    "an index left out": (
        lambda made, tench: replaced(tench, concepts=(tench.concepts[1], named(tench.concepts[0], 2)), exemplars=()),
        [
            "dictionaries.safetensors: n01440764: atoms are 2, the concepts table lacks 0",
        ],
    ),
    "no dictionary": (
        lambda made, tench: replaced(tench, atoms=None),
        [
            "dictionaries.safetensors: n01440764: atoms are 0, the concepts table names 2",
            "classes.parquet: n01440764: scope is class, a dictionary that is missing",
        ],
    ),
    "no photos": (
        lambda made, tench: replaced(tench, photos=None),
        ["classes.parquet: n01440764: n_photos is 3, the photos table gives 0"],
    ),
    "nothing but a number of photos that there are not": (
        lambda made, tench: Result(dataclasses.replace(EMPTY, explained=0.5, n_holdout=1), "empty"),
        [
            "classes.parquet: n01440764: n_holdout is 1, the photos table gives 0",
            "classes.parquet: n01440764: explained is 0.5, the photos table gives unknown",
        ],
    ),
    "a strategy nobody knows": (
        lambda made, tench: photos(tench, strategy=np.array([7, 0, 0], np.int32)),
        [
            "strategies.parquet: n01440764: strategy 0: size_holdout is 1, its photos give 0",
            "strategies.parquet: n01440764: strategy 0: accuracy_holdout is 1, its photos give unknown",
            "photos.parquet: n01440764: strategy is 7, which the strategies table lacks",
        ],
    ),
    "contributions of other concepts": (
        lambda made, tench: replaced(tench, photos=made.photos(made.TENCH, 1, 3, 5)),
        ["photos.parquet: n01440764: contributions are of 5 concepts, its dictionary has 2"],
    ),
    "heat maps of another size": (
        lambda made, tench: photos(tench, heat=np.zeros((3, 1, 5, 1), np.uint8)),
        ["photos.parquet: n01440764: heat of photo 0 has 5 bytes, 1 maps of 2 × 3 places take 6 (and 2 more photos)"],
    ),
    "an exemplar of nothing": (
        lambda made, tench: replaced(tench, exemplars=(Exemplar("n01440764/9", 0, "set/key.jpg", (0, 0, 1, 1), 1.0),)),
        ["exemplars.parquet: n01440764/9: concept_id is that of no concept"],
    ),
    "evidence beyond the dictionary": (
        lambda made, tench: record(tench, evidence=(Evidence(17, 1.0, None, None, None, 0.0, None),)),
        ["classes.parquet: n01440764: evidence names shared/17, there are 3 shared concepts"],
    ),
    "too few cosines": (
        lambda made, tench: record(tench, alignment=(0.5, 0.25)),
        ["classes.parquet: n01440764: alignment is with 2 concepts, there are 3 shared ones"],
    ),
    "a concept of another class": (
        lambda made, tench: replaced(tench, concepts=(tench.concepts[0], dataclasses.replace(tench.concepts[1], index=0))),
        ["concepts.parquet: n01440764/1: index is 0, its class n01440764"],
    ),
    "a neighbour and a class that are not there": (
        lambda made, tench: replaced(
            tench,
            concepts=(
                dataclasses.replace(tench.concepts[0], aligned=(Neighbour("n00000001", 0.5),)),
                dataclasses.replace(tench.concepts[1], neighbours=(Neighbour("shared/9", 0.5),)),
            ),
            record=dataclasses.replace(tench.record, nearest_classes=(Neighbour("n02012849", 0.5),)),
        ),
        [
            "concepts.parquet: n01440764/0: aligned name n00000001, which there is not",
            "concepts.parquet: n01440764/1: neighbours name shared/9, which there is not",
            "classes.parquet: n01440764: nearest_classes name n02012849, which there is not",
        ],
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_tables_that_name_what_is_not_there_are_told(tmp_path: Path, made: Any, lie: str) -> None:
    tell, said = LIES[lie]
    made.write(tmp_path / "a", made.shared(), tell(made, made.of_class(made.TENCH)), refined=False)
    found = problems(tmp_path / "a")
    assert found == said
    made.write(tmp_path / "a", made.of_class(made.TENCH, 2))
    assert problems(tmp_path / "a") == []


# Format 1.0


def test_an_atlas_of_format_1_0_is_whole_with_its_own_columns_alone(root: Path, made: Any, tmp_path: Path) -> None:
    made.aged(root)
    assert Store(root).manifest.format_version == "1.0"
    assert not [line for line in problems(root) if "columns" in line]
    table = pq.read_table(root / "concepts.parquet")
    pq.write_table(table.drop_columns("stability"), root / "concepts.parquet")
    made.seal(root, "concepts.parquet")
    assert problems(root) == ["concepts.parquet: its columns are not those of format 1.0"]


def test_the_columns_of_format_1_0_are_too_few_for_1_1(root: Path, made: Any) -> None:
    made.aged(root)
    manifest = json.loads((root / "manifest.json").read_text())
    (root / "manifest.json").write_bytes(sealed(manifest | {"format_version": "1.1"}))
    names = ("classes", "concepts", "strategies")
    assert problems(root) == [f"{name}.parquet: its columns are not those of format 1.1" for name in names]
