"""Builds that are disturbed, and resumed."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas.format import paths, problems
from tests.faults.bench import Bench, shown

RAY = ("--engine", "ray", "--workers", 2, "--json")
_ATTEMPTS = 5


@dataclass(frozen=True)
class Row:
    """What came of a fault."""

    fault: str
    readable: bool  # afterwards, before the resume: an atlas without problems, or none yet
    status: str
    said: str
    same: bool

    @property
    def fine(self) -> bool:
        return self.readable and self.same


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    head = "## Faults\n\n| fault | survived: readable at once | exit | what the user read | after the same command: identical |\n"
    cells = [f"| {r.fault} | {_yes(r.readable)} | {r.status} | {r.said} | {_yes(r.same)} |" for r in rows]
    return head + "|---|---|---|---|---|\n" + "\n".join(cells) + "\n"


def _yes(value: bool) -> str:
    return "yes" if value else "**no**"


def _readable(out: Path) -> bool:
    return not paths.locate(out, paths.MANIFEST).exists() or problems(out) == []


def _row(bench: Bench, fault: str, out: Path, status: object, said: str) -> Row:
    readable = _readable(out)
    again = bench.build(out, "--threads", 1)
    same = again.status == 0 and bench.same(out) and problems(out) == []
    return Row(fault, readable, str(status), shown(said, bench.folder), same)


def the_build_is_killed(bench: Bench) -> Row:
    out, readable, times = bench.folder / "killed", True, 0
    moments = ('"begin"', '"stage": "dictionary"', '"finish"', '"owner": "n02102040", "outcome"', '"relations and publishing"')
    for moment in moments:
        running = bench.build.start(out, "--threads", 1, "--json")
        running.wait_for(moment, seconds=300)
        time.sleep(random.Random(moment).uniform(0, 0.1))
        running.signal(signal.SIGKILL)
        times += running.end().status == -signal.SIGKILL
        readable &= _readable(out)
    row = _row(
        bench, f"the build is killed (SIGKILL), {times} times in a row, from its beginning to its end", out, "killed", "nothing"
    )
    return Row(row.fault, row.readable and readable, row.status, row.said, row.same)


def a_worker_is_killed(bench: Bench) -> Row:
    out = bench.folder / "worker"
    running = bench.build.start(out, "--threads", 1, *RAY)
    running.wait_for('"stage": "n01440764, n02102040"', seconds=300)
    for pid in _workers(running.pid)[:1]:
        os.kill(pid, signal.SIGKILL)
    ended = running.end()
    lost = [m for m in ended.messages if m.startswith("lost a worker")]
    return _row(bench, "a Ray worker is killed (SIGKILL)", out, ended.status, "; ".join(lost) or ended.err)


def every_worker_is_killed_at_random(bench: Bench) -> Row:
    out, chance = bench.folder / "workers", random.Random(1)
    running = bench.build.start(out, "--threads", 1, *RAY)
    running.wait_for('"stage": "n01440764, n02102040"', seconds=300)
    killed = 0
    while killed < 3:
        for pid in _workers(running.pid)[:1]:
            os.kill(pid, signal.SIGKILL)
            killed += 1
        time.sleep(chance.uniform(0.5, 3))
        if not Path(f"/proc/{running.pid}").exists():
            break
    ended = running.end()
    lost = [m for m in ended.messages if m.startswith("lost a worker")]
    return _row(bench, f"Ray workers are killed at random, {killed} of them", out, ended.status, "; ".join(lost[:2]) or ended.err)


def the_driver_of_a_cluster_is_killed(bench: Bench) -> Row:
    out = bench.folder / "driver"
    running = bench.build.start(out, "--threads", 1, *RAY)
    running.wait_for('"outcome": "complete"', seconds=300)
    running.signal(signal.SIGKILL)
    running.end()
    return _row(bench, "the driver of a Ray build is killed after a class", out, "killed", "nothing")


def a_worker_has_no_memory_left(bench: Bench) -> Row:
    """A worker that needs no more than it has notices nothing, which shows nothing: so the limit is tried until it bites."""
    fault = "a Ray worker can allocate no more memory"
    for attempt in range(_ATTEMPTS):
        out = bench.folder / f"memory{attempt}"
        running = bench.build.start(out, "--threads", 1, *RAY)
        running.wait_for('"stage": "n01440764, n02102040"', seconds=300)
        for pid in _workers(running.pid):
            size = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
            resource.prlimit(pid, resource.RLIMIT_AS, (size, size))
        ended = running.end()
        lost = [m for m in ended.messages if "lost a worker" in m or m.startswith("failed")]
        if lost:
            return _row(bench, fault, out, ended.status, "; ".join(lost))
    return Row(fault, False, "not provoked", f"nothing, in {_ATTEMPTS} attempts", False)


def _workers(driver: int) -> list[int]:
    """Return the worker processes of the cluster that a driver has started."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdigit() and b"ray::RayWorker" in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return sorted(found)


