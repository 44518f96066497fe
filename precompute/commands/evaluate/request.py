"""What is to be compared: dictionaries, estimators, numbers of concepts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from atlas.schema import AtlasError
from precompute import config as settings
from precompute import dictionary as dictionaries
from precompute import importance
from precompute.config import Config

ALL = "all"


@dataclass(frozen=True, slots=True)
class Request:
    """Settings, and what to compare under them."""

    config: Config
    dictionaries: tuple[str, ...]
    estimators: tuple[str, ...]
    concepts: tuple[int, ...]

    @property
    def configs(self) -> tuple[Config, ...]:
        """The settings of every dictionary × number of concepts, in the order of the tables."""
        return tuple(
            dataclasses.replace(self.config, dictionary=method, concepts=k) for k in self.concepts for method in self.dictionaries
        )


def make(*, dictionary: str = ALL, importance_: str = ALL, concepts: str = "10", **flags: Any) -> Request:
    """Return what the flags ask for.

    Raises:
        AtlasError: no photos, an unknown name, a number of concepts that is none, or other settings out of range.
    """
    methods = _names("--dictionary", dictionary, dictionaries.METHODS)
    estimators = _names("--importance", importance_, importance.METHODS)
    numbers = _numbers(concepts)
    if not flags.get("photos"):
        raise AtlasError("An evaluation needs --photos. Name a folder of photographs, or sample:.")
    config = settings.make(**flags, dictionary=methods[0], concepts=numbers[0], pictures="none")
    return Request(config, methods, estimators, numbers)


def _names(flag: str, text: str, known: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if wanted == (ALL,):
        return tuple(known)
    for name in wanted:
        if name not in known:
            raise AtlasError(f"{flag} knows no {name!r}: give all, or some of {', '.join(known)}, separated by commas.")
    return wanted


def _numbers(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise AtlasError(f"--concepts takes whole numbers from 1 on, separated by commas (10,25), found {text!r}.")
    return tuple(dict.fromkeys(int(part) for part in parts))
