"""A plan beside the build that it plans: ``precompute plan``, then ``precompute build`` with the same flags.

Photos: BENCH_PHOTOS names folders of wnid folders, separated by colons. ``python -m tests.bench.plan [FLAGS]``; without flags:
ten concepts a class and quick pictures. With some 3500 photos it takes a quarter of an hour on two cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench._photos import sources


def main(flags: list[str]) -> None:
    """Print what was planned, what it took, and how far the one is from the other."""
    with tempfile.TemporaryDirectory() as folder:
        named = [part for name in sources() for part in ("--photos", name)]
        asked = [
            *named,
            "--publish-photos",
            "reference",
            "--out",
            str(Path(folder) / "atlas"),
            *(flags or ["--pictures", "quick"]),
        ]
        run = [sys.executable, "-m", "precompute"]
        environment = os.environ | {"XDG_CACHE_HOME": str(Path(folder) / "cache")}
        subprocess.run([*run, "plan", *asked], check=True, env=environment)
        start = time.monotonic()
        built = subprocess.run([*run, "build", *asked], check=True, stderr=subprocess.PIPE, text=True, env=environment)
        said = [line for line in built.stderr.splitlines() if "planned" in line]
        print("\n".join(said), f"({time.monotonic() - start:.0f} s by the clock); budget ±25 %", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
