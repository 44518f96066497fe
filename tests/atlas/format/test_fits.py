"""Whoever serves what nobody checked refuses it, in words that name the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.format import Store
from atlas.schema import AtlasError
from tests.atlas.format.rows import CHURCH, TENCH, Rows, inner, of_church, rewrite


@pytest.fixture
def root(tmp_path: Path, made: Any) -> Path:
    made.write(tmp_path / "a", made.worked_by_hand(), made.held_out_by_hand(), made.shared(), refined=False)
    return tmp_path / "a"


SERVED: dict[str, tuple[str, Callable[[Rows], object], Callable[[Store], object], str]] = {
    "a class": (
        "classes",
        of_church("name", None),
        lambda store: store.record(TENCH),
        f"classes.parquet: {CHURCH}: name is missing",
    ),
    "a place on the map": (
        "concepts",
        of_church("map_x", float("nan")),
        lambda store: store.places(),
        f"concepts.parquet: {CHURCH}/0: map_x is nan",
    ),
    "a photo": (
        "photos",
        of_church("residual", float("inf"), 2),
        lambda store: store.photos(CHURCH),
        f"photos.parquet: {CHURCH}: residual of photo 2 is inf",
    ),
    "a dot": (
        "photos",
        of_church("neighbours", [8]),
        lambda store: store.layout(CHURCH),
        "photos.parquet: : neighbours of photo 0 name 8, of 8 photos",
    ),
    "a strategy": (
        "strategies",
        of_church("accuracy", 2.0),
        lambda store: store.strategies(CHURCH),
        f"strategies.parquet: {CHURCH}: strategy 0: accuracy is 2, not within 0…1",
    ),
    "a medoid": (
        "strategies",
        of_church("medoids", [8]),
        lambda store: store.strategies(CHURCH),
        f"strategies.parquet: {CHURCH}: strategy 0: medoids name photo 8, of 8",
    ),
    "a crop": (
        "exemplars",
        of_church("box", []),
        lambda store: store.exemplars(f"{CHURCH}/0"),
        f"exemplars.parquet: {CHURCH}/0: exemplar 0: box is (): not inside of a photo",
    ),
    "evidence": (
        "classes",
        of_church("evidence", inner(index=3)),
        lambda store: store.record(CHURCH),
        f"classes.parquet: {CHURCH}: evidence names shared/3, there are 3 shared concepts",
    ),
    "cosines": (
        "classes",
        of_church("alignment", [0.5]),
        lambda store: store.record(CHURCH),
        f"classes.parquet: {CHURCH}: alignment is with 1 concepts, there are 3 shared ones",
    ),
    "the number of photos": (
        "classes",
        of_church("n_photos", 9),
        lambda store: store.photos(CHURCH),
        f"photos.parquet: {CHURCH}: 8 photos are there, the classes table names 9",
    ),
    "held-out photos": (
        "classes",
        of_church("n_holdout", 999),
        lambda store: store.records,
        f"classes.parquet: {CHURCH}: 4 photos are fitted on and 999 held out, of 8",
    ),
    "concepts in another order": (
        "concepts",
        lambda rows: rows.reverse(),
        lambda store: store.concepts(CHURCH),
        f"concepts.parquet: {CHURCH}/2 stands where {CHURCH}/0 should",
    ),
}


@pytest.mark.parametrize("what", SERVED)
def test_who_serves_what_cannot_be_shown_refuses_in_words(root: Path, made: Any, what: str) -> None:
    table, change, read, said = SERVED[what]
    rewrite(made, root, f"{table}.parquet", change)
    with pytest.raises(AtlasError) as error:
        read(Store(root))
    assert str(error.value) == said


def test_a_table_without_a_column_is_refused(root: Path, made: Any) -> None:
    table = pq.read_table(root / "concepts.parquet")
    pq.write_table(table.drop_columns("map_x"), root / "concepts.parquet")
    with pytest.raises(AtlasError, match=r"^concepts\.parquet: its column map_x is missing$"):
        Store(root).places()
    pq.write_table(table.set_column(3, "index", table["index"].cast(pa.int64())), root / "concepts.parquet")
    with pytest.raises(AtlasError, match=r"^concepts\.parquet: its column index is of another kind \(int64\)$"):
        Store(root).places()


def test_concepts_of_a_class_that_is_not_there_have_no_place_on_the_map(root: Path, made: Any) -> None:
    rewrite(made, root, "classes.parquet", lambda rows: rows.pop())
    with pytest.raises(AtlasError, match=f"^concepts.parquet: {CHURCH} is a class that there is not$"):
        Store(root).places()


def test_concepts_that_name_a_class_that_is_not_there_have_no_place_on_the_map(root: Path, made: Any) -> None:
    rewrite(made, root, "concepts.parquet", of_church("wnid", "n02012849"))
    with pytest.raises(AtlasError, match=r"^concepts\.parquet: n02012849 is a class that there is not$"):
        Store(root).places()
