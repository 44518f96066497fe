"""Planning: lines through measurements, how work divides, and a plan that meets its build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from precompute.plan import Plan, _Line, duration

PLAN = Plan(
    classes=4, photos=40, images=400, pictures=44, seconds=100.0, longest=30.0, bytes=10**6, memory=10**6, measured=1.0
)  # fmt: skip


def test_a_line_that_was_planted_is_found_again() -> None:
    line = _Line.through([(n, 2.0 + 0.5 * n) for n in (10, 20, 40, 80)])
    assert line(300) == pytest.approx(152.0)
    assert line(0) == 0.0


@pytest.mark.parametrize("points", [[(10, 5.0)], [(10, 5.0), (20, 4.0)], [(10, 5.0), (20, 20.0)]])
def test_no_cost_is_negative_and_none_falls_with_the_number_of_photos(points: list[tuple[int, float]]) -> None:
    line = _Line.through(points)
    assert line.fixed >= 0
    assert line.each >= 0
    assert line(100) >= max(cost for _, cost in points)


def test_a_build_is_never_shorter_than_its_longest_class() -> None:
    assert [PLAN.on(n) for n in (1, 2, 4, 100)] == [100.0, 50.0, 30.0, 30.0]


def test_durations_are_said_in_the_unit_that_suits_them() -> None:
    assert [duration(s) for s in (0.4, 89.0, 600.0, 7200.0)] == ["0 s", "89 s", "10.0 min", "2.0 h"]


def test_a_plan_builds_nothing_and_is_remembered_for_its_build(build: Any, tmp_path: Path) -> None:
    out, (_, *arguments) = tmp_path / "a", build.arguments(tmp_path / "a")
    planned = build.command_line.run("plan", *arguments, "--json")
    assert planned.status == 0, planned.err
    assert not out.exists()
    (said,) = [json.loads(line) for line in planned.out.splitlines()]
    assert (said["classes"], said["photos"], said["pictures"]) == (3, 36, 0)
    assert said["images"] == 36 * (1 + 4)  # a photo and its crops, two by two
    assert set(said["seconds_on"]) == {"1", "2"}
    built = build(out, "--json")
    assert built.status == 0
    (beside,) = [m for m in built.messages if m.startswith("planned ")]
    assert " took " in beside
    again = build(out, "--json")  # of a build that had nothing to do, nothing can be said
    assert not [m for m in again.messages if m.startswith("planned ")]


def test_a_plan_of_the_impossible_is_one_line(build: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    _, *arguments = build.arguments(tmp_path / "a", photos=tmp_path / "empty")
    ended = build.command_line.run("plan", *arguments)
    assert ended.status == 2
    assert ended.err.startswith("precompute: No photos in ")
    assert ended.err.count("\n") == 1
