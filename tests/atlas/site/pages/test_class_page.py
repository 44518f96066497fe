"""What a class page gathers: its nearest classes, and of a class without photos what its weights point at."""

from __future__ import annotations

import pytest

from atlas.format import Store
from atlas.schema import ClassRecord, ImageNetClass
from atlas.site import formats
from atlas.site.components.nearest_classes import nearest_section
from atlas.site.components.shared_concepts import shared_section
from atlas.site.context import Album
from atlas.site.formats import rests_on
from atlas.site.markup import markup
from atlas.site.pages.class_page import FEW_ALIGNED, aligned_with, class_view, nearest, relatives

CRANE = "n02012849"


def test_a_class_without_photos_knows_the_shared_concepts_its_weights_point_at(made_up: Store) -> None:
    found = aligned_with(Album(made_up), CRANE, most=3)
    assert [one.concept.index for one in found] == [2, 1, 3]
    assert [one.cosine for one in found] == [0.5, pytest.approx(0.4583), pytest.approx(0.4583)]
    assert all(one.picture and one.contribution is None for one in found)


def test_nothing_is_shown_that_points_the_other_way(made_up: Store) -> None:
    found = aligned_with(Album(made_up), CRANE, most=24)
    assert 3 < len(found) < 24
    assert all(one.cosine and one.cosine > 0 for one in found)


def test_a_class_of_one_photo_shows_what_its_weights_say_beside_what_the_photo_says(made_up: Store) -> None:
    view = class_view(Album(made_up), "n02123045")
    assert view.aligned[0].concept.index == 7
    assert len(view.aligned) == FEW_ALIGNED
    text = shared_section(view).to_plotly_json()["props"]["children"][0].children[1].children
    assert "only more photos can tell" in text


def test_a_class_with_concepts_of_its_own_is_told_in_shared_ones_too(made_up: Store) -> None:
    view = class_view(Album(made_up), "n03445777")
    assert [(one.concept.index, one.contribution) for one in view.aligned] == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert view.aligned[0].cosine == pytest.approx(0.3333)
    text = shared_section(view).to_plotly_json()["props"]["children"][0].children[1].children
    assert "photo by photo they explain 80\u202f% of the answer" in text
    record = view.record
    assert f"golf ball’s own 10, {formats.explained(record)}; {formats.not_explained(record)}" in text


def test_without_a_profile_the_nearest_are_of_the_same_kind(made_up: Store) -> None:
    assert [(one.name, one.cosine) for one in nearest(Album(made_up), CRANE)] == [("tabby", None)]
    assert "classes of the same kind, by WordNet" in markup(nearest_section("a", nearest(Album(made_up), CRANE)))
    assert relatives(made_up, "n03445777") == ["n03126707"]


def test_with_a_profile_the_nearest_look_for_the_same(made_up: Store) -> None:
    found = nearest(Album(made_up), "n02123045")
    assert [(one.name, one.cosine) for one in found] == [
        ("golf ball", pytest.approx(0.62)),
        ("crane (bird)", pytest.approx(0.41)),
    ]
    assert "nearest by what their weights look for, in one shared vocabulary" in markup(nearest_section("a", found))


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
