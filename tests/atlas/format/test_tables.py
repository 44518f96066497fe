from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from atlas.format import tables
from atlas.format.manifest import decode_manifest, encode_manifest
from atlas.schema import (
    AtlasError,
    ClassRecord,
    Concept,
    Curve,
    Evidence,
    Exemplar,
    ImageNetClass,
    Manifest,
    Neighbour,
    Photos,
    PhotoSet,
    Strategy,
)

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

reals = st.floats(allow_nan=False)
unknown = st.none() | reals
whole = st.integers(-(2**31), 2**31 - 1)
texts = st.text(max_size=12)
wnids = st.from_regex(r"n[0-9]{8}", fullmatch=True)
neighbours = st.lists(st.builds(Neighbour, texts, reals, st.booleans()), max_size=3).map(tuple)
estimators = st.dictionaries(st.sampled_from(tables.ESTIMATORS), reals)


def tuples(values: st.SearchStrategy, size: int = 4) -> st.SearchStrategy:
    return st.lists(values, max_size=size).map(tuple)


def built(kind: type, **known: st.SearchStrategy) -> st.SearchStrategy:
    """Draw a value of a domain type; its optional numbers are known or unknown."""
    optional = {f.name: unknown for f in dataclasses.fields(kind) if f.type == "float | None"}
    return st.builds(kind, **(optional | known))


concepts = built(
    Concept,
    concept_id=texts,
    scope=st.sampled_from(["class", "shared"]),
    wnid=st.none() | wnids,
    index=whole,
    estimators=estimators,
    aligned=neighbours,
    neighbours=neighbours,
    colour=whole,
)
infos = st.builds(ImageNetClass, whole, wnids, texts, tuples(texts), texts, tuples(texts))
curves = st.builds(Curve, texts, st.sampled_from(["c_deletion", "c_insertion"]), tuples(reals), reals)
evidence = built(Evidence, index=whole, contribution=reals, prevalence=reals, estimators=estimators)
records = built(
    ClassRecord,
    info=infos,
    coverage=st.sampled_from(["none", "sample", "full"]),
    scope=st.sampled_from([None, "class", "shared"]),
    n_photos=whole,
    curves=tuples(curves),
    nearest_classes=neighbours,
    evidence=tuples(evidence),
    digest=texts,
)
strategies = st.builds(Strategy, wnids, whole, texts, whole, reals, tuples(reals), tuples(whole))
exemplars = st.builds(Exemplar, texts, whole, texts, st.tuples(whole, whole, whole, whole), reals)


@st.composite
def photos(draw: st.DrawFn) -> Photos:
    n, k, m, height, width = (draw(st.integers(1, top)) for top in (5, 4, 3, 3, 4))

    def real(*shape: int) -> np.ndarray:
        return draw(hnp.arrays(np.float32, shape, elements=st.floats(width=32, allow_nan=False)))

    def number(*shape: int) -> np.ndarray:
        return draw(hnp.arrays(np.int32, shape))

    return Photos(
        wnid=draw(wnids),
        keys=tuple(draw(st.lists(texts, min_size=n, max_size=n))),
        split=tuple(draw(st.lists(st.sampled_from(["fit", "holdout"]), min_size=n, max_size=n))),
        predicted=number(n),
        correct=draw(hnp.arrays(np.bool_, (n,))),
        **{name: real(n) for name in ("class_logit", "bias", "residual")},
        **{name: real(n, k) for name in ("codes", "contributions")},
        dominant=number(n),
        strategy=number(n),
        xy=real(n, 2),
        neighbours=tuple(draw(st.lists(tuples(st.integers(0, n - 1)), min_size=n, max_size=n))),
        heat_concepts=number(n, m),
        heat=draw(hnp.arrays(np.uint8, (n, m, height, width))),
    )


@quick
@given(st.lists(concepts, max_size=4))
def test_concepts_come_back_as_they_went(rows: list[Concept]) -> None:
    assert tables.read_concepts(tables.concepts_table(rows)) == tuple(rows)


@quick
@given(st.lists(records, max_size=3))
def test_records_come_back_as_they_went(rows: list[ClassRecord]) -> None:
    assert tables.read_records(tables.records_table(rows)) == tuple(rows)


