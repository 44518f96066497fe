"""What is worth remembering between two commands: small JSON records in the reader's own cache folder, never needed."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def folder(kind: str) -> Path:
    """Return where records of a kind lie; the folder may not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "concept-atlas" / kind


def read(kind: str, name: str) -> Any:
    """Return a record, or None if there is none that can be read."""
    try:
        return json.loads((folder(kind) / f"{name}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def write(kind: str, name: str, record: object) -> None:
    """Keep a record; where nothing can be written, nothing is remembered."""
    place = folder(kind)
    with suppress(OSError):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = place / f"{name}.{os.getpid()}.new"
        new.write_text(json.dumps(record))
        new.replace(place / f"{name}.json")
