from __future__ import annotations

import csv
import io
import json

import pytest
from flask.testing import FlaskClient

from atlas.format import Store
from atlas.site.rows import as_csv

BALL = "n03445777"


def test_the_photos_table_holds_the_whole_arithmetic(client: FlaskClient, made_up: Store) -> None:
    rows = json.loads(client.get(f"/made-up/export/{BALL}/photos.json").data)
    assert len(rows) == 60
    for row in rows:
        parts = [row["bias_logits"], row["residual_logits"], *row["concept_logits"].values()]
        assert sum(parts) == pytest.approx(row["logit"], abs=1e-4)
        assert 0.0 not in parts[2:]


@pytest.mark.parametrize("wnid", [BALL, "n02123045"])
def test_the_csv_of_photos_has_a_column_a_concept_that_adds_anything(client: FlaskClient, made_up: Store, wnid: str) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get(f"/made-up/export/{wnid}/photos.csv").text)))
    photos = made_up.photos(wnid)
    assert photos
    adding = [j for j in range(photos.contributions.shape[1]) if photos.contributions[:, j].any()]
    assert [name for name in rows[0] if name.startswith("concept_")] == [f"concept_{j}_logits" for j in adding]
    for i, row in enumerate(rows):
        told = [float(row[f"concept_{j}_logits"]) for j in adding]
        assert told == pytest.approx(photos.contributions[i, adding].tolist(), rel=1e-6)


def test_csv_says_the_same_as_json_and_leaves_the_unknown_empty(client: FlaskClient) -> None:
    plain = list(csv.DictReader(io.StringIO(client.get(f"/made-up/export/{BALL}/concepts.csv").text)))
    rich = json.loads(client.get(f"/made-up/export/{BALL}/concepts.json").data)
    assert [row["concept_id"] for row in plain] == [row["concept_id"] for row in rich]
    assert {row["reliability"] == "" for row in plain if row["prevalence"] == "0.0"} == {True}


@pytest.mark.parametrize("path", ["n00000000/photos.csv", f"{BALL}/photos.xls", f"{BALL}/atoms.csv"])
def test_what_is_not_there_is_404(client: FlaskClient, path: str) -> None:
    assert client.get(f"/made-up/export/{path}").status_code == 404


def test_no_text_of_a_csv_begins_a_formula_and_numbers_stay_numbers() -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "a=b", "", " =1", "'x"]
    rows = [{"key": text, "=name": -1.5, "left": None} for text in texts]
    written = list(csv.DictReader(io.StringIO(as_csv(rows), newline="")))
    assert [row["key"] for row in written] == [f"'{text}" if text[:1] in tuple("=+-@\t\r") else text for text in texts]
    assert {(row["'=name"], row["left"]) for row in written} == {("-1.5", "")}