@quick
@given(st.lists(strategies, max_size=4))
def test_strategies_come_back_as_they_went(rows: list[Strategy]) -> None:
    assert tables.read_strategies(tables.strategies_table(rows)) == tuple(rows)


@quick
@given(st.lists(exemplars, max_size=4))
def test_exemplars_come_back_as_they_went(rows: list[Exemplar]) -> None:
    assert tables.read_exemplars(tables.exemplars_table(rows)) == tuple(rows)


@quick
@given(photos())
def test_photos_come_back_as_they_went(sent: Photos) -> None:
    found = tables.read_photos(tables.photos_table(sent), sent.heat.shape[2:])
    for field in dataclasses.fields(Photos):
        before, after = getattr(sent, field.name), getattr(found, field.name)
        if isinstance(before, np.ndarray):
            assert (field.name, after.dtype, after.shape) == (field.name, before.dtype, before.shape)
            np.testing.assert_array_equal(after, before, err_msg=field.name)
        else:
            assert after == before, field.name


leaves = st.none() | st.booleans() | texts | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(leaves, lambda v: st.lists(v) | st.dictionaries(texts, v), max_leaves=4)
objects = st.dictionaries(texts, json_values, max_size=3)
names = st.dictionaries(texts, texts, max_size=3)
shown = st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=12).filter(str.isprintable)
digests = st.from_regex("[0-9a-f]{64}", fullmatch=True)
grids = st.lists(st.integers(1, 99), min_size=2, max_size=2)
manifests = st.builds(
    Manifest,
    format_version=st.sampled_from(["1.0", "1.7"]),
    project=objects,
    created=shown,
    config_digest=shown,
    shared_digest=shown,
    backbone=st.fixed_dictionaries({"grid": grids}, optional={"name": shown, "crop_pct": st.just(0.875), "mean": json_values}),
    config=objects,
    libraries=names,
    classes=st.dictionaries(wnids, texts, max_size=3),
    photo_sets=tuples(st.builds(PhotoSet, shown, st.integers(0, 2**40), texts, texts)),
    skipped_photos=names,
    files=st.dictionaries(texts, st.fixed_dictionaries({"sha256": digests, "bytes": st.integers(0, 2**40)}), max_size=3),
)


@quick
@given(manifests)
def test_manifests_come_back_as_they_went(sent: Manifest) -> None:
    assert decode_manifest(encode_manifest(sent), "here") == sent


def test_unknown_is_not_zero() -> None:
    concept = Concept("n00000000/0", "class", "n00000000", 0, contribution=None)
    (found,) = tables.read_concepts(tables.concepts_table([concept]))
    assert found.contribution is None
    assert found.reliability is None
    assert found.estimators == {}


def test_an_estimator_without_a_column_is_refused_not_dropped() -> None:
    concept = Concept("n00000000/0", "class", "n00000000", 0, 1.0, estimators={"astrology": 1.0})
    evidence = Evidence(0, 1.0, None, None, None, 0.0, None, estimators={"astrology": 1.0})
    record = ClassRecord(ImageNetClass(0, "n00000000", "x"), "sample", evidence=(evidence,))
    refused = "No table has a column for the estimator 'astrology'"
    with pytest.raises(AtlasError, match=refused):
        tables.concepts_table([concept])
    with pytest.raises(AtlasError, match=refused):
        tables.records_table([record])


@pytest.mark.parametrize("name", tables.TABLE_NAMES)
def test_a_table_of_no_rows_has_all_its_columns(name: str) -> None:
    encode: dict[str, Callable] = {
        "classes.parquet": tables.records_table,
        "concepts.parquet": tables.concepts_table,
        "strategies.parquet": tables.strategies_table,
        "exemplars.parquet": tables.exemplars_table,
    }
    if name in encode:
        assert encode[name]([]).schema == tables.SCHEMAS[name]
    assert tables.owners(tables.SCHEMAS[name].empty_table()).to_pylist() == []


def test_every_row_knows_its_owner() -> None:
    shown = tables.exemplars_table([Exemplar(f"{owner}/3", 0, "key", (0, 0, 1, 1), 1.0) for owner in ("shared", "n00000001")])
    assert tables.owners(shown).to_pylist() == ["shared", "n00000001"]
    strategy = Strategy("n00000002", 0, "name", 1, 1.0, (), ())
    assert tables.owners(tables.strategies_table([strategy])).to_pylist() == ["n00000002"]
