"""Do to builds, exports and servers whatever can go wrong: ``python -m tests.faults`` → ``.github/FAULTS.md``.

Every fault begins with the same photos and settings and ends with the same command once more; the tables (and all other files but
the manifest, which tells the time) must then equal those of a build that nothing happened to. What chance decides is tried by the
thousand; ``--times 10`` tries ten times as many, and so finds what is rarer.
"""

from __future__ import annotations

import argparse
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults import disturbed, exports, flips, hostile, kills, mutations, requests, tally
from tests.faults.bench import ROOT, Bench, open_bench
from tests.faults.tally import Tally

OUT = Path(__file__).parents[2] / ".github" / "FAULTS.md"
REQUESTS, MUTATIONS, FLIPS, KILLS = 10_000, 1_000, 2_000, 100

_CHANGE = """
import pathlib, pickle, sys
from tests.faults import mutations
rows = mutations.rows(mutations.run({n}, pathlib.Path({folder!r})))
sys.stdout.buffer.write(pickle.dumps(rows))
"""

HEAD = """# What goes wrong, and what comes of it

Written by `python -m tests.faults` (small generated photos, a small backbone). `tests/` holds most kinds of damage one by one,
a cluster that loses a machine, and a minute of what chance decides; `python -m tests.faults --times 10` tries ten times as much.

"""


def told(row: Any) -> Any:
    """Say on stderr how it went, and hand the row on."""
    print("fine" if row.fine else "NOT SURVIVED", row, file=sys.stderr, flush=True)
    return row


def hostile_requests(bench: Bench, times: int) -> Tally:
    """Send hostile requests to a real server."""
    row = requests.run(bench.folder / "requests", REQUESTS * times)
    wrong = {"tracebacks": row.tracebacks, "answers of 500 and more": len(row.errors), "no answer in time": len(row.hangs)}
    wrong |= {"injected as HTML": len(row.injected), "leaked": len(row.leaked)}
    wrong["lines of log beyond one in a hundred"] = max(0, row.log_lines - row.requests // 100)
    return Tally("hostile requests to a server with private photos, over a socket", row.requests, wrong)


def changed_atlases(bench: Bench, times: int) -> Tally:
    """Change atlases and seal them again, and let ``check``, ``info``, ``serve`` and ``export`` read them."""
    folder = bench.folder / "mutations"
    folder.mkdir()
    script = _CHANGE.format(
        n=MUTATIONS * times, folder=str(folder)
    )  # memory is limited, and torch takes most of it by being there
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)
    rows: list[mutations.Row] = pickle.loads(told.stdout)
    wrong = {"called whole and not shown": "lied", "tracebacks": "unsaid", "over time or memory": "blown"}
    what = "atlases changed and sealed again, read by `check`, `info`, `serve` and `export`"
    return Tally(what, sum(row.made for row in rows), {way: sum(getattr(row, of) for row in rows) for way, of in wrong.items()})


def flipped_bits(bench: Bench, times: int) -> Tally:
    """Flip bits of a manifest."""
    bench.undisturbed  # noqa: B018
    return flips.flips(bench.folder / "undisturbed", bench.folder, FLIPS * times)


def killed_builds(bench: Bench, times: int) -> Tally:
    """Kill builds."""
    return kills.builds(bench, KILLS * times)


BY_THE_THOUSAND: tuple[Callable[[Bench, int], Tally], ...] = (hostile_requests, changed_atlases, flipped_bits, killed_builds)
FAULTS = (*disturbed.FAULTS, exports.an_export_is_killed)


def main() -> int:
    """Run all faults, or those named; write the tables if all were run. Return 1 if anything was not survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    known = [kind.__name__ for kind in (*FAULTS, *hostile.KINDS, *BY_THE_THOUSAND)]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; by default all")
    parser.add_argument("--times", type=int, default=1, help="how many times as many trials of what chance decides")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(known):
        parser.error(f"there is no {sorted(unknown)[0]}")

    def wanted(kind: Any) -> bool:
        return not asked.names or kind.__name__ in asked.names

    with tempfile.TemporaryDirectory() as folder, open_bench(Path(folder)) as bench:
        faults = [told(fault(bench)) for fault in FAULTS if wanted(fault)]
        inputs = [told(row) for kind in hostile.KINDS if wanted(kind) for row in kind(bench)]
        tallies = [told(many(bench, asked.times)) for many in BY_THE_THOUSAND if wanted(many)]
    text = HEAD + disturbed.table(faults) + "\n" + hostile.table(inputs) + "\n" + tally.table(tallies)
    print(text)
    if not asked.names:
        OUT.write_text(text, encoding="utf-8")
    return 0 if all(row.fine for row in (*faults, *inputs, *tallies)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
