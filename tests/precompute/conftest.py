"""Fixtures of the maker: generated photographs, a tiny backbone, and the command line as processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image

BACKBONE = "test_resnet"  # 160 pixels, 1000 classes, ReLU, mean pooling, one linear map
WNIDS = ("n01440764", "n02102040", "n02979186")


def draw_photo(path: Path, seed: int, size: tuple[int, int] = (200, 180)) -> Path:
    """Write a generated photograph: soft blobs of colour."""
    grid = np.random.default_rng(seed).integers(0, 256, (7, 8, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def draw_photos(root: Path, wnids: tuple[str, ...] = WNIDS, each: int = 12) -> Path:
    """Write a folder of generated photographs for every class."""
    for c, wnid in enumerate(wnids):
        for i in range(each):
            draw_photo(root / wnid / f"photo {i:02d}.png", 1000 * c + i)
    return root


def save_weights(path: Path, backbone: str, seed: int = 0) -> Path:
    """Write a state dict of a backbone that was never trained."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.save(timm.create_model(backbone).state_dict(), path)
    return path


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    status: int  # negative: the signal that ended it
    out: str
    err: str
    seconds: float

    @property
    def last(self) -> str:
        """The last line on stderr."""
        return self.err.rstrip("\n").rpartition("\n")[2]

    @property
    def records(self) -> list[dict[str, Any]]:
        """What ``--json`` wrote: every line has to be an object."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def messages(self) -> list[str]:
        return [record["message"] for record in self.records if record["event"] == "message"]


@dataclass(slots=True)
class Running:
    """A command that is running."""

    pid: int
    started: float
    log: Path
    ask: Callable[..., int]

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Wait until the command has printed something."""
        out = self.log.with_suffix(".out")
        while text not in out.read_text():
            assert time.monotonic() < self.started + seconds, f"{text!r} was not printed in {seconds} s: {out.read_text()}"
            time.sleep(0.002)

    def end(self) -> Ended:
        status = self.ask(wait=self.pid)
        seconds = time.monotonic() - self.started
        return Ended(status, self.log.with_suffix(".out").read_text(), self.log.with_suffix(".err").read_text(), seconds)


class CommandLine:
    """``python -m precompute …``, in processes of its own that need not import torch again."""

    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server, self._folder, self._count = server, folder, 0

    def _ask(self, **request: object) -> int:
        assert self._server.stdin
        assert self._server.stdout
        print(json.dumps(request), file=self._server.stdin, flush=True)
        return int(json.loads(self._server.stdout.readline()))

    def start(self, *arguments: object, largest_file: int = 0) -> Running:
        self._count += 1
        log = self._folder / f"{self._count:03d}"
        out, err = str(log.with_suffix(".out")), str(log.with_suffix(".err"))
        Path(out).touch()
        started = time.monotonic()
        pid = self._ask(arguments=list(map(str, arguments)), out=out, err=err, largest_file=largest_file)
        return Running(pid, started, log, self._ask)

    def run(self, *arguments: object, largest_file: int = 0) -> Ended:
        return self.start(*arguments, largest_file=largest_file).end()


@dataclass(frozen=True, slots=True)
class Builder:
    """``precompute build`` with the tiny backbone and three concepts a class, without pictures; later flags win."""

    command_line: CommandLine
    weights: Path
    photos: Path

    def arguments(self, out: Path, *more: object, photos: Path | None = None) -> tuple[object, ...]:
        small = ("--backbone", BACKBONE, "--weights", self.weights, "--concepts", 3, "--pictures", "none", "--device", "cpu")
        return ("build", "--photos", photos or self.photos, "--out", out, *small, *more)

    def start(self, out: Path, *more: object, photos: Path | None = None) -> Running:
        return self.command_line.start(*self.arguments(out, *more, photos=photos))

    def __call__(self, out: Path, *more: object, photos: Path | None = None, largest_file: int = 0) -> Ended:
        return self.command_line.run(*self.arguments(out, *more, photos=photos), largest_file=largest_file)


def content(out: Path) -> dict[str, bytes]:
    """Return everything of an atlas that two builds have in common: all but the manifest, which tells the time."""
    return {
        p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file() and p.name != "manifest.json"
    }


@pytest.fixture(scope="session")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    root = str(Path(__file__).parents[2])
    folder = tmp_path_factory.mktemp("commands")
    own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": root, "XDG_CACHE_HOME": str(folder / "cache")}
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("forkserver.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env=os.environ | own,
    )
    with server:
        assert server.stdout
        assert server.stdout.readline() == "ready\n"
        yield CommandLine(server, folder)
        assert server.stdin
        server.stdin.close()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_weights(tmp_path_factory.mktemp("weights") / "tiny.pth", BACKBONE)


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("photos") / "generated")


@pytest.fixture(scope="session")
def build(command_line: CommandLine, weights: Path, photo_folder: Path) -> Builder:
    return Builder(command_line, weights, photo_folder)


@pytest.fixture(scope="session")
def made() -> ModuleType:
    """Return this module: what draws photos, saves weights and compares atlases."""
    return sys.modules[__name__]
