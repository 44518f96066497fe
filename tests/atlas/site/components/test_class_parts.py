"""What stands on a class page, read as text."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from atlas.format import Store
from atlas.schema import ClassRecord, Concept, ImageNetClass
from atlas.site import formats
from atlas.site.class_view import ClassView
from atlas.site.components.class_header import facts
from atlas.site.components.concept_cards import concepts_section, doubts, warnings
from atlas.site.components.importance_bars import importance_panel
from atlas.site.components.shared_concepts import shared_section
from atlas.site.components.strategies import heading, strategies_panel
from atlas.site.context import Album
from atlas.site.importance import importance
from atlas.site.pages.class_page import class_view
from atlas.site.wilson import wilson

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
    assert numbers["columns"] == ["concept_id", "sobol"]
    known = {f"shared/{evidence.index}": evidence.estimators["sobol"] for evidence in made_up.record(TABBY).evidence}
    assert dict(numbers["rows"]) == pytest.approx(known, rel=1e-5)
    assert [concept for concept, _ in numbers["rows"]] == sorted(known, key=lambda concept: -known[concept])


def test_a_table_compares_all_estimators_also_where_no_script_draws_their_bars(made_up: Store) -> None:
    view = full(made_up)
    panel = importance_panel(view)
    table = next(one for one in walk(panel) if type(one).__name__ == "Table")
    lines = [[text(cell) for cell in row.children] for row in walk(table) if type(row).__name__ == "Tr"]
    assert lines[0] == ["concept", "share", "logits", "Gradient × Input", "Sobol"]
    assert [line[0] for line in lines[1:]] == [*(str(c.index) for c in view.concepts), "not explained"]
    assert lines[-1][1:] == [
        formats.percent(view.record.unexplained, 1),
        formats.signed(view.record.residual),
        formats.UNKNOWN,
        formats.UNKNOWN,
    ]
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
    assert "right on its only photo" in said
    assert said.count("%") == 2, "what of the logit is explained is arithmetic; all else would be an estimate"
    assert f"explained {formats.percent(view.record.explained)}; not explained {formats.percent(view.record.unexplained)}" in said
    assert "C-Deletion" not in said
    assert not [one for one in walk(importance_panel(view)) if getattr(one, "className", "") == "interval"]
    assert "We had one photo: too few to find concepts for this class alone" in text(concepts_section(view))


def test_every_picture_has_alternative_text_size_and_waits_for_its_turn(made_up: Store) -> None:
    pictures = having(concepts_section(full(made_up)), "data-src")
    assert len(pictures) == 30
    for one in pictures:
        props = one.to_plotly_json()["props"]
        assert {"alt", "width", "height"} <= set(props)
        assert "src" not in props


def test_a_class_says_how_often_it_is_right_on_unseen_photos_and_what_its_concepts_leave(made_up: Store) -> None:
    view = full(made_up)
    said = text(facts(view))
    assert "right on 10 of the 12 unseen photos (85\u202f% of the others)" in said
    low, high = wilson(10, 12)
    assert f"95\u202f% interval {100 * low:.0f}–{100 * high:.0f}\u202f%" in said
    assert formats.not_explained(view.record) in said
    for part in (importance_panel(view), concepts_section(view), shared_section(view)):
        assert formats.not_explained(view.record) in text(part)
    assert "95\u202f% interval over photos and 5 refits" in text(importance_panel(view))
    alone = dataclasses.replace(view, record=dataclasses.replace(view.record, refits=0))
    assert "over photos alone: the dictionary is held fixed" in text(importance_panel(alone))


def last_row(view: ClassView) -> Any:
    return having(importance_panel(view), "data-rest")[-1]


def test_what_is_not_explained_ends_the_list_hatched_and_all_add_up(made_up: Store) -> None:
    view = full(made_up)
    bars = importance(view)
    assert sum(bar.value or 0.0 for bar in bars["share"]) == pytest.approx(1, abs=1e-5)
    above = (view.record.class_logit or 0.0) - (view.record.bias or 0.0)
    assert sum(bar.value or 0.0 for bar in bars["logits"]) == pytest.approx(above, abs=1e-4)
    row = last_row(view)
    assert text(row) == f"not explained{formats.percent(view.record.unexplained, 1)}"
    assert [one.className for one in walk(row) if "fill" in str(getattr(one, "className", ""))] == ["fill hatched"]
    assert (bars["share"][-1].key, bars["share"][-1].value) == ("unexplained", view.record.unexplained)
    assert (bars["logits"][-1].key, bars["logits"][-1].value) == ("unexplained", view.record.residual)


def test_a_shared_dictionary_says_what_its_other_concepts_add(made_up: Store) -> None:
    view = class_view(Album(made_up), TABBY)
    bars = importance(view)["share"]
    assert (bars[-2].key, bars[-2].name) == ("others", "the other 16 shared concepts")
    assert view.photos
    others = [i for i in range(24) if i not in {c.index for c in view.concepts}]
    above = (view.record.class_logit or 0.0) - (view.record.bias or 0.0)
    assert bars[-2].value == pytest.approx(float(view.photos.contributions[0, others].sum()) / above, abs=1e-5)
    assert sum(bar.value or 0.0 for bar in bars) == pytest.approx(1, abs=1e-5)
    assert not [one for one in walk(importance_panel(view)) if "others" in str(getattr(one, "className", ""))]


def test_concepts_that_say_too_much_overshoot(made_up: Store) -> None:
    view = full(made_up)
    record = dataclasses.replace(view.record, residual=-0.2)
    row = last_row(dataclasses.replace(view, record=record))
    assert record.unexplained is not None
    assert record.unexplained < 0
    assert text(row) == f"overshoots by{formats.percent(-record.unexplained, 1)}"
    assert importance(dataclasses.replace(view, record=record))["logits"][-1].text == "0.20"
    assert formats.not_explained(record) == f"overshoots by {formats.percent(-record.unexplained)}"


def test_what_is_unknown_is_a_dash_and_never_all_explained(made_up: Store) -> None:
    view = full(made_up)
    record = dataclasses.replace(view.record, residual=None, explained=None, explained_holdout=None)
    unknown = dataclasses.replace(view, record=record)
    assert text(last_row(unknown)) == "not explained–"
    assert "explained" not in text(facts(unknown))
    never: dict[str, Any] = {"prevalence": 0.0, "reliability": None, "reliability_holdout": None}
    never |= {"dominates": 0, "dominates_holdout": 0}
    none = tuple(dataclasses.replace(c, **never) for c in view.concepts)
    cards = [one for one in walk(concepts_section(dataclasses.replace(view, concepts=none))) if type(one).__name__ == "Article"]
    assert ["never leads" in text(one) and "right" not in text(one) for one in cards] == [True] * 10


def test_photos_are_told_first_by_the_concept_that_leads_them(made_up: Store) -> None:
    view = full(made_up)
    said = text(strategies_panel(view))
    assert view.photos
    here = view.photos.dominant == 0
    held = np.array(view.photos.split) == "holdout"
    counts = [(mask.sum(), view.photos.correct[mask].sum()) for mask in (here & ~held, here & held)]
    assert f"concept 0: {counts[0][0]} photos, {counts[0][1]} right; unseen: {counts[1][0]}, {counts[1][1]} right" in said
    assert "no concept leads: 1 photo, 1 right" in said
    assert said.index("Led by") < said.index("groups that come back")


def test_strategies_say_how_many_are_expected_and_how_sure_each_is(made_up: Store) -> None:
    view = full(made_up)
    panel = strategies_panel(view)
    said = text(panel)
    assert "4 groups that come back, 1.2 expected by chance" in said
    assert len(having(panel, "data-strategy")) == 4
    assert "6 photos fit no group" in said
    first = view.strategies[0]
    assert f"0 · mostly concept 0 · {first.size} photos · {round(first.accuracy * first.size)} of {first.size} right" in said
    right = round((first.accuracy_holdout or 0.0) * first.size_holdout)
    assert f"comes back: 0.90 · placed afterwards: {first.size_holdout} unseen photos, {right} right" in said
    assert f"most often taken for tabby: {first.mistakes} photos" in said


@pytest.mark.parametrize(
    ("groups", "expected", "shown", "said"),
    [
        (4, 1.2, 4, "4 groups that come back, 1.2 expected by chance"),
        (1, 0.25, 1, "1 group that comes back, 0.2 expected by chance"),
        (2, 2.4, 0, "2 groups, 2.4 expected by chance: none is shown"),
        (2, 0.2, 0, "2 groups, 0.2 expected by chance, but as many in more than 1 draw of 20: none is shown"),
        (0, 1.0, 0, "No group of photos comes back"),
        (None, None, 0, "Groups of photos: it was not measured whether any come back"),
    ],
)
def test_the_heading_of_strategies(groups: int | None, expected: float | None, shown: int, said: str) -> None:
    record = ClassRecord(ImageNetClass(0, "x", "x"), "full", groups=groups, groups_expected=expected)
    assert heading(record, shown) == said


def test_a_strategy_is_red_only_if_its_interval_says_so(made_up: Store) -> None:
    view = full(made_up)
    assert not [one for one in walk(strategies_panel(view)) if "poor" in str(getattr(one, "className", ""))]
    poor = dataclasses.replace(view.strategies[0], size=12, accuracy=0.25)
    marked = strategies_panel(dataclasses.replace(view, strategies=(poor,)))
    red = [text(one) for one in walk(marked) if "poor" in str(getattr(one, "className", ""))]
    assert red == ["right less often than usual: 3 of 12 photos against 85\u202f%"]


def test_doubts_are_said_in_words() -> None:
    sound = Concept("x/1", "class", "x", 1, 1.0, prevalence=0.2, dominates=60, reliability=0.9, stability=0.9)
    record = ClassRecord(ImageNetClass(0, "x", "x"), "full", n_photos=300, accuracy_fit=0.9)
    assert doubts(sound) == warnings(sound, record) == []
    poor = dataclasses.replace(sound, contribution=-0.1, share=-0.02, reliability=0.5, stability=0.3)
    assert doubts(poor) == ["speaks against this class", "did not come back when we refitted: may be noise"]
    assert warnings(poor, record) == ["right less often than usual: 30 of 60 photos against 90\u202f%"]
    assert doubts(dataclasses.replace(sound, contribution=-0.01, share=-0.001)) == []
    assert warnings(dataclasses.replace(poor, dominates=2), record) == []  # 1 of 2: 9–91 %
    assert warnings(poor, dataclasses.replace(record, n_photos=4, accuracy_fit=0.75)) == []


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
