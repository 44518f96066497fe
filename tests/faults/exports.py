"""Exports that are killed at random, over a gallery in which somebody keeps things."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from atlas.format import Writer, imagenet_classes
from atlas.schema import ClassRecord, Pictures, Result
from tests.bench._thousand import generated
from tests.faults.bench import ROOT, Bench
from tests.faults.disturbed import Row

CLASSES = 30  # more than one process writes alone
KILLS, IN_A_ROW = 100, 5
ADDRESSES = ("https://example.org/one/", "https://example.org/two/")  # one after the other, so that all pages change each time
STRANGERS = {
    **{"CNAME": b"example.org", ".git/HEAD": b"ref: refs/heads/pages", ".git/objects/ab/cd": b"\0blob", "empty": None},
    **{"assets/mine.css": b"p {}", "class/n01440764/notes.txt": b"fish", "data/mine/table.csv": b"1,2", "robots.txt": b"none"},
}  # fmt: skip

Tree = dict[str, bytes | None]


def an_export_is_killed(bench: Bench) -> Row:
    """Kill an export again and again, whenever and while the gallery is put in place; let every sixth one finish."""
    atlas, chance = _atlas(bench.folder / "exported"), random.Random(0)
    (bench.folder / "web").mkdir()
    truth, seconds = _undisturbed(atlas, bench.folder / "web" / "truth")
    out = bench.folder / "web" / "out"
    _furnish(atlas, out)
    kept = same = True
    killed = turn = 0
    while killed < KILLS:
        turn += 1
        address = ADDRESSES[turn % 2]
        for _ in range(IN_A_ROW):
            running = _export(atlas, out, address)
            _wait(running, out, chance, seconds)
            running.send_signal(signal.SIGKILL)
            killed += running.wait() == -signal.SIGKILL
            kept &= _all_there(out)
        finished = _export(atlas, out, address).wait() == 0
        same &= finished and _tree(out) == truth[address] and not list(out.parent.glob(".out.*"))
    return Row(f"an export is killed (SIGKILL), {killed} times at random", kept, "killed", "nothing", same)


def _atlas(root: Path) -> Path:
    made = generated()
    pictures = made.class_pictures(published=False)
    infos = imagenet_classes()[:CLASSES]
    with Writer(root) as writer:
        writer.stage(made.shared_dictionary())
        for i, info in enumerate(infos):
            bare = Result(ClassRecord(info, "none"), "generated", pictures=Pictures(class_picture=pictures.class_picture))
            writer.stage(bare if i % 10 else made.full_class(info, seed=i, pictures=pictures))
        classes = {info.wnid: "complete" for info in infos}
        writer.publish(dataclasses.replace(made.manifest(publish="reference"), classes=classes))
    return root


def _export(atlas: Path, out: Path, address: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "atlas", "export", str(atlas), str(out), "--base-url", address, "--workers", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment)


def _furnish(atlas: Path, out: Path) -> None:
    assert _export(atlas, out, ADDRESSES[0]).wait() == 0
    for name, content in STRANGERS.items():
        if content is None:
            (out / name).mkdir()
        else:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(content)


def _undisturbed(atlas: Path, out: Path) -> tuple[dict[str, Tree], float]:
    """Return what exports lead to that nothing happens to, by address, and how long one takes."""
    _furnish(atlas, out)
    found: dict[str, Tree] = {}
    for address in reversed(ADDRESSES):
        start = time.monotonic()
        assert _export(atlas, out, address).wait() == 0
        seconds, found[address] = time.monotonic() - start, _tree(out)
    shutil.rmtree(out)
    return found, seconds


def _tree(out: Path) -> Tree:
    return {path.relative_to(out).as_posix(): path.read_bytes() if path.is_file() else None for path in out.rglob("*")}


def _wait(running: subprocess.Popen[bytes], out: Path, chance: random.Random, seconds: float) -> None:
    """Wait for the moment of a kill: any, or one in which the gallery is completed, replaced or cleared up."""
    moments: tuple[Callable[[], bool], ...] = (
        lambda: False,
        lambda: any(out.parent.glob(".out.*.new/gallery.json")),
        lambda: any(out.parent.glob(".out.*.old")),
    )
    reached, end = chance.choice(moments), time.monotonic() + chance.uniform(0, 1.2 * seconds)
    while time.monotonic() < end and running.poll() is None and not reached():
        time.sleep(0.0005)
    if reached():
        time.sleep(chance.uniform(0, 0.02))


def _all_there(out: Path) -> bool:
    """Return whether a gallery is there but for the moment between two renames, and every file of somebody, somewhere."""
    places = [out, *out.parent.glob(".out.*.old")]
    galleries = [place for place in places if (place / "gallery.json").exists()]
    strangers = all(
        any((place / name).is_dir() if content is None else _holds(place / name, content) for place in places)
        for name, content in STRANGERS.items()
    )
    return bool(galleries) and strangers


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
