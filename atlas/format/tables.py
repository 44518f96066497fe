"""Domain types ↔ Arrow tables: one schema a table, one pair of functions a type."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from atlas.format import paths
from atlas.schema import (
    SHARED,
    AtlasError,
    ClassRecord,
    Concept,
    Curve,
    Evidence,
    Exemplar,
    ImageNetClass,
    Layout,
    Neighbour,
    Photos,
    Strategy,
)

#: Every estimator an atlas can hold a column for, beside the contribution itself.
ESTIMATORS = (
    "gradient_input",
    "integrated_gradients",
    "saliency",
    "smoothgrad",
    "occlusion",
    "rise",
    "sobol",
    "hsic",
)

_real = pa.float64()
_text = pa.string()
_reals = pa.list_(pa.float32())
_whole = pa.int32()
_wholes = pa.list_(pa.int32())
_neighbours = pa.list_(pa.struct({"id": _text, "cosine": _real, "background": pa.bool_()}))
_counts = ("index", "dominates", "dominates_holdout")
_numbers = [f.name for f in dataclasses.fields(Evidence) if f.name not in (*_counts, "estimators")]
_evidence = pa.list_(pa.struct({**dict.fromkeys(_counts, _whole), **dict.fromkeys([*_numbers, *ESTIMATORS], _real)}))
_curves = pa.list_(pa.struct({"method": _text, "measure": _text, "values": pa.list_(_real), "auc": _real}))


def _columns(kind: pa.DataType, *names: str) -> dict[str, pa.DataType]:
    return dict.fromkeys(names, kind)


SCHEMAS: dict[str, pa.Schema] = {
    paths.CLASSES: pa.schema(
        {
            "class_index": _whole,
            **_columns(_text, "wnid", "name"),
            "synonyms": pa.list_(_text),
            "definition": _text,
            "hypernyms": pa.list_(_text),
            **_columns(_text, "coverage", "scope"),
            **_columns(_whole, "n_photos", "n_fit", "n_holdout"),
            **_columns(_real, "accuracy_fit", "accuracy_holdout", "class_logit", "bias", "residual"),
            **_columns(_real, "explained", "explained_holdout", "explained_random", "explained_shared"),
            **_columns(_real, "relative_l2", "relative_l2_random", "relative_l2_positions", "relative_l2_means"),
            **_columns(_real, "sparsity", "hoyer", "stability", "stability_halves", "stability_random"),
            **_columns(_real, "fid", "fid_random", "ood", "ood_random", "c_mu_fidelity", "c_mu_fidelity_random", "agreement"),
            **_columns(_whole, "refits", "groups"),
            "groups_expected": _real,
            "curves": _curves,
            "nearest_classes": _neighbours,
            "evidence": _evidence,
            "alignment": _reals,
            "digest": _text,
        }
    ),
    paths.CONCEPTS: pa.schema(
        {
            **_columns(_text, "concept_id", "scope", "wnid"),
            "index": _whole,
            **_columns(_real, "contribution", "share", "share_low", "share_high"),
            **_columns(_real, "prevalence", "reliability"),
            **_columns(_whole, "dominates", "dominates_holdout"),
            **_columns(_real, "reliability_holdout", "stability"),
            **_columns(_real, *ESTIMATORS),
            "aligned": _neighbours,
            "neighbours": _neighbours,
            **_columns(_real, "map_x", "map_y"),
            "colour": _whole,
        }
    ),
    paths.PHOTOS: pa.schema(
        {
            **_columns(_text, "wnid", "key", "split"),
            "predicted": _whole,
            "correct": pa.bool_(),
            **_columns(pa.float32(), "class_logit", "bias", "residual"),
            **_columns(_reals, "codes", "contributions"),
            **_columns(_whole, "dominant", "strategy"),
            **_columns(pa.float32(), "x", "y"),
            "neighbours": _wholes,
            "heat_concepts": _wholes,
            "heat": pa.binary(),
        }
    ),
    paths.STRATEGIES: pa.schema(
        {
            "wnid": _text,
            "index": _whole,
            "name": _text,
            "size": _whole,
            "accuracy": _real,
            "contributions": pa.list_(_real),
            "medoids": _wholes,
            "recurrence": _real,
            "size_holdout": _whole,
            "accuracy_holdout": _real,
            **_columns(_whole, "mistake", "mistakes"),
        }
    ),
    paths.EXEMPLARS: pa.schema({"concept_id": _text, "rank": _whole, "key": _text, "box": _wholes, "code": _real}),
}

TABLE_NAMES = tuple(SCHEMAS)

#: What a map of all concepts shows.
PLACES = ["concept_id", "wnid", "map_x", "map_y", "contribution", "share", "prevalence", "reliability", "dominates", "stability"]


def owners(table: pa.Table) -> pa.ChunkedArray:
    """Return, for every row of any table, the wnid or "shared" it belongs to."""
    if "concept_id" in table.schema.names:
        return pc.replace_substring_regex(table["concept_id"], pattern="/.*", replacement="")
    return table["wnid"]


def ranges(table: pa.Table) -> dict[str, tuple[int, int]]:
    """Return, for every owner of rows, its first row and how many it has; a table keeps the rows of an owner together."""
    counted = pc.value_counts(owners(table))
    sizes = as_array(counted.field("counts"))
    starts = sizes.cumsum() - sizes
    named = zip(counted.field("values").to_pylist(), starts.tolist(), sizes.tolist(), strict=True)
    return {SHARED if name is None else name: (start, size) for name, start, size in named}


def users(table: pa.Table, index: int) -> list[tuple[str, float]]:
    """Return which classes a shared concept explains, with its contribution, from the classes table."""
    evidence = table["evidence"].combine_chunks()
    flat, owner = evidence.flatten(), as_array(pc.list_parent_indices(evidence))
    chosen = np.flatnonzero(as_array(flat.field("index")) == index)
    wnids, contributions = table["wnid"], flat.field("contribution")
    return [(wnids[int(owner[i])].as_py(), contributions[int(i)].as_py()) for i in chosen]


def records_table(records: Sequence[ClassRecord]) -> pa.Table:
    """Encode class records, a row each.

    Raises:
        AtlasError: an estimator that has no column.
    """
    rows = []
    for record in records:
        row = dataclasses.asdict(record)
        row["evidence"] = [_spread(evidence) for evidence in row["evidence"]]
        rows.append({**row.pop("info"), **row})
    return pa.Table.from_pylist(rows, SCHEMAS[paths.CLASSES])


def read_records(table: pa.Table) -> tuple[ClassRecord, ...]:
    """Decode class records."""
    return tuple(_record(row) for row in table.to_pylist())


def _record(row: dict[str, Any]) -> ClassRecord:
    info = {field.name: row.pop(field.name) for field in dataclasses.fields(ImageNetClass)}
    info |= {"synonyms": tuple(info["synonyms"]), "hypernyms": tuple(info["hypernyms"])}
    row["curves"] = tuple(Curve(**{**c, "values": tuple(c["values"])}) for c in row["curves"])
    row["nearest_classes"] = tuple(Neighbour(**n) for n in row["nearest_classes"])
    row["evidence"] = tuple(Evidence(**_known(Evidence, _gathered(e))) for e in row["evidence"])
    row["alignment"] = tuple(round(cosine, 4) for cosine in row.get("alignment") or ())
    return ClassRecord(info=ImageNetClass(**info), **_known(ClassRecord, row))


def _known(kind: type, row: dict[str, Any]) -> dict[str, Any]:
    """Leave out columns of another minor version of the format; those that are missing keep their defaults."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in row.items() if name in names}


