"""Many trials of one kind, and how many of them went wrong in which way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """What came of many trials: every way to go wrong with how often it happened."""

    what: str
    tried: int
    wrong: Mapping[str, int]

    @property
    def fine(self) -> bool:
        return self.tried > 0 and not any(self.wrong.values())


def table(tallies: Sequence[Tally]) -> str:
    """Return the tallies as Markdown."""
    head = "## By the thousand\n\n| what | tried | went wrong |\n|---|---|---|\n"
    return head + "\n".join(f"| {t.what} | {t.tried:,} | {_told(t.wrong)} |" for t in tallies) + "\n"


def _told(wrong: Mapping[str, int]) -> str:
    return "; ".join(f"{way}: {'**' * bool(n)}{n}{'**' * bool(n)}" for way, n in wrong.items())
