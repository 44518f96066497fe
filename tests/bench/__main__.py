"""Run every benchmark, or those named: ``python -m tests.bench [one_class …]``. Never run in CI; ratios, not seconds, compare."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(names: list[str]) -> int:
    """Run benchmarks as processes of their own, then the peer tests; return 0 if all ran."""
    known = sorted(path.stem for path in HERE.glob("[a-z]*.py") if not path.stem.startswith("test_"))
    unknown = set(names) - set(known) - {"peers"}
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)} and peers", file=sys.stderr)
        return 2
    failed = 0
    for name in names or [*known, "peers"]:
        print(f"== {name}", flush=True)
        peers = [sys.executable, "-m", "pytest", "-m", "peer", "-rs", "--durations=0", str(HERE)]
        command = peers if name == "peers" else [sys.executable, "-m", f"tests.bench.{name}"]
        failed += subprocess.run(command, cwd=HERE.parent.parent, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
