"""Is an atlas that ``atlas check`` calls whole one that can be shown? ``python -m tests.faults.mutations 1000`` tries to say no.

Small atlases are changed in one place each, by value, and sealed again; then everybody reads them. Each is judged in a process of
its own that may take so much memory and time, and no more.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import mutants, mutants_beside
from tests.faults.judge import Verdict, judge

ROOT = Path(__file__).parents[2]
SECONDS, MEGABYTES = 60, 1500  # that reading one may take
_ADDRESSES = 8 << 30
_TOGETHER = 2

#: How often each is made, beside the others.
KINDS: dict[mutants.Mutant, int] = {
    **{mutants.cell: 8, mutants.column: 3, mutants.lists: 3, mutants.rows: 3, mutants.groups: 2},
    **{mutants.types: 1, mutants.text: 1, mutants.bomb: 1, mutants.swap: 1, mutants.junk: 2},
    **{mutants_beside.manifest: 5, mutants_beside.entries: 1, mutants_beside.picture: 2, mutants_beside.dictionaries: 2},
}


@dataclass(frozen=True)
class Case:
    """One atlas that was changed, and what came of it."""

    seed: int
    kind: str
    what: str
    verdict: Verdict
    seconds: float
    megabytes: int

    @property
    def fine(self) -> bool:
        """Whether it was told of in words, or everything works."""
        return self.verdict.fine and self.seconds < SECONDS and self.megabytes < MEGABYTES


@dataclass(frozen=True)
class Row:
    """What came of all atlases of a kind."""

    what: str
    made: int
    whole: int  # called whole
    lied: int  # of these, cannot be shown
    unsaid: int  # ended in a traceback
    blown: int  # took too long, or too much
    fine: bool


def rows(cases: Iterable[Case]) -> list[Row]:
    """Count cases, kind by kind."""
    kinds: dict[str, list[Case]] = {}
    for case in cases:
        kinds.setdefault(case.kind, []).append(case)
    return [_row(kind, of_kind) for kind, of_kind in sorted(kinds.items())]


def _row(kind: str, cases: list[Case]) -> Row:
    whole = sum(case.verdict.whole for case in cases)
    lied = sum(case.verdict.whole and bool(case.verdict.failed) for case in cases)
    unsaid = sum(bool(case.verdict.unsaid) for case in cases)
    blown = sum(case.seconds >= SECONDS or case.megabytes >= MEGABYTES for case in cases)
    return Row(kind, len(cases), whole, lied, unsaid, blown, all(case.fine for case in cases))


def table(found: list[Row]) -> str:
    """Return the rows as Markdown."""
    head = "| changed | atlases | called whole | of these not shown | tracebacks | blown up |\n|---|---|---|---|---|---|\n"
    lines = [f"| {r.what} | {r.made} | {r.whole} | {r.lied} | {r.unsaid} | {r.blown} |" for r in found]
    sums = " | ".join(str(sum(getattr(r, name) for r in found)) for name in ("made", "whole", "lied", "unsaid", "blown"))
    return head + "\n".join([*lines, f"| together | {sums} |"]) + "\n"


def run(n: int, folder: Path, *, first: int = 0) -> Iterator[Case]:
    """Change ``n`` atlases, seeds from ``first`` on, and let everybody read them; a few at once."""
    bases = folder / "bases"
    _apart(lambda: write_bases(bases), folder / "bases.pickle")
    waiting = list(range(first + n - 1, first - 1, -1))
    under_way: dict[int, tuple[int, float]] = {}
    while waiting or under_way:
        while waiting and len(under_way) < _TOGETHER:
            seed = waiting.pop()
            under_way[_fork(lambda seed=seed: _case(bases, folder, seed), folder / f"{seed}.pickle")] = seed, time.monotonic()
        process, status, usage = _ended(under_way)
        seed, began = under_way.pop(process)
        yield _read(folder, seed, status, time.monotonic() - began, usage.ru_maxrss // 1024)


def _ended(processes: Iterable[int]) -> tuple[int, int, resource.struct_rusage]:
    """Wait for one of some processes, and for no other that this one may have."""
    while True:
        for process in processes:
            ended = os.wait4(process, os.WNOHANG)
            if ended[0]:
                return ended
        time.sleep(0.01)


def _read(folder: Path, seed: int, status: int, seconds: float, megabytes: int) -> Case:
    result = folder / f"{seed}.pickle"
    kind, what = chosen(seed).__name__, "?"
    verdict = Verdict(unsaid=[f"the process ended with status {status}"])
    if result.exists():
        what, verdict = pickle.loads(result.read_bytes())
        result.unlink()
    shutil.rmtree(folder / str(seed), ignore_errors=True)
    return Case(seed, kind, what, verdict, seconds, megabytes)


def chosen(seed: int) -> mutants.Mutant:
    """Return which mutant a seed makes."""
    return random.Random(seed).choices(list(KINDS), list(KINDS.values()))[0]


def _case(bases: Path, folder: Path, seed: int) -> tuple[str, Verdict]:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    rng, mutant = random.Random(f"of {seed}"), chosen(seed)
    root = folder / str(seed) / "atlas"
    base = rng.choice(sorted(path.name for path in bases.iterdir()))
    shutil.copytree(bases / base, root)
    what = f"{base}: {mutant(root, rng)}"
    return what, judge(root, folder / str(seed) / "gallery")


def _fork(do: Any, result: Path) -> int:
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        signal.alarm(SECONDS + 10)
        done = do()
        result.with_suffix(".tmp").write_bytes(pickle.dumps(done))
        result.with_suffix(".tmp").rename(result)
        status = 0
    finally:
        os._exit(status)


def _apart(do: Any, result: Path) -> None:
    """Do something in another process: threads it starts do not come along into those that are forked later."""
    _, status = os.waitpid(_fork(do, result), 0)
    if status:
        raise RuntimeError(f"the atlases to change could not be written (status {status})")


def write_bases(folder: Path) -> None:
    """Write the atlases that are changed: own and shared dictionaries, classes without photos, held out whole, and format 1.0."""
    small, large = _module("tests/atlas/format/conftest.py"), _module("tests/atlas/generated.py")
    made = small.Made()
    bare = small.Result(small.ClassRecord(made.CRANE, "none"), "bare", pictures=small.Pictures(class_picture=made.picture("x")))
    church = small.dataclasses.replace(
        made.worked_by_hand(),
        pictures=small.Pictures(
            class_picture=large.blob(1, 16),
            concepts={0: large.blob(2, 16), 1: large.blob(3, 16)},
            exemplars={0: large.tiles(3, 3)},
            heat={0: large.heat_row(3)},
            thumbnails=large.tiles(8, 4),
        ),
    )
    for name in ("small", "first"):
        made.write(folder / name, church, made.held_out_by_hand(), made.shared(), bare, refined=False)
    made.write(folder / "two", made.of_class(made.TENCH), made.shared(), made.by_shared(made.CHURCH))
    large.K, large.N = 4, 12
    large.write(folder / "large")
    large.write(folder / "withheld", published=False)
    made.aged(folder / "first")


def _module(path: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(path).stem + "_for_mutations", ROOT / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main(n: int, first: int = 0) -> int:
    """Judge so many atlases; print what was wrong, then the table. Return 1 if anything was."""
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        for case in run(n, Path(folder), first=first):
            cases.append(case)
            if not case.fine:
                print(f"seed {case.seed}: {case.what}: {case.seconds:.0f} s, {case.megabytes} MB; whole: {case.verdict.whole}")
                for line in (case.verdict.unsaid + case.verdict.failed * case.verdict.whole)[:6]:
                    print("   ", line, flush=True)
    print(table(rows(cases)))
    print(Counter(case.fine for case in cases), f"slowest {max(case.seconds for case in cases):.1f} s")
    return 0 if all(case.fine for case in cases) else 1


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
