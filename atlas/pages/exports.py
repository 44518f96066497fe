"""The tables behind a class page, as CSV and JSON: seven significant digits, the unit in the name of the column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flask import Flask, Response, abort

from atlas.pages.album import Album
from atlas.schema import AtlasError, Concept, Photos
from atlas.store import Store

Rows = list[dict[str, Any]]


def register(server: Flask, albums: Mapping[str, Album]) -> None:
    """Give the server the addresses of the tables."""
    tables: dict[str, Callable[[Store, str], Rows]] = {"concepts": concept_rows, "photos": photo_rows}

    def send(atlas: str, wnid: str, table: str, kind: str) -> Response:
        if atlas not in albums or table not in tables or kind not in ("csv", "json"):
            abort(404)
        try:
            rows = tables[table](albums[atlas].store, wnid)
        except AtlasError:
            abort(404)
        return as_csv(rows) if kind == "csv" else as_json(rows)

    server.add_url_rule("/<atlas>/export/<wnid>/<table>.<kind>", "atlas.export", send)


def concept_rows(store: Store, wnid: str) -> Rows:
    """Return a row a concept of a class, by contribution; unknown is None."""
    return [_concept_row(concept) for concept in store.concepts(wnid)]


def _concept_row(concept: Concept) -> dict[str, Any]:
    return {
        "concept_id": concept.concept_id,
        "index": concept.index,
        "scope": concept.scope,
        "contribution_logits": short(concept.contribution),
        "share": short(concept.share),
        "share_low": short(concept.share_low),
        "share_high": short(concept.share_high),
        "prevalence": short(concept.prevalence),
        "reliability": short(concept.reliability),
        "stability": short(concept.stability),
        **short(concept.estimators),
        "aligned": " ".join(f"{n.id}:{n.cosine:.3f}" for n in concept.aligned),
        "similar": " ".join(f"{n.id}:{n.cosine:.3f}" for n in concept.neighbours),
    }


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
        "dominant_concept": int(photos.dominant[i]),
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


def as_csv(rows: Rows) -> Response:
    """Return rows as CSV: a column a concept, where any row names it; unknown is an empty field."""
    named = sorted({int(j) for row in rows for j in row.get("concept_logits", ())})
    flat = [
        {name: value for name, value in row.items() if name != "concept_logits"}
        | {f"concept_{j}_logits": row["concept_logits"].get(str(j), 0.0) for j in named}
        for row in rows
    ]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(flat[0]) if flat else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return Response(stream.getvalue(), mimetype="text/csv")


def as_json(rows: Rows) -> Response:
    """Return rows as JSON."""
    return Response(json.dumps(rows, ensure_ascii=False, allow_nan=False), mimetype="application/json")
