from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.format import Store
from atlas.format.manifest import sealed
from atlas.format.reader import UnknownName
from atlas.schema import AtlasError, Neighbour


def rewrite(root: Path, **values: Any) -> None:
    """Change the manifest of an atlas; None takes a key away."""
    path = root / "manifest.json"
    manifest = json.loads(path.read_text()) | values
    path.write_bytes(sealed({key: value for key, value in manifest.items() if value is not None}))


@pytest.fixture
def root(tmp_path: Path, made: Any) -> Path:
    made.write(tmp_path / "a", made.of_class(made.TENCH, k=3), made.shared(), made.by_shared(made.CHURCH))
    return tmp_path / "a"


def test_what_is_no_atlas_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "odd" / "manifest.json").mkdir(parents=True)
    for name, words in (
        ("missing", "is not an atlas: it has no manifest.json"),
        ("empty", "is not an atlas: it has no manifest.json"),
        ("file", "is not an atlas: it has no manifest.json"),
        ("loop", "manifest.json cannot be read .Too many levels of symbolic links."),
        ("odd", "manifest.json cannot be read .Is a directory."),
    ):
        with pytest.raises(AtlasError, match=words) as refused:
            Store(tmp_path / name)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"3", b'"1.0"', b"\xff\xfe", b"{}", b'{"format_version": null}', b'{"format_version": "one"}'],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(AtlasError, match=r"is not the manifest of an atlas .*: restore it, or build the atlas again"):
        Store(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        {"files": ["manifest.json"]},
        {"files": {"classes.parquet": "sha256"}},
        {"backbone": "resnet50"},
        {"classes": None},
        {"photo_sets": None},
        {"photo_sets": 3},
        {"photo_sets": ["set"]},
        {"photo_sets": [{"name": "without a number"}]},
        {"created": None},
    ],
    ids=json.dumps,
)
def test_a_manifest_that_lacks_something_is_refused(root: Path, damage: dict[str, Any]) -> None:
    rewrite(root, **damage)
    with pytest.raises(AtlasError, match=r"lacks what a manifest needs .*: build the atlas again"):
        Store(root)


def test_a_newer_major_format_is_refused_with_advice(root: Path) -> None:
    rewrite(root, format_version="2.0")
    with pytest.raises(AtlasError) as refused:
        Store(root)
    assert str(refused.value) == f"{root} has format 2.0; this version reads up to 1.x. Upgrade concept-atlas to open it."


def test_a_newer_minor_format_is_read_without_what_it_added(root: Path, made: Any) -> None:
    sets = [{"name": "set", "n_photos": 3, "licence": "CC0", "attribution": "nobody", "camera": "a novelty"}]
    rewrite(root, format_version="1.9", weather="a novelty", photo_sets=sets)
    store = Store(root)
    assert store.manifest.photo_sets[0].licence == "CC0"
    assert store.record(made.TENCH.wnid).info == made.TENCH


def test_concepts_come_with_the_largest_contribution_first(root: Path, made: Any) -> None:
    assert [c.index for c in Store(root).concepts(made.TENCH.wnid)] == [2, 1, 0]  # made with contributions that grow


def test_a_shared_concept_carries_the_numbers_of_the_class_it_explains(root: Path, made: Any) -> None:
    store = Store(root)
    found = store.concepts(made.CHURCH.wnid)
    whole = 1 + 1.125 + 1.25 + 0.25  # the contributions of the photo that is not held out, and its residual
    assert [(c.concept_id, c.contribution, c.share, c.reliability, c.dominates_holdout) for c in found] == [
        ("shared/2", 1.25, 1.25 / whole, 1.0, 1),
        ("shared/1", 1.125, 1.125 / whole, None, 0),
        ("shared/0", 1.0, 1.0 / whole, None, 0),
    ]
    assert [c.colour for c in found] == [0, 1, 2]
    assert {c.wnid for c in found} == {made.CHURCH.wnid}
    assert {c.map_x for c in found} == {1.0}  # what the concept has on its own stays
    assert {(c.wnid, c.contribution) for c in store.shared_concepts} == {(None, None)}


def test_rows_that_depend_on_all_classes_are_kept(root: Path, made: Any) -> None:
    assert Store(root).record(made.CHURCH.wnid).nearest_classes == (Neighbour("n01440764", 0.5),)


