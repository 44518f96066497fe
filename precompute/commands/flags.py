"""The flags of a command, from the settings they set: nothing of a setting is said twice."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from precompute.config import SETTINGS, Config, flag

Command = Callable[..., None]


def with_settings(command: Command) -> Command:
    """Give a command a flag for every setting of a build; those that are given arrive as keywords, under the settings' names.

    Args:
        command: takes ``**flags``, and flags of its own as keywords.
    """
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is inspect.Parameter.KEYWORD_ONLY]
    parameters = [*_parameters(), *own]

    def run(**flags: Any) -> None:
        command(**{name: value.value if isinstance(value, StrEnum) else value for name, value in flags.items()})

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters() -> list[inspect.Parameter]:
    types = get_type_hints(Config)
    shown = {field.name: field.default for field in dataclasses.fields(Config) if SETTINGS[field.name].flag is not None}
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(name, types[name], default))
        for name, default in shown.items()
    ]


def _annotation(name: str, kind: Any, default: Any) -> Any:
    text = SETTINGS[name].help
    if isinstance(default, str | int) and default not in ("", 0):
        text += f" \\[default: {default}]"
    return Annotated[_type(name, kind) | None, typer.Option(flag(name), help=text)]


def _type(name: str, kind: Any) -> Any:
    """Return what the command line reads for a setting: a choice, a repeatable text, classes with commas, or its own type."""
    if get_origin(kind) is Literal:
        return StrEnum(name, {choice: choice for choice in get_args(kind)})
    if kind == tuple[str, ...]:
        return str if name == "classes" else list[str]
    return kind if kind in (str, int, Path) else str
