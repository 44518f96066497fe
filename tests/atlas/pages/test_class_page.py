"""What a class page gathers: its nearest classes, and of a class without photos what its weights point at."""

from __future__ import annotations

import pytest

from atlas.components.formats import rests_on
from atlas.pages.album import Album
from atlas.pages.class_page import aligned_with, class_view, nearest, relatives
from atlas.schema import ClassRecord, ImageNetClass
from atlas.store import Store

CRANE = "n02012849"


def test_a_class_without_photos_knows_the_shared_concepts_aligned_with_it(made_up: Store) -> None:
    found = aligned_with(Album(made_up), CRANE)
    assert [one.concept.index for one in found] == [2, 1, 0]
    assert found[0].cosine == pytest.approx(0.32)
    assert all(one.picture for one in found)


def test_a_class_with_concepts_needs_none_of_that(made_up: Store) -> None:
    assert class_view(Album(made_up), "n03445777").aligned == ()


def test_without_a_profile_the_nearest_are_of_the_same_kind(made_up: Store) -> None:
    assert [(one.name, one.cosine) for one in nearest(Album(made_up), CRANE)] == [("tabby", None)]
    assert relatives(made_up, "n03445777") == ["n03126707"]


@pytest.mark.parametrize(
    ("photos", "holdout", "said"),
    [
        (0, 0, "weights only"),
        (1, 0, "one sample photo"),
        (7, 2, "7 sample photos"),
        (30, 0, "30 photos"),
        (300, 45, "300 photos, 45 held out"),
    ],
)
def test_what_a_class_rests_on_is_said(photos: int, holdout: int, said: str) -> None:
    record = ClassRecord(ImageNetClass(0, "n1", "x"), "full", n_photos=photos, n_holdout=holdout)
    assert rests_on(record) == said
