"""Planning: lines through measurements, how work divides, and a plan that meets its build."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from atlas.format import imagenet_classes
from precompute.commands.plan.estimate import Plan, duration
from precompute.commands.plan.measure import Line, PictureCost, spread

PLAN = Plan(
    classes=4, photos=40, images=400, pictures=44, start=2.0, shared=8.0, work=100.0, longest=30.0, bytes=10**6, memory=10**6,
    measured=1.0,
)  # fmt: skip


def test_a_line_that_was_planted_is_found_again() -> None:
    line = Line.through([(n, 2.0 + 0.5 * n) for n in (10, 20, 40, 80)])
    assert line(300) == pytest.approx(152.0)
    assert line(0) == 0.0


@pytest.mark.parametrize("points", [[(10, 5.0)], [(10, 5.0), (20, 4.0)], [(10, 5.0), (20, 20.0)]])
def test_no_cost_is_negative_and_none_falls_with_the_number_of_photos(points: list[tuple[int, float]]) -> None:
    line = Line.through(points)
    assert line.fixed >= 0
    assert line.each >= 0
    assert line(100) >= max(cost for _, cost in points)


def test_a_build_is_never_shorter_than_its_longest_class() -> None:
    assert [PLAN.on(n) for n in (1, 2, 4, 100)] == [110.0, 60.0, 40.0, 40.0]


def test_a_line_through_a_single_size_is_flat() -> None:
    assert Line.through([(1, 2.0), (1, 3.0), (1, 2.5)])(350) == 3.0


def test_a_cost_that_surely_grows_is_a_mean_where_points_do_not_tell_more() -> None:
    planted = Line.steady([(100, 1.3), (200, 2.3), (400, 4.3)])
    assert (planted.fixed, planted.each) == (pytest.approx(0.3), pytest.approx(0.01))
    for close in ([(100, 1.0), (120, 0.8)], [(100, 1.4), (400, 0.4)]):
        mean = Line.steady(close)
        assert mean.fixed == 0.0
        assert mean.each == pytest.approx(1.8 / sum(n for n, _ in close))


def test_pictures_that_are_made_side_by_side_cost_less() -> None:
    cost = PictureCost(alpha=1.0, beta=4.0, batch=8, size=1)
    assert cost.seconds(8) == 12.0
    assert cost.seconds(11) == 12.0 + 7.0
    assert cost.seconds(1, times=8) == 40.0
    assert cost.seconds(0) == 0.0


def test_a_few_classes_are_taken_from_everywhere() -> None:
    groups: list[Any] = [(info, ()) for info in imagenet_classes()]
    first = sorted(info.class_index for info, _ in spread(groups)[:10])
    assert max(b - a for a, b in itertools.pairwise([0, *first, 1000])) < 250
    assert {info.wnid for info, _ in spread(groups)} == {info.wnid for info, _ in groups}


def test_a_plan_of_both_scopes_counts_the_shared_dictionary_that_workers_cannot_divide(build: Any, tmp_path: Path) -> None:
    flags = ("--scope", "both", "--shared-dictionary", "sae", "--shared-concepts", 5, "--pictures", "quick", "--json")
    _, *arguments = build.arguments(tmp_path / "a", *flags)
    planned = build.command_line.run("plan", *arguments)
    assert planned.status == 0, planned.err
    said = json.loads(planned.out)
    assert said["pictures"] == 3 * (1 + 3) + 5
    assert said["images"] > 36 * (1 + 4)
    assert min(said[part] for part in ("start", "shared", "work", "longest")) > 0
    alone = said["start"] + said["shared"]
    assert said["seconds_on"]["1"] == pytest.approx(alone + said["work"], abs=0.1)
    assert said["seconds_on"]["2"] == pytest.approx(alone + max(said["work"] / 2, said["longest"]), abs=0.1)


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
