"""Which photos a shared dictionary is fitted on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from precompute.photos import Photo
from precompute.pipeline.shared import fitted


def _photos(**counts: int) -> list[Photo]:
    return [Photo(f"set/{wnid}/{i}.jpg", Path("x"), wnid, "fit", 1) for wnid, n in counts.items() for i in range(n)]


def test_all_of_the_fit_split_is_used_while_there_is_room() -> None:
    held = Photo("set/a/held.jpg", Path("x"), "a", "holdout", 1)
    few = _photos(a=3, b=2)
    assert fitted([*few, held], most=5) == few


def test_of_more_photos_every_class_gives_as_many_as_another_or_all_it_has() -> None:
    many = _photos(a=100, b=3, c=40)
    chosen = fitted(many, most=50)
    assert Counter(photo.wnid for photo in chosen) == {"b": 3, "a": 24, "c": 23} or Counter(photo.wnid for photo in chosen) == {
        "b": 3,
        "a": 23,
        "c": 24,
    }
    assert len(chosen) == 50
    assert chosen == [photo for photo in many if photo in chosen], "in the order they came in"
    names = {photo.key for photo in fitted(many[::-1], most=50)}
    assert names == {photo.key for photo in chosen}, "which ones depends on their names alone"


def test_a_thousand_classes_of_a_thousand_photos_stay_within_the_limit() -> None:
    assert len(fitted(_photos(**{f"n{i}": 130 for i in range(100)}), most=6000)) == 6000
