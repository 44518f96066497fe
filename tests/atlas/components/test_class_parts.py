"""What stands on a class page, read as text."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from atlas.components import formats
from atlas.components.bars import importance_panel
from atlas.components.cards import concepts_section, doubts
from atlas.components.class_header import facts
from atlas.components.strategies import strategies_panel
from atlas.components.view import ClassView
from atlas.pages.album import Album
from atlas.pages.class_page import class_view
from atlas.schema import ClassRecord, Concept, ImageNetClass
from atlas.store import Store

TABBY = "n02123045"


def walk(part: Any) -> Iterator[Any]:
    if isinstance(part, list | tuple):
        for one in part:
            yield from walk(one)
    elif part is not None:
        yield part
        yield from walk(getattr(part, "children", None))


def text(part: Any) -> str:
    return "".join(str(one) for one in walk(part) if isinstance(one, str | int | float))


def having(part: Any, attribute: str) -> list[Any]:
    return [one for one in walk(part) if hasattr(one, "to_plotly_json") and attribute in one.to_plotly_json()["props"]]


def full(store: Store) -> ClassView:
    return class_view(Album(store), "n03445777")


def test_bars_go_down_and_every_one_is_a_button_with_number_value_and_unit(made_up: Store) -> None:
    view = full(made_up)
    bars = having(importance_panel(view), "data-concept")
    shares = bars[: len(view.concepts)]
    assert [one.to_plotly_json()["props"]["data-concept"] for one in shares] == [str(c.index) for c in view.concepts]
    assert all("%" in text(one) for one in shares)


def test_a_negative_bar_grows_to_the_left_of_zero(made_up: Store) -> None:
    view = full(made_up)
    against = next(c for c in view.concepts if (c.contribution or 0) < 0)
    bars = having(importance_panel(view), "data-concept")
    bar = next(one for one in bars if one.to_plotly_json()["props"]["data-concept"] == str(against.index))
    fill = next(one for one in walk(bar) if "negative" in str(getattr(one, "className", "")))
    zero = next(one for one in walk(bar) if getattr(one, "className", "") == "zero")
    end = float(fill.style["left"][:-1]) + float(fill.style["width"][:-1])
    assert abs(end - float(zero.style["left"][:-1])) < 0.05


def choices(view: ClassView) -> list[str]:
    return [one.to_plotly_json()["props"]["data-by"] for one in having(importance_panel(view), "data-by")]


@pytest.mark.parametrize("wnid", ["n03445777", TABBY])
def test_every_estimator_of_the_atlas_can_be_chosen(made_up: Store, wnid: str) -> None:
    assert choices(class_view(Album(made_up), wnid)) == ["share", "logits", "gradient_input", "sobol"]


def test_an_estimator_ranks_shared_concepts_by_what_it_found_in_this_class(made_up: Store) -> None:
    view = class_view(Album(made_up), TABBY)
    assert all(concept.estimators == {} for concept in made_up.shared_concepts)
    lists = [one.to_plotly_json()["props"] for one in having(importance_panel(view), "data-list")]
    numbers = json.loads(next(one["data-rows"] for one in lists if one["data-list"] == "sobol"))
    assert numbers["columns"] == ["concept", "sobol"]
    known = {f"shared/{evidence.index}": evidence.estimators["sobol"] for evidence in made_up.record(TABBY).evidence}
    assert dict(numbers["rows"]) == pytest.approx(known, rel=1e-5)
    assert [concept for concept, _ in numbers["rows"]] == sorted(known, key=lambda concept: -known[concept])


def test_a_table_compares_all_estimators_also_where_no_script_draws_their_bars(made_up: Store) -> None:
    view = full(made_up)
    panel = importance_panel(view)
    table = next(one for one in walk(panel) if type(one).__name__ == "Table")
    lines = [[text(cell) for cell in row.children] for row in walk(table) if type(row).__name__ == "Tr"]
    assert lines[0] == ["concept", "share", "logits", "Gradient × Input", "Sobol"]
    assert [line[0] for line in lines[1:]] == [str(c.index) for c in view.concepts]
    first = view.concepts[0]
    assert lines[1][1:] == [
        formats.percent(first.share, 1),
        formats.signed(first.contribution),
        formats.signed(first.estimators["gradient_input"], 3),
        formats.signed(first.estimators["sobol"], 3),
    ]
    lists = [one for one in having(panel, "data-list") if having(one, "data-concept")]
    assert len(lists) == 1, "only one list of bars is sent"


@pytest.mark.parametrize("wnid", ["n03445777", TABBY])
def test_concepts_without_estimators_offer_none(made_up: Store, wnid: str) -> None:
    view = class_view(Album(made_up), wnid)
    bare = tuple(dataclasses.replace(concept, estimators={}) for concept in view.concepts)
    assert choices(dataclasses.replace(view, concepts=bare)) == ["share", "logits"]


def test_one_photo_is_called_one_photo_and_has_no_intervals_or_per_cent(made_up: Store) -> None:
    view = class_view(Album(made_up), TABBY)
    said = text(facts(view))
    assert "rests on one sample photo" in said
    assert said.count("%") == 1, "what of the logit is explained is arithmetic; all else would be an estimate"
    assert "explained 41\u202f%" in said
    assert "C-Deletion" not in said
    assert not [one for one in walk(importance_panel(view)) if getattr(one, "className", "") == "interval"]
    assert "too few for a dictionary of its own" in text(concepts_section(view))


def test_every_picture_has_alternative_text_size_and_waits_for_its_turn(made_up: Store) -> None:
    pictures = having(concepts_section(full(made_up)), "data-src")
    assert len(pictures) == 30
    for one in pictures:
        props = one.to_plotly_json()["props"]
        assert {"alt", "width", "height"} <= set(props)
        assert "src" not in props


def test_strategies_are_buttons_with_size_and_accuracy_and_the_photos_outside_are_counted(made_up: Store) -> None:
    panel = strategies_panel(full(made_up))
    assert len(having(panel, "data-strategy")) == 4
    assert "in no strategy: 5 photos" in text(panel)


def test_doubts_are_said_in_words() -> None:
    sound = Concept("x/1", "class", "x", 1, 1.0, prevalence=0.2, reliability=0.9, stability=0.9)
    record = ClassRecord(ImageNetClass(0, "x", "x"), "full", n_photos=300, accuracy=0.9)
    assert doubts(sound, record) == []
    poor = dataclasses.replace(sound, contribution=-0.1, share=-0.02, reliability=0.52, stability=0.3)
    assert [doubt.split()[0] for doubt in doubts(poor, record)] == ["speaks", "less", "other"]
    assert doubts(dataclasses.replace(sound, contribution=-0.01, share=-0.001), record) == []
    assert doubts(dataclasses.replace(sound, reliability=0.5), dataclasses.replace(record, n_photos=4)) == []


def test_a_badge_says_how_stable_a_concept_is(made_up: Store) -> None:
    view = full(made_up)
    badges = [one for one in walk(concepts_section(view)) if str(getattr(one, "className", "")).startswith("pill ")]
    said = {concept.index: text(badge) for concept, badge in zip(view.concepts, badges, strict=True)}
    assert (said[0], said[4], said[8]) == ("stable 0.95", "fairly stable 0.75", "unstable 0.55")
    assert {badge.className for badge in badges} == {"pill stable", "pill fairly-stable", "pill unstable"}
    shared = concepts_section(class_view(Album(made_up), TABBY))
    assert not [one for one in walk(shared) if getattr(one, "className", "") == "stability"], "unknown: no badge"


def test_names_that_collide_stay_apart(made_up: Store) -> None:
    names = {view.record.info.name for view in (class_view(Album(made_up), w) for w in ("n02012849", "n03126707"))}
    assert names == {"crane (bird)", "crane (machine)"}