def _spread(row: dict[str, Any]) -> dict[str, Any]:
    """Give each estimator of a row a column."""
    estimators = row.pop("estimators")
    if unknown := estimators.keys() - set(ESTIMATORS):
        raise AtlasError(f"No table has a column for the estimator {min(unknown)!r}: name it in ESTIMATORS.")
    return {**estimators, **row}


def _gathered(row: dict[str, Any]) -> dict[str, Any]:
    """Undo ``_spread``: gather the estimators that are known."""
    columns = {name: row.pop(name, None) for name in ESTIMATORS}
    return {**row, "estimators": {name: value for name, value in columns.items() if value is not None}}


def concepts_table(concepts: Sequence[Concept]) -> pa.Table:
    """Encode concepts, a row each, an estimator a column.

    Raises:
        AtlasError: an estimator that has no column.
    """
    return pa.Table.from_pylist([_spread(dataclasses.asdict(concept)) for concept in concepts], SCHEMAS[paths.CONCEPTS])


def read_concepts(table: pa.Table) -> tuple[Concept, ...]:
    """Decode concepts."""
    return tuple(_concept(row) for row in table.to_pylist())


def _concept(row: dict[str, Any]) -> Concept:
    row = _gathered(row)
    row["aligned"] = tuple(Neighbour(**n) for n in row["aligned"])
    row["neighbours"] = tuple(Neighbour(**n) for n in row["neighbours"])
    return Concept(**_known(Concept, row))


