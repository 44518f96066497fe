"""The photos of the benchmarks that need many: BENCH_PHOTOS names folders of wnid folders, separated by colons."""

from __future__ import annotations

import os

from precompute import photos


def sources() -> list[str]:
    """Return the folders named by BENCH_PHOTOS; the packaged samples without it."""
    return [name for name in os.environ.get("BENCH_PHOTOS", "").split(":") if name] or [photos.SAMPLE]
