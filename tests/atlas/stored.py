"""The stored truth of every column that a view gives away; a column that is not known here is a failure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from atlas.format import Store
from atlas.format.tables import ESTIMATORS
from atlas.schema import ClassRecord, Concept, Curve, Neighbour, Strategy
from atlas.site.wilson import wilson

#: A rate → the number of photos it is over.
PHOTOS_OF = {
    "accuracy_fit": lambda record: record.n_photos - record.n_holdout,
    "accuracy_holdout": lambda one: one.n_holdout if isinstance(one, ClassRecord) else one.size_holdout,
    "accuracy": lambda strategy: strategy.size,
    "reliability": lambda concept: concept.dominates,
    "reliability_holdout": lambda concept: concept.dominates_holdout,
}
#: Columns that are called otherwise than the field they come from.
OTHERWISE: dict[tuple[type, str], Callable[[Any], Any]] = {
    (Concept, "logits"): lambda concept: concept.contribution,
    (Concept, "aligned"): lambda concept: " ".join(f"{n.id}:{n.cosine:.3f}" for n in concept.aligned),
    (Concept, "neighbours"): lambda concept: " ".join(f"{n.id}:{n.cosine:.3f}" for n in concept.neighbours),
    (Concept, "right"): lambda concept: round((concept.reliability or 0) * concept.dominates),
    (Concept, "right_holdout"): lambda concept: round((concept.reliability_holdout or 0) * concept.dominates_holdout),
    (Strategy, "strategy"): lambda strategy: f"{strategy.wnid}/strategy/{strategy.index}",
    (Strategy, "medoids"): lambda strategy: " ".join(map(str, strategy.medoids)),
    (Strategy, "concept_logits"): lambda strategy: {str(i): value for i, value in enumerate(strategy.contributions)},
    (ClassRecord, "class_index"): lambda record: record.info.class_index,
    (ClassRecord, "wnid"): lambda record: record.info.wnid,
    (ClassRecord, "name"): lambda record: record.info.name,
    (ClassRecord, "hypernyms"): lambda record: "/".join(record.info.hypernyms),
    (Curve, "area"): lambda curve: curve.auc,
    (Neighbour, "wnid"): lambda neighbour: neighbour.id,
    (Neighbour, "concept_id"): lambda neighbour: neighbour.id,
}


def stored(thing: Any, column: str) -> Any:
    """Return what is stored under the name of a column."""
    if (type(thing), column) in OTHERWISE:
        return OTHERWISE[type(thing), column](thing)
    base = column.removesuffix("_logits")
    if base in {field.name for field in dataclasses.fields(thing)} or isinstance(getattr(type(thing), base, None), property):
        return getattr(thing, base)
    rate, _, end = column.rpartition("_")
    if rate in PHOTOS_OF and end in ("low", "high"):
        share, of = getattr(thing, rate), PHOTOS_OF[rate](thing)
        return None if share is None or not of else wilson(round(share * of), of)[end == "high"]
    if column in ESTIMATORS and isinstance(thing, Concept):
        return thing.estimators.get(column)
    if isinstance(thing, Strategy) and column.startswith("concept_"):
        return thing.contributions[int(column.split("_")[1])]
    if isinstance(thing, Curve) and column.startswith("after_"):
        return thing.values[int(column.split("_")[1])]
    raise AssertionError(f"a {type(thing).__name__} has no column {column!r}")


def same(found: Any, expected: Any, tolerance: float = 1e-6) -> bool:
    """Tell whether a value that was given away is the stored one, to six digits."""
    if expected is None:
        return found is None or found == ""
    if isinstance(expected, dict):
        return set(found) == set(expected) and all(same(found[key], value, tolerance) for key, value in expected.items())
    if isinstance(expected, bool | str):
        return str(found) == str(expected)
    return found not in (None, "") and float(found) == pytest.approx(float(expected), rel=1e-5, abs=tolerance)


class Tables(HTMLParser):
    """The numbers that stand beside what a page draws."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[dict[str, Any]]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "data-rows" in given:
            table = json.loads(given["data-rows"] or "")
            rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
            self.found.append((given.get("data-list") or given["id"] or "", rows))


def field_of(thing: Any) -> Callable[[str], Any]:
    """Return what tells the stored value of every column of a thing."""
    return lambda column: stored(thing, column)