def photos_table(photos: Photos) -> pa.Table:
    """Encode the photos of a class, a row each."""
    columns = {
        "wnid": [photos.wnid] * len(photos),
        "key": list(photos.keys),
        "split": list(photos.split),
        "predicted": photos.predicted,
        "correct": photos.correct,
        "class_logit": photos.class_logit,
        "bias": photos.bias,
        "residual": photos.residual,
        "codes": list(photos.codes),
        "contributions": list(photos.contributions),
        "dominant": photos.dominant,
        "strategy": photos.strategy,
        "x": photos.xy[:, 0],
        "y": photos.xy[:, 1],
        "neighbours": [list(n) for n in photos.neighbours],
        "heat_concepts": list(photos.heat_concepts),
        "heat": [np.ascontiguousarray(heat).tobytes() for heat in photos.heat],
    }
    schema = SCHEMAS[paths.PHOTOS]
    return pa.table([pa.array(columns[f.name], f.type) for f in schema], schema=schema)


def as_array(column: pa.Array) -> np.ndarray:
    """Return a column without nulls as NumPy; Arrow's own way loads pandas, wherever it is installed, for 50 MB."""
    if pa.types.is_boolean(column.type):
        return np.from_dlpack(column.cast(pa.uint8())).astype(bool)
    return np.from_dlpack(column)


def read_photos(table: pa.Table, grid: tuple[int, int]) -> Photos:
    """Decode the photos of one class; ``grid`` is the (height, width) of a heat map."""
    column = {name: table[name].combine_chunks() for name in table.schema.names}
    n = table.num_rows

    def matrix(name: str) -> np.ndarray:
        return as_array(column[name].flatten()).reshape(n, -1)

    def vector(name: str) -> np.ndarray:
        return as_array(column[name])

    heat = np.frombuffer(b"".join(column["heat"].to_pylist()), np.uint8)
    return Photos(
        wnid=column["wnid"][0].as_py(),
        keys=tuple(column["key"].to_pylist()),
        split=tuple(column["split"].to_pylist()),
        **{name: vector(name) for name in ("predicted", "correct", "class_logit", "bias", "residual")},
        codes=matrix("codes"),
        contributions=matrix("contributions"),
        dominant=vector("dominant"),
        strategy=vector("strategy"),
        xy=np.stack([vector("x"), vector("y")], axis=1),
        neighbours=_tuples(column["neighbours"]),
        heat_concepts=matrix("heat_concepts"),
        heat=heat.reshape(n, -1, *grid),
    )


#: The columns of a layout.
LAYOUT = ["split", "correct", "dominant", "strategy", "x", "y", "neighbours"]


def read_layout(table: pa.Table) -> Layout:
    """Decode where the photos of one class lie, from the columns of a layout."""
    column = {name: table[name].combine_chunks() for name in LAYOUT}
    return Layout(
        holdout=np.array([part == "holdout" for part in column["split"].to_pylist()], bool),
        **{name: as_array(column[name]) for name in ("correct", "dominant", "strategy")},
        xy=np.stack([as_array(column["x"]), as_array(column["y"])], axis=1),
        neighbours=_tuples(column["neighbours"]),
    )


def _tuples(lists: pa.ListArray) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in lists.to_pylist())


def strategies_table(strategies: Sequence[Strategy]) -> pa.Table:
    """Encode strategies, a row each."""
    return pa.Table.from_pylist([dataclasses.asdict(s) for s in strategies], SCHEMAS[paths.STRATEGIES])


def read_strategies(table: pa.Table) -> tuple[Strategy, ...]:
    """Decode strategies."""
    return tuple(_strategy(row) for row in table.to_pylist())


def _strategy(row: dict[str, Any]) -> Strategy:
    row |= {"contributions": tuple(row["contributions"]), "medoids": tuple(row["medoids"])}
    return Strategy(**_known(Strategy, row))


def exemplars_table(exemplars: Sequence[Exemplar]) -> pa.Table:
    """Encode exemplars, a row each."""
    return pa.Table.from_pylist([dataclasses.asdict(e) for e in exemplars], SCHEMAS[paths.EXEMPLARS])


def read_exemplars(table: pa.Table) -> tuple[Exemplar, ...]:
    """Decode exemplars."""
    return tuple(Exemplar(**{**row, "box": tuple(row["box"])}) for row in table.to_pylist())
