"""Show a plan: what a build will take, and how it divides over workers."""

from __future__ import annotations

import dataclasses
import json

from rich.console import Console
from rich.table import Table

from precompute.commands.plan.estimate import Plan, duration
from precompute.config import Config

_WORKERS = (1, 2, 4, 8, 16, 32, 64, 128)


def show(plan: Plan, config: Config, console: Console, *, as_json: bool) -> None:
    """Print a plan as two tables, or as one JSON record."""
    workers = [n for n in _WORKERS if n == 1 or n <= plan.classes]
    if as_json:
        print(json.dumps(dataclasses.asdict(plan) | {"seconds_on": {str(n): round(plan.on(n), 1) for n in workers}}))
        return
    facts = Table(show_header=False, box=None, pad_edge=False)
    for name, value in (
        ("classes", f"{plan.classes:,}"),
        ("photos, copies among them not looked for", f"{plan.photos:,}"),
        ("images through the backbone, photos and crops", f"{plan.images:,}"),
        ("pictures", f"{plan.pictures:,} ({config.pictures})"),
        ("the atlas", f"{plan.bytes / 1e9:.2f} GB"),
        ("memory of a worker, beside its backbone", f"{plan.memory / 1e9:.2f} GB"),
        ("measured in", duration(plan.measured)),
    ):
        facts.add_row(f"[dim]{name}[/]", value)
    console.print(facts, highlight=False)
    table = Table(title="Workers, each like this machine", title_justify="left")
    for name in ("workers", "time"):
        table.add_column(name, justify="right")
    for n in workers:
        table.add_row(str(n), duration(plan.on(n)))
    console.print(table, highlight=False)
