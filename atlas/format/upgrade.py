"""Tables of format 1.0 as those of 1.1: what they say under another definition is computed anew, or unknown.

In 1.0 a share was contribution ÷ sum of the positive contributions, which hid what no concept explains; accuracy, prevalence and
reliability pooled photos of the fit with held-out ones; intervals held the dictionary fixed; nearest classes mixed vocabularies.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from atlas.schema import LEAST_LOGIT

VERSION = "1.0"
_UNKNOWN = dict.fromkeys(("share_low", "share_high", "prevalence", "reliability"))


def classes(table: pa.Table) -> pa.Table:
    """Return the classes table with shares of what the whole logit is, and without what pooled or mixed."""
    rows = table.to_pylist()
    for row in rows:
        above = _above(row)
        row["evidence"] = [_concept(evidence, above) for evidence in row["evidence"]]
        row["nearest_classes"] = []
    return pa.Table.from_pylist(rows, table.schema)


def concepts(table: pa.Table, classes: pa.Table) -> pa.Table:
    """Return the concepts table in the same way; ``classes`` tells the logits."""
    above = {row["wnid"]: _above(row) for row in classes.select(["wnid", "class_logit", "bias"]).to_pylist()}
    return pa.Table.from_pylist([_concept(row, above.get(row["wnid"])) for row in table.to_pylist()], table.schema)


def _above(row: dict[str, Any]) -> float | None:
    """Return how far the mean logit of a class lies above its bias; None where it does not, or is unknown."""
    if row["class_logit"] is None or row["bias"] is None:
        return None
    above = row["class_logit"] - row["bias"]
    return above if above > LEAST_LOGIT else None


def _concept(row: dict[str, Any], above: float | None) -> dict[str, Any]:
    contribution = row["contribution"]
    share = None if contribution is None or above is None else contribution / above
    return {**row, **_UNKNOWN, "share": share}
