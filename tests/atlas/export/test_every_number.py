"""Every number that a view gives away is the one that is stored under its name, in the app and in a gallery."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from atlas.format import Store
from atlas.schema import ClassRecord, Concept, Evidence, ImageNetClass, Strategy
from atlas.site.rows import INTERNAL
from tests.atlas.stored import Tables, Truth, concept_truth, field_of, photo_truth, same, stored, wrong

BALL, TABBY, CRANE, MACHINE = "n03445777", "n02123045", "n02012849", "n03126707"
CLASSES = (BALL, TABBY, CRANE, MACHINE)
PAGES = (
    *("", "map", "method"),
    *(f"class/{wnid}" for wnid in CLASSES),
    *(f"class/{BALL}/{i}" for i in range(10)),
    *(f"shared/{i}" for i in range(24)),
)

SEEN_ON = {
    "class/" + BALL: {"share", "logits", "gradient_input", "sobol", "who-leads", "leading", "strategies", "faithfulness"}
    | {"measures", "aligned", "nearest"},
    "class/" + TABBY: {"share", "logits", "gradient_input", "sobol", "aligned", "nearest"},
    f"class/{BALL}/3": {"numbers", "aligned", "similar", "spread"},
    "shared/2": {"aligned", "users"},
    "method": {"manifest"},
}


@pytest.mark.parametrize("page", PAGES)
def test_what_stands_beside_a_view_is_what_is_stored(client: FlaskClient, made_up: Store, gallery: Path, page: str) -> None:
    found = Tables(client.get(f"/made-up/{page}").text).found
    truth = Truth(made_up, page)
    assert [line for view, rows in found for line in wrong(view, truth.rows(view, rows))] == []
    if page in SEEN_ON:
        assert {view for view, _ in found} == SEEN_ON[page]
        assert all(rows for _, rows in found)
    file = gallery / page / "index.html"
    assert Tables(file.read_text(encoding="utf-8")).found == found, "the gallery gives away the same"


def endpoint(client: FlaskClient, wnid: str, table: str) -> list[list[dict[str, Any]]]:
    """Return a table as it is given away: as JSON and as CSV."""
    rich = client.get(f"/made-up/export/{wnid}/{table}.json").json
    plain = list(csv.DictReader(io.StringIO(client.get(f"/made-up/export/{wnid}/{table}.csv").text)))
    assert isinstance(rich, list)
    assert len(rich) == len(plain)
    return [rich, plain]


@pytest.mark.parametrize("wnid", CLASSES)
def test_tables_of_a_class_hold_what_is_stored(client: FlaskClient, made_up: Store, wnid: str) -> None:
    truth, record = Truth(made_up, f"class/{wnid}"), made_up.record(wnid)
    own = made_up.strategies(wnid)
    for rows in endpoint(client, wnid, "class"):
        assert wrong("class", [(row, field_of(record)) for row in rows]) == []
        assert len(rows) == 1
    for rows in endpoint(client, wnid, "concepts"):
        assert wrong("concepts", [(row, concept_truth(truth, row)) for row in rows]) == []
        assert len(rows) == len(truth.concepts) + {BALL: 1, TABBY: 2}.get(wnid, 0)
    for rows in endpoint(client, wnid, "strategies"):
        assert wrong("strategies", [(row, field_of(s)) for row, s in zip(rows, own, strict=True)]) == []
    for rows in endpoint(client, wnid, "photos"):
        assert wrong("photos", [(row, photo_truth(made_up, wnid, i)) for i, row in enumerate(rows)]) == []
        assert len(rows) == record.n_photos


def carried(script: str) -> Any:
    return json.loads(script.partition("}).")[2].partition("=")[2].rstrip().removesuffix(";"))


@pytest.mark.parametrize("wnid", CLASSES)
def test_the_files_of_a_gallery_hold_what_is_stored(gallery: Path, client: FlaskClient, made_up: Store, wnid: str) -> None:
    whole, record = json.loads((gallery / f"data/{wnid}.json").read_text(encoding="utf-8")), made_up.record(wnid)
    for table in ("concepts", "photos"):
        assert whole[table] == endpoint(client, wnid, table)[0]
    expected = json.loads(json.dumps(dataclasses.asdict(record)))
    shown = whole["class"].pop("alignment")
    assert all(same(cosine, record.alignment[int(index)]) for index, cosine in shown.items())
    del expected["alignment"]
    if record.scope == "shared":
        del expected["evidence"]
    assert flat(whole["class"]) == pytest.approx(flat(expected), rel=1e-6)
    own = [flat(json.loads(json.dumps(dataclasses.asdict(s)))) for s in made_up.strategies(wnid)]
    assert [flat(s) for s in whole["strategies"]] == [pytest.approx(s, rel=1e-6) for s in own]
    row = next(row for row in csv.DictReader(io.StringIO((gallery / "data/classes.csv").read_text())) if row["wnid"] == wnid)
    assert int(row.pop("strategies")) == len(own)
    assert wrong("classes.csv", [(row, field_of(record))]) == []


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Return nested values by their path; words by themselves, since only numbers are compared with a tolerance."""
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return {path: one for key, part in parts for path, one in flat(part, f"{name}/{key}").items()}
    return {f"{name}={value}": 1} if isinstance(value, str | bool) or value is None else {name: value}


#: What the browser draws a class from: column → the array of the photos.
ARRAYS: dict[str, Callable[[Any], Any]] = {
    "logit": lambda photos: photos.class_logit,
    "bias": lambda photos: photos.bias,
    "residual": lambda photos: photos.residual,
    "correct": lambda photos: photos.correct.astype(int),
    "dominant": lambda photos: photos.dominant,
    "strategy": lambda photos: photos.strategy,
    "heat": lambda photos: photos.heat_concepts,
}
NO_NUMBERS = {"name", "digest", "concepts", "predicted", "split", "keys", "first", "source", "sprite", "base"}


