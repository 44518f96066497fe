"""Ten classes by the local engine, by one Ray worker, by two, a thread each: what the engine costs, what a second worker gains.

Photos: BENCH_PHOTOS names folders of wnid folders, separated by colons, with ten classes of ``EACH`` photos.
``python -m tests.bench.cluster [ROUNDS]``; a round takes about ten minutes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from precompute import config, photos
from precompute.commands import build
from precompute.progress import Silent
from tests.bench._photos import sources

EACH, CLASSES = 100, 10
RUNS = {"local": ("local", 1), "one worker": ("ray", 1), "two workers": ("ray", 2)}


def chosen(folder: Path) -> bool:
    """Link ``EACH`` photos of each of ten classes; return whether there are so many."""
    groups = {w: [p for p in group if p.split != "holdout"] for w, group in photos.index(sources()).photos.items()}
    large = [wnid for wnid, group in groups.items() if len(group) >= EACH][:CLASSES]
    for wnid in large:
        place = folder / "fit" / wnid
        place.mkdir(parents=True)
        for photo in groups[wnid][:EACH]:
            (place / photo.path.name).symlink_to(photo.path)
    return len(large) == CLASSES


def seconds(folder: Path, out: Path, engine: str, workers: int) -> float:
    """Build in this process; return how long it took, from the first look at the photos to the published atlas."""
    settings = config.make(
        photos=str(folder), out=str(out), engine=engine, workers=workers, threads=1, pictures="none", publish_photos="reference"
    )
    report = build.build_atlas(settings, Silent())
    assert len(report.built) == CLASSES, report
    return report.seconds


def tables(atlas: Path) -> dict[str, bytes]:
    """Return everything but the manifest, which tells the time."""
    files = (path for path in atlas.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {path.relative_to(atlas).as_posix(): path.read_bytes() for path in files}


def main(rounds: int = 1) -> None:
    """Print seconds and ratios beside their budgets, and whether the atlases are the same."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not chosen(folder / "photos"):
            print(f"skipped: BENCH_PHOTOS needs {CLASSES} classes of {EACH} photos")
            return
        took: dict[str, list[float]] = {run: [] for run in RUNS}
        for turn in range(rounds):
            for run, (engine, workers) in RUNS.items():
                out = folder / f"{run} {turn}"
                command = [sys.executable, "-m", "tests.bench.cluster", str(folder / "photos"), str(out), engine, str(workers)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                took[run].append(json.loads(done.stdout.splitlines()[-1]))
                print(f"{run:<12} {took[run][-1]:7.1f} s", flush=True)
            same = [tables(folder / f"{run} {turn}") == tables(folder / f"local {turn}") for run in RUNS]
            print(f"the same bytes: {all(same)}")
    one, two, local = (statistics.median(took[run]) for run in ("one worker", "two workers", "local"))
    print(f"two workers ÷ one    {two / one:.3f}; budget 0.65")
    print(f"one worker ÷ local   {one / local:.3f}; budget 1.05")


if __name__ == "__main__":
    if len(sys.argv) == 5:
        print(json.dumps(seconds(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))))
    else:
        main(*map(int, sys.argv[1:]))
