"""The tables behind a class page, as CSV and JSON: every number unrounded, with its unit in the name of its column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

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
        "contribution_logits": concept.contribution,
        "share": concept.share,
        "share_low": concept.share_low,
        "share_high": concept.share_high,
        "prevalence": concept.prevalence,
        "reliability": concept.reliability,
        "stability": concept.stability,
        **concept.estimators,
        "aligned": " ".join(f"{n.id}:{n.cosine:.3f}" for n in concept.aligned),
        "similar": " ".join(f"{n.id}:{n.cosine:.3f}" for n in concept.neighbours),
    }


def photo_rows(store: Store, wnid: str) -> Rows:
    """Return a row a photo of a class: prediction, place, strategy and the whole arithmetic of its logit."""
    photos = store.photos(wnid)
    return [_photo_row(photos, i) for i in range(len(photos))] if photos else []


def _photo_row(photos: Photos, i: int) -> dict[str, Any]:
    return {
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
        **{f"concept_{j}_logits": float(value) for j, value in enumerate(photos.contributions[i])},
    }


def as_csv(rows: Rows) -> Response:
    """Return rows as CSV; unknown is an empty field."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return Response(stream.getvalue(), mimetype="text/csv")


def as_json(rows: Rows) -> Response:
    """Return rows as JSON."""
    return Response(json.dumps(rows, ensure_ascii=False, allow_nan=False), mimetype="application/json")