@pytest.mark.parametrize("wnid", [BALL, TABBY])
def test_the_browser_draws_photos_from_what_is_stored(gallery: Path, client: FlaskClient, made_up: Store, wnid: str) -> None:
    photos, shown = made_up.photos(wnid), [concept.index for concept in made_up.concepts(wnid)]
    assert photos
    known = {name: array(photos) for name, array in ARRAYS.items()}
    known |= {"contributions": photos.contributions[:, shown], "n": len(photos), "strategies": len(made_up.strategies(wnid))}
    known |= {"rest": photos.contributions.shape[1] - len(shown)}
    known |= {"others": photos.contributions.sum(1) - photos.contributions[:, shown].sum(1)}
    app, here = (
        client.get(f"/made-up/photos/{wnid}.json").json,
        carried((gallery / f"data/{wnid}.js").read_text(encoding="utf-8")),
    )
    assert isinstance(app, dict)
    for data in (app, here):
        assert set(data) == set(known) | NO_NUMBERS
        for name, values in known.items():
            assert data[name] == pytest.approx(values, abs=6e-4), name
        assert (data["split"], data["keys"]) == (list(photos.split), list(photos.keys))


def entry_truth(store: Store, wnid: str) -> dict[str, Any]:
    """Return the numbers that the front page knows of a class."""
    record = store.record(wnid)
    rates = {
        name: [stored(record, f"{name}{end}") for end in ("", "_low", "_high")] for name in ("accuracy_fit", "accuracy_holdout")
    }
    own = [concept for concept in store.concepts(wnid) if concept.scope == "class"]
    return {
        **{"index": record.info.class_index, "photos": record.n_photos, "holdout": record.n_holdout},
        **{name: None if None in values else values for name, values in rates.items()},
        **{"unexplained": record.unexplained, "strategies": len(store.strategies(wnid)), "concepts": len(own)},
    }


TEXTS = {"wnid", "name", "also", "path", "url", "picture", "coverage", "badge", "right", "right_interval", "drawn"}


def test_the_front_page_knows_what_is_stored(gallery: Path, client: FlaskClient, made_up: Store) -> None:
    app = client.get("/made-up/classes.json").json
    assert isinstance(app, dict)
    columns = carried((gallery / "data/classes.js").read_text(encoding="utf-8"))["classes"]
    for i, entry in enumerate(app["classes"]):
        expected = entry_truth(made_up, entry["wnid"])
        assert set(entry) == set(expected) | TEXTS
        assert set(columns) == (set(expected) | TEXTS) - {"url"}
        for name, value in expected.items():
            for found in (entry[name], columns[name][i]):
                assert found == (value if value is None else pytest.approx(value, abs=6e-5)), f"{entry['wnid']}: {name}"


def test_the_map_shows_what_is_stored(gallery: Path, client: FlaskClient, made_up: Store) -> None:
    app, here = client.get("/made-up/map.json").json, carried((gallery / "data/map.js").read_text(encoding="utf-8"))
    assert isinstance(app, dict)
    concepts = made_up.all_concepts()
    side = max(max(values) - min(values) for values in ([c.map_x for c in concepts], [c.map_y for c in concepts]))  # type: ignore[type-var]
    known: dict[str, list[float | None]] = {
        "index": [c.index for c in concepts],
        "dominates": [c.dominates for c in concepts],
        **{name: [_times(getattr(c, name), 100) for c in concepts] for name in ("contribution", "stability", "reliability")},
        "x": [(c.map_x - min(d.map_x for d in concepts)) / side * 10_000 for c in concepts],  # type: ignore[operator,type-var]
        "y": [(c.map_y - min(d.map_y for d in concepts)) / side * 10_000 for c in concepts],  # type: ignore[operator,type-var]
    }
    for data in (app, here):
        assert set(data) == set(known) | {"base", "groups", "classes", "group", "owner", "pictured", "placeless"}
        for name, values in known.items():
            for found, value in zip(data[name], values, strict=True):
                assert found == (value if value is None else pytest.approx(value, abs=0.51)), name


def _times(value: float | None, scale: int) -> float | None:
    return None if value is None else value * scale


def test_every_stored_column_is_given_away_or_named_as_internal(client: FlaskClient, made_up: Store) -> None:
    of_class, of_concept, of_strategy = (endpoint(client, BALL, table)[0][0] for table in ("class", "concepts", "strategies"))
    views = {view for view, _ in Tables(client.get(f"/made-up/class/{BALL}").text).found}
    tables = {"curves": "faithfulness", "nearest_classes": "nearest", "evidence": "aligned", "alignment": "aligned"}
    given = {
        "classes": {*of_class, *(field for field, view in tables.items() if view in views)},
        "concepts": {name.removesuffix("_logits") for name in of_concept},
        "strategies": {*of_strategy, *(["contributions"] if "concept_logits" in of_strategy else [])},
    }
    fields = {
        "classes": names_of(ClassRecord) - {"info"} | names_of(ImageNetClass),
        "concepts": names_of(Concept) - {"estimators"} | set(made_up.concepts(BALL)[0].estimators),
        "strategies": names_of(Strategy),
    }
    for table, names in fields.items():
        assert names - given[table] == set(INTERNAL[table]), table
        assert all(INTERNAL[table].values())
    assert names_of(Evidence) <= names_of(Concept)


def names_of(kind: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}
