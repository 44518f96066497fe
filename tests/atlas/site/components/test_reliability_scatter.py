from __future__ import annotations

import dataclasses

import pytest

from atlas.schema import ClassRecord, Concept, ImageNetClass
from atlas.site.class_view import ClassView
from atlas.site.components.reliability_scatter import reliability_chart
from atlas.site.markup import markup
from atlas.site.wilson import wilson

RECORD = ClassRecord(ImageNetClass(0, "n0", "x"), "full", n_photos=100, n_holdout=20, accuracy_fit=0.8)
CONCEPTS = (
    Concept("n0/0", "class", "n0", 0, 1.0, prevalence=0.5, reliability=1.0, dominates=40),
    Concept("n0/1", "class", "n0", 1, 0.5, prevalence=0.25, reliability=0.4, dominates=20, colour=1),
    Concept("n0/2", "class", "n0", 2, 0.1, prevalence=0.0, reliability=None, dominates=0, colour=2),
)


def test_dots_stand_where_prevalence_and_reliability_say_on_whiskers_of_their_interval() -> None:
    text = markup(reliability_chart(ClassView("a", RECORD, CONCEPTS)))
    assert 'style="left:100.0%;bottom:100.0%"' in text
    assert 'style="left:50.0%;bottom:40.0%"' in text
    assert "concept 2" not in text
    low, high = wilson(8, 20)
    assert f'class="whisker c-1" style="left:50.0%;bottom:{100 * low:.1f}%;height:{100 * (high - low):.1f}%"' in text
    assert f"concept 1: leads 20 photos, right on 8, 95\u202f% interval {100 * low:.0f}–{100 * high:.0f}\u202f%" in text


@pytest.mark.parametrize(
    "view",
    [
        ClassView("a", dataclasses.replace(RECORD, n_photos=25), CONCEPTS),
        ClassView("a", RECORD, CONCEPTS[:1]),
        ClassView("a", RECORD, tuple(dataclasses.replace(c, dominates=None) for c in CONCEPTS)),
    ],
)
def test_there_is_no_chart_without_enough_to_show(view: ClassView) -> None:
    assert reliability_chart(view) is None