def test_names_it_does_not_hold_are_said(root: Path, made: Any) -> None:
    store = Store(root)
    for ask in (store.record, store.concepts, store.photos, store.strategies):
        with pytest.raises(UnknownName, match="The atlas a holds no class 'n02086240'"):
            ask("n02086240")
    with pytest.raises(UnknownName, match="holds no dictionary for 'n02086240'"):
        store.atoms("n02086240")
    assert store.exemplars("n02086240/0") == ()
    assert store.picture("n02086240", "class") is None


@pytest.mark.parametrize("name", ["../secret", "pictures/../../secret", "/etc/passwd", "manifest.json", "pictures/none.webp", ""])
def test_no_picture_lies_outside_the_pictures(root: Path, name: str) -> None:
    (root.parent / "secret").write_text("mine")
    with pytest.raises(UnknownName, match="holds no picture"):
        Store(root).picture_path(name)
    rewrite(root, files=json.loads((root / "manifest.json").read_text())["files"] | {name: {"sha256": "0" * 64, "bytes": 4}})
    if name != "pictures/none.webp":  # the manifest may name it; it is only missing
        with pytest.raises(UnknownName, match="holds no picture"):
            Store(root).picture_path(name)


@pytest.mark.parametrize("table", ["classes", "concepts", "strategies", "exemplars"])
def test_a_damaged_table_is_named_with_what_to_do(root: Path, made: Any, table: str) -> None:
    path = root / f"{table}.parquet"
    for content in (b"", b"PAR1", path.read_bytes()[:-9]):
        path.write_bytes(content)
        with pytest.raises(AtlasError, match=f"{table}.parquet cannot be read .*: run `atlas check {root}`"):
            Store(root).concepts(made.TENCH.wnid), Store(root).strategies(made.TENCH.wnid), Store(root).exemplars("shared/0")


def test_an_open_reader_never_gives_the_photos_of_another_class(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "a", made.of_class(made.CHURCH))
    store = Store(tmp_path / "a")
    before = store.photos(made.CHURCH.wnid)
    made.write(tmp_path / "a", made.of_class(made.TENCH))  # its photos come before those of the church
    after = store.photos(made.CHURCH.wnid)
    assert before
    assert after
    assert after.wnid == made.CHURCH.wnid
    np.testing.assert_array_equal(after.contributions, before.contributions)


def test_an_atlas_can_be_moved_and_renamed(root: Path, made: Any) -> None:
    moved = root.rename(root.with_name("renamed"))
    store = Store(str(moved) + "/")
    assert store.name == "renamed"
    assert store.grid == (2, 3)
    assert dataclasses.asdict(store.manifest)["created"] == "then"


def test_a_layout_is_that_of_the_photos(root: Path, made: Any) -> None:
    store = Store(root)
    layout, photos = store.layout(made.TENCH.wnid), store.photos(made.TENCH.wnid)
    assert layout
    assert photos
    assert len(layout) == len(photos)
    for field in dataclasses.fields(layout):
        mine, theirs = getattr(layout, field.name), getattr(photos.layout, field.name)
        assert np.array_equal(mine, theirs) if isinstance(mine, np.ndarray) else mine == theirs
    with pytest.raises(UnknownName):
        store.layout("n00000000")


def test_a_digest_of_rows_tells_which_class_has_others_and_no_more(tmp_path: Path, made: Any) -> None:
    tench, church = made.of_class(made.TENCH), made.by_shared(made.CHURCH)
    made.write(tmp_path / "a", tench, made.shared(), church)
    before = Store(tmp_path / "a").row_digests()
    assert set(before) == {made.TENCH.wnid, made.CHURCH.wnid}
    renamed = dataclasses.replace(tench, strategies=tuple(dataclasses.replace(s, name="another") for s in tench.strategies))
    moved = dataclasses.replace(tench, photos=dataclasses.replace(tench.photos, xy=tench.photos.xy + 1))
    shown = dataclasses.replace(tench, exemplars=tuple(dataclasses.replace(e, box=(0, 0, 9, 9)) for e in tench.exemplars))
    larger = made.of_class(made.CRANE, n=40)  # lies between the two in every table: theirs move, and are the same
    for i, others in enumerate(([renamed], [moved], [shown], [tench, larger])):
        made.write(tmp_path / str(i), *others, made.shared(), church)
        after = Store(tmp_path / str(i)).row_digests()
        assert (after[made.TENCH.wnid] == before[made.TENCH.wnid]) == (i == 3)
        assert after[made.CHURCH.wnid] == before[made.CHURCH.wnid]


