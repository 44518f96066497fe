"""What is selected on a screen, and how an address says it: ``?concept=3&strategy=1&photo=17&by=gradient_input``.

``assets/selection.js`` mirrors this codec in the browser; both are tested on the same cases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Selection:
    """The one state that all views of a class share; None: nothing selected."""

    concept: int | None = None  # index within the dictionary
    strategy: int | None = None
    photo: int | None = None  # position among the photos of the class
    by: str | None = None  # the estimator of importance; None: the default


def parse(query: str) -> Selection:
    """Read a query string, with or without its ``?``: unknown keys and invalid values are ignored, the first of a key counts."""
    found: dict[str, str] = {}
    for key, value in parse_qsl(query.removeprefix("?")):
        found.setdefault(key, value)
    return Selection(
        concept=_number(found.get("concept")),
        strategy=_number(found.get("strategy")),
        photo=_number(found.get("photo")),
        by=_word(found.get("by")),
    )


def query(selection: Selection) -> str:
    """Write a query string with its ``?``, keys in a fixed order; empty when nothing is selected."""
    values = (("concept", selection.concept), ("strategy", selection.strategy), ("photo", selection.photo), ("by", selection.by))
    said = "&".join(f"{key}={value}" for key, value in values if value is not None)
    return f"?{said}" if said else ""


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def _word(text: str | None) -> str | None:
    return text if text is not None and _WORD.fullmatch(text) else None
