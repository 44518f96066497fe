"""How good the dictionary of a class is: every measure of it in one table, beside what chance gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dash import html

from atlas.schema import ClassRecord
from atlas.site import formats
from atlas.site.class_view import ClassView
from atlas.site.components.downloads import exports, rows, table_links
from atlas.site.glossary import GLOSSARY


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure by the name of its column, and the column of the same for random patches (or a random ranking), if any."""

    column: str
    name: str
    chance: str = ""
    per_cent: bool = False


MEASURES = (
    Measure("relative_l2", "reconstruction error, crops", "relative_l2_random"),
    Measure("relative_l2_positions", "reconstruction error, positions of photos"),
    Measure("relative_l2_means", "reconstruction error, photo means"),
    Measure("stability", "stability, refits", "stability_random"),
    Measure("stability_halves", "stability, disjoint halves", "stability_random"),
    Measure("fid", "FID", "fid_random"),
    Measure("ood", "OOD (1: as real as real)", "ood_random"),
    Measure("sparsity", "sparsity"),
    Measure("hoyer", "Hoyer"),
    Measure("explained_holdout", "explained, unseen photos", "explained_random", per_cent=True),
    Measure("explained", "explained, the others", per_cent=True),
    Measure("explained_shared", "explained by shared concepts", per_cent=True),
    Measure("c_mu_fidelity", "C-μFidelity", "c_mu_fidelity_random"),
)


def measures(view: ClassView) -> Any:
    """Offer every measure that is known, closed until asked for; None where there is none, or for a handful of photos."""
    record = view.record
    known = [measure for measure in MEASURES if _value(record, measure.column) is not None]
    if not known or record.coverage != "full":
        return None
    columns = dict.fromkeys(column for measure in known for column in (measure.column, measure.chance) if column)
    numbers = rows(["measure", "value"], [(column, _value(record, column)) for column in columns])
    head = html.Tr([html.Th(words, scope="col") for words in ("measure", "this dictionary", "by chance")])
    lines = [html.Tr([html.Th(one.name, scope="row"), *_cells(record, one)]) for one in known]
    table = html.Table([html.Thead(head), html.Tbody(lines)], id="measures", **numbers)
    return html.Details(
        [
            html.Summary("How good is this dictionary?"),
            html.Div(table, className="wide", tabIndex=0, role="region", **{"aria-label": "measures of the dictionary"}),
            exports("measures", "csv", "json", of="#measures"),
            table_links(view.atlas, record.info.wnid, "class"),
            html.P(f"by chance: {GLOSSARY['random patches']} Of C-μFidelity: a random ranking."),
        ],
        className="explain measures",
    )


def _value(record: ClassRecord, column: str) -> float | None:
    value: float | None = getattr(record, column)
    return value


def _cells(record: ClassRecord, measure: Measure) -> list[Any]:
    write = formats.percent if measure.per_cent else formats.plain
    chance = html.Td(write(_value(record, measure.chance))) if measure.chance else html.Td()
    return [html.Td(write(_value(record, measure.column))), chance]
