"""A build that is killed at any instant, a hundred times and more."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

from atlas.format import paths, problems
from tests.faults.bench import Bench
from tests.faults.tally import Tally

_UNTIL_RESUMED = 10  # kills one after another, then a build goes on to its end
_NOTE = "pictures/notes.txt"  # somebody's own, inside the atlas


def builds(bench: Bench, times: int, *, seed: int = 0) -> Tally:
    """Kill builds at random instants, look at what is left, and let them resume.

    Args:
        bench: what is built.
        times: how many kills.
        seed: of the instants.
    """
    chance, out, killed = random.Random(seed), bench.folder / "kills", 0
    wrong = Counter(dict.fromkeys(("not readable at once", "not identical in the end", "somebody's file lost"), 0))
    start = time.monotonic()
    bench.build(bench.folder / "timed", "--threads", 1)
    whole = time.monotonic() - start
    while killed < times:
        shutil.rmtree(out, ignore_errors=True)
        for _ in range(_UNTIL_RESUMED):
            running = bench.build.start(out, "--threads", 1, "--json")
            time.sleep(chance.uniform(0, whole))
            running.signal(signal.SIGKILL)
            killed += running.end().status == -signal.SIGKILL
            wrong["not readable at once"] += not _readable(out)
            if (out / paths.PICTURES).exists():
                (out / _NOTE).write_text("mine")
        noted = (out / _NOTE).exists()
        ended = bench.build(out, "--threads", 1)
        wrong["somebody's file lost"] += noted and not (out / _NOTE).exists()
        (out / _NOTE).unlink(missing_ok=True)
        wrong["not identical in the end"] += not (ended.status == 0 and bench.same(out) and problems(out) == [])
    return Tally("kills of a build (SIGKILL at a random instant), resumed", killed, wrong)


def _readable(out: Path) -> bool:
    if not paths.locate(out, paths.MANIFEST).exists():
        return True
    return [problem for problem in problems(out) if _NOTE not in problem] == []
