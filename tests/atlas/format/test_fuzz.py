"""An atlas that means harm: whatever a manifest or a table holds, readers answer or refuse in words."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas.format import Store, problems, tampered
from atlas.format.footers import _row_groups
from atlas.format.manifest import decode_manifest, sealed
from atlas.schema import AtlasError, Manifest

calm = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, made: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("fuzz") / "a"
    made.write(folder, made.of_class(made.TENCH), made.shared(), made.by_shared(made.CHURCH))
    return folder


@calm
@given(content=st.binary(max_size=60) | plain.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_manifest_or_refused(content: bytes) -> None:
    with pytest.raises(AtlasError, match=r"^there/manifest\.json "):
        decode_manifest(content, "there")


@calm
@given(data=st.data(), value=plain)
def test_any_value_in_a_manifest_is_read_or_refused(root: Path, data: st.DataObject, value: object) -> None:
    values = json.loads((root / "manifest.json").read_text())
    values[data.draw(st.sampled_from(sorted(values)))] = value
    try:
        assert isinstance(decode_manifest(sealed(values), "there"), Manifest)
    except AtlasError as error:
        assert "there" in str(error)  # noqa: PT017 (either of two outcomes is right)


def test_a_manifest_without_end_is_refused() -> None:
    with pytest.raises(AtlasError, match="is not the manifest of an atlas"):
        decode_manifest(b"[" * 200_000, "there")


@calm
@given(data=st.data(), place=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=16))
def test_a_damaged_table_is_told_whatever_the_checksum_says(root: Path, data: st.DataObject, place: float, junk: bytes) -> None:
    name = data.draw(st.sampled_from(["classes.parquet", "concepts.parquet", "photos.parquet", "dictionaries.safetensors"]))
    manifest, sound = (root / "manifest.json").read_bytes(), (root / name).read_bytes()
    at = int(place * len(sound))
    spoilt = sound[:at] + junk + sound[at + len(junk) :]
    try:
        (root / name).write_bytes(spoilt)
        assert tampered(Store(root)) == (name if spoilt != sound else None)
        values = json.loads(manifest)  # whoever can change a table can change its checksum too
        values["files"][name] = {"sha256": hashlib.sha256(spoilt).hexdigest(), "bytes": len(spoilt)}
        (root / "manifest.json").write_bytes(sealed(values))
        assert tampered(Store(root)) is None
        try:
            assert all(isinstance(problem, str) for problem in problems(root))
        except AtlasError as error:
            assert str(error)  # noqa: PT017 (either of two outcomes is right)
    finally:
        (root / "manifest.json").write_bytes(manifest)
        (root / name).write_bytes(sound)


@settings(calm, max_examples=30)
@given(data=st.data(), place=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=16))
def test_whoever_serves_a_damaged_table_reads_it_or_refuses_in_words(
    root: Path, data: st.DataObject, place: float, junk: bytes
) -> None:
    names = ["classes.parquet", "concepts.parquet", "photos.parquet", "strategies.parquet", "exemplars.parquet"]
    name = data.draw(st.sampled_from([*names, "dictionaries.safetensors"]))
    at_end = data.draw(st.booleans())  # where the footer is: most of a small table is data
    sound = (root / name).read_bytes()
    at = len(sound) - 1 - int(place * 2000) if at_end and len(sound) > 2000 else int(place * len(sound))
    try:
        (root / name).write_bytes(sound[:at] + junk + sound[at + len(junk) :])
        for read in (
            lambda store: [store.record(wnid) for wnid in store.records],
            lambda store: store.all_concepts(),
            lambda store: store.photos("n01440764"),
            lambda store: store.layout("n01440764"),
            lambda store: store.strategies("n01440764"),
            lambda store: store.exemplars("n01440764/0"),
            lambda store: store.atoms("n01440764"),
        ):
            try:
                read(Store(root))
            except AtlasError as error:
                assert str(error)  # noqa: PT017 (either of two outcomes is right)
    finally:
        (root / name).write_bytes(sound)


def test_a_list_that_claims_a_million_million_elements_is_refused_at_once() -> None:
    endless = bytes([4 << 4 | 9, 15 << 4 | 1]) + b"\xff\xff\xff\xff\xff\x1f" + bytes(8)
    with pytest.raises(IndexError):
        _row_groups(endless)


def test_names_that_lead_out_are_no_part_of_an_atlas(root: Path) -> None:
    store = Store(root)
    assert tampered(store) is None
    values = json.loads((root / "manifest.json").read_text())
    values["files"]["../../etc/passwd"] = {"sha256": "0" * 64, "bytes": 1}
    store.manifest = decode_manifest(sealed(values), "there")
    assert tampered(store) == "../../etc/passwd"
