"""Seeded hostile requests to the real server: none is believed, none is noticed by anybody else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults import requests


@pytest.mark.slow
def test_hostile_requests_get_nothing_and_leave_nothing_in_the_log(tmp_path: Path) -> None:
    row = requests.run(tmp_path, n=1_000, seed=20)
    assert row.fine, row
    assert sum(row.statuses.values()) == 1_000
    assert {200, 400, 404, 405, 414, 421} <= set(row.statuses)
    assert row.statuses[404] > 150


def test_the_same_seed_sends_the_same_bytes() -> None:
    one, other = ([requests.hostile(random.Random(seed), Path("canary")) for seed in range(50)] for _ in range(2))
    assert one == other
    assert len(set(one)) == 50


def test_what_is_looked_for_would_be_found() -> None:
    for found in (b"<p><x-marker></p>", b'<a href=""x-marker=1">'):
        assert requests._INJECTED.search(found)
    for harmless in (b"&lt;x-marker&gt;", b"&quot;x-marker="):
        assert not requests._INJECTED.search(harmless)
    for wrong in ({"tracebacks": 1}, {"log_lines": 11}, {"errors": ["500"]}, {"hangs": ["x"]}, {"leaked": ["x"]}):
        assert not requests.Row(1_000, **wrong).fine
    assert requests.Row(1_000, log_lines=10).fine
