"""Every number that other numbers give: each of them, told wrongly, is found and named, and no other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas.format import Store, problems
from atlas.format.checks.consistency import of_curves
from atlas.format.checks.contradiction import Contradiction, close, sentences
from atlas.schema import (
    CLASS_RANKING,
    ClassRecord,
    Concept,
    Curve,
    Evidence,
    Exemplar,
    ImageNetClass,
    Neighbour,
    Result,
    Strategy,
)

WNID = "n03028079"
Change = Callable[[Result], Result]


def write(root: Path, made: Any, church: Result, tench: Result | None = None) -> list[str]:
    """Write the classes worked by hand, one of them changed, and return what is found wrong."""
    made.write(root, tench or made.held_out_by_hand(), made.shared(), church, refined=False)
    return problems(root)


def record(**values: Any) -> Change:
    return lambda church: dataclasses.replace(church, record=dataclasses.replace(church.record, **values))


def row(kind: str, index: int, **values: Any) -> Change:
    """Change one of the concepts, strategies or exemplars."""

    def change(church: Result) -> Result:
        rows = list(getattr(church, kind))
        rows[index] = dataclasses.replace(rows[index], **values)
        return dataclasses.replace(church, **{kind: tuple(rows)})

    return change


def inside(kind: str, index: int, **values: Any) -> Change:
    """Change one of the curves or of the evidence of the record."""

    def change(church: Result) -> Result:
        rows = list(getattr(church.record, kind))
        rows[index] = dataclasses.replace(rows[index], **values)
        return record(**{kind: tuple(rows)})(church)

    return change


def photo(**cells: dict[int, Any]) -> Change:
    """Change what some photos hold in some columns."""

    def change(church: Result) -> Result:
        columns = {}
        for name, changed in cells.items():
            held = getattr(church.photos, name)
            column = held.copy() if isinstance(held, np.ndarray) else list(held)
            for index, value in changed.items():
                column[index] = value
            columns[name] = column if isinstance(held, np.ndarray) else tuple(column)
        return dataclasses.replace(church, photos=dataclasses.replace(church.photos, **columns))

    return change


def classes(*lines: str) -> list[str]:
    return [f"classes.parquet: {WNID}: {line}" for line in lines]


def concepts(*lines: str) -> list[str]:
    return [f"concepts.parquet: {WNID}/{line}" for line in lines]


def photos(*lines: str) -> list[str]:
    return [f"photos.parquet: {WNID}: {line}" for line in lines]


def strategies(*lines: str) -> list[str]:
    return [f"strategies.parquet: {WNID}: strategy {line}" for line in lines]


def exemplars(*lines: str) -> list[str]:
    return [f"exemplars.parquet: {WNID}/0: exemplar {line}" for line in lines]


def sum_is(total: float, unexplained: float = 0.4) -> list[str]:
    return classes(f"unexplained is {unexplained:.7g}, with all shares it makes {total:.7g}, not 1")


#: What is told wrongly → all that is found.
RULES: list[tuple[str, Change, list[str]]] = [
    # the record of a class
    ("n_photos", record(n_photos=9), classes("n_photos is 9, its photos give 8")),
    ("n_holdout", record(n_holdout=3), classes("n_holdout is 3, its photos give 2")),
    ("n_fit", record(n_fit=7), classes("n_fit is 7, its fit split has 6 photos")),
    ("n_fit below none", record(n_fit=-1), classes("n_fit is -1, its fit split has 6 photos")),
    ("accuracy_fit", record(accuracy_fit=0.67), classes("accuracy_fit is 0.67, its photos give 0.6666667")),
    ("accuracy pooled", record(accuracy_fit=0.625), classes("accuracy_fit is 0.625, its photos give 0.6666667")),
    ("accuracy_holdout", record(accuracy_holdout=None), classes("accuracy_holdout is unknown, its photos give 0.5")),
    (
        "class_logit",
        record(class_logit=5.25),
        classes("class_logit is 5.25, its photos give 5.5") + sum_is(0.6 + 2 / 4.75, 2 / 4.75),
    ),
    ("bias", record(bias=0.04), classes("bias is 0.04, its photos give 0.5") + sum_is(0.6 + 2 / 5.46, 2 / 5.46)),
    ("residual", record(residual=1.625), classes("residual is 1.625, its photos give 2") + sum_is(0.925, 0.325)),
    ("explained", record(explained=0.65), classes("explained is 0.65, its photos give 0.6458333")),
    ("explained_holdout", record(explained_holdout=0.88), classes("explained_holdout is 0.88, its photos give 0.875")),
    # concepts
    ("contribution", row("concepts", 1, contribution=1.51), concepts("1: contribution is 1.51, the photos give 1.5")),
    (
        "share",
        row("concepts", 0, share=0.5),
        concepts("0: share is 0.5, its contribution and the class's logit give 0.4") + sum_is(1.1),
    ),
    (
        "shares that hide what is unexplained",
        lambda church: row("concepts", 1, share=0.5)(row("concepts", 2, share=-0.3)(church)),
        concepts(
            "1: share is 0.5, its contribution and the class's logit give 0.3",
            "2: share is -0.3, its contribution and the class's logit give -0.1",
        ),
    ),
    (
        "a share unknown",
        row("concepts", 2, share=None),
        concepts("2: share is unknown, its contribution and the class's logit give -0.1") + sum_is(1.1),
    ),
    ("share_low above share_high", row("concepts", 0, share_low=0.46), concepts("0: share_low is 0.46, share_high is 0.45")),
    ("share_low alone", row("concepts", 0, share_high=None), concepts("0: share_low is 0.35, share_high is unknown")),
    ("share_high alone", row("concepts", 0, share_low=None), concepts("0: share_low is unknown, share_high is 0.45")),
    ("dominates", row("concepts", 0, dominates=4), concepts("0: dominates is 4, the photos give 3")),
    ("dominates unknown", row("concepts", 0, dominates=None), concepts("0: dominates is unknown, the photos give 3")),
    ("prevalence", row("concepts", 1, prevalence=0.33), concepts("1: prevalence is 0.33, the photos give 0.3333333")),
    ("reliability", row("concepts", 0, reliability=0.75), concepts("0: reliability is 0.75, the photos give 0.6666667")),
    ("reliability of none", row("concepts", 2, reliability=0.0), concepts("2: reliability is 0, the photos give unknown")),
    (
        "dominates_holdout",
        row("concepts", 2, dominates_holdout=1),
        concepts("2: dominates_holdout is 1, the held-out photos give 0"),
    ),
    (
        "dominates_holdout unknown",
        row("concepts", 2, dominates_holdout=None),
        concepts("2: dominates_holdout is unknown, the held-out photos give 0"),
    ),
    (
        "reliability_holdout",
        row("concepts", 1, reliability_holdout=None),
        concepts("1: reliability_holdout is unknown, the photos give 0"),
    ),
    (
        "colour",
        lambda church: row("concepts", 1, colour=2)(row("concepts", 2, colour=1)(church)),
        concepts("1: colour is 2, its contribution ranks 1", "2: colour is 1, its contribution ranks 2"),
    ),
    ("stability", row("concepts", 0, stability=1.01), concepts("0: stability is 1.01, not within -1…1")),
    # photos
    (
        "class_logit of photos",
        photo(class_logit={0: 8.0, 5: 2.0}),
        photos("class_logit of photo 0 is 8, its parts add up to 8.5 (and 1 more photos)")
        + classes(f"explained is 0.6458333, its photos give {(1 - 1 / 7.5 + 3) / 6:.7g}"),
    ),
    (
        "correct",
        photo(correct={5: False}),
        photos("correct of photo 5 is False, its predicted class says True")
        + classes("accuracy_fit is 0.6666667, its photos give 0.5"),
    ),
    (
        "dominant",
        photo(dominant={5: 2}),
        photos("dominant of photo 5 is 2, its contributions give -1")
        + concepts("2: dominates is 0, the photos give 1")
        + concepts("2: prevalence is 0, the photos give 0.1666667")
        + concepts("2: reliability is unknown, the photos give 1"),
    ),
    (
        "split",
        photo(split={5: "train"}),
        photos("split of photo 5 is 'train', neither 'fit' nor 'holdout'"),
    ),
    ("heat_concepts", photo(heat_concepts={3: [3]}), photos("heat_concepts of photo 3 are [3], of 3 concepts")),
    ("heat_concepts below 0", photo(heat_concepts={3: [-1]}), photos("heat_concepts of photo 3 are [-1], of 3 concepts")),
    ("neighbours", photo(neighbours={0: (1,)}), photos("neighbours of photo 7 name 0, which does not name it")),
    (
        "a neighbour that is not there",
        photo(neighbours={0: (1, 7, 8)}),
        photos("neighbours of photo 0 name 8, of 8 photos"),
    ),
    ("a neighbour of itself", photo(neighbours={0: (0, 1, 7)}), photos("neighbours of photo 0 name 0, which does not name it")),
    # strategies
    ("size", row("strategies", 0, size=4), strategies("0: size is 4, its photos give 3")),
    ("size_holdout", row("strategies", 1, size_holdout=0), strategies("1: size_holdout is 0, its photos give 1")),
    ("accuracy", row("strategies", 0, accuracy=0.75), strategies("0: accuracy is 0.75, its photos give 0.6666667")),
    ("accuracy_holdout", row("strategies", 0, accuracy_holdout=0.5), strategies("0: accuracy_holdout is 0.5, its photos give 1")),
    (
        "contributions of a strategy",
        row("strategies", 0, contributions=(4.0, 1.0, -0.33)),
        strategies("0: contributions of concept 2 is -0.33, its photos give -0.3333333"),
    ),
    (
        "too few contributions",
        row("strategies", 0, contributions=(4.0, 1.0)),
        strategies("0: contributions are of 2 concepts, its photos have 3"),
    ),
    ("medoids", row("strategies", 0, medoids=(1, 3)), strategies("0: medoids name photo 3, which is not in it")),
    ("a medoid that is not there", row("strategies", 0, medoids=(8,)), strategies("0: medoids name photo 8, which is not in it")),
    ("mistake", row("strategies", 1, mistake=134), strategies("1: mistake is 134, its photos give 0")),
    ("mistakes", row("strategies", 0, mistakes=2), strategies("0: mistakes is 2, its photos give 1")),
    ("recurrence", row("strategies", 0, recurrence=1.5), strategies("0: recurrence is 1.5, not within 0…1")),
    ("groups", record(groups=1, groups_expected=0.5), classes("groups is 1, the strategies table names 2")),
    ("groups unknown", record(groups=None), classes("groups is unknown, the strategies table names 2")),
    ("groups by chance", record(groups_expected=2.0), classes("groups_expected is 2, strategies are shown of 2 groups")),
    ("chance unknown", record(groups_expected=None), classes("groups_expected is unknown, strategies are shown of 2 groups")),
    # curves
    ("auc", inside("curves", 0, auc=0.42), classes("c_deletion of contribution: auc is 0.42, its values give 0.4166667")),
    (
        "the end of a deletion",
        inside("curves", 0, values=(1.0, 0.5, 0.25, 0.25), auc=1.375 / 3),
        classes("c_deletion of contribution: values go from 1 to 0.25, not from 1 to 0"),
    ),
    (
        "the ends of an insertion",
        inside("curves", 1, values=(1.0, 0.75, 0.5, 0.0)),
        classes("c_insertion of class_ranking: values go from 1 to 0, not from 0 to 1"),
    ),
    (
        "a step too few",
        inside("curves", 1, values=(0.0, 0.5, 1.0), auc=0.5),
        classes("c_insertion of class_ranking: values are 3 points, 3 concepts give 4"),
    ),
    # evidence beside concepts of the class's own
    (
        "the order of evidence",
        lambda church: record(evidence=church.record.evidence[::-1])(church),
        classes("evidence names shared/2 after shared/0, which contributes less"),
    ),
    ("share_low of evidence", inside("evidence", 0, share_low=0.8), classes("shared/2: share_low is 0.8, share_high is 0.7")),
    # ranges
    ("alignment", record(alignment=(0.5, -1.1, 0.125)), classes("alignment is -1.1, not within -1…1")),
    ("agreement", record(agreement=-1.2), classes("agreement is -1.2, not within -1…1")),
    ("relative_l2", record(relative_l2=-0.1), classes("relative_l2 is -0.1, below 0")),
    (
        "the cosine of a class",
        record(nearest_classes=(Neighbour("n01440764", 1.5),)),
        classes("nearest class n01440764: cosine is 1.5, not within -1…1"),
    ),
    (
        "the cosine of a concept",
        row("concepts", 0, neighbours=(Neighbour("shared/1", 1.5),)),
        concepts("0: neighbour shared/1: cosine is 1.5, not within -1…1"),
    ),
    # exemplars
    ("rank", row("exemplars", 1, rank=2), exemplars("1: rank is 2")),
    ("codes", row("exemplars", 2, code=2.5), exemplars("2: code is 2.5, more than the 2 before it")),
    ("a box of no width", row("exemplars", 1, box=(0, 0, 0, 96)), exemplars("1: box is (0, 0, 0, 96): not inside of a photo")),
    ("a box outside", row("exemplars", 1, box=(-8, 0, 96, 96)), exemplars("1: box is (-8, 0, 96, 96): not inside of a photo")),
]


def test_what_is_worked_by_hand_agrees(tmp_path: Path, made: Any) -> None:
    assert write(tmp_path / "a", made, made.worked_by_hand()) == []


def test_the_generated_atlas_agrees(made_up: Store) -> None:
    assert problems(made_up.root) == []


@pytest.mark.parametrize(("change", "said"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_a_number_that_others_contradict_is_named_with_theirs(tmp_path: Path, made: Any, change: Change, said: list[str]) -> None:
    assert write(tmp_path / "a", made, change(made.worked_by_hand())) == said


@pytest.mark.parametrize("name", [f for f in ("explained_random", "explained_shared", "sparsity", "hoyer")])
@pytest.mark.parametrize("value", [-0.01, 1.01])
def test_a_probability_lies_between_0_and_1(tmp_path: Path, made: Any, name: str, value: float) -> None:
    found = write(tmp_path / "a", made, record(**{name: value})(made.worked_by_hand()))
    assert found == classes(f"{name} is {value}, not within 0…1")


# A class explained by the shared dictionary, and held out whole

SHARED: list[tuple[str, Change, list[str]]] = [
    ("contribution", inside("evidence", 2, contribution=0.55), ["shared/1: contribution is 0.55, the photos give 0.5"]),
    (
        "share",
        inside("evidence", 0, share=0.3),
        ["shared/0: share is 0.3, its contribution and the class's logit give 0.3333333"],
    ),
    ("dominates", inside("evidence", 2, dominates=2), ["shared/1: dominates is 2, the photos give 1"]),
    ("prevalence", inside("evidence", 1, prevalence=0.1), ["shared/2: prevalence is 0.1, the photos give 0"]),
    ("reliability", inside("evidence", 2, reliability=0.5), ["shared/1: reliability is 0.5, the photos give 0"]),
    (
        "dominates_holdout",
        inside("evidence", 0, dominates_holdout=0),
        ["shared/0: dominates_holdout is 0, the held-out photos give 1"],
    ),
    ("accuracy_fit", record(accuracy_fit=0.5), ["accuracy_fit is 0.5, its photos give unknown"]),
    ("n_fit", record(n_fit=1), ["n_fit is 1, its fit split has 0 photos"]),
]


@pytest.mark.parametrize(("change", "said"), [rule[1:] for rule in SHARED], ids=[rule[0] for rule in SHARED])
def test_what_a_shared_concept_does_for_a_class_is_computed_again(
    tmp_path: Path, made: Any, change: Change, said: list[str]
) -> None:
    found = write(tmp_path / "a", made, made.worked_by_hand(), change(made.held_out_by_hand()))
    assert found == [f"classes.parquet: n01440764: {line}" for line in said]


def test_above_an_unknown_bias_what_is_explained_cannot_be_computed_again(tmp_path: Path, made: Any) -> None:
    centred = dataclasses.replace(made.worked_by_hand(), arrays={"offset": np.ones(4, np.float32)})
    assert write(tmp_path / "a", made, record(explained=0.25)(centred)) == []
    assert write(tmp_path / "b", made, record(explained=0.25)(made.worked_by_hand())) != []


# What is no number


def reals(kind: type) -> list[str]:
    """Return the fields of a domain type that hold real numbers."""
    return [field.name for field in dataclasses.fields(kind) if "float" in str(field.type)]


def spoilt(value: Any, name: str, real: float) -> Any:
    """Put a number that is none into a field."""
    held = getattr(value, name)
    return dataclasses.replace(
        value, **{name: (real, *held[1:]) if isinstance(held, tuple) else {"sobol": real} if isinstance(held, dict) else real}
    )


PLACES: dict[type, tuple[Callable[[Result], Any], Callable[[Any], Change], str]] = {
    ClassRecord: (lambda church: church.record, lambda v: lambda c: dataclasses.replace(c, record=v), f"classes.parquet: {WNID}"),
    Evidence: (
        lambda church: church.record.evidence[0],
        lambda v: lambda c: record(evidence=(v, *c.record.evidence[1:]))(c),
        f"classes.parquet: {WNID}: shared/2",
    ),
    Curve: (
        lambda church: church.record.curves[0],
        lambda v: lambda c: record(curves=(v, *c.record.curves[1:]))(c),
        f"classes.parquet: {WNID}: c_deletion of contribution",
    ),
    Neighbour: (
        lambda church: church.record.nearest_classes[0],
        lambda v: record(nearest_classes=(v,)),
        f"classes.parquet: {WNID}: nearest class n01440764",
    ),
    Concept: (
        lambda church: church.concepts[0],
        lambda v: lambda c: dataclasses.replace(c, concepts=(v, *c.concepts[1:])),
        f"concepts.parquet: {WNID}/0",
    ),
    Strategy: (
        lambda church: church.strategies[0],
        lambda v: lambda c: dataclasses.replace(c, strategies=(v, *c.strategies[1:])),
        f"strategies.parquet: {WNID}: strategy 0",
    ),
    Exemplar: (
        lambda church: church.exemplars[0],
        lambda v: lambda c: dataclasses.replace(c, exemplars=(v, *c.exemplars[1:])),
        f"exemplars.parquet: {WNID}/0: exemplar 0",
    ),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in PLACES for name in reals(kind)])
def test_what_is_not_a_number_is_found_in_every_column(tmp_path: Path, made: Any, kind: type, name: str) -> None:
    get, put, owner = PLACES[kind]
    church = made.worked_by_hand()
    wrong = put(spoilt(get(church), name, float("nan")))(church)
    column = "sobol" if name == "estimators" else name
    assert write(tmp_path / "a", made, wrong) == [f"{owner}: {column} is nan"]


@pytest.mark.parametrize("name", ["aligned", "neighbours"])
def test_what_is_not_a_number_is_found_beside_a_concept(tmp_path: Path, made: Any, name: str) -> None:
    near = Neighbour("n01440764" if name == "aligned" else "shared/1", float("nan"))
    found = write(tmp_path / "a", made, row("concepts", 0, **{name: (near,)})(made.worked_by_hand()))
    beside = {"aligned": "aligned with n01440764", "neighbours": "neighbour shared/1"}[name]
    assert found == concepts(f"0: {beside}: cosine is nan")


@pytest.mark.parametrize("name", ["class_logit", "bias", "residual", "codes", "contributions", "xy"])
@pytest.mark.parametrize("real", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_found_in_photos(tmp_path: Path, made: Any, name: str, real: float) -> None:
    church = made.worked_by_hand()
    values = getattr(church.photos, name).copy()
    values.reshape(8, -1)[6, -1] = real
    wrong = dataclasses.replace(church, photos=dataclasses.replace(church.photos, **{name: values}))
    column = "y" if name == "xy" else name
    assert write(tmp_path / "a", made, wrong) == photos(f"{column} of photo 6 is {real}")


def test_what_is_not_a_number_is_found_in_a_shared_concept(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "a", row("concepts", 1, map_x=float("inf"))(made.shared()), refined=False)
    assert problems(tmp_path / "a") == ["concepts.parquet: shared/1: map_x is inf"]


# Rounding, and how much is said


@pytest.mark.parametrize("value", [0.4123, 3.14159, 12.3456, -0.3333, 0.0049])
def test_rounding_to_two_digits_is_told_and_that_of_float32_is_not(value: float) -> None:
    assert not close(round(value, 2), value)
    assert close(float(np.float32(value)), value)
    assert close(value, value)


def test_nothing_is_close_to_what_is_no_number_or_unknown() -> None:
    assert not close(float("nan"), float("nan"))
    assert not close(0.0, float("nan"))
    assert not close(None, 0.0)
    assert not close(0.0, None)
    assert close(None, None)


def test_of_a_kind_five_are_told_and_how_many_more_there_are() -> None:
    many = [
        Contradiction("concepts.parquet", f"shared/{i}", column, "is wrong") for i in range(8) for column in ("share", "colour")
    ]
    assert sentences(many) == [
        *(f"concepts.parquet: shared/{i}: share is wrong" for i in range(5)),
        "concepts.parquet: share: and 3 more",
        *(f"concepts.parquet: shared/{i}: colour is wrong" for i in range(5)),
        "concepts.parquet: colour: and 3 more",
    ]
    assert len(sentences(many[:10])) == 10  # five of each: no more to tell of


def test_a_number_is_told_of_once() -> None:
    twice = [
        Contradiction("classes.parquet", WNID, "share", words) for words in ("is 2, its photos give 1", "is 2, not within 0…1")
    ]
    assert sentences(twice) == [f"classes.parquet: {WNID}: share is 2, its photos give 1"]


def test_the_steps_of_many_concepts_are_whole_concepts() -> None:
    values = (1.0, *[0.0] * 25)
    for concepts, first_step in ((25, 1 / 25), (30, 1 / 30), (40, 2 / 40)):  # 1.2 and 1.6 concepts, rounded
        church = ClassRecord(
            ImageNetClass(497, WNID, "church"), "full", curves=(Curve(CLASS_RANKING, "c_deletion", values, first_step / 2),)
        )
        assert list(of_curves(church, concepts)) == []
        (found,) = of_curves(church, 35)  # 1.4 concepts, rounded
        assert (
            str(found)
            == f"classes.parquet: {WNID}: c_deletion of class_ranking: auc is {first_step / 2:.7g}, its values give {1 / 70:.7g}"
        )


# Format 1.0: means were over all photos, held out or not


def pooled(church: Result) -> Result:
    """Return the church as format 1.0 told of it."""
    values = {"class_logit": 5.25, "residual": 1.625, "explained": 5.625 / 8}
    told = record(**values, groups=None, groups_expected=None)(church)
    means = [(1.875, 4 / 8), (1.5, 3 / 8), (-0.25, 0.0)]
    told = dataclasses.replace(
        told, concepts=tuple(dataclasses.replace(c, contribution=m) for c, (m, _) in zip(told.concepts, means, strict=True))
    )
    told = row("strategies", 0, size=4, accuracy=0.75, contributions=(3.5, 1.0, 0.0))(told)
    return row("strategies", 1, size=3, accuracy=1 / 3, contributions=(2 / 3, 3.0, 1 / 3))(told)


FIRST: list[tuple[str, Change, list[str]]] = [
    ("nothing", lambda church: church, []),
    ("what 1.0 said otherwise", row("concepts", 0, share=0.9, prevalence=0.9, reliability=0.1), []),
    ("contribution", row("concepts", 0, contribution=2.0), concepts("0: contribution is 2, the photos give 1.875")),
    ("class_logit", record(class_logit=5.5), classes("class_logit is 5.5, its photos give 5.25")),
    ("size", row("strategies", 0, size=3), strategies("0: size is 3, its photos give 4")),
    ("auc", inside("curves", 0, auc=0.42), classes("c_deletion of contribution: auc is 0.42, its values give 0.4166667")),
    ("sparsity", record(sparsity=float("nan")), classes("sparsity is nan")),
]


@pytest.mark.parametrize(("change", "said"), [rule[1:] for rule in FIRST], ids=[rule[0] for rule in FIRST])
def test_an_atlas_of_format_1_0_is_held_to_what_1_0_promised(tmp_path: Path, made: Any, change: Change, said: list[str]) -> None:
    write(tmp_path / "a", made, change(pooled(made.worked_by_hand())))
    assert problems(made.aged(tmp_path / "a")) == said
