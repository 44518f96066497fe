"""What the values of a manifest may be: everything in it is shown somewhere, and some of it is computed with."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_type_hints

from atlas.schema import Manifest, PhotoSet, is_class_id

DEEPEST = 16
#: Values of a manifest beside those of its files; a photo that was skipped is two.
MOST_VALUES = 10_000_000
LONGEST_NAME, LONGEST_TEXT = 200, 10_000
LARGEST_GRID = 1024
_LARGEST_WHOLE = 1 << 63
_NO_TEXT = re.compile("[\ud800-\udfff]")
_NAMED = ("created", "config_digest", "shared_digest", "format_version")


def oddities(manifest: Manifest) -> Iterator[str]:
    """Find what a manifest says that cannot be: a sentence each."""
    for name in _NAMED:
        yield from _named(name, getattr(manifest, name))
    if not isinstance(manifest.complete, bool):
        yield f"complete is {_said(manifest.complete)}, neither true nor false"
    if manifest.publish_photos not in (ways := get_args(get_type_hints(Manifest)["publish_photos"])):
        yield f"publish_photos is {_said(manifest.publish_photos)}, none of {', '.join(ways)}"
    for name in ("project", "backbone", "config", "libraries", "classes", "skipped_photos"):
        yield from _plain(name, getattr(manifest, name))
    for name in ("libraries", "classes", "skipped_photos"):
        yield from _texts(name, getattr(manifest, name))
    yield from (f"classes names {_said(wnid)}, no identity of a class" for wnid in manifest.classes if not is_class_id(wnid))
    for photo_set in manifest.photo_sets:
        yield from _photo_set(photo_set)
    yield from _backbone(manifest.backbone)


def _backbone(backbone: Mapping[str, Any]) -> Iterator[str]:
    grid = backbone.get("grid")
    whole = isinstance(grid, list) and len(grid) == 2 and all(type(side) is int and 0 < side <= LARGEST_GRID for side in grid)
    if not whole:
        yield f"backbone grid is {_said(grid)}, not the height and width of a heat map"
    part = backbone.get("crop_pct", 1.0)
    if isinstance(part, bool) or not isinstance(part, int | float) or not 0 < part <= 4:
        yield f"backbone crop_pct is {_said(part)}, not a part of a photo"
    for name in ("name", "layer", "crop_mode"):
        if backbone.get(name) is not None:
            yield from _named(f"backbone {name}", backbone[name])


def _photo_set(photo_set: PhotoSet) -> Iterator[str]:
    yield from _named("the name of a photo set", photo_set.name)
    for name in ("licence", "attribution"):
        yield from _texts("a photo set", {name: getattr(photo_set, name)})
    if type(photo_set.n_photos) is not int or not 0 <= photo_set.n_photos < _LARGEST_WHOLE:
        yield f"n_photos of a photo set is {_said(photo_set.n_photos)}, not how many there are"


def _named(what: str, value: object) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{what} is {_said(value)}, not a text"
    elif len(value) > LONGEST_NAME:
        yield f"{what} has {len(value)} characters, more than {LONGEST_NAME}"
    elif not value.isprintable():
        yield f"{what} is {_said(value)}, which cannot be shown"


def _texts(what: str, values: Mapping[str, object]) -> Iterator[str]:
    for key, value in values.items():
        if not isinstance(value, str):
            yield f"{key[:LONGEST_NAME]!r} of {what} is {_said(value)}, not a text"


def _plain(what: str, value: object) -> Iterator[str]:
    """Find in nested values what is no text, no number, too long or too deep; at most one sentence."""
    waiting: list[tuple[object, int]] = [(value, 1)]
    seen = 0
    while waiting:
        one, depth = waiting.pop()
        seen += 1
        if words := _wrong(one, depth) or ("holds too many values" if seen > MOST_VALUES else ""):
            yield f"{what} {words}"
            return
        if isinstance(one, dict):
            waiting += [(inner, depth + 1) for pair in one.items() for inner in pair]
        elif isinstance(one, list):
            waiting += [(inner, depth + 1) for inner in one]


def _wrong(value: object, depth: int) -> str:
    if isinstance(value, dict | list):
        return f"is nested more than {DEEPEST} deep" if depth > DEEPEST else ""
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            return f"holds a text of {len(value)} characters, more than {LONGEST_TEXT}"
        return f"holds {_said(value)}, which is no text" if _NO_TEXT.search(value) else ""
    if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and abs(value) >= _LARGEST_WHOLE):
        return f"holds {_said(value)}, which is no number to work with"
    return "" if value is None or isinstance(value, bool | int | float) else f"holds a {type(value).__name__}"


def _said(value: object) -> str:
    """Return a value as a sentence can hold it: ASCII, and short."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, or a list without end
        return f"a {type(value).__name__} without end"
    return text if len(text) <= 60 else text[:59] + "…"
