"""Builds that are stopped: by a key, by a signal, by a second builder."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from atlas.format import Store, paths, problems

TENCH, SPRINGER, CASSETTE = "n01440764", "n02102040", "n02979186"
BY_CLASS: tuple[object, ...] = ()
BY_SHARED = ("--scope", "shared", "--shared-concepts", 5)
PAINTED = ("--classes", TENCH, "--concepts", 2, "--pictures", "quick")


def whole_or_not_there(out: Path) -> bool:
    """Check that a reader finds a verifiable atlas or none at all; return which."""
    if not paths.locate(out, paths.MANIFEST).exists():
        return False
    assert Store(out).records.keys() <= {TENCH, SPRINGER, CASSETTE}
    assert problems(out) == []
    return True


def start_and_kill(build: Any, out: Path, *flags: object, after: float) -> float:
    """Kill a build after so many seconds, or sooner if it was done by then; return after how many."""
    while True:
        running = build.start(out, *flags)
        time.sleep(max(0.0, running.started + after - time.monotonic()))
        running.signal(signal.SIGKILL)
        if running.end().status == -signal.SIGKILL:
            return after
        shutil.rmtree(out)
        after *= 0.7


@pytest.mark.slow
@pytest.mark.parametrize("flags", [BY_CLASS, BY_SHARED], ids=["class", "shared"])
def test_a_build_killed_at_any_moment_resumes_to_the_same_atlas(
    build: Any, made: Any, tmp_path: Path, flags: tuple[object, ...]
) -> None:
    """Ten moments for the two scopes together, spread over the whole of an uninterrupted build."""
    uninterrupted = build(tmp_path / "whole", *flags)
    assert uninterrupted.status == 0
    expected = made.content(tmp_path / "whole")
    chance = random.Random(str(flags))
    for part in range(5):
        out = tmp_path / f"killed-{part}"
        moment = (part + chance.random()) / 5 * uninterrupted.seconds
        killed = start_and_kill(build, out, *flags, after=moment)
        whole_or_not_there(out)
        assert build(out, *flags).status == 0
        assert made.content(out) == expected, f"killed after {killed:.2f} s of {uninterrupted.seconds:.2f} s"
        assert problems(out) == []
        assert Store(out).manifest.complete
        shutil.rmtree(out)


@pytest.mark.slow
def test_a_build_with_pictures_killed_again_and_again_arrives_all_the_same(build: Any, made: Any, tmp_path: Path) -> None:
    whole = build(tmp_path / "whole", *PAINTED)
    assert whole.status == 0
    chance, out = random.Random(0), tmp_path / "killed"
    for _ in range(2):
        start_and_kill(build, out, *PAINTED, after=chance.uniform(0.3, 0.9) * whole.seconds)
        whole_or_not_there(out)
    assert build(out, *PAINTED).status == 0
    assert made.content(out) == made.content(tmp_path / "whole")


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ('"begin"', signal.SIGTERM),
        ('"finish", "seconds": ', signal.SIGINT),
        ('"relations and publishing"', signal.SIGINT),
    ],
    ids=["at the beginning", "after a class", "while publishing"],
)
def test_an_interrupted_build_says_how_to_go_on(
    build: Any, made: Any, tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    out = tmp_path / "a"
    running = build.start(out, "--json")
    running.wait_for(moment)
    running.signal(number)
    ended = running.end()
    assert ended.status == 130, ended.err
    assert ended.err == f"\nInterrupted. {out} is readable as it is; the same command resumes.\n"
    assert all(record["event"] for record in ended.records)
    assert whole_or_not_there(out)
    done = {record["owner"] for record in ended.records if record["event"] == "finish"}
    again = build(out, "--json")
    assert again.status == 0
    assert done.isdisjoint(record["owner"] for record in again.records if record["event"] == "finish")
    assert problems(out) == []
    assert Store(out).manifest.complete


def test_what_was_finished_before_an_interruption_can_be_read(build: Any, tmp_path: Path) -> None:
    running = build.start(tmp_path / "a", "--json")
    running.wait_for(f'"owner": "{TENCH}", "outcome": "complete"')
    running.signal(signal.SIGINT)
    assert running.end().status == 130
    store = Store(tmp_path / "a")
    assert TENCH in store.records
    assert store.photos(TENCH)
    assert not store.manifest.complete
    assert store.manifest.classes[TENCH] == "complete"
    assert set(store.manifest.classes) == {TENCH, SPRINGER, CASSETTE}
    assert problems(store.root) == []


def test_a_second_builder_is_told_who_is_at_work(build: Any, tmp_path: Path) -> None:
    first = build.start(tmp_path / "a", "--json")
    first.wait_for('"begin"')
    first.signal(signal.SIGSTOP)  # however fast it would have been
    second = build(tmp_path / "a")
    first.signal(signal.SIGCONT)
    assert second.status == 2
    assert second.err == (
        f"precompute: {tmp_path / 'a'} is being written by process {first.pid} on {socket.gethostname()}: "
        "wait for it, or choose another --out.\n"
    )
    assert first.end().status == 0
    assert problems(tmp_path / "a") == []
