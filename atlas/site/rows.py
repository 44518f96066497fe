"""The tables behind a class page, as CSV and JSON: seven significant digits, the unit in the name of the column."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from atlas.format import Store
from atlas.schema import ClassRecord, Concept, Photos, Strategy
from atlas.site import rates
from atlas.site.components.strategies import strategy_id
from atlas.site.importance import rest
from atlas.site.rates import Rate

Rows = list[dict[str, Any]]


#: Columns of the format that no table gives away, and why.
INTERNAL: dict[str, dict[str, str]] = {
    "classes": {
        "synonyms": "of ImageNet, not measured",
        "definition": "of ImageNet, not measured",
        "digest": "what a resumed build goes by",
    },
    "concepts": {
        "wnid": "part of concept_id",
        "map_x": "on the map, scaled to its side",
        "map_y": "on the map, scaled to its side",
        "colour": "of the palette",
    },
    "strategies": {"wnid": "part of strategy"},
}


def class_rows(store: Store, wnid: str) -> Rows:
    """Return what was measured on a class as a whole: one row, a rate with the ends of its interval."""
    return [class_row(store.record(wnid))]


def class_row(record: ClassRecord) -> dict[str, Any]:
    """Return every number of a class; unknown is None."""
    info = record.info
    row: dict[str, Any] = {
        "class_index": info.class_index,
        "wnid": info.wnid,
        "name": info.name,
        "hypernyms": "/".join(info.hypernyms),
    }
    for column in _OF_A_CLASS:
        row[column] = short(getattr(record, column))
        if column in _RATES:
            row |= _ends(column, _RATES[column](record))
    return row | {"unexplained": short(record.unexplained)}


_ELSEWHERE = {"info", "curves", "nearest_classes", "evidence", "alignment", *INTERNAL["classes"]}  # in tables of their own
_OF_A_CLASS = tuple(field.name for field in dataclasses.fields(ClassRecord) if field.name not in _ELSEWHERE)
_RATES: dict[str, Callable[[ClassRecord], Rate | None]] = {"accuracy_fit": rates.seen, "accuracy_holdout": rates.unseen}


def _ends(column: str, known: Rate | None) -> dict[str, float | None]:
    low, high = rates.ends(known)
    return {f"{column}_low": short(low), f"{column}_high": short(high)}


def concept_rows(store: Store, wnid: str) -> Rows:
    """Return a row a concept of a class, by contribution, then what they leave; unknown is None."""
    concepts, record = store.concepts(wnid), store.record(wnid)
    rows = [_concept_row(concept) for concept in concepts]
    left = rest(record, concepts, len(store.shared_concepts)) if rows else []
    empty = dict.fromkeys({column: None for row in rows for column in row})
    return rows + [
        {**empty, "concept_id": one.key, "contribution_logits": short(one.logits), "share": short(one.share)} for one in left
    ]


def _concept_row(concept: Concept) -> dict[str, Any]:
    return {
        "concept_id": concept.concept_id,
        "index": concept.index,
        "scope": concept.scope,
        "contribution_logits": short(concept.contribution),
        **{column: short(getattr(concept, column)) for column in ("share", "share_low", "share_high", "prevalence", "dominates")},
        "reliability": short(concept.reliability),
        **_ends("reliability", rates.leads(concept)),
        "dominates_holdout": concept.dominates_holdout,
        "reliability_holdout": short(concept.reliability_holdout),
        **_ends("reliability_holdout", rates.leads_unseen(concept)),
        "stability": short(concept.stability),
        **short(concept.estimators),
        "aligned": " ".join(f"{n.id}:{n.cosine:.3f}" for n in concept.aligned),
        "neighbours": " ".join(f"{n.id}:{n.cosine:.3f}" for n in concept.neighbours),
    }


def strategy_rows(store: Store, wnid: str) -> Rows:
    """Return a row a strategy of a class: every stored number, rates with the ends of their intervals."""
    return [_strategy_row(strategy) for strategy in store.strategies(wnid)]


def _strategy_row(strategy: Strategy) -> dict[str, Any]:
    row: dict[str, Any] = {"strategy": strategy_id(strategy), **dataclasses.asdict(strategy)}
    row |= _ends("accuracy", rates.grouped(strategy)) | _ends("accuracy_holdout", rates.placed(strategy))
    row["medoids"] = " ".join(str(i) for i in row["medoids"])
    row["concept_logits"] = {str(i): value for i, value in enumerate(row.pop("contributions"))}
    del row["wnid"]
    return short(row)


def photo_rows(store: Store, wnid: str) -> Rows:
    """Return a row a photo of a class: prediction, place, strategy and the whole arithmetic of its logit.

    A concept that is not named under ``concept_logits`` adds nothing to the logit of the photo.
    """
    photos = store.photos(wnid)
    return [_photo_row(photos, i) for i in range(len(photos))] if photos else []


def _photo_row(photos: Photos, i: int) -> dict[str, Any]:
    adding = photos.contributions[i]
    row = {
        "photo": i,
        "key": photos.keys[i],
        "split": photos.split[i],
        "predicted_class_index": int(photos.predicted[i]),
        "correct": bool(photos.correct[i]),
        "strategy": int(photos.strategy[i]) if photos.strategy[i] >= 0 else None,
        "dominant_concept": int(photos.dominant[i]) if photos.dominant[i] >= 0 else None,
        "x": float(photos.xy[i, 0]),
        "y": float(photos.xy[i, 1]),
        "logit": float(photos.class_logit[i]),
        "bias_logits": float(photos.bias[i]),
        "residual_logits": float(photos.residual[i]),
        "concept_logits": {str(j): float(adding[j]) for j in np.flatnonzero(adding)},
    }
    return {name: short(value) for name, value in row.items()}


def short(value: Any) -> Any:
    """Return numbers with seven significant digits, which is what single precision holds; all else as it is."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: short(one) for key, one in value.items()}
    return [short(one) for one in value] if isinstance(value, list | tuple) else value


def as_csv(rows: Rows) -> str:
    """Return rows as CSV: a column a concept, where any row names it; unknown is an empty field."""
    named = sorted({int(j) for row in rows for j in row.get("concept_logits", ())})
    flat = [
        {name: value for name, value in row.items() if name != "concept_logits"}
        | {f"concept_{j}_logits": row["concept_logits"].get(str(j), 0.0) for j in named}
        for row in rows
    ]
    columns = list(flat[0]) if flat else []
    lines = [_line(columns), *(_line([row.get(column) for column in columns]) for row in flat)] if columns else [_line([])]
    return "".join(lines)


def _line(cells: Sequence[Any]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerow([plain(cell) for cell in cells])  # it puts either end of a line into quotes, as it ends in both
    return stream.getvalue().removesuffix("\r\n") + "\n"


def plain(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: a text that would begin one begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def as_json(rows: Rows) -> str:
    """Return rows as JSON."""
    return json.dumps(rows, ensure_ascii=False, allow_nan=False)


#: The tables of a class, by name.
TABLES: dict[str, Callable[[Store, str], Rows]] = {
    "class": class_rows,
    "concepts": concept_rows,
    "photos": photo_rows,
    "strategies": strategy_rows,
}
