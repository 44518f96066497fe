"""How a concept is spread over the photos of its class: from the photo that uses it most to one that does not."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import html

from atlas.site import formats
from atlas.site.class_view import ClassView
from atlas.site.components.downloads import CHART, exports, rows
from atlas.site.components.photo_panel import columns_of
from atlas.site.urls import class_url

QUANTILES = ((1.0, "most"), (0.75, "upper quarter"), (0.5, "middle"), (0.25, "lower quarter"), (0.0, "least"))
BINS = 24
_EACH = 3  # photos shown at a quantile


def spread(view: ClassView, index: int) -> Any:
    """Show photos at five quantiles of the code, and how the codes and contributions are distributed."""
    if view.photos is None or len(view.photos) < len(QUANTILES) * _EACH:
        return None
    codes, contributions = view.photos.codes[:, index], view.photos.contributions[:, index]
    return html.Section(
        [
            html.H2("From most to least"),
            html.P("photos of the class by how much of the concept they hold (mean code)", className="caption"),
            html.Div([_quantile(view, codes, at, label) for at, label in QUANTILES], className="quantiles"),
            html.Div(
                [_histogram(contributions, "contribution to a photo, logits", digits=1)],
                id="spread",
                **rows(["photo", "code", "contribution_logits"], _by_photo(codes, contributions)),
            ),
            exports("photos-by-concept", *CHART, of="#spread"),
        ],
        className="panel",
    )


def _by_photo(codes: np.ndarray, contributions: np.ndarray) -> list[tuple[int, float, float]]:
    return [(i, float(code), float(part)) for i, (code, part) in enumerate(zip(codes, contributions, strict=True))]


def ranked(codes: np.ndarray, at: float, each: int = _EACH) -> list[int]:
    """Return the positions of a few photos around a quantile of the codes, the largest first."""
    order = np.argsort(-codes, kind="stable")
    start = round((1 - at) * (len(order) - each))
    return [int(i) for i in order[start : start + each]]


def _quantile(view: ClassView, codes: np.ndarray, at: float, label: str) -> Any:
    chosen = ranked(codes, at)
    value = formats.plain(float(codes[chosen].mean()))
    return html.Figure([html.Div([_photo(view, i) for i in chosen], className="trio"), html.Figcaption(f"{label} · {value}")])


def _photo(view: ClassView, i: int) -> Any:
    href, name = f"{class_url(view.atlas, view.record.info.wnid)}?photo={i}", f"photo {i}"
    if view.photo_source == "reader":
        source = f"/{view.atlas}/photos/{view.record.info.wnid}/{i}.webp?side=128"
        return html.A(html.Img(alt=name, width="128", height="128", **{"data-src": source}), href=href)
    if view.thumbnails is None or view.photos is None:
        return html.A(name, href=href, className="numbered")
    sheet, n = view.thumbnails, len(view.photos)
    columns = columns_of(n, sheet.width, sheet.height)
    rows = -(-n // columns)
    style = {
        "background-image": f"url('{sheet.url}')",
        "background-size": f"{columns * 100}% {rows * 100}%",
        "background-position": f"{_place(i % columns, columns)} {_place(i // columns, rows)}",
    }
    return html.A(html.Span(name, className="sr"), href=href, className="tile", style=style)


def _place(index: int, of: int) -> str:
    return f"{100 * index / (of - 1) if of > 1 else 0:.3f}%"


def _histogram(values: np.ndarray, label: str, *, digits: int) -> Any:
    counts, edges = np.histogram(values, BINS)
    bars = [html.Span(style={"height": f"{100 * count / counts.max():.1f}%"}) for count in counts]
    low, high = formats.plain(float(edges[0]), digits), formats.plain(float(edges[-1]), digits)
    said = f"{label}: from {low} to {high}, median {formats.plain(float(np.median(values)), digits)}, over {len(values)} photos"
    axis = html.Div([html.Span(low), html.Span(label), html.Span(high)], className="axis")
    return html.Div([html.Div(bars, className="histogram", role="img", **{"aria-label": said}), axis])
