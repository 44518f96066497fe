"""Atlases changed in one place and sealed again, as whoever makes an atlas for others could: seeded, so that each comes back."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from atlas.format import paths
from atlas.format.manifest import sealed
from atlas.format.tables import SCHEMAS

Mutant = Callable[[Path, random.Random], str]

TABLES = tuple(SCHEMAS)
REALS = (None, float("nan"), float("inf"), -float("inf"), 1e300, -1e300, -1.0, 0.0, 2.0, 1e-300)
WHOLES = (None, -1, -2, -(2**31), 2**31 - 1, 0, 1, 7, 999, 1000, 5000)
TEXTS = (
    None,
    "",
    "\x00",
    "\x1b[2J",
    "‮txt",
    "x" * 100_000,
    "<x-marker>",
    "../../etc/passwd",
    "/etc/passwd",
    "n99999999",
    "shared",
)


def seal(root: Path, *names: str) -> None:
    """Make the manifest agree with what files hold now."""
    manifest = json.loads((root / paths.MANIFEST).read_text())
    for name in names:
        content = (root / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    write_manifest(root, manifest)


def write_manifest(root: Path, values: dict[str, Any]) -> None:
    """Write a manifest with a digest of itself, in ASCII where it holds no text."""
    try:
        content = sealed(values)
    except UnicodeEncodeError:
        body = (
            json.dumps({key: value for key, value in values.items() if key != "digest"}, indent=1).encode().removesuffix(b"\n}")
        )
        content = body + f',\n "digest": "{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode()
    (root / paths.MANIFEST).write_bytes(content)


def write_groups(path: Path, groups: list[pa.Table], **settings: Any) -> None:
    """Write tables as row groups of one file."""
    with pq.ParquetWriter(path, groups[0].schema, **{"compression": "zstd", **settings}) as writer:
        for group in groups:
            writer.write_table(group, row_group_size=max(group.num_rows, 1))


def read_groups(path: Path) -> list[pa.Table]:
    """Read a table, a row group each."""
    with pq.ParquetFile(path) as file:
        return [file.read_row_group(i) for i in range(file.num_row_groups)] or [file.read()]


def _changed(root: Path, rng: random.Random, change: Callable[[list[dict[str, Any]], pa.Schema], str], name: str = "") -> str:
    """Change the rows of one row group of a table."""
    name = name or rng.choice(TABLES)
    groups = read_groups(root / name)
    at = rng.randrange(len(groups))
    rows = groups[at].to_pylist()
    said = change(rows, groups[at].schema)
    groups[at] = pa.Table.from_pylist(rows, groups[at].schema)
    write_groups(root / name, groups)
    seal(root, name)
    return f"{name}: {said}"


def _pool(kind: pa.DataType) -> tuple[Any, ...]:
    if pa.types.is_floating(kind):
        return REALS
    if pa.types.is_integer(kind):
        return WHOLES
    if pa.types.is_boolean(kind):
        return (None, True, False)
    return (None, b"", b"\0" * 5, bytes(1000)) if pa.types.is_binary(kind) else TEXTS


def _spoil(rng: random.Random, value: Any, kind: pa.DataType) -> Any:
    """Return a value with one thing changed in it, however deep it lies."""
    if pa.types.is_list(kind):
        if not value or rng.random() < 0.3:
            whole: tuple[Any, ...] = (
                None,
                [],
                [None],
                (value or []) * 2,
                (value or [])[:-1],
                [_spoil(rng, None, kind.value_type)] * 300,
            )
            return rng.choice(whole)
        at = rng.randrange(len(value))
        return [*value[:at], _spoil(rng, value[at], kind.value_type), *value[at + 1 :]]
    if pa.types.is_struct(kind):
        field = kind.field(rng.randrange(kind.num_fields))
        held = value or {kind.field(i).name: None for i in range(kind.num_fields)}
        return None if rng.random() < 0.1 else {**held, field.name: _spoil(rng, held[field.name], field.type)}
    return rng.choice(_pool(kind))


def cell(root: Path, rng: random.Random) -> str:
    """One value of one row."""

    def change(rows: list[dict[str, Any]], schema: pa.Schema) -> str:
        field = schema.field(rng.randrange(len(schema)))
        row = rng.choice(rows) if rows else {}
        row[field.name] = _spoil(rng, row.get(field.name), field.type)
        return f"{field.name} is {str(row[field.name])[:60]!r}"

    return _changed(root, rng, change)


def column(root: Path, rng: random.Random) -> str:
    """One column, in every row."""

    def change(rows: list[dict[str, Any]], schema: pa.Schema) -> str:
        field = schema.field(rng.randrange(len(schema)))
        value = _spoil(rng, None, field.type)
        for row in rows:
            row[field.name] = value
        return f"every {field.name} is {str(value)[:60]!r}"

    return _changed(root, rng, change)


def lists(root: Path, rng: random.Random) -> str:
    """The length of a list."""
    choices = {
        paths.PHOTOS: ("codes", "contributions", "heat_concepts", "heat", "neighbours"),
        paths.CLASSES: ("curves", "evidence", "alignment", "nearest_classes", "synonyms", "hypernyms"),
        paths.CONCEPTS: ("aligned", "neighbours"),
        paths.STRATEGIES: ("contributions", "medoids"),
        paths.EXEMPLARS: ("box",),
    }
    name = rng.choice(TABLES)
    field = rng.choice(choices[name])

    def change(rows: list[dict[str, Any]], schema: pa.Schema) -> str:
        for row in rows if rng.random() < 0.4 else rng.sample(rows, min(len(rows), 1)):
            held = row[field] or (schema.field(field).type == pa.binary() and b"") or []
            row[field] = rng.choice((held[:-1], held + held, held[:0], held + held[-1:], held[1:], held * 50, held[::-1]))
        return f"{field} of another length"

    return _changed(root, rng, change, name)


def rows(root: Path, rng: random.Random) -> str:
    """Which rows there are, and in what order."""
    how = rng.choice(("twice", "dropped", "reversed", "shuffled", "none", "owner", "first twice"))

    def change(held: list[dict[str, Any]], schema: pa.Schema) -> str:
        if how == "twice":
            held += held
        elif how == "first twice":
            held[:0] = held[:1]
        elif how == "dropped" and held:
            held.pop(rng.randrange(len(held)))
        elif how == "reversed":
            held.reverse()
        elif how == "shuffled":
            rng.shuffle(held)
        elif how == "none":
            held.clear()
        elif how == "owner":
            owner, key = rng.choice(("n02012849", "n99999999", "shared", "../x", "n01440764")), schema.names[0]
            for row in held:
                for name in {key, "wnid"} & set(schema.names) - {"class_index"}:
                    row[name] = f"{owner}/{str(row[name]).rpartition('/')[2]}" if name == "concept_id" else owner
        return f"rows {how}"

    return _changed(root, rng, change)


def groups(root: Path, rng: random.Random) -> str:
    """How rows are grouped, and what the statistics say."""
    name = rng.choice(TABLES)
    held = read_groups(root / name)
    how = rng.choice(("one", "a row each", "twice", "reversed", "no statistics", "dropped", "empty ones"))
    table = pa.concat_tables(held)
    grouped = {
        "one": [table],
        "a row each": [table.slice(i, 1) for i in range(table.num_rows)] or [table],
        "twice": held + held,
        "reversed": held[::-1],
        "dropped": held[:-1] or [table.slice(0, 0)],
        "empty ones": [table.slice(0, 0), *held, table.slice(0, 0)],
    }.get(how, held)
    write_groups(root / name, grouped, write_statistics=how != "no statistics", use_dictionary=rng.random() < 0.5)
    seal(root, name)
    return f"{name}: row groups {how}"


def types(root: Path, rng: random.Random) -> str:
    """What kind of column it is."""
    name = rng.choice(TABLES)
    held = read_groups(root / name)
    at = rng.randrange(len(held[0].schema))
    field = held[0].schema.field(at)
    how = rng.choice(("cast", "dropped", "renamed", "added", "twice"))
    other = {pa.int32(): pa.int64(), pa.float64(): pa.float32(), pa.float32(): pa.float64(), pa.string(): pa.large_string()}
    changed = []
    for group in held:
        values = group.column(at)
        if how == "cast":
            values = values.cast(other[field.type]) if field.type in other else pa.nulls(len(values))
            changed.append(group.set_column(at, field.name, values))
        elif how == "dropped":
            changed.append(group.remove_column(at))
        elif how == "renamed":
            changed.append(group.rename_columns(["?" if i == at else n for i, n in enumerate(group.schema.names)]))
        else:
            changed.append(group.append_column(field.name if how == "twice" else "extra", values))
    write_groups(root / name, changed)
    seal(root, name)
    return f"{name}: {field.name} {how}"


def text(root: Path, rng: random.Random) -> str:
    """Bytes that are no text, where one is expected."""
    name = rng.choice(TABLES)
    held = read_groups(root / name)
    at = rng.choice([i for i, field in enumerate(held[0].schema) if field.type == pa.string()])
    junk = pa.array([b"\xed\xa0\x80\xff"] * held[0].num_rows, pa.binary())
    values = pa.Array.from_buffers(pa.string(), len(junk), junk.buffers())
    held[0] = held[0].set_column(at, held[0].schema.field(at), values)
    write_groups(root / name, held)
    seal(root, name)
    return f"{name}: {held[0].schema.names[at]} is no text"


def bomb(root: Path, rng: random.Random) -> str:
    """A little file that becomes a large table."""
    name = rng.choice(TABLES)
    held = read_groups(root / name)
    how = rng.choice(("nulls", "rows", "texts"))
    schema = held[0].schema
    if how == "nulls" or not held[0].num_rows:
        table = pa.table([pa.nulls(2_000_000, field.type) for field in schema], schema=schema)
    else:
        table = held[0].take(pa.array([0] * (200_000 if how == "rows" else 20_000)))
    if how == "texts" and table.num_rows == 20_000:
        kinds = (pa.string(), pa.list_(pa.string()))
        at = rng.choice([i for i, field in enumerate(schema) if field.type in kinds])
        words = pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), pa.array([rng.randbytes(60_000).hex()]))
        if schema.field(at).type != pa.string():
            words = pa.ListArray.from_arrays(pa.array(np.arange(20_001, dtype=np.int32)), words)
        table = table.set_column(at, schema.field(at).name, words)
    with pq.ParquetWriter(root / name, table.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(table)
    seal(root, name)
    return f"{name}: a bomb of {how}"


def swap(root: Path, rng: random.Random) -> str:
    """Two files, each in the place of the other."""
    names = sorted(json.loads((root / paths.MANIFEST).read_text())["files"])
    one, other = rng.sample(names, 2) if rng.random() < 0.5 else rng.sample(TABLES, 2)
    first, second = (root / one).read_bytes(), (root / other).read_bytes()
    (root / one).write_bytes(second)
    (root / other).write_bytes(first)
    seal(root, one, other)
    return f"{one} and {other} swapped"


def junk(root: Path, rng: random.Random) -> str:
    """Some bytes of a file."""
    name = rng.choice((*TABLES, paths.DICTIONARIES))
    content = bytearray((root / name).read_bytes())
    for _ in range(rng.choice((1, 4, 16))):
        at = rng.randrange(len(content))
        content[at if rng.random() < 0.5 else -1 - at % min(len(content), 3000)] = rng.randrange(256)
    (root / name).write_bytes(content)
    seal(root, name)
    return f"{name}: some bytes"