def test_format_1_0_is_read_with_shares_of_the_whole_logit_and_without_what_it_pooled(tmp_path: Path, made: Any) -> None:
    church = made.worked_by_hand()
    told = dataclasses.replace(church, concepts=tuple(dataclasses.replace(c, share=0.9) for c in church.concepts))
    made.write(tmp_path / "a", made.held_out_by_hand(), made.shared(), told, refined=False)
    store = Store(made.aged(tmp_path / "a"))
    found = store.concepts(made.CHURCH.wnid)
    assert [c.share for c in found] == pytest.approx([0.4, 0.3, -0.1])  # 2, 1.5 and −0.5 of 5.5 − 0.5
    evidence = store.record(made.TENCH.wnid).evidence
    assert [e.share for e in evidence] == pytest.approx([1 / 3, 1 / 3, 1 / 6])
    for row in (*found, *evidence):
        assert (row.share_low, row.share_high, row.prevalence, row.reliability, row.dominates) == (None,) * 5
    record = store.record(made.CHURCH.wnid)
    assert (record.accuracy_fit, record.accuracy_holdout, record.nearest_classes, record.groups) == (None, 0.5, (), None)
    assert (store.strategies(made.CHURCH.wnid), store.strategy_counts()) == ((), {})
    assert set(store.photos(made.CHURCH.wnid).strategy.tolist()) == set(store.layout(made.CHURCH.wnid).strategy.tolist()) == {-1}


@pytest.mark.parametrize("name", ["../../mysite", "n0144076", "N01440764", "n01440764..", "", "shared2", "n०१४४०७६४"])
@pytest.mark.parametrize(
    "table", ["classes.parquet", "concepts.parquet", "photos.parquet", "strategies.parquet", "exemplars.parquet"]
)
def test_a_class_called_by_what_is_no_identity_is_refused(root: Path, made: Any, table: str, name: str) -> None:
    rows = pq.read_table(root / table)
    column = "wnid" if "wnid" in rows.schema.names else "concept_id"
    changed = [row | {column: row[column] and row[column].replace(made.TENCH.wnid, name)} for row in rows.to_pylist()]
    if table == "concepts.parquet":
        changed = [row | {"concept_id": row["concept_id"].replace(made.TENCH.wnid, name)} for row in changed]
    with pq.ParquetWriter(root / table, rows.schema) as writer:
        for row in changed:
            writer.write_table(pa.Table.from_pylist([row], rows.schema))
    store = Store(root)
    read: dict[str, Callable[[], object]] = {
        "classes.parquet": lambda: list(store.records),
        "concepts.parquet": store.all_concepts,
        "photos.parquet": lambda: store.owners("photos.parquet"),
        "strategies.parquet": store.strategy_counts,
        "exemplars.parquet": lambda: store.exemplars(f"{made.TENCH.wnid}/0"),
    }
    with pytest.raises(AtlasError, match=rf"{table} cannot be read .'.*' is no identity of a class.: run `atlas check"):
        read[table]()


def test_a_table_that_declares_more_than_its_file_can_hold_is_refused_before_it_is_decoded(root: Path) -> None:
    for name in ("classes.parquet", "photos.parquet"):
        schema = pq.read_schema(root / name)
        rows = pa.table({field.name: pa.nulls(1_000_000, field.type) for field in schema}, schema=schema)
        rows = rows.set_column(rows.schema.get_field_index("wnid"), "wnid", pa.array(["n01440764"] * 1_000_000))
        pq.write_table(rows, root / name, row_group_size=1_000_000)
        assert (root / name).stat().st_size < 200_000
    store = Store(root)
    for read in (lambda: store.records, lambda: store.photos("n01440764")):
        with pytest.raises(
            AtlasError, match=r"classes\.parquet cannot be read .its footer declares 1000000 rows, the file has \d+ bytes."
        ):
            read()
    with pytest.raises(AtlasError, match=r"photos\.parquet cannot be read .its footer declares 1000000 rows"):
        store.rows("photos.parquet", "n01440764")
