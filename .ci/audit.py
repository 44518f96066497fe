"""Ask pip-audit whether this project's dependencies have known weaknesses; where nobody answers, say so in one line and go on.

Fails only on a weakness that a newer release has closed: there is something to do about it.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECT, EXTRAS = "concept-atlas", ("precompute", "ray")
PROBE = "pillow"  # asked about first: where that cannot be answered, nothing can
SECONDS = 120


def main() -> int:
    """Return 1 if a dependency should be upgraded."""
    try:
        if not any("vulns" in entry for entry in ask([PROBE])):
            print("pip-audit: the vulnerability service does not answer here; dependencies were not audited.")
            return 0
        found = ask(sorted(closure()))
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        print(f"pip-audit: could not ask the vulnerability service ({type(error).__name__}); dependencies were not audited.")
        return 0
    weak = [(entry, weakness) for entry in found for weakness in entry.get("vulns", ())]
    for entry, weakness in weak:
        fixed = ", ".join(weakness["fix_versions"]) or "no release yet"
        print(f"{entry['name']} {entry['version']}: {weakness['id']}, fixed in {fixed}")
    print(f"pip-audit: {sum('vulns' in entry for entry in found)} of {len(found)} dependencies audited, {len(weak)} weaknesses.")
    return int(any(weakness["fix_versions"] for _, weakness in weak))


def ask(names: list[str]) -> list[dict[str, Any]]:
    """Return pip-audit's records of installed packages."""
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text("".join(f"{name}=={importlib.metadata.version(name)}\n" for name in names))
        command = [sys.executable, "-m", "pip_audit", "-r", str(pinned), "--no-deps", "--disable-pip", "-f", "json"]
        quiet = ["--progress-spinner", "off", "--timeout", "10"]
        ended = subprocess.run([*command, *quiet], capture_output=True, text=True, timeout=SECONDS, check=False)
    found = json.loads(ended.stdout)["dependencies"]
    return list(found)


def closure() -> set[str]:
    """Return the installed packages that the project needs at run time, directly or not."""
    seen: set[str] = set()
    todo = [(PROJECT, frozenset(EXTRAS))]
    while todo:
        name, extras = todo.pop()
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        if name != PROJECT:
            seen.add(name)
        for line in needed:
            wanted = re.match(r"[A-Za-z0-9._-]+", line.lower().replace("_", "-"))
            extra = re.search(r"extra *== *['\"]([^'\"]+)['\"]", line)
            if wanted and wanted[0] not in seen | {PROJECT} and (extra is None or extra[1] in extras):
                asked = re.search(r"\[([^\]]*)\]", line.split(";")[0])
                todo.append((wanted[0], frozenset(asked[1].split(",")) if asked else frozenset()))
    return seen


if __name__ == "__main__":
    raise SystemExit(main())
