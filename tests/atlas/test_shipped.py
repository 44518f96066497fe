"""The atlas that ships: whole, small, without a photograph, and honest about what it rests on."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from atlas.__main__ import shipped
from atlas.format import Store, imagenet_classes, problems
from atlas.schema import FULL_COVERAGE_PHOTOS
from tests.atlas.test_walk import every_class

MEGABYTE = 1_000_000
SYNTHESISED = re.compile(r"pictures/(n\d{8}|shared)/(class|\d+|\d+-heat)\.webp")


@pytest.fixture(scope="module")
def store() -> Store:
    return Store(shipped())


def test_it_is_whole() -> None:
    assert problems(shipped()) == []


def test_it_holds_every_class(store: Store) -> None:
    assert list(store.records) == [c.wnid for c in imagenet_classes()]
    assert store.manifest.complete
    assert set(store.manifest.classes.values()) == {"complete"}
    assert all(store.picture(wnid, "class") for wnid in store.records)


def test_it_is_small_enough_to_be_cloned(store: Store) -> None:
    assert sum(path.stat().st_size for path in store.root.rglob("*") if path.is_file()) <= 60 * MEGABYTE


def test_no_file_in_it_is_a_photograph_or_part_of_one(store: Store) -> None:
    assert store.manifest.publish_photos == "reference"
    pictures = [name for name in store.manifest.files if name.startswith("pictures/")]
    assert [name for name in pictures if not SYNTHESISED.fullmatch(name)] == []


def test_where_its_photos_came_from_is_said(store: Store) -> None:
    said = {s.name: (s.licence, s.attribution) for s in store.manifest.photo_sets}
    assert set(said) == {"samples", "imagenette", "grocery", "caltech"}
    assert all("not stated" not in words for words in said.values())


def test_every_class_says_what_it_rests_on(store: Store) -> None:
    counts = Counter()
    for record in store.records.values():
        counts[record.coverage] += 1
        assert (record.coverage == "full") == (record.n_photos >= FULL_COVERAGE_PHOTOS)
        assert record.scope == ("class" if record.coverage == "full" else "shared")
        assert len(record.alignment) == len(store.shared_concepts) == 512
        assert record.evidence
        if record.coverage == "full":
            assert all(store.picture(record.info.wnid, "concept", c.index) for c in store.concepts(record.info.wnid))
    assert counts == {"full": 33, "sample": 967}
    assert all(store.picture("shared", "concept", c.index) for c in store.shared_concepts)


def test_holdout_photos_took_part_in_no_fit(store: Store) -> None:
    held = {wnid: record for wnid, record in store.records.items() if record.n_holdout}
    assert len(held) >= 10
    for wnid, record in held.items():
        photos = store.photos(wnid)
        assert photos
        assert record.n_fit + record.n_holdout <= len(photos)
        shown = {e.key for c in store.concepts(wnid) for e in store.exemplars(c.concept_id)}
        assert not shown & {key for key, split in zip(photos.keys, photos.split, strict=True) if split == "holdout"}


def test_what_its_pages_name_is_there(store: Store) -> None:
    """Every fiftieth class; ``python tests/atlas/test_walk.py data/imagenet-lite0`` walks all for ten minutes."""
    total, wrong = every_class(store, list(store.records)[::50])
    assert wrong == []
    assert total > 20 * 20
