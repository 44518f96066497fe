"""What a build is asked to do: a frozen Config from TOML and flags; an unknown key is an error.

Every setting is declared once, as a field of ``Config``: its default, its help, what it may be, whether it can change a result.
Flags, checks and digests follow. Nothing heavy is imported before a setting is checked, so that help is shown at once.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from atlas.schema import RESULTS_VERSION, AtlasError


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a setting beside its name, type and default."""

    help: str
    choices: Callable[[], tuple[str, ...]] | None = None  # looked up when a value is checked
    least: int | None = None
    most: int | None = None
    neutral: bool = False  # cannot change a result: where things lie and run
    flag: str | None = ""  # of the command line; empty: as it is called; None: said in the file alone


def _setting(text: str, default: Any = MISSING, *, factory: Any = MISSING, **rule: Any) -> Any:
    metadata = {"setting": Setting(text, **rule)}
    if factory is not MISSING:
        return dataclasses.field(default_factory=factory, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def _dictionaries() -> tuple[str, ...]:
    from precompute.dictionary import METHODS

    return tuple(METHODS)


def _presets() -> tuple[str, ...]:
    from precompute.visualize import PRESETS

    return ("none", *PRESETS)


def _layouts() -> tuple[str, ...]:
    from precompute.analysis.strategies import METHODS

    return tuple(METHODS)


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of a build.

    Weights are known by their sha256, wherever they lie: whoever compares settings compares it too.
    """

    photos: tuple[str, ...] = _setting(
        "Folder of photographs (a folder a wnid, or tar shards), or sample:. Repeatable.", neutral=True
    )
    out: Path = _setting("Where the atlas is written.", neutral=True)  # noqa: RUF009 (a field)
    sets: Mapping[str, Mapping[str, Any]] = _setting(
        "Of photos: licence, attribution, split.", factory=dict, neutral=True, flag=None
    )
    backbone: str = _setting("Any timm classifier with 1000 classes.", "tf_efficientnet_lite0")
    weights: str = _setting("package, hub, or a file (safetensors or a state dict).", "package", neutral=True)
    layer: str = _setting("auto: the last feature map; or the name of a module.", "auto")
    classes: tuple[str, ...] = _setting(
        "wnids, separated by commas; by default every class that has photos; all: also those without.", (), neutral=True
    )
    scope: Literal["class", "shared", "both"] = _setting("A dictionary a class, one for all classes, or both.", "class")
    dictionary: str = _setting("Dictionary method.", "nmf", choices=_dictionaries)
    concepts: int = _setting("Concepts a class.", 10, least=1)
    shared_dictionary: str = _setting(
        "Dictionary method of the shared dictionary; by default the same.", "", choices=lambda: ("", *_dictionaries())
    )
    shared_concepts: int = _setting("Concepts of the shared dictionary.", 512, least=1)
    dictionaries: str = _setting("An atlas whose dictionaries and pictures are used again, and measured anew.", "")
    pictures: str = _setting("Feature visualizations: none, quick, fine or full.", "fine", choices=_presets)
    picture_seeds: int = _setting(
        "Pictures made of each target; the best by objective × plausibility is kept.", 1, least=1, flag="--seeds"
    )
    publish_photos: Literal["embed", "reference"] = _setting(
        "embed: crops and thumbnails go into the atlas; reference: only their names.", "embed"
    )
    engine: str = _setting("Where classes run: local, or ray (many processes or machines).", "local", neutral=True)
    ray_address: str = _setting("A running Ray cluster (host:port); by default this machine.", "", neutral=True)
    device: str = _setting("auto, cpu, cuda, cuda:1, …", "auto", neutral=True)
    workers: int = _setting(
        "Threads that decode photos, 0: one a core; with ray: workers, 0: one a GPU, or as many as CPUs allow.",
        0, least=0, most=1024, neutral=True,
    )  # fmt: skip
    threads: int = _setting(
        "Threads of a worker, 0: one a core, with ray its share of them. Same number, same bytes.",
        0,
        least=0,
        most=1024,
        neutral=True,
    )
    cache: str = _setting("Folder that keeps pictures, so that none is ever made twice.", "", neutral=True)
    seed: int = _setting("Same seed, same atlas.", 0, least=0, most=2**32 - 1)
    crop_size: int = _setting("Side of a crop, in input pixels.", 96, least=16, most=4096)
    crop_input: int = _setting("Side crops are resized to, 0: the backbone's input; 160: half the cost.", 0, least=0, most=4096)
    batch: int = _setting("Crops that pass through the backbone together.", 16, least=2, flag=None)
    picture_batch: int = _setting("Pictures that are made side by side.", 8, least=1, flag=None)
    layout: str = _setting("2-D layout of the strategy graph: tsne or pca.", "tsne", choices=_layouts)

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
        telling = {name for name, setting in SETTINGS.items() if not setting.neutral}
        values = {name: value for name, value in dataclasses.asdict(self).items() if name in telling}
        return values | {"format": RESULTS_VERSION, "dictionaries": _identity(self.dictionaries)}


SETTINGS: dict[str, Setting] = {field.name: field.metadata["setting"] for field in dataclasses.fields(Config)}


@cache
def _identity(atlas: str) -> str:
    """Return the sha256 of the dictionaries of an atlas, wherever it lies; nothing for none.

    Raises:
        AtlasError: it is no atlas, or one without dictionaries.
    """
    from atlas.format import Store, paths

    if not atlas:
        return ""
    entry = Store(atlas).manifest.files.get(paths.DICTIONARIES)
    if entry is None:
        raise AtlasError(f"--dictionaries {atlas}: this atlas has no dictionaries.")
    return str(entry["sha256"])


def make(file: Path | None = None, /, **flags: Any) -> Config:
    """Return the settings of a TOML file with the flags over them; a flag that is None was not given.

    Raises:
        AtlasError: an unreadable file, an unknown key, a value out of range, or no photos or out.
    """
    values = {**(_read(file) if file else {}), **{k: v for k, v in flags.items() if v is not None}}
    for key in values:
        if key not in SETTINGS:
            near = difflib.get_close_matches(key, SETTINGS, 1)
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
        raise AtlasError(f"{flag(name)} must be text or a list of texts, found {value!r}.")
    return tuple(value)


def _read(file: Path) -> dict[str, Any]:
    try:
        return {k.replace("-", "_"): v for k, v in tomllib.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AtlasError(f"{file} is not a readable TOML file ({error}).") from error


def _check(values: dict[str, Any]) -> None:
    types = get_type_hints(Config)
    for field in dataclasses.fields(Config):
        value = values[field.name]
        if isinstance(field.default, int) and (not isinstance(value, int) or isinstance(value, bool)):
            raise AtlasError(f"{flag(field.name)} must be a whole number, found {value!r}.")
        if isinstance(field.default, str) and not isinstance(value, str):
            raise AtlasError(f"{flag(field.name)} must be text, found {value!r}.")
    for name, setting in SETTINGS.items():
        value, choices = values[name], setting.choices() if setting.choices else get_args(types[name])
        if isinstance(value, str) and choices and value not in choices:
            raise AtlasError(f"{flag(name)} must be one of {', '.join(filter(None, choices))}, found {value!r}.")
        if setting.least is not None and value < setting.least:
            raise AtlasError(f"{flag(name)} must be at least {setting.least}, found {value}.")
        if setting.most is not None and value > setting.most:
            raise AtlasError(f"{flag(name)} must be at most {setting.most}, found {value}.")


def flag(name: str) -> str:
    """Return what a setting is called on the command line."""
    return SETTINGS[name].flag or "--" + name.replace("_", "-")
