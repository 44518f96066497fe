"""What every fault is tried on: photos, weights, and the command line."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass
class Bench:
    """Photos, weights, and ``precompute build`` with them."""

    folder: Path
    made: ModuleType
    build: Any  # tests/precompute/conftest.py's Builder

    @cached_property
    def undisturbed(self) -> dict[str, bytes]:
        """All files but the manifest of a build that nothing happens to."""
        out = self.folder / "undisturbed"
        assert self.build(out, "--threads", 1).status == 0
        return dict(self.made.content(out))

    def same(self, out: Path) -> bool:
        """Return whether an atlas equals the undisturbed one."""
        return bool(self.made.content(out) == self.undisturbed)

    def patched(self, patch: str, out: Path, *flags: object) -> subprocess.CompletedProcess[str]:
        """Run the build in a process of its own that was tampered with before it began."""
        arguments = [str(a) for a in self.build.arguments(out, "--threads", 1, *flags)]
        run = f"import sys, runpy\nsys.argv = ['precompute', *{arguments!r}]\nrunpy.run_module('precompute', run_name='__main__')"
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, "-c", f"{patch}\n{run}"], capture_output=True, text=True, env=environment, cwd=ROOT, check=False
        )


@contextmanager
def open_bench(folder: Path) -> Iterator[Bench]:
    """Draw photos, save weights, and start what runs commands."""
    spec = importlib.util.spec_from_file_location("maker_fixtures", ROOT / "tests/precompute/conftest.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    photos = made.draw_photos(folder / "photos" / "generated")
    weights = made.save_weights(folder / "tiny.pth", made.BACKBONE)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tests/precompute/forkserver.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
    ) as server:  # fmt: skip
        assert server.stdin
        assert server.stdout
        server.stdout.readline()
        (folder / "logs").mkdir()
        yield Bench(folder, made, made.Builder(made.CommandLine(server, folder / "logs"), weights, photos))
        server.stdin.close()


def shown(text: str, folder: Path) -> str:
    """Return a message as a cell of a table: one line, without the places of this run."""
    text = "".join(c if c.isprintable() or c == " " else repr(c)[1:-1] for c in text.replace(str(folder), "…"))
    line = text.replace("|", "\\|").replace("<", "&lt;")
    return line if len(line) <= 240 else line[:239] + "…"
