"""What no page could show is told, cell by cell and name by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.format import problems
from tests.atlas.format.rows import CHURCH, TENCH, Rows, inner, of_church, rewrite


@pytest.fixture
def root(tmp_path: Path, made: Any) -> Path:
    made.write(tmp_path / "a", made.worked_by_hand(), made.held_out_by_hand(), made.shared(), refined=False)
    return tmp_path / "a"


CELLS: list[tuple[str, Callable[[Rows], None], str]] = [
    # what must be known
    ("classes", of_church("name", None), f"{CHURCH}: name is missing"),
    ("classes", of_church("alignment", None), f"{CHURCH}: alignment is missing"),
    ("classes", of_church("alignment", lambda held: [*held[:2], None]), f"{CHURCH}: alignment is missing"),
    ("classes", of_church("evidence", inner(contribution=None)), f"{CHURCH}: shared/2: contribution is missing"),
    ("classes", of_church("curves", inner(auc=None)), f"{CHURCH}: c_deletion of contribution: auc is missing"),
    ("concepts", of_church("aligned", inner(id=None)), f"{CHURCH}/0: aligned with None: id is missing"),
    ("concepts", of_church("neighbours", lambda held: [None]), f"{CHURCH}/0: neighbours is missing"),
    ("photos", of_church("codes", None, 3), f"{CHURCH}: codes of photo 3 is missing"),
    ("photos", of_church("correct", None, 2), f"{CHURCH}: correct of photo 2 is missing"),
    ("strategies", of_church("name", None), f"{CHURCH}: strategy 0: name is missing"),
    ("exemplars", of_church("box", None), f"{CHURCH}/0: exemplar 0: box is missing"),
    # numbers that nothing was measured to be, indices of nothing
    ("classes", of_church("relative_l2", 1e300), f"{CHURCH}: relative_l2 is 1e+300"),
    ("concepts", of_church("map_x", float("-inf")), f"{CHURCH}/0: map_x is -inf"),
    ("photos", of_church("x", 3e38), f"{CHURCH}: x of photo 0 is 3e+38"),
    ("photos", of_church("predicted", 1000, 1), f"{CHURCH}: predicted of photo 1 is 1000, not within 0…999"),
    ("photos", of_church("dominant", 3, 1), f"{CHURCH}: dominant of photo 1 is 3, of 3 concepts"),
    ("photos", of_church("strategy", -2, 1), f"{CHURCH}: strategy of photo 1 is -2, below -1"),
    ("strategies", of_church("mistake", -1), f"{CHURCH}: strategy 0: mistake is -1, not within 0…999"),
    ("concepts", of_church("colour", -1), f"{CHURCH}/0: colour is -1, below 0"),
    (
        "exemplars",
        of_church("box", [0, 0, 60_000, 60_000]),
        f"{CHURCH}/0: exemplar 0: box is (0, 0, 60000, 60000): not inside of a photo",
    ),
    ("exemplars", of_church("box", [0, 0, 9]), f"{CHURCH}/0: exemplar 0: box is (0, 0, 9): not inside of a photo"),
    # lists of another length
    ("photos", of_church("codes", [1.0], 2), f"{CHURCH}: codes of photo 2 are of 1 concepts, others of 3"),
    ("photos", of_church("contributions", [1.0] * 4, 1), f"{CHURCH}: contributions of photo 1 are of 4 concepts, others of 3"),
    ("photos", of_church("heat_concepts", [0, 1], 1), f"{CHURCH}: heat_concepts of photo 1 are of 2 maps, others of 1"),
    ("photos", of_church("heat", bytes(7), 1), f"{CHURCH}: heat of photo 1 has 7 bytes, 1 maps of 2 × 3 places take 6"),
    # words and names
    ("classes", of_church("coverage", "some"), f"{CHURCH}: coverage is 'some', none of none, sample, full"),
    ("classes", of_church("scope", "all"), f"{CHURCH}: scope is 'all', none of class, shared"),
    (
        "classes",
        of_church("curves", inner(measure="deletion")),
        f"{CHURCH}: deletion of contribution: measure is 'deletion', none of c_deletion, c_insertion",
    ),
    ("classes", of_church("name", "x" * 201), f"{CHURCH}: name has 201 characters, more than 200"),
    ("classes", of_church("name", ""), f"{CHURCH}: name is '', which is no name"),
    ("classes", of_church("synonyms", ["\x1b[2J"]), f"{CHURCH}: synonyms is '\\x1b[2J', which is no name"),
    ("strategies", of_church("name", "\u202etxt"), f"{CHURCH}: strategy 0: name is '\\u202etxt', which is no name"),
    ("photos", of_church("key", "set/../../etc/passwd"), f"{CHURCH}: key of photo 0 is 'set/../../etc/passwd', which is no name"),
    # who is who
    ("classes", of_church("class_index", 3), f"{CHURCH}: class_index is 3, ImageNet has it at 497"),
    ("classes", lambda rows: rows.reverse(), f"{TENCH}: class_index is 0, after 497"),
    ("classes", lambda rows: rows.insert(0, dict(rows[0])), f"{TENCH}: class_index is 0, after 0"),
    ("concepts", lambda rows: rows.reverse(), f"{CHURCH}/1: index is 1, after 2"),
    ("concepts", of_church("scope", "shared"), f"{CHURCH}/0: scope is shared, its class {CHURCH}"),
    ("photos", of_church("key", f"set/{CHURCH}/1.jpg"), f"{CHURCH}: key is 'set/{CHURCH}/1.jpg' of 2 photos"),
    ("strategies", of_church("wnid", TENCH), f"row group 0: rows are of {TENCH}, {CHURCH}: not of one owner"),
    ("strategies", of_church("index", 1), f"{CHURCH}: index is 1 of 2 strategies"),
    ("exemplars", of_church("rank", 1), f"{CHURCH}/0: exemplar 0: rank is 1"),
    ("classes", of_church("evidence", lambda held: [held[0], held[0]]), f"{CHURCH}: evidence names shared/2 more than once"),
    (
        "classes",
        of_church("curves", lambda held: [*held, held[0]]),
        f"{CHURCH}: c_deletion of contribution: curves are 2, not one",
    ),
    ("classes", of_church("coverage", "none"), f"{CHURCH}: coverage is none, there are 8 photos"),
]


@pytest.mark.parametrize(("table", "change", "said"), CELLS, ids=[said for _, _, said in CELLS])
def test_what_no_page_could_show_is_told(root: Path, made: Any, table: str, change: Callable[[Rows], None], said: str) -> None:
    rewrite(made, root, f"{table}.parquet", change)
    assert problems(root)[0].removesuffix(" (and 1 more)") == f"{table}.parquet: {said}"


def test_the_format_allows_the_unknown_where_the_domain_does(root: Path, made: Any) -> None:
    for column in ("relative_l2", "hoyer", "agreement", "explained_random"):
        rewrite(made, root, "classes.parquet", of_church(column, None))
    rewrite(made, root, "concepts.parquet", of_church("stability", None))
    rewrite(made, root, "concepts.parquet", of_church("sobol", None))
    assert problems(root) == []


def test_bytes_that_are_no_text_are_told(root: Path, made: Any) -> None:
    table = pq.read_table(root / "classes.parquet")
    junk = pa.array([b"\xed\xa0\x80"] * 2, pa.binary())
    names = pa.Array.from_buffers(pa.string(), 2, junk.buffers())
    pq.write_table(table.set_column(2, table.schema.field(2), names), root / "classes.parquet")
    made.seal(root, "classes.parquet")
    (said,) = problems(root)
    assert said.startswith("classes.parquet: cannot be read (")
    assert "Invalid UTF8 sequence" in said


def test_a_sentence_is_one_line_without_control_characters(root: Path, made: Any) -> None:
    rewrite(made, root, "concepts.parquet", of_church("concept_id", "\x1b[2J\n" + "x" * 1000))
    for said in problems(root):
        assert said.isprintable()
        assert len(said) <= 501


def test_rows_whose_owner_is_not_there_are_told(root: Path, made: Any) -> None:
    rewrite(made, root, "photos.parquet", lambda rows: [row.update(wnid="n02012849") for row in rows if row["wnid"] == TENCH])
    assert problems(root)[0] == "photos.parquet: n02012849: rows are there, but not their owner"


def test_rows_that_no_reader_finds_are_told(root: Path, made: Any) -> None:
    table = pq.read_table(root / "strategies.parquet")
    with pq.ParquetWriter(root / "strategies.parquet", table.schema) as writer:
        writer.write_table(table, row_group_size=1)
    made.seal(root, "strategies.parquet")
    assert problems(root) == [f"strategies.parquet: {CHURCH}: rows stand in two row groups"]
    with pq.ParquetWriter(root / "strategies.parquet", table.schema, write_statistics=False) as writer:
        writer.write_table(table)
    made.seal(root, "strategies.parquet")
    assert [said.split(":")[0] for said in problems(root)] == [
        f"{root}/strategies.parquet cannot be read ('' is no identity of a class)"
    ]


def test_a_table_that_becomes_larger_than_its_file_can_be_is_not_decoded(root: Path, made: Any) -> None:
    schema = pq.read_schema(root / "strategies.parquet")
    pq.write_table(pa.table([pa.nulls(2_000_000, field.type) for field in schema], schema=schema), root / "strategies.parquet")
    made.seal(root, "strategies.parquet")
    size = (root / "strategies.parquet").stat().st_size
    (said,) = problems(root)
    assert f"its footer declares 2000000 rows, the file has {size} bytes" in said
