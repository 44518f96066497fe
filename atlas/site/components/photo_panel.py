"""One photo: where its concepts are, and the arithmetic of its logit. The browser fills the panel from ``photo_data``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from dash import html

from atlas.schema import Photos
from atlas.site.class_view import ClassView, PhotoSource
from atlas.site.components.downloads import CHART, exports
from atlas.site.glossary import explain

#: Of the digest of a class, by which a page, its data and its graph know that they are of one publish.
DIGITS = 12
_MISSING = (
    "This atlas does not contain its photos. If you have them, start it with "
    "`atlas serve ATLAS --photo-root FOLDER` and they appear here."
)
SOURCES: dict[PhotoSource, str] = {"thumbnails": "", "reader": "", "withheld": _MISSING}


def photo_panel(view: ClassView) -> Any:
    """Leave room for the selected photo."""
    return html.Section(
        [
            html.H2("Photo", id="photo-title"),
            html.Div(id="photo-body", **{"data-missing": SOURCES[view.photo_source]}),
            exports("photo", *CHART, of="#photo-body .waterfall"),
            explain("logit", "contribution", "not explained"),
        ],
        className="panel photo",
        **{"aria-labelledby": "photo-title", "data-photos": view.data_url},
    )


def photo_data(view: ClassView) -> dict[str, Any]:
    """Return the photos of a class for the browser: columns, numbers rounded to 0.001 logits.

    Contributions are those of the concepts shown; what all other concepts of a shared dictionary add up to is ``others``.
    """
    photos = view.photos
    if photos is None:
        return {"n": 0}
    shown = [concept.index for concept in view.concepts]
    others = photos.contributions.sum(axis=1) - photos.contributions[:, shown].sum(axis=1)
    return {
        "n": len(photos),
        "digest": view.record.digest[:DIGITS],
        "name": view.record.info.name,
        "concepts": [{"index": c.index, "colour": c.colour, "shared": c.scope == "shared"} for c in view.concepts],
        "predicted": [name_of(int(i), view.class_names) for i in photos.predicted],
        "correct": photos.correct.astype(int).tolist(),
        "split": list(photos.split),
        "logit": _numbers(photos.class_logit),
        "bias": _numbers(photos.bias),
        "residual": _numbers(photos.residual),
        "others": _numbers(others),
        "rest": photos.contributions.shape[1] - len(shown),
        "contributions": [_numbers(row) for row in photos.contributions[:, shown]],
        "dominant": photos.dominant.tolist(),
        "strategy": photos.strategy.tolist(),
        "strategies": len(view.strategies),
        "heat": photos.heat_concepts.tolist(),
        "keys": list(photos.keys),
        "first": _first(view, photos),
        "source": view.photo_source,
        "sprite": _sprite(view, len(photos)),
        "base": f"/{view.atlas}/photos/{photos.wnid}",
    }


def name_of(index: int, names: Sequence[str]) -> str:
    """Name a class by its index."""
    return names[index] if 0 <= index < len(names) else f"class {index}"


def _numbers(values: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in values]


def _first(view: ClassView, photos: Photos) -> int:
    """Choose the photo shown before any is selected: the middle of the largest strategy."""
    medoids = [m for strategy in view.strategies for m in strategy.medoids]
    return medoids[0] if medoids and medoids[0] < len(photos) else 0


def _sprite(view: ClassView, n: int) -> dict[str, Any] | None:
    sheet = view.thumbnails
    if sheet is None:
        return None
    columns = columns_of(n, sheet.width, sheet.height)
    return {"url": sheet.url, "columns": columns, "rows": -(-n // columns), "side": sheet.width // columns}


def columns_of(n: int, width: int, height: int) -> int:
    """Return how many square tiles lie side by side in a sheet of n tiles of this size."""
    return min(range(1, n + 1), key=lambda c: abs(width / c - height / -(-n // c)))
