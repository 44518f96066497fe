"""The processes of an export: of one publish, and gone with the one that started them."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from atlas.export import export, workers
from atlas.format import Store, Writer, imagenet_classes
from atlas.schema import AtlasError

MANY = 32


@pytest.fixture(scope="module")
def large(generated: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an atlas that takes two processes some seconds."""
    root = tmp_path_factory.mktemp("large") / "large"
    pictures = generated.class_pictures(published=False)
    with Writer(root) as writer:
        writer.stage(generated.shared_dictionary())
        for info in imagenet_classes()[:MANY]:
            writer.stage(generated.full_class(info, seed=info.class_index, pictures=pictures))
        classes = {info.wnid: "complete" for info in imagenet_classes()[:MANY]}
        writer.publish(dataclasses.replace(generated.manifest(publish="reference"), classes=classes))
    return root


def published_again(atlas: Path, generated: ModuleType) -> None:
    with Writer(atlas) as writer:
        assert writer.published
        again = dataclasses.replace(writer.published.manifest, created="2026-02-02T00:00:00Z")
        writer.publish(again)


@pytest.mark.parametrize("others", [False, True])
def test_an_atlas_that_is_published_anew_meanwhile_is_not_mixed(
    made_up: Store, generated: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: bool
) -> None:
    atlas, out = shutil.copytree(made_up.root, tmp_path / "made-up"), tmp_path / "out"
    export(atlas, out)
    before = (out / "gallery.json").read_bytes()
    monkeypatch.setattr(workers, "_ALONE", 1 if others else 99)
    monkeypatch.setattr(workers, "_BATCH", 2)

    def meanwhile(done: int, _: int) -> None:
        if done == 0:
            published_again(atlas, generated)

    if others:
        with pytest.raises(AtlasError, match=r"made-up was published anew while it was exported: run the same command again\.$"):
            export(atlas, out, base_url="https://example.org/", workers=2, progress=meanwhile)
        assert (out / "gallery.json").read_bytes() == before
    else:  # one process has the old publish open, and goes on with it
        export(atlas, out, base_url="https://example.org/", progress=meanwhile)
        assert "2026-01-01" in (out / "manifest" / "index.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made-up", "out"]
    export(atlas, out, base_url="https://example.org/", workers=2)
    assert "2026-02-02" in (out / "manifest" / "index.html").read_text()


def until(true: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.01)
    return found


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_no_process_outlives_an_export_that_was_killed(large: Path, tmp_path: Path) -> None:
    def written() -> list[Path]:
        return [path for folder in tmp_path.glob(".out*new") for path in folder.rglob("index.html")]

    command = [sys.executable, "-m", "atlas", "export", str(large), str(tmp_path / "out"), "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"}) as running:
        assert until(lambda: len(written()) > 20, 60)
        started = children(running.pid)
        running.send_signal(signal.SIGKILL)
    assert len(started) >= 2
    assert until(lambda: not any(alive(pid) for pid in started), 5), "they go on"
    left = written()
    assert 20 < len(left) < 11 * MANY, "it was killed in the middle"
    time.sleep(1)
    assert written() == left
    assert export(large, tmp_path / "out", workers=1).written == MANY + 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
