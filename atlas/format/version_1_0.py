"""What the tables of format 1.0 hold: the columns of 1.1 without those it added, and what 1.0 meant otherwise."""

from __future__ import annotations

import pyarrow as pa

from atlas.format import paths, tables

_EVIDENCE = ("dominates", "dominates_holdout", "reliability_holdout")
_BASELINES = ("explained_random", "relative_l2_random", "stability_random", "fid_random", "ood_random")
_ADDED: dict[str, tuple[str, ...]] = {
    paths.CLASSES: (
        *("accuracy_fit", "explained_holdout", "relative_l2_positions", "relative_l2_means", "stability_halves", *_BASELINES),
        *("agreement", "refits", "groups", "groups_expected"),
    ),
    paths.CONCEPTS: _EVIDENCE,
    paths.STRATEGIES: ("recurrence", "size_holdout", "accuracy_holdout", "mistake", "mistakes"),
}

#: Columns that 1.0 lacks, or that say something else there (``upgrade``): nothing of theirs can be held against it.
OTHERWISE = {name for added in _ADDED.values() for name in added} - {"accuracy_holdout"} | {
    *("share", "share_low", "share_high", "prevalence", "reliability", "unexplained"),
}


def columns(name: str) -> dict[str, pa.DataType]:
    """Return the columns of a table of format 1.0."""
    found = {field.name: field.type for field in tables.SCHEMAS[name] if field.name not in _ADDED.get(name, ())}
    if name == paths.CLASSES:
        evidence = found["evidence"].value_type
        found["evidence"] = pa.list_(pa.struct([field for field in evidence if field.name not in _EVIDENCE]))
        found["accuracy"] = pa.float64()  # over all photos, of the fit or held out
    return found
