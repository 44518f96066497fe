from __future__ import annotations

import re

import pytest

from atlas.components.faithfulness import agreement, faithfulness_panel
from atlas.components.markup import markup
from atlas.components.view import ClassView
from atlas.schema import ClassRecord, Concept, Curve, ImageNetClass

INFO = ImageNetClass(0, "n0", "x")


def concept(index: int, contribution: float, **estimators: float) -> Concept:
    return Concept(f"n0/{index}", "class", "n0", index, contribution, estimators=estimators)


@pytest.mark.parametrize(
    ("values", "expected"),
    [((1.0, 2.0, 3.0), 1.0), ((3.0, 2.0, 1.0), -1.0), ((1.0, 3.0, 2.0), 0.5), ((1.0, 1.0, 3.0), 0.866025)],
)
def test_agreement_is_spearmans(values: tuple[float, ...], expected: float) -> None:
    concepts = [concept(i, float(i), sobol=value) for i, value in enumerate(values)]
    assert agreement(concepts) == pytest.approx(expected)


def test_one_estimator_agrees_with_nobody() -> None:
    assert agreement([concept(i, float(i)) for i in range(5)]) is None
    assert faithfulness_panel(ClassView("a", ClassRecord(INFO, "full"))) is None


def test_curves_are_drawn_from_one_corner_to_the_other_with_their_areas() -> None:
    curves = (Curve("contribution", "c_deletion", (1.0, 0.5, 0.0), 0.5), Curve("random", "c_deletion", (1.0, 0.9, 0.0), 0.63))
    text = markup(faithfulness_panel(ClassView("a", ClassRecord(INFO, "full", curves=curves))))
    assert re.findall(r'class="ours" points="([^"]*)"', text) == ["1.0,1.0 120.0,65.0 239.0,129.0"]
    assert "contribution 0.50, random 0.63" in text
    assert "C-Insertion</h3>" not in text
