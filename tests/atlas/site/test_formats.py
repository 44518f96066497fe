from __future__ import annotations

import pytest

from atlas.schema import ClassRecord, ImageNetClass
from atlas.site import formats

INFO = ImageNetClass(574, "n03445777", "golf ball")


def test_what_is_not_known_is_a_dash_and_never_zero() -> None:
    assert formats.percent(None) == formats.signed(None) == formats.plain(None) == "–"
    assert formats.percent(0.0) == formats.percent(-0.001) == "0\u202f%"


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
    ("value", "n", "text"),
    [
        (0.5, 300, "50\u202f% of 300 photos"),
        (0.25, 20, "25\u202f% of 20 photos"),
        (5 / 19, 19, "5 of 19 photos"),
        (0.0, 300, "never leads"),
        (None, 300, "–"),
        (0.5, 0, "–"),
    ],
)
def test_how_often_a_concept_leads_is_counted_below_twenty_photos(value: float | None, n: int, text: str) -> None:
    assert formats.prevalence(value, n) == text


def record(**known: float | int | None) -> ClassRecord:
    return ClassRecord(INFO, "full", **known)  # type: ignore[arg-type]


def test_what_is_not_explained_is_a_share_of_the_logit_above_the_bias() -> None:
    assert formats.not_explained(record(class_logit=10.0, bias=2.0, residual=1.28)) == "not explained 16\u202f%"
    assert formats.not_explained(record(class_logit=10.0, bias=2.0, residual=-0.24)) == "overshoots by 3\u202f%"
    for unknown in (record(), record(class_logit=2.0, bias=2.0, residual=0.0), record(class_logit=9.0, bias=2.0)):
        assert formats.not_explained(unknown) == "not explained –"


def test_explained_is_told_of_unseen_photos_first_and_unknown_is_a_dash() -> None:
    assert formats.explained(record(explained=0.84)) == "84\u202f%"
    both = record(explained=0.84, explained_holdout=0.8)
    assert formats.explained(both) == "80\u202f% on unseen photos (84\u202f% on the others)"
    assert formats.explained(record()) == "–"


def test_an_interval_says_what_it_takes_into_account() -> None:
    assert formats.interval_basis(record(refits=5)) == "95\u202f% interval over photos and 5 refits"
    assert formats.interval_basis(record()) == "95\u202f% interval over photos alone: the dictionary is held fixed"