class Truth:
    """What is stored, asked for as the views ask."""

    def __init__(self, store: Store, page: str) -> None:
        kind, *parts = page.split("/")
        self.store = store
        self.wnid = parts[0] if kind == "class" else None
        self.record = store.record(self.wnid) if self.wnid else None
        known = store.concepts(self.wnid) if self.wnid else store.shared_concepts
        self.concepts = {concept.concept_id: concept for concept in known}
        index = int(parts[-1]) if kind == "shared" or len(parts) == 2 else None
        self.concept = next((c for c in known if c.index == index), None)

    def rows(self, view: str, rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Callable[[str], Any]]]:
        """Yield each row with what tells the truth of its columns."""
        for i, row in enumerate(rows):
            yield row, self._of(view, row, i)

    def _of(self, view: str, row: dict[str, Any], i: int) -> Callable[[str], Any]:
        if view in ("share", "logits", *ESTIMATORS):
            return self._bar(view, row["concept_id"])
        if view in ("who-leads", "leading", "numbers"):
            return field_of(self.concepts[row["concept_id"]])
        if view == "strategies":
            own = {f"{s.wnid}/strategy/{s.index}": s for s in self.store.strategies(self.wnid or "")}
            return field_of(own[row["strategy"]])
        if view == "faithfulness" and self.record:
            return field_of(next(c for c in self.record.curves if (c.measure, c.method) == (row["measure"], row["method"])))
        if view == "measures":
            return lambda column: row["measure"] if column == "measure" else stored(self.record, row["measure"])
        if view == "nearest" and self.record:
            return self._near(self.record.nearest_classes, row["wnid"])
        if view == "aligned":
            return self._near(self.concept.aligned, row["wnid"]) if self.concept else self._shared(row["concept_id"])
        if view == "similar" and self.concept:
            return self._near(self.concept.neighbours, row["concept_id"])
        if view == "users" and self.concept:
            return self._user(row["wnid"])
        if view == "spread" and self.concept:
            return self._photo(i)
        if view == "manifest":
            return lambda column: row["key"] if column == "key" else str(self._manifest(row["key"]))
        raise AssertionError(f"no truth is known of the view {view!r}")

    def _bar(self, by: str, key: str) -> Callable[[str], Any]:
        values = {"concept_id": key, "low": None, "high": None}
        if key in self.concepts:
            concept = self.concepts[key]
            values[by] = stored(concept, by)
            if by == "share":
                values |= {"low": concept.share_low, "high": concept.share_high}
        else:
            values[by] = self.left(key, by)
        return values.__getitem__

    def left(self, key: str, by: str) -> float | None:
        """Return what the concepts shown leave: by the record, or by the photos of the class."""
        record = self.record
        assert record
        if key == "unexplained":
            return record.residual if by == "logits" else record.unexplained
        assert key == "others"
        photos = self.store.photos(record.info.wnid)
        assert photos
        rest = [i for i in range(24) if f"shared/{i}" not in self.concepts]
        logits = float(photos.contributions[photos.basis][:, rest].sum(1).mean())
        return logits if by == "logits" else logits / ((record.class_logit or 0) - (record.bias or 0))

    def _near(self, known: Iterable[Neighbour], name: str) -> Callable[[str], Any]:
        found = {neighbour.id: neighbour for neighbour in known}

        def truth(column: str) -> Any:
            if column == "class":
                return self.names[name]
            return stored(found[name], column) if found else {"wnid": name}.get(column)

        return truth

    @property
    def names(self) -> dict[str, str]:
        return {"n02799071": "baseball"} | self.store.names

    def _shared(self, concept_id: str) -> Callable[[str], Any]:
        index = int(concept_id.partition("/")[2])
        assert self.record
        counts = {e.index: e.contribution for e in self.record.evidence} if self.record.scope == "class" else {}
        return {"concept_id": concept_id, "cosine": self.record.alignment[index], "contribution": counts.get(index)}.__getitem__

    def _user(self, wnid: str) -> Callable[[str], Any]:
        index = self.concept.index if self.concept else -1
        evidence = next(e for e in self.store.record(wnid).evidence if e.index == index)
        return {"wnid": wnid, "class": self.names[wnid], "contribution": evidence.contribution}.__getitem__

    def _photo(self, i: int) -> Callable[[str], Any]:
        photos, index = self.store.photos(self.wnid or ""), self.concept.index if self.concept else -1
        assert photos
        values = {"photo": i, "code": photos.codes[i, index], "contribution_logits": photos.contributions[i, index]}
        return values.__getitem__

    def _manifest(self, key: str) -> Any:
        manifest = self.store.manifest
        section, _, name = key.partition(" ")
        if name:
            return getattr(manifest, section)[name]
        return {"created": manifest.created, "format": manifest.format_version, **manifest.libraries}[key]


def wrong(where: str, rows: Iterable[tuple[dict[str, Any], Callable[[str], Any]]]) -> list[str]:
    """Return what was given away and is not what is stored."""
    return [
        f"{where}: {column} of {next(iter(row.values()))} is {value!r}, stored is {truth(column)!r}"
        for row, truth in rows
        for column, value in row.items()
        if not same(value, truth(column))
    ]


def concept_truth(truth: Truth, row: dict[str, Any]) -> Callable[[str], Any]:
    key = row["concept_id"]
    if key in truth.concepts:
        return lambda column: stored(truth.concepts[key], column)
    left = {"concept_id": key, "contribution_logits": truth.left(key, "logits"), "share": truth.left(key, "share")}
    return left.get


def photo_truth(store: Store, wnid: str, i: int) -> Callable[[str], Any]:
    photos = store.photos(wnid)
    assert photos
    strategy, dominant = int(photos.strategy[i]), int(photos.dominant[i])
    parts = {str(j): value for j, value in enumerate(photos.contributions[i]) if value}
    known: dict[str, Any] = {
        **{"photo": i, "key": photos.keys[i], "split": photos.split[i], "predicted_class_index": photos.predicted[i]},
        **{"correct": bool(photos.correct[i]), "strategy": strategy if strategy >= 0 else None},
        **{"dominant_concept": dominant if dominant >= 0 else None, "x": photos.xy[i, 0], "y": photos.xy[i, 1]},
        **{"logit": photos.class_logit[i], "bias_logits": photos.bias[i], "residual_logits": photos.residual[i]},
        "concept_logits": parts,
        **{f"concept_{j}_logits": value for j, value in enumerate(photos.contributions[i])},
    }
    return known.__getitem__
