"""Say what is installed, which device and weights are used, what things cost here, and whether the whole path runs."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from atlas.format import problems
from atlas.schema import AtlasError
from precompute import config, photos, provenance, visualize
from precompute.commands.build import build_atlas
from precompute.network import backbone as backbones
from precompute.network.backbone import Backbone
from precompute.progress import Silent
from precompute.visualize import spectrum

_PICTURES = 8  # a batch of which the cost of one is measured


def examine(console: Console, name: str, *, weights: str, device: str) -> int:
    """Print the examination; return 0 if the whole path ran, else 3.

    Raises:
        AtlasError: the backbone or the device cannot be used at all.
    """
    console.print("  ".join(f"{library} {version}" for library, version in provenance.libraries().items()), highlight=False)
    model = backbones.load(name, weights=weights, device=device)
    described = model.describe()
    console.print(
        f"{name}: weights from {described['weights']['source']} (sha256 {described['weights']['sha256'][:12]}…), "
        f"on {model.device}, {model.folded} BatchNorms folded, head {described['head']}, {described['channels']} channels at "
        f"{model.grid[0]}×{model.grid[1]} positions",
        highlight=False,
    )
    console.print(_costs(model))
    return _whole_path(console, name, weights=weights, device=device)


def _costs(model: Backbone) -> Table:
    table = Table(title="Measured here (a picture: of a batch of eight, from a few of its steps)", title_justify="left")
    for column in ("what", "size", "time"):
        table.add_column(column, justify="right" if column == "time" else "left")
    size = model.preprocessing.input_size
    table.add_row("photo or crop through the backbone", f"{size}×{size}", f"{_forward(model, size) * 1e3:.1f} ms")
    for name, preset in visualize.PRESETS.items():
        seconds, _ = visualize.cost(model, preset, spectrum=spectrum.load(), batch=_PICTURES)
        table.add_row(
            f"feature visualization, {name} ({preset.steps} steps × {preset.crops} crops)",
            f"{preset.size}×{preset.size}",
            f"{seconds:.1f} s",
        )
    return table


def _forward(model: Backbone, size: int) -> float:
    x = _images(model, size)

    def run() -> None:
        with torch.inference_mode():
            model.logits(x)

    return _best(model, run) / len(x)


def _images(model: Backbone, size: int) -> torch.Tensor:
    x = torch.rand(16, 3, size, size, generator=torch.Generator().manual_seed(0))
    return x.to(model.device).contiguous(memory_format=torch.channels_last)


def _best(model: Backbone, run: Callable[[], None], repeats: int = 3) -> float:
    """Return the shortest of several times: what the machine can do when nobody disturbs it."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        if model.device.type == "cuda":
            torch.cuda.synchronize(model.device)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def _whole_path(console: Console, name: str, *, weights: str, device: str) -> int:
    if importlib.util.find_spec("foolbox") is None:
        console.print("The whole path was not tried: the sample photos are missing (pip install concept-atlas\\[demo]).")
        return 3
    wnids = list(photos.index([photos.SAMPLE]).photos)[:3]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "doctor"
        settings = config.make(
            photos=(photos.SAMPLE,), out=out, backbone=name, weights=weights, device=device, classes=tuple(wnids),
            scope="shared", shared_concepts=8, pictures="none",
        )  # fmt: skip
        try:
            report = build_atlas(settings, Silent())
        except AtlasError as error:
            console.print(f"The whole path does not run: {error}")
            return 3
        found = problems(out)
    console.print(
        f"The whole path runs: {len(wnids)} classes built and checked in {report.seconds:.1f} s, {len(found)} problems."
    )
    return 3 if found or report.failed else 0
