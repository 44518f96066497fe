"""Every setting is a flag, with the help, the choices and the default it has as a setting."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from precompute import __main__ as command_line
from precompute.config import SETTINGS, Config, flag, make


def test_every_setting_is_a_flag_of_build_and_of_plan_and_arrives_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(command_line, "_build", lambda file, flags, as_json: given.update(flags) or 0)
    values = {"photos": "a", "out": "b", "classes": "n01440764", "scope": "both", "publish_photos": "reference"}
    shown = [name for name, setting in SETTINGS.items() if setting.flag is not None]
    words = {name: values.get(name, "3" if isinstance(getattr(Config, name, None), int) else "x") for name in shown}
    numbers = {name for name in shown if type(make(None, photos="a", out="b").__getattribute__(name)) is int}
    words |= dict.fromkeys(numbers, "3")
    ended = CliRunner().invoke(command_line.app, ["build", *(part for name in shown for part in (flag(name), words[name]))])
    assert ended.exit_code == 0, ended.output
    right = {name: 3 if name in numbers else words[name] for name in shown}
    assert {name: str(value) if name == "out" else value for name, value in given.items()} == right | {"photos": ["a"]}


def test_what_is_not_given_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(command_line, "_build", lambda file, flags, as_json: given.update(flags) or 0)
    assert CliRunner().invoke(command_line.app, ["build", "--concepts", "4"]).exit_code == 0
    assert {name: value for name, value in given.items() if value is not None} == {"concepts": 4}


@pytest.mark.parametrize("command", ["build", "plan"])
def test_help_tells_of_every_setting_what_it_does_and_its_default(command: str) -> None:
    ended = CliRunner().invoke(command_line.app, [command, "--help"], env={"COLUMNS": "400"})
    for name, setting in SETTINGS.items():
        if setting.flag is None:
            assert flag(name) + " " not in ended.output
        else:
            line = next(line for line in ended.output.splitlines() if f" {flag(name)} " in line)
            assert setting.help in line
            default = inspect.signature(Config).parameters[name].default
            assert (f"[default: {default}]" in line) == (isinstance(default, str | int) and default not in ("", 0)), name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scope", "classes"], "'classes' is not one of 'class', 'shared', 'both'"),
        (["--concepts", "many"], "Invalid value for '--concepts': Input should be a valid integer"),
        (["--concpets", "3"], "No such option: --concpets"),
    ],
)
def test_a_wrong_flag_is_said(arguments: list[str], words: str) -> None:
    ended = CliRunner().invoke(command_line.app, ["build", *arguments], env={"COLUMNS": "200"})
    assert ended.exit_code == 2
    assert words in ended.output


def test_help_needs_neither_torch_nor_arrow() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom precompute.__main__ import app\n"
        "assert CliRunner().invoke(app, ['build', '--help']).exit_code == 0\n"
        "print(sorted({'torch', 'timm', 'sklearn', 'pyarrow'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
