"""Input that means harm, or looks as if it did."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from atlas.format import problems
from atlas.format.manifest import sealed
from tests.faults.bench import ROOT, Bench, shown

TENCH = "n01440764"


@dataclass(frozen=True)
class Row:
    """What came of an input."""

    what: str
    said: str
    status: int
    fine: bool


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    head = "## Hostile input\n\n| input | what the user read | exit |\n|---|---|---|\n"
    return head + "\n".join(f"| {r.what} | {r.said or 'nothing: it is used'} | {r.status} |" for r in rows) + "\n"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, content: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(content, 9)) + _chunk(b"IEND", b"")


def _jpeg(size: tuple[int, int] = (300, 200)) -> bytes:
    stream = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(stream, "JPEG")
    return stream.getvalue()


def _lying_jpeg() -> bytes:
    """Return a JPEG whose header promises 9000 × 9000 pixels."""
    content = bytearray(_jpeg())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", 9000, 9000)
    return bytes(content)


def photographs(bench: Bench) -> Iterator[Row]:
    """One bad photo among twelve good ones: it is skipped by name, the others make the class."""
    files: dict[str, tuple[str, bytes]] = {
        "a decompression bomb: PNG, 60,000 × 60,000 pixels in 10 kB": ("bomb.png", _png(60_000, 60_000, bytes(10_000_000))),
        "a photo of 100 megapixels": ("large.jpg", _jpeg((10_000, 10_000))),
        "a photo of 121 megapixels": ("larger.jpg", _jpeg((11_000, 11_000))),
        "a JPEG that ends in the middle": ("cut.jpg", _jpeg()[:900]),
        "a JPEG whose header lies about its size (what is missing is grey)": ("lying.jpg", _lying_jpeg()),
        "an SVG named .jpg": ("drawing.jpg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        "HTML named .jpg": ("page.jpg", b"<!doctype html><script>alert(1)</script>"),
        "a PostScript program named .png": ("program.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nquit\n"),
        "a name with a line break and a terminal escape": ("new\nline \x1b[31m.jpg", b""),
        "a name of 250 characters": ("x" * 246 + ".jpg", b""),
        "a name that is no text": (os.fsdecode(b"\xff\xfe.jpg"), b""),
    }
    for what, (name, content) in files.items():
        folder = bench.folder / "hostile" / str(len(what)) / "set"
        for i in range(12):
            bench.made.draw_photo(folder / TENCH / f"{i:02d}.png", i)
        (folder / TENCH / name).write_bytes(content)
        out = folder.parent / "atlas"
        ended = bench.build(out, "--json", photos=folder)
        said = "; ".join(m for m in ended.messages if m.startswith("skipped"))
        yield Row(what, shown(said, bench.folder), ended.status, ended.status in {0, 3} and problems(out) == [])
        shutil.rmtree(folder.parent)


def shards(bench: Bench) -> Iterator[Row]:
    """Tar shards that want to write elsewhere, or make numbers up."""
    for what, name, kind in (
        ("a tar member that leaves its folder", f"{TENCH}/../../../etc/passwd.jpg", tarfile.REGTYPE),
        ("a tar member with an absolute name", f"/etc/{TENCH}/passwd.jpg", tarfile.REGTYPE),
        ("a tar member that is a link to /etc/passwd", f"{TENCH}/link.jpg", tarfile.SYMTYPE),
        ("a tar member of 300 characters and a line break", f"{TENCH}/{'x' * 300}\n.jpg", tarfile.REGTYPE),
    ):
        source = bench.folder / "tars" / str(len(what)) / "set"
        source.mkdir(parents=True)
        with tarfile.open(source / "0.tar", "w") as archive:
            for path in sorted((bench.build.photos / TENCH).iterdir()):
                archive.add(path, f"{TENCH}/{path.name}")
            member = tarfile.TarInfo(name)
            member.type, member.linkname, content = kind, "/etc/passwd", b"" if kind == tarfile.SYMTYPE else _jpeg()
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        out = source.parent / "atlas"
        ended = bench.build(out, "--json", photos=source)
        said = "; ".join(m for m in ended.messages if m.startswith(("skipped", "passed over")))
        said = said or ("nothing: a link is no photo" if kind == tarfile.SYMTYPE else "")
        yield Row(what, shown(said, bench.folder), ended.status, ended.status in {0, 3} and problems(out) == [])
    content = bytearray((source / "0.tar").read_bytes())
    content[124:136] = b"77777777777\0"
    content[148:156] = f"{sum(content[:148]) + 256 + sum(content[156:512]):06o}\0 ".encode()
    (source / "0.tar").write_bytes(content)
    ended = bench.build(source.parent / "other", photos=source)
    yield Row("a tar header that claims 8 GB", shown(ended.last, bench.folder), ended.status, ended.status == 2)


class _Trap:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def weights(bench: Bench) -> Iterator[Row]:
    """Weights that would run a program."""
    mark = bench.folder / "executed"
    torch.save({"weight": _Trap(mark)}, bench.folder / "trap.pth")
    (bench.folder / "trap.pkl").write_bytes(pickle.dumps(_Trap(mark)))
    for name in ("trap.pth", "trap.pkl"):
        ended = bench.build(bench.folder / "none", "--weights", bench.folder / name)
        fine = ended.status == 2 and not mark.exists() and not (bench.folder / "none").exists()
        yield Row(f"a state dict with pickled code ({name})", shown(ended.last, bench.folder), ended.status, fine)


def atlases(bench: Bench) -> Iterator[Row]:
    """Atlases that were changed since they were published."""
    bench.undisturbed  # noqa: B018
    for what, spoil in (
        ("one bit of a table is changed", _flip),
        ("the manifest names a picture outside of the atlas", _leads_out),
        ("the manifest is nested 100,000 times", lambda root: (root / "manifest.json").write_text("[" * 100_000)),
        ("a picture is a link to /etc/passwd", _link),
        ("a table is replaced by an HTML page", lambda root: (root / "photos.parquet").write_bytes(b"<!doctype html>")),
    ):
        root = bench.folder / "tampered"
        shutil.copytree(bench.folder / "undisturbed", root)
        spoil(root)
        for command in ("check", "serve"):
            arguments = [sys.executable, "-m", "atlas", command, str(root), *(["--port", "0"] if command == "serve" else [])]
            try:
                ended = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
                said, status = (ended.stderr.strip().splitlines() or ["nothing"])[-1], ended.returncode
            except subprocess.TimeoutExpired:
                said, status = "it is served", 0
            yield Row(f"{what}: `atlas {command}`", shown(said, bench.folder), status, status == 2)
        shutil.rmtree(root)


def _flip(root: Path) -> None:
    content = bytearray((root / "concepts.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (root / "concepts.parquet").write_bytes(content)


def _link(root: Path) -> None:
    picture = next(root.rglob("*.webp"))
    picture.unlink()
    picture.symlink_to("/etc/passwd")


def _leads_out(root: Path) -> None:
    manifest = json.loads((root / "manifest.json").read_text())
    manifest["files"]["pictures/../../../../etc/passwd"] = {"sha256": "0" * 64, "bytes": 1}
    (root / "manifest.json").write_bytes(sealed(manifest))


KINDS: tuple[Callable[[Bench], Iterator[Row]], ...] = (photographs, shards, weights, atlases)
