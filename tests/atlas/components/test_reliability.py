from __future__ import annotations

import dataclasses

import pytest

from atlas.components.reliability import reliability_chart
from atlas.components.view import ClassView
from atlas.schema import ClassRecord, Concept, ImageNetClass

RECORD = ClassRecord(ImageNetClass(0, "n0", "x"), "full", n_photos=100, accuracy=0.8)
CONCEPTS = (
    Concept("n0/0", "class", "n0", 0, 1.0, prevalence=0.5, reliability=1.0),
    Concept("n0/1", "class", "n0", 1, 0.5, prevalence=0.25, reliability=0.4, colour=1),
    Concept("n0/2", "class", "n0", 2, 0.1, prevalence=0.0, reliability=None, colour=2),
)


def test_dots_stand_where_prevalence_and_reliability_say() -> None:
    text = str(reliability_chart(ClassView("a", RECORD, CONCEPTS)))
    assert "'left': '100.0%', 'bottom': '100.0%'" in text
    assert "'left': '50.0%', 'bottom': '40.0%'" in text
    assert "concept 2" not in text


@pytest.mark.parametrize(
    "view",
    [
        ClassView("a", dataclasses.replace(RECORD, n_photos=5), CONCEPTS),
        ClassView("a", RECORD, CONCEPTS[:1]),
    ],
)
def test_there_is_no_chart_without_enough_to_show(view: ClassView) -> None:
    assert reliability_chart(view) is None
