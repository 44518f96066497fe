"""What a sealed atlas holds beside its tables, changed in one place: its manifest, pictures, dictionaries."""

from __future__ import annotations

import io
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save_file

from atlas.format import paths
from tests.faults.mutants import REALS, TEXTS, WHOLES, seal, write_manifest

VALUES = (
    *TEXTS,
    *REALS,
    *WHOLES,
    True,
    [],
    {},
    [[]],
    [1, 2, 3],
    [0, 0],
    [10**9] * 2,
    [7, "7"],
    {"a": None},
    "\ud800",
    10**30,
    -0.5,
)


def manifest(root: Path, rng: random.Random) -> str:
    """One value of the manifest."""
    values = json.loads((root / paths.MANIFEST).read_text())
    place, path = values, []
    while True:
        inner = [key for key in (place if isinstance(place, dict) else range(len(place))) if key not in ("files", "digest")]
        key = rng.choice(inner)
        path.append(str(key))
        if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.4:
            break
        place = place[key]
    if isinstance(place, dict) and rng.random() < 0.2:
        place[rng.choice(("grid", "crop_pct", "name", "layer", "\x1b", "y" * 300, "n01440764"))] = rng.choice(VALUES)
    elif rng.random() < 0.1 and isinstance(place, dict):
        del place[key]
    else:
        place[key] = _nested(rng.choice((3, 30, 300))) if rng.random() < 0.1 else rng.choice(VALUES)
    write_manifest(root, values)
    return f"manifest.json: {' '.join(path)} changed"


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def entries(root: Path, rng: random.Random) -> str:
    """Which files the manifest names, and as what."""
    values = json.loads((root / paths.MANIFEST).read_text())
    name = rng.choice(list(values["files"]))
    how = rng.choice(("dropped", "renamed", "strange", "both dropped"))
    entry = values["files"].pop(name)
    if how == "renamed":
        other = rng.choice(
            ("x.html", "pictures/n99999999/00.webp", "pictures/shared/99999.webp", "pictures/n01440764/../x.webp", "\n.webp")
        )
        (root / other).parent.mkdir(parents=True, exist_ok=True)
        (root / name).rename(root / other)
        values["files"][other] = entry
    elif how == "strange":
        values["files"][name] = rng.choice(VALUES)
    elif how == "both dropped":
        (root / name).unlink()
    write_manifest(root, values)
    return f"manifest.json: the entry of {name} {how}"


def _webp(image: Image.Image, **settings: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, settings.pop("format", "WEBP"), **settings)
    return stream.getvalue()


def _claims(width: int, height: int) -> bytes:
    """Return a WebP whose header promises more pixels than it has."""
    frame = _webp(Image.new("RGB", (8, 8)), lossless=True)[12:]
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + canvas + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _as_large(lossless: bytes) -> bytes:
    """Return a WebP whose only frame says that it is as large as a frame can be."""
    return lossless[:21] + (16382 | 16382 << 14).to_bytes(4, "little") + lossless[25:]


def picture(root: Path, rng: random.Random) -> str:
    """A picture that is none, or another."""
    red = Image.new("RGB", (8, 8), "red")
    kinds: dict[str, Callable[[], bytes]] = {
        "PNG": lambda: _webp(red, format="PNG"),
        "EPS": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nquit\n",
        "empty": lambda: b"",
        "text": lambda: b"<script>alert(1)</script>",
        "cut": lambda: (root / name).read_bytes()[:-9],
        "cut short": lambda: (root / name).read_bytes()[:30],
        "animated": lambda: _webp(red, save_all=True, append_images=[Image.new("RGB", (8, 8), "blue")], duration=40),
        "large": lambda: _claims(16383, 16383),
        "large frame": lambda: _as_large(_webp(red, lossless=True)),
        "claims": lambda: _claims(1 << 24, 1 << 24),
        "1 × 1": lambda: _webp(Image.new("RGB", (1, 1))),
        "wide": lambda: _webp(Image.new("RGB", (16383, 1))),
        "high": lambda: _webp(Image.new("RGB", (1, 16383))),
    }
    name, how = rng.choice(sorted(path.relative_to(root).as_posix() for path in root.rglob("*.webp"))), rng.choice(list(kinds))
    (root / name).write_bytes(kinds[how]())
    seal(root, name)
    return f"{name}: {how}"


def dictionaries(root: Path, rng: random.Random) -> str:
    """Arrays of another kind, shape, name, or without numbers."""
    held = load_file(root / paths.DICTIONARIES)
    name = rng.choice(sorted(held))
    array = held.pop(name)
    how = rng.choice(("nan", "inf", "ints", "bools", "flat", "deep", "dropped", "renamed", "none", "wide", "empty", "double"))
    flat = array.reshape(-1)
    other = {
        "nan": lambda: np.where(np.arange(array.size) == 0, np.nan, flat).reshape(array.shape).astype(np.float16),
        "inf": lambda: np.full_like(array, 1, np.float32) * np.inf,
        "ints": lambda: array.astype(np.int32),
        "bools": lambda: array.astype(bool),
        "flat": lambda: flat,
        "deep": lambda: array[None],
        "none": lambda: array[:0] if array.ndim else array,
        "wide": lambda: np.repeat(array, 2, axis=-1) if array.ndim else array,
        "empty": lambda: np.zeros((0, 0), np.float16),
        "double": lambda: array.astype(np.float64),
    }.get(how)
    if other:
        held[name] = other()
    elif how == "renamed":
        held[rng.choice(("n99999999", "../x", "shared.extra.more", "", "n02012849"))] = array
    save_file({key: np.ascontiguousarray(value) for key, value in held.items()}, root / paths.DICTIONARIES)
    seal(root, paths.DICTIONARIES)
    return f"{paths.DICTIONARIES}: {name} {how}"
