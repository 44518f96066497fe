"""What a build is asked to do: a frozen Config from TOML and flags; an unknown key is an error."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from atlas.schema import RESULTS_VERSION, AtlasError
from atlas.store import Store, files
from precompute.visualize import PRESETS


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of a build. Those that cannot change a result are named in ``_RESULT_NEUTRAL``.

    Weights are known by their sha256, wherever they lie: whoever compares settings compares it too.
    """

    photos: tuple[str, ...]
    out: Path
    sets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of photos: licence, attribution, split
    backbone: str = "tf_efficientnet_lite0"
    weights: str = "package"
    layer: str = "auto"
    classes: tuple[str, ...] = ()  # empty: every class that has photos; ("all",): also those without
    scope: Literal["class", "shared", "both"] = "class"
    dictionary: str = "nmf"
    concepts: int = 10
    shared_dictionary: str = ""  # method of the shared dictionary; empty: the same
    shared_concepts: int = 512
    dictionaries: str = ""  # an atlas whose dictionaries and pictures are used again: nothing is fitted or painted anew
    pictures: str = "fine"
    picture_seeds: int = 1  # pictures made of each target, of which the best is kept
    publish_photos: Literal["embed", "reference"] = "embed"
    engine: str = "local"
    ray_address: str = ""  # of a running Ray cluster; empty: this machine
    device: str = "auto"
    workers: int = 0  # decoding threads, 0: one a core; with Ray: workers, 0: one a GPU or as many as CPUs allow
    threads: int = 0  # of a worker; 0: one a core, with Ray its share of them. Only the last bits of a result depend on it
    cache: str = ""  # folder of pictures made before, which need not be made again; empty: none
    seed: int = 0
    crop_size: int = 96
    crop_input: int = 0  # 0: the backbone's own input size
    batch: int = 16
    picture_batch: int = 8
    layout: str = "tsne"

    @property
    def digest(self) -> str:
        """Hash of every setting that can change a result."""
        return hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode()).hexdigest()[:16]

    def absolute(self) -> Config:
        """Return the same settings for a worker that runs in another folder."""
        photos = tuple(source if source.endswith(":") else str(Path(source).absolute()) for source in self.photos)
        named = self.weights in {"package", "hub"} or not Path(self.weights).is_file()
        weights = self.weights if named else str(Path(self.weights).absolute())
        cache = str(Path(self.cache).absolute()) if self.cache else ""
        dictionaries = str(Path(self.dictionaries).absolute()) if self.dictionaries else ""
        return dataclasses.replace(self, photos=photos, weights=weights, cache=cache, dictionaries=dictionaries)

    def settings(self) -> dict[str, Any]:
        """Return the settings that can change a result, as a manifest records them."""
        found = {k: v for k, v in dataclasses.asdict(self).items() if k not in _RESULT_NEUTRAL}
        return found | {"format": RESULTS_VERSION, "dictionaries": _identity(self.dictionaries)}


@cache
def _identity(atlas: str) -> str:
    """Return the sha256 of the dictionaries of an atlas, wherever it lies; nothing for none.

    Raises:
        AtlasError: it is no atlas, or one without dictionaries.
    """
    if not atlas:
        return ""
    entry = Store(atlas).manifest.files.get(files.DICTIONARIES)
    if entry is None:
        raise AtlasError(f"--dictionaries {atlas}: this atlas has no dictionaries.")
    return str(entry["sha256"])


_RESULT_NEUTRAL = {
    "photos",
    "sets",
    "out",
    "weights",
    "classes",
    "engine",
    "ray_address",
    "device",
    "workers",
    "threads",
    "cache",
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "scope": ("class", "shared", "both"),
    "pictures": ("none", *PRESETS),
    "publish_photos": ("embed", "reference"),
    "layout": ("tsne", "pca"),
}
_AT_LEAST = {
    **{"concepts": 1, "shared_concepts": 1, "picture_seeds": 1, "workers": 0, "threads": 0, "seed": 0},
    **{"crop_size": 16, "crop_input": 0, "batch": 2, "picture_batch": 1},
}
_AT_MOST = {"seed": 2**32 - 1, "crop_size": 4096, "crop_input": 4096, "workers": 1024, "threads": 1024}


def make(file: Path | None = None, /, **flags: Any) -> Config:
    """Return the settings of a TOML file with the flags over them; a flag that is None was not given.

    Raises:
        AtlasError: an unreadable file, an unknown key, a value out of range, or no photos or out.
    """
    values = {**(_read(file) if file else {}), **{k: v for k, v in flags.items() if v is not None}}
    known = {f.name for f in dataclasses.fields(Config)}
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise AtlasError(f"{file}: unknown setting {key!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
    for key in ("photos", "out"):
        if not values.get(key):
            raise AtlasError(
                f"A build needs --{key}." + (" Name a folder of photographs, or sample:." if key == "photos" else "")
            )
    values["photos"] = _texts("photos", values["photos"])
    values["classes"] = _texts("classes", values.get("classes", ()))
    if not isinstance(values["out"], str | Path):
        raise AtlasError(f"--out must be the name of a folder, found {values['out']!r}.")
    if not isinstance(sets := values.get("sets", {}), dict) or not all(isinstance(said, dict) for said in sets.values()):
        raise AtlasError(f"[sets.NAME] must be a table for each photo set, found sets = {sets!r}.")
    _check({f.name: values.get(f.name, f.default) for f in dataclasses.fields(Config)})
    return Config(**{**values, "out": Path(values["out"])})


def _texts(name: str, value: Any) -> tuple[str, ...]:
    """Return a list of names; text holds one name, or several classes separated by commas."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")] if name == "classes" else [value]
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise AtlasError(f"{_flag(name)} must be text or a list of texts, found {value!r}.")
    return tuple(value)


def _read(file: Path) -> dict[str, Any]:
    try:
        return {k.replace("-", "_"): v for k, v in tomllib.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AtlasError(f"{file} is not a readable TOML file ({error}).") from error


def _check(values: dict[str, Any]) -> None:
    for setting in dataclasses.fields(Config):
        value = values[setting.name]
        if isinstance(setting.default, int) and (not isinstance(value, int) or isinstance(value, bool)):
            raise AtlasError(f"{_flag(setting.name)} must be a whole number, found {value!r}.")
        if isinstance(setting.default, str) and not isinstance(value, str):
            raise AtlasError(f"{_flag(setting.name)} must be text, found {value!r}.")
    for name, choices in _CHOICES.items():
        if values[name] not in choices:
            raise AtlasError(f"{_flag(name)} must be one of {', '.join(choices)}, found {values[name]!r}.")
    for name, least in _AT_LEAST.items():
        if values[name] < least:
            raise AtlasError(f"{_flag(name)} must be at least {least}, found {values[name]}.")
    for name, most in _AT_MOST.items():
        if values[name] > most:
            raise AtlasError(f"{_flag(name)} must be at most {most}, found {values[name]}.")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
