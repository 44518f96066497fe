"""Where an atlas came from: versions, revision, device, time."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import subprocess
from pathlib import Path

import atlas

LIBRARIES = ("torch", "torchvision", "timm", "numpy", "scikit-learn", "scipy", "pyarrow", "safetensors", "pillow")


def project() -> dict[str, str | None]:
    """Return name, version and, in a checkout, the git revision of this project."""
    return {"name": "concept-atlas", "version": atlas.__version__, "git_revision": _revision()}


def libraries() -> dict[str, str]:
    """Return the versions of everything that can change a result."""
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **versions, "machine": platform.machine()}


def now() -> str:
    """Return the time, in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _revision() -> str | None:
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
