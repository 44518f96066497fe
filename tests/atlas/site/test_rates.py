"""How often the network is right: held-out photos first, never pooled, counted where there are few, with an interval."""

from __future__ import annotations

import dataclasses

import pytest

from atlas.format import Store
from atlas.schema import ClassRecord, ImageNetClass
from atlas.site import rates
from atlas.site.context import Album
from atlas.site.pages.class_page import class_view
from atlas.site.rates import Rate

INFO = ImageNetClass(574, "n03445777", "golf ball")
P = "\u202f%"


@pytest.mark.parametrize(
    ("photos", "holdout", "fit", "held", "said"),
    [
        (350, 50, 0.93, 0.84, f"right on 84{P} of the 50 unseen photos (93{P} of the others)"),
        (350, 50, None, 0.84, f"right on 84{P} of the 50 unseen photos"),
        (300, 0, 0.93, None, f"right on 93{P} of the 300 photos like those it was trained or fitted on"),
        (34, 4, 0.9, 0.75, f"right on 3 of the 4 unseen photos (90{P} of the others)"),
        (5, 1, 0.5, 1.0, "right on 1 of the 1 unseen photo (2 of 4 of the others)"),
        (4, 0, 0.75, None, "right on 3 of the 4 photos like those it was trained or fitted on"),
        (1, 0, 1.0, None, "right on its only photo"),
        (1, 0, 0.0, None, "wrong on its only photo"),
        (350, 50, None, None, "–"),
        (0, 0, None, None, "–"),
    ],
)
def test_unseen_photos_come_first_and_a_few_are_counted(
    photos: int, holdout: int, fit: float | None, held: float | None, said: str
) -> None:
    record = ClassRecord(INFO, "full", n_photos=photos, n_holdout=holdout, accuracy_fit=fit, accuracy_holdout=held)
    assert rates.right(record) == said


def test_an_interval_stands_beside() -> None:
    record = ClassRecord(INFO, "full", n_photos=350, n_holdout=50, accuracy_fit=0.93, accuracy_holdout=0.84)
    fit = dataclasses.replace(record, accuracy_holdout=None)
    assert rates.right_interval(record) == f"95{P} interval 71–92{P}, the others 90–95{P}"
    assert rates.right_interval(fit) == f"95{P} interval 90–95{P}"
    assert rates.right_interval(ClassRecord(INFO, "full", n_photos=350)) == ""


def test_a_rate_is_counted_below_twenty_photos() -> None:
    assert (str(Rate(2, 4)), str(Rate(18, 19)), str(Rate(18, 20))) == ("2 of 4", "18 of 19", f"90{P}")
    assert rates.rate(2 / 3, 3) == Rate(2, 3)
    assert rates.rate(None, 3) is rates.rate(0.5, None) is rates.rate(0.5, 0) is None


@pytest.mark.parametrize(
    ("part", "warning"),
    [
        (Rate(12, 30), f"right less often than usual: 12 of 30 photos against 93{P}"),
        (Rate(3, 4), ""),  # 30–95 %: three quarters of a handful are no evidence
        (Rate(2, 4), f"right less often than usual: 2 of 4 photos against 93{P}"),  # 15–85 %
        (Rate(0, 4), f"right less often than usual: 0 of 4 photos against 93{P}"),  # 0–49 %
        (Rate(26, 30), ""),  # 70–95 %
        (Rate(279, 300), ""),
        (None, ""),
    ],
)
def test_a_part_falls_short_only_if_the_intervals_do_not_touch(part: Rate | None, warning: str) -> None:
    whole = Rate(279, 300)  # 90–95 %
    assert rates.shortfall(part, whole) == warning
    assert rates.falls_short(part, whole) == bool(warning)
    assert rates.shortfall(part, None) == ""


def test_few_photos_of_a_class_make_no_warning() -> None:
    assert not rates.falls_short(Rate(2, 4), Rate(42, 50))  # 15–85 %, and 71–92 %
    assert not rates.falls_short(Rate(0, 2), Rate(4, 4))  # 0–66 %, and 51–100 %


def test_photos_counted_by_the_concept_that_leads_are_those_that_are_stored(made_up: Store) -> None:
    view = class_view(Album(made_up), "n03445777")
    assert view.photos
    for concept in view.concepts:
        known, held = rates.led(view.photos, [concept.index])
        assert (known, held) == (rates.leads(concept), rates.leads_unseen(concept))
        assert (known.of if known else 0, held.of if held else 0) == (concept.dominates, concept.dominates_holdout)
    assert rates.led(view.photos, [-1]) == (Rate(1, 1), None)
