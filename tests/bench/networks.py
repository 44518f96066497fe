"""Which of timm's networks can be looked into: the smallest of every kind, with random weights → .github/NETWORKS.md.

A kind is a module of timm, a class in it and a way of pooling. A network works if it loads, its two halves give its own logits,
its activations are numbers on an image grid whose corners see the corners of the image, and its head reads them.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import timm
import torch
import torch.nn.functional as F
from timm.models import get_pretrained_cfg, list_modules
from torch import Tensor, nn

from atlas.schema import AtlasError
from precompute.network import backbone
from precompute.network.backbone import N_CLASSES, Backbone

TABLE = Path(__file__).parents[2] / ".github" / "NETWORKS.md"
LARGEST_SIDE = 256
PATIENCE = 180.0  # seconds for one network
_TOLERANCE = 1e-3  # of the largest logit
_CLEARLY = 0.05  # of a corner's whole reaction


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of network, and its smallest member."""

    module: str
    network: str
    parameters: int


def kinds(modules: list[str]) -> list[Kind]:
    """Return the smallest network of every kind: with 1000 classes and at most ``LARGEST_SIDE`` pixels where there is one."""
    found: dict[tuple[str, str, str], tuple[tuple[bool, int], Kind]] = {}
    for module in modules:
        for name in timm.list_models(module=module):
            stated = get_pretrained_cfg(name, allow_unregistered=True)
            if stated is not None and stated.num_classes not in (0, N_CLASSES):
                continue
            side = stated.input_size[-1] if stated is not None else 224
            try:
                with torch.device("meta"):
                    model = timm.create_model(name)
            except Exception:  # some networks cannot be made without memory
                continue
            if int(getattr(model, "num_classes", 0)) != N_CLASSES:
                continue
            parameters = sum(p.numel() for p in model.parameters())
            key = (module, type(model).__name__, str(getattr(model, "global_pool", "")))
            size = (side > LARGEST_SIDE, parameters)
            if key not in found or size < found[key][0]:
                found[key] = (size, Kind(module, name, parameters))
    return [kind for _, kind in found.values()]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a network."""

    status: str  # works, works with --layer, refused; wrong or crashed: mend this
    said: str
    gives: str = ""
    contributions: str = ""


def verdict(network: str, folder: Path) -> Verdict:
    """Judge a network: as it is, and if it is refused, at the blocks that can be named."""
    model = _random(network)
    weights = folder / "weights.pth"
    torch.save(model.state_dict(), weights)
    try:
        return _judged(network, str(weights), "auto")
    except AtlasError as error:
        refused = Verdict("refused", str(error))
    blocks = [name for name, _ in model.named_modules() if name.split(".")[-1].isdecimal() and name.count(".") < 4]
    start = time.monotonic()
    for layer in reversed(blocks):
        if time.monotonic() > start + PATIENCE / 2:
            break
        with suppress(AtlasError):
            return replace(_judged(network, str(weights), layer), status="works with --layer", said=layer)
    return refused


def _random(network: str) -> nn.Module:
    """Return a network with random weights, none of them all zero: a head of zeros reads nothing."""
    torch.manual_seed(0)
    model = timm.create_model(network)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.any() and not name.endswith("bias"):
                parameter.copy_(torch.randn_like(parameter) * 0.02 if parameter.ndim > 1 else torch.ones_like(parameter))
    return model


def _judged(network: str, weights: str, layer: str) -> Verdict:
    net = backbone.load(network, weights=weights, layer=layer, device="cpu")
    if wrong := "; ".join(_faults(net)):
        return Verdict("wrong", wrong)
    described = net.describe()
    token = " and a class token" if net.has_class_token else ""
    gives = f"{net.grid[0]}×{net.grid[1]} × {net.channels}{token}"
    return Verdict("works", described["layer"], gives, described["contributions"])


def _faults(net: Backbone) -> Iterator[str]:
    size = net.preprocessing.input_size
    x = torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(4)) * 2 - 1
    with torch.inference_mode():
        expected = net._model(x)
        expected = expected if isinstance(expected, Tensor) else expected[0]
        found = net.read(x)
        again = net.head(net.features(x), prefix=found.prefix if net.has_class_token else None)
    for name, logits in (("read", found.logits), ("head", again)):
        gap = float((logits - expected).abs().max() / expected.abs().max())
        if not gap <= _TOLERANCE:
            yield f"{name} differs from the network's logits by {gap:.1e}"
    if not torch.equal(found.activations, net.features(x)):
        yield "the head changes the activations"
    if not found.activations.isfinite().all():
        yield "not finite"
    if corners := _corners_elsewhere(net, x[:1]):
        yield f"{corners} of 4 corners see another part of the image"


def _corners_elsewhere(net: Backbone, x: Tensor) -> int:
    """Return how many corners of the grid clearly react more to another quarter of the image than the other corners do.

    Where attention with random weights looks everywhere alike, none does: nothing is known then.
    """
    rows, columns = net.grid
    x = x.clone().requires_grad_()
    shares = []
    for position in (0, columns - 1, (rows - 1) * columns, rows * columns - 1):
        at = net.features(x)[0, position]
        weights = torch.randn(at.shape, generator=torch.Generator().manual_seed(5))
        (gradient,) = torch.autograd.grad((at * weights).sum(), x)
        quarters = F.adaptive_avg_pool2d(gradient[0].abs().sum(dim=0)[None], 2).flatten()
        shares.append(quarters / quarters.sum())
    table = torch.stack(shares) - torch.stack(shares).mean(dim=0)
    return int((table.amax(dim=1) - table.diagonal() > _CLEARLY).sum())


def _in_a_process(network: str, answer: Connection) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    try:
        with tempfile.TemporaryDirectory() as folder:
            answer.send(verdict(network, Path(folder)))
    except BaseException as error:
        answer.send(Verdict("crashed", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"))


def judged(network: str) -> Verdict:
    """Return the verdict on a network, found in a process of its own that may take ``PATIENCE`` seconds."""
    receive, send = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_in_a_process, args=(network, send))
    process.start()
    send.close()
    try:
        return receive.recv() if receive.poll(PATIENCE) else Verdict("crashed", f"no answer in {PATIENCE:.0f} s")
    except EOFError:
        return Verdict("crashed", "the process ended")
    finally:
        process.kill()
        process.join()


def table(rows: list[tuple[Kind, Verdict]]) -> str:
    """Return the page that says which networks can be looked into."""
    count = {status: sum(found.status == status for _, found in rows) for status in ("works", "works with --layer", "refused")}
    lines = [
        "# Which networks can be looked into",
        "",
        f"The smallest network of every kind in timm {timm.__version__} (a module, a class in it, a way of pooling), with random",
        f"weights: of {len(rows)}, {count['works']} work as they are, {count['works with --layer']} at a layer that has to be",
        f"named, {count['refused']} are refused in one line before any work.",
        "`python -m tests.bench networks` writes this page. *Works* means: features and head give the network's own logits to",
        f"{_TOLERANCE:g} of the largest, activations are numbers on an image grid, and the head's gradient reaches its patches.",
        "*Layer* is where `--layer auto` cuts; a block, where a class token reads no patch after it.",
        "",
        "| module | smallest network | parameters | | layer, or the reason | positions × channels | contributions |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, found in sorted(rows, key=lambda row: (row[0].module, row[0].network)):
        layer = f"`{found.said}`" if "." in found.said and found.status.startswith("works") else found.said
        lines.append(
            f"| {kind.module} | {kind.network} | {kind.parameters / 1e6:.1f} M | {found.status} | {layer} | {found.gives} | "
            f"{found.contributions} |"
        )
    return "\n".join([*lines, ""])


def main(only: list[str]) -> int:
    """Judge every kind of network and write the page, or judge those modules named; return 1 if one is wrong or crashed."""
    warnings.simplefilter("ignore")
    rows = []
    for kind in kinds(only or list_modules()):
        found = judged(kind.network)
        print(f"{kind.module:26} {kind.network:40} {found.status}: {found.said} {found.gives} {found.contributions}", flush=True)
        rows.append((kind, found))
    if not only:
        TABLE.write_text(table(rows))
    return int(any(found.status in {"wrong", "crashed"} for _, found in rows))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
