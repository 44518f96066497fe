"""What is wrong with a number, and how it is said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: Numbers are float64 or float32, means of hundreds of the latter: equal ones differ by a millionth, rounded ones by far more.
RELATIVE = ABSOLUTE = 1e-5
MOST_OF_A_KIND = 5
LONGEST = 500  # characters of a sentence

Number = float | int | None


class Contradiction(NamedTuple):
    """A sentence about one number of a table."""

    table: str
    owner: str  # a wnid, a concept, what lies inside them
    column: str
    words: str  # what it says, and what other numbers say

    def __str__(self) -> str:
        return plain(f"{self.table}: {self.owner}: {self.column} {self.words}")


def sentences(found: Iterable[Contradiction]) -> list[str]:
    """Say contradictions: each number once, at most five of a column, and how many more there are."""
    kinds: dict[tuple[str, str], dict[str, Contradiction]] = {}
    for one in found:
        kinds.setdefault((one.table, one.column), {}).setdefault(one.owner, one)
    said: list[str] = []
    for (table, column), of_kind in kinds.items():
        said += [str(one) for one in list(of_kind.values())[:MOST_OF_A_KIND]]
        if (more := len(of_kind) - MOST_OF_A_KIND) > 0:
            said.append(f"{table}: {column}: and {more} more")
    return said


def said(number: Number) -> str:
    """Write a number so that two which differ read differently; None is unknown."""
    return "unknown" if number is None else f"{number:.7g}" if isinstance(number, float) else str(number)


def close(stored: Number, given: Number, *, scale: float = 1.0) -> bool:
    """Tell whether two numbers are the same but for rounding; NaN is close to nothing, unknown to unknown alone.

    Args:
        stored: what a table says.
        given: what other numbers give.
        scale: how much rounding weighs, where a difference of logits was divided by: 1 ÷ that difference.
    """
    if stored is None or given is None:
        return stored is given
    return abs(stored - given) <= RELATIVE * max(abs(stored), abs(given)) + ABSOLUTE * max(scale, 1.0)


def plain(text: str) -> str:
    """Return a sentence as one line that any terminal shows: what else it quotes is escaped, and what is without end is cut."""
    line = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[: LONGEST + 1])
    return line if len(text) <= LONGEST else line[:LONGEST] + "…"
