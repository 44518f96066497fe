"""What the map says of every concept."""

from __future__ import annotations

from atlas.format import Store
from atlas.site.context import Album
from atlas.site.pages.map_page import map_data


def test_every_concept_has_a_place_an_owner_and_a_kind(made_up: Store) -> None:
    data = map_data(Album(made_up))
    n = len(data["x"])
    assert n == 34
    assert all(len(data[name]) == n for name in ("y", "owner", "index", "group", "contribution", "pictured"))
    assert max(*data["x"], *data["y"]) == 10_000
    ball = [data["groups"][group] for group, owner in zip(data["group"], data["owner"], strict=True) if owner >= 0]
    assert set(ball) == {"equipment"}


def test_a_shared_concept_is_of_the_kind_of_the_class_it_is_most_aligned_with(made_up: Store) -> None:
    data = map_data(Album(made_up))
    shared = {data["groups"][group] for group, owner in zip(data["group"], data["owner"], strict=True) if owner < 0}
    assert shared == {"mammal"}  # all are aligned with the tabby
