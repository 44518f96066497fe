"""Do to builds whatever can go wrong, and write what came of it: ``python -m tests.faults`` → ``.github/FAULTS.md``.

Every fault begins with the same photos and settings and ends with the same command once more; the tables (and all other files but
the manifest, which tells the time) must then equal those of a build that nothing happened to.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.faults import disturbed, hostile
from tests.faults.bench import open_bench

OUT = Path(__file__).parents[2] / ".github" / "FAULTS.md"

HEAD = """# What goes wrong, and what comes of it

Written by `python -m tests.faults` (small generated photos, a small backbone). `tests/` holds most kinds of damage one by one,
and a cluster that loses a machine.

"""


def told(row: Any) -> Any:
    """Say on stderr how it went, and hand the row on."""
    print("fine" if row.fine else "NOT SURVIVED", row, file=sys.stderr, flush=True)
    return row


def main(names: list[str]) -> int:
    """Run all faults, or those named; write the tables if all were run. Return 1 if anything was not survived."""
    with tempfile.TemporaryDirectory() as folder, open_bench(Path(folder)) as bench:
        faults = [told(fault(bench)) for fault in disturbed.FAULTS if not names or fault.__name__ in names]
        inputs = [told(row) for kind in hostile.KINDS if not names or kind.__name__ in names for row in kind(bench)]
    text = HEAD + disturbed.table(faults) + "\n" + hostile.table(inputs)
    print(text)
    if not names:
        OUT.write_text(text, encoding="utf-8")
    return 0 if all(row.fine for row in (*faults, *inputs)) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
