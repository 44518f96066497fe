"""Cells → the rows of the tables: mean ± spread over classes."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from atlas.schema import RANDOM
from precompute.commands.evaluate.cell import FAITHFULNESS, MEASURES, Cell
from precompute.commands.evaluate.request import Request

Row = dict[str, str | int | float | None]


def spread(name: str, values: Iterable[float | None]) -> Row:
    """Return mean, sample standard deviation (None below two values) and number of the values that are known."""
    known = [value for value in values if value is not None]
    return {
        f"{name}_mean": statistics.fmean(known) if known else None,
        f"{name}_spread": statistics.stdev(known) if len(known) > 1 else None,
        f"{name}_classes": len(known),
    }


def dictionary_rows(request: Request, cells: Sequence[Cell], classes: int) -> list[Row]:
    """Return a row for each dictionary × number of concepts."""
    rows: list[Row] = []
    for key, own in _groups(request, cells):
        row: Row = {**key, "classes": len(own), "failed": classes - len(own)}
        for measure in MEASURES:
            row |= spread(measure, (cell.measures[measure] for cell in own))
        rows.append(row)
    return rows


def estimator_rows(request: Request, cells: Sequence[Cell]) -> list[Row]:
    """Return a row for each dictionary × number of concepts × estimator, and for chance."""
    rows: list[Row] = []
    for key, own in _groups(request, cells):
        photos: Row = {"photos": sum(cell.n_asked for cell in own), "without_curve": sum(cell.left_out for cell in own)}
        for estimator in (*request.estimators, RANDOM):
            row: Row = {**key, "estimator": estimator, **photos}
            for measure in FAITHFULNESS:
                row |= spread(measure, (cell.estimators[estimator][measure] for cell in own))
            rows.append(row)
    return rows


def agreement_rows(request: Request, cells: Sequence[Cell]) -> list[Row]:
    """Return a row for each dictionary × number of concepts × pair of estimators: the rank correlation (Spearman)."""
    return [
        {**key, "first": first, "second": second, **spread("spearman", (cell.agreement[first][second] for cell in own))}
        for key, own in _groups(request, cells)
        for i, first in enumerate(request.estimators)
        for second in request.estimators[i + 1 :]
    ]


def _groups(request: Request, cells: Sequence[Cell]) -> list[tuple[Row, list[Cell]]]:
    return [
        (
            {"dictionary": config.dictionary, "concepts": config.concepts},
            [cell for cell in cells if (cell.dictionary, cell.concepts) == (config.dictionary, config.concepts)],
        )
        for config in request.configs
    ]
