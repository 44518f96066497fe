"""The tables: in a terminal, as CSV, and with every cell and where it came from as JSON."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from precompute import provenance
from precompute.commands.evaluate.run import Evaluation, write
from precompute.commands.evaluate.tables import Row, agreement_rows, dictionary_rows, estimator_rows

_DICTIONARY_COLUMNS = {
    "relative ℓ2": "relative_l2",
    "sparsity": "sparsity",
    "Hoyer": "hoyer",
    "stability": "stability",
    "of halves": "stability_halves",
    "by chance": "stability_random",
    "FID": "fid",
    "OOD": "ood",
    "explained": "explained",
    "explained by chance": "explained_random",
    "explained, fit": "explained_fit",
    "seconds": "seconds",
}
_ESTIMATOR_COLUMNS = {"C-Deletion ↓": "c_deletion", "C-Insertion ↑": "c_insertion", "C-μFidelity ↑": "c_mu_fidelity"}


def tables(evaluation: Evaluation) -> dict[str, list[Row]]:
    """Return the rows of every table, by name."""
    request, cells = evaluation.request, evaluation.cells
    return {
        "dictionaries": dictionary_rows(request, cells, len(evaluation.classes)),
        "estimators": estimator_rows(request, cells),
        "agreement": agreement_rows(request, cells),
    }


def save(evaluation: Evaluation) -> None:
    """Write ``dictionaries.csv``, ``estimators.csv``, ``agreement.csv`` and ``evaluation.json``; each is whole at any instant."""
    out, rows = evaluation.request.config.out, tables(evaluation)
    for name, table in rows.items():
        write(out / f"{name}.csv", _csv(table))
    write(out / "evaluation.json", json.dumps(_record(evaluation) | rows, indent=1, ensure_ascii=False))


def _csv(rows: Sequence[Row]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _record(evaluation: Evaluation) -> dict[str, Any]:
    request, cells = evaluation.request, evaluation.cells
    by_class = {cell.wnid: cell for cell in cells}
    ours = {"dictionary", "concepts", "scope", "shared_concepts", "pictures", "picture_batch", "publish_photos", "layout"}
    return {
        "created": provenance.now(),
        "project": provenance.project(),
        "libraries": provenance.libraries(),
        "backbone": evaluation.backbone,
        "settings": {key: value for key, value in request.config.settings().items() if key not in ours},
        "digest": hashlib.sha256("".join(sorted(cell.digest for cell in cells)).encode()).hexdigest()[:16],
        "seed": request.config.seed,
        "compared": {
            "dictionaries": request.dictionaries,
            "estimators": request.estimators,
            "concepts": request.concepts,
        },
        "photo_sets": evaluation.photo_sets,
        "n_classes": len(evaluation.classes),
        "n_photos_fitted": sum(cell.n_fitted for cell in by_class.values()),
        "n_photos_judged": sum(cell.n_judged for cell in by_class.values()),
        "without_holdout": sorted(wnid for wnid, cell in by_class.items() if cell.judged_on == "all"),
        "failed": evaluation.failed,
        "skipped_photos": evaluation.skipped | evaluation.copies,
        "cells": [dataclasses.asdict(cell) for cell in cells],
    }


def line(evaluation: Evaluation) -> str:
    """Return the tables as one JSON record, and what failed."""
    ended = {"failed": evaluation.failed, "skipped": evaluation.skipped, "seconds": round(evaluation.seconds, 2)}
    return json.dumps({"event": "tables", "out": str(evaluation.request.config.out), **tables(evaluation), **ended})


def show(evaluation: Evaluation, console: Console) -> None:
    """Print the tables, what failed, and where they are."""
    if evaluation.cells:
        _show_tables(evaluation, console)
    for what, why in {**evaluation.failed, **{f"photo {key}": reason for key, reason in evaluation.skipped.items()}}.items():
        console.print(f"{what}: {why}", highlight=False, markup=False)
    new, out = len(evaluation.cells) - evaluation.unchanged, evaluation.request.config.out
    console.print(
        f"{out}: {new} measured, {evaluation.unchanged} unchanged, {len(evaluation.failed)} failed, "
        f"in {evaluation.seconds:.1f} s.",
        highlight=False,
        markup=False,
    )


def _show_tables(evaluation: Evaluation, console: Console) -> None:
    rows = tables(evaluation)
    judges = {cell.wnid: cell for cell in evaluation.cells}
    alone = sorted(f"{wnid} ({cell.name})" for wnid, cell in judges.items() if cell.judged_on == "all")
    judged, asked = (sum(getattr(cell, name) for cell in judges.values()) for name in ("n_judged", "n_asked"))
    over = f"mean ± standard deviation over {len(judges)} classes, judged on"
    what = "photos" if alone else "holdout photos"
    console.print(_dictionaries(rows["dictionaries"], f"{over} {judged} {what}"))
    console.print(_estimators(rows["estimators"], f"{over} {asked} {what}"))
    if len(evaluation.request.estimators) > 1:
        console.print(_agreement(rows["agreement"], evaluation.request.estimators))
    if alone:
        console.print(
            f"Without holdout photos, so judged on all, those of the fit among them: {', '.join(alone)}.", highlight=False
        )


def _dictionaries(rows: Sequence[Row], over: str) -> Table:
    failures = any(row["failed"] for row in rows)
    table = _table(f"Dictionaries: {over}", ["k", "dictionary", *_DICTIONARY_COLUMNS, *(["failed"] if failures else [])])
    for row in rows:
        cells = [_cell(row, name) for name in _DICTIONARY_COLUMNS.values()]
        table.add_row(str(row["concepts"]), str(row["dictionary"]), *cells, *([str(row["failed"])] if failures else []))
    return table


def _estimators(rows: Sequence[Row], over: str) -> Table:
    table = _table(f"Estimators: {over}", ["k", "dictionary", "estimator", *_ESTIMATOR_COLUMNS, "photos without a curve"])
    table.caption, table.caption_justify = "(in brackets: fewer than half of the photos have a curve)", "left"
    last = None
    for row in rows:
        group = (str(row["concepts"]), str(row["dictionary"]))
        if last not in {None, group}:
            table.add_section()
        cells = [_cell(row, name) for name in _ESTIMATOR_COLUMNS.values()]
        if _few(row):
            cells[:2] = [f"({cell})" for cell in cells[:2]]
        left_out = f"{row['without_curve']} of {row['photos']}"
        table.add_row(*(group if group != last else ("", "")), str(row["estimator"]), *cells, left_out if group != last else "")
        last = group
    return table


def _few(row: Row) -> bool:
    """Tell whether the curves of a row speak for fewer than half of the photos."""
    photos, without = row["photos"], row["without_curve"]
    known = row["c_deletion_mean"] is not None
    return known and isinstance(photos, int) and isinstance(without, int) and 2 * without > photos


def _agreement(rows: Sequence[Row], estimators: Sequence[str]) -> Table:
    first, *others = estimators
    table = _table(f"Rank agreement with {first} (Spearman; every pair is in agreement.csv)", ["k", "dictionary", *others])
    lines: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["first"] == first:
            lines.setdefault((str(row["concepts"]), str(row["dictionary"])), []).append(_cell(row, "spearman"))
    for key, cells in lines.items():
        table.add_row(*key, *cells)
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="left" if column in {"dictionary", "estimator"} else "right")
    return table


def _cell(row: Row, name: str) -> str:
    mean, deviation = row[f"{name}_mean"], row[f"{name}_spread"]
    if not isinstance(mean, float):
        return "–"
    return _number(mean) + (f" ± {_number(deviation)}" if isinstance(deviation, float) else "")


def _number(value: float) -> str:
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"
    return "0.00" if text == "-0.00" else text.replace("-", "−")
