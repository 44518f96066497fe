"""A few of the atlases that ``python -m tests.faults.mutations`` changes by the thousand: each is told of in words, or works."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.judge import judge
from tests.faults.mutations import KINDS, chosen, rows, run, write_bases

FEW = 24


@pytest.mark.slow
def test_an_atlas_that_is_called_whole_can_be_shown_and_one_that_is_not_is_refused_in_words(tmp_path: Path) -> None:
    cases = list(run(FEW, tmp_path))
    assert [(case.seed, case.what, case.verdict.unsaid, case.verdict.failed) for case in cases if not case.fine] == []
    assert sum(row.made for row in rows(cases)) == FEW
    assert any(case.verdict.whole for case in cases)
    assert not all(case.verdict.whole for case in cases)


def test_the_atlases_that_are_changed_are_whole_before(tmp_path: Path) -> None:
    write_bases(tmp_path / "bases")
    verdict = judge(tmp_path / "bases" / "small", tmp_path / "gallery")
    assert verdict.whole
    assert (verdict.unsaid, verdict.failed) == ([], [])


def test_every_kind_of_change_is_made() -> None:
    assert {chosen(seed) for seed in range(200)} == set(KINDS)
