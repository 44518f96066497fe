from __future__ import annotations

import dataclasses

import pytest

from atlas.components import formats
from atlas.schema import ClassRecord, Concept, ImageNetClass

INFO = ImageNetClass(574, "n03445777", "golf ball")
CONCEPT = Concept("n03445777/3", "class", "n03445777", 3, 1.2, prevalence=0.5, reliability=0.8)


def test_what_is_not_known_is_a_dash_and_never_zero() -> None:
    assert formats.percent(None) == formats.signed(None) == formats.plain(None) == "–"
    assert formats.percent(0.0) == "0\u202f%"


@pytest.mark.parametrize(("value", "text"), [(2.04, "+2.04"), (-0.04, "−0.04"), (0.001, "0.00"), (-0.001, "0.00")])
def test_signed(value: float, text: str) -> None:
    assert formats.signed(value) == text


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.93, ("stable", "0.93")), (0.796, ("stable", "0.80")), (0.6, ("fairly stable", "0.60")), (0.594, ("unstable", "0.59"))],
)
def test_a_word_for_stability_agrees_with_the_number_beside_it(value: float, said: tuple[str, str]) -> None:
    assert formats.stability(value) == said


@pytest.mark.parametrize(
    ("n", "noun", "text"), [(1, "photo", "1 photo"), (3, "photo", "3 photos"), (0, "strategy", "no strategies")]
)
def test_counted(n: int, noun: str, text: str) -> None:
    assert formats.counted(n, noun) == text


@pytest.mark.parametrize(
    ("low", "high", "text"), [(19, 25, "19–25"), (-3, 2, "−3 to 2"), (-0.2, 6, "0 to 6"), (-0.8, -0.4, "−0.8 to −0.4")]
)
def test_span(low: float, high: float, text: str) -> None:
    assert formats.span(low, high) == text


@pytest.mark.parametrize(
    ("n", "accuracy", "text"),
    [
        (300, 0.93, "93\u202f% recognised"),
        (3, 2 / 3, "2 of 3 recognised"),
        (1, 1.0, "recognised"),
        (1, 0.0, "not recognised"),
        (0, None, "–"),
    ],
)
def test_accuracy_is_per_cent_only_where_there_are_enough_photos(n: int, accuracy: float | None, text: str) -> None:
    assert formats.recognised(ClassRecord(INFO, "sample", n_photos=n, accuracy=accuracy)) == text


def test_prevalence_and_reliability_of_a_few_photos_are_counts() -> None:
    assert formats.prevalence(CONCEPT, 300) == "50\u202f% of photos"
    assert formats.reliability(CONCEPT, 300) == "80\u202f% right"
    assert formats.prevalence(CONCEPT, 10) == "5 of 10 photos"
    assert formats.reliability(CONCEPT, 10) == "4 of 5 right"


def test_a_concept_that_dominates_nothing_says_so() -> None:
    nothing = dataclasses.replace(CONCEPT, prevalence=0.0, reliability=None)
    assert formats.reliability(nothing, 300) == "dominates none"
    assert formats.reliability(dataclasses.replace(CONCEPT, prevalence=None, reliability=None), 300) == "–"