@contextmanager
def _disk(bench: Bench, name: str, *, size: str) -> Iterator[Path]:
    """Mount a small disk.

    Raises:
        PermissionError: not allowed to mount.
    """
    disk = bench.folder / name
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=False, capture_output=True).returncode:
        raise PermissionError(f"{disk} cannot be mounted")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def _on_a_disk(bench: Bench, fault: str, disk: Path, *, then: str) -> Row:
    """Build on a disk that is not fit for it, then remount it so that it is, and build again."""
    ended = bench.build(disk / "atlas", "--threads", 1)
    readable = _readable(disk / "atlas")
    subprocess.run(["mount", "-o", then, disk], check=True)
    row = _row(bench, fault, disk / "atlas", ended.status, ended.last)
    return Row(row.fault, readable, row.status, row.said, row.same)


def the_disk_is_full(bench: Bench) -> Row:
    try:
        with _disk(bench, "disk", size="100k") as disk:
            return _on_a_disk(bench, "the disk is full", disk, then="remount,size=8m")
    except PermissionError:  # no file may grow, then
        out = bench.folder / "disk" / "atlas"
        ended = bench.build(out, "--threads", 1, largest_file=20_000)
        return _row(bench, "the disk is full", out, ended.status, ended.last)


def the_output_cannot_be_written(bench: Bench) -> Row:
    with _disk(bench, "readonly", size="8m") as disk:
        bench.build(disk / "atlas", "--threads", 1, "--classes", "n01440764")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        said = "the output becomes read-only between two builds"
        return _on_a_disk(bench, said, disk, then="remount,rw")


def a_second_build_writes_the_same_atlas(bench: Bench) -> Row:
    out = bench.folder / "twice"
    first = bench.build.start(out, "--threads", 1, "--json")
    first.wait_for('"begin"', seconds=300)
    second = bench.build(out, "--threads", 1)
    first.end()
    said = second.last.replace(str(first.pid), "PID").replace(os.uname().nodename, "HOST")
    return _row(bench, "two builds on one output (the second)", out, second.status, said)


def the_clock_jumps(bench: Bench) -> Row:
    out = bench.folder / "clock"
    patch = (
        "import time, random, datetime\n"
        "real, chance = time.time, random.Random(0)\n"
        "time.time = lambda: real() + chance.choice([-1e9, -3600, 0, 3600, 1e9])\n"
    )
    ended = bench.patched(patch, out)
    return _row(
        bench, "the clock jumps back and forth, by hours and decades", out, ended.returncode, ended.stderr.splitlines()[-1]
    )


def _while_photos_are_read(bench: Bench, name: str, fault: str, patch: str) -> Row:
    """Build in a process that cannot read some photos of the second class."""
    ended = bench.patched(patch, bench.folder / name)
    said = [line for line in ended.stderr.splitlines() if "failed n02102040" in line]
    return _row(bench, fault, bench.folder / name, ended.returncode, " ".join(said) or ended.stderr[-300:])


def a_photo_server_stalls(bench: Bench) -> Row:
    patch = (
        "import time\n"
        "from precompute.photos import decoding\n"
        "decoding.PATIENCE, real = 2.0, decoding.read\n"
        "decoding.read = lambda photo: time.sleep(10**6) if photo.key.endswith('n02102040/photo 05.png') else real(photo)\n"
    )
    return _while_photos_are_read(bench, "stalls", "a photo server stalls in the middle of a class", patch)


_FAILING = (
    "from precompute.photos import reading\n"
    "real = reading._content\n"
    "def failing(photo):\n"
    "    if photo.wnid == 'n02102040' and {which}: raise {error}\n"
    "    return real(photo)\n"
    "reading._content = failing\n"
)


def the_photos_are_unmounted(bench: Bench) -> Row:
    gone = _FAILING.format(which="photo.path.name >= 'photo 05.png'", error="FileNotFoundError(2, 'No such file or directory')")
    return _while_photos_are_read(bench, "unmounted", "the photos are unmounted in the middle of a class", gone)


def a_disk_reports_errors(bench: Bench) -> Row:
    bad = _FAILING.format(which="photo.path.name == 'photo 05.png'", error="OSError(5, 'Input/output error')")
    return _while_photos_are_read(bench, "errors", "a disk reports an I/O error", bad)


def a_shard_is_cut_short(bench: Bench) -> Row:
    source = bench.folder / "shards" / "generated"
    source.mkdir(parents=True)
    shutil.make_archive(str(source / "000"), "tar", bench.build.photos)
    whole = (source / "000.tar").read_bytes()
    (source / "000.tar").write_bytes(whole[: len(whole) * 2 // 3])
    out = bench.folder / "cut"
    ended = bench.build(out, "--threads", 1, photos=source)
    said = next((line for line in ended.err.splitlines() if "damaged shard" in line), ended.last)
    readable = _readable(out)
    (source / "000.tar").write_bytes(whole)
    again = bench.build(out, "--threads", 1, photos=source)
    same = again.status == 0 and bench.same(out)
    return Row("a tar shard is cut short, then repaired", readable, str(ended.status), shown(said, bench.folder), same)


FAULTS: tuple[Callable[[Bench], Any], ...] = (
    the_build_is_killed,
    a_worker_is_killed,
    every_worker_is_killed_at_random,
    a_worker_has_no_memory_left,
    the_driver_of_a_cluster_is_killed,
    the_disk_is_full,
    the_output_cannot_be_written,
    a_shard_is_cut_short,
    a_photo_server_stalls,
    a_disk_reports_errors,
    the_photos_are_unmounted,
    a_second_build_writes_the_same_atlas,
    the_clock_jumps,
)
