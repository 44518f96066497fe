"""How often the network is right, over counted photos: text, interval, and whether a part does worse than the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlas.schema import ClassRecord, Concept, Photos, Strategy
from atlas.site import formats
from atlas.site.formats import FEW
from atlas.site.wilson import wilson

SEEN = "like those it was trained or fitted on"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many photos right, of so many; at least one."""

    right: int
    of: int

    @property
    def value(self) -> float:
        """The share that is right."""
        return self.right / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson(self.right, self.of)

    def __str__(self) -> str:
        return f"{self.right} of {self.of}" if self.of < FEW else formats.percent(self.value)


def rate(share: float | None, of: int | None) -> Rate | None:
    """Return a stored accuracy as a rate of its photos; None where either is unknown or there are no photos."""
    return Rate(round(share * of), of) if share is not None and of else None


def unseen(record: ClassRecord) -> Rate | None:
    """Return how often a class is right on photos that were held out."""
    return rate(record.accuracy_holdout, record.n_holdout)


def seen(record: ClassRecord) -> Rate | None:
    """Return how often a class is right on the photos that are not held out."""
    return rate(record.accuracy_fit, record.n_fit_split)


def leads(concept: Concept) -> Rate | None:
    """Return how often the network is right where a concept leads, on photos that are not held out."""
    return rate(concept.reliability, concept.dominates)


def leads_unseen(concept: Concept) -> Rate | None:
    """Return the same on held-out photos."""
    return rate(concept.reliability_holdout, concept.dominates_holdout)


def grouped(strategy: Strategy) -> Rate | None:
    """Return how often the network is right on the photos a strategy was found in."""
    return rate(strategy.accuracy, strategy.size)


def placed(strategy: Strategy) -> Rate | None:
    """Return the same on the held-out photos that were placed in it afterwards."""
    return rate(strategy.accuracy_holdout, strategy.size_holdout)


def led(photos: Photos, concepts: Sequence[int]) -> tuple[Rate | None, Rate | None]:
    """Count the photos that any of some concepts leads: those not held out, and those held out."""
    here, held = np.isin(photos.dominant, concepts), np.array([part == "holdout" for part in photos.split], bool)
    return _counted(photos.correct[here & ~held]), _counted(photos.correct[here & held])


def _counted(correct: np.ndarray) -> Rate | None:
    return Rate(int(correct.sum()), len(correct)) if len(correct) else None


def right(record: ClassRecord) -> str:
    """Say how often the network is right, held-out photos first and never pooled with the others; a dash where it is unknown."""
    held, known = unseen(record), seen(record)
    if held is not None:
        others = f" ({known} of the others)" if known is not None else ""
        return f"right on {_share(held)} of the {formats.counted(held.of, 'unseen photo')}{others}"
    if known is None:
        return formats.UNKNOWN
    if known.of == 1:
        return "right on its only photo" if known.right else "wrong on its only photo"
    return f"right on {_share(known)} of the {known.of} photos {SEEN}"


def _share(known: Rate) -> str:
    return str(known.right) if known.of < FEW else formats.percent(known.value)


def right_interval(record: ClassRecord) -> str:
    """Say between which shares the truth lies; empty where nothing is known."""
    held, known = unseen(record), seen(record)
    if held is None:
        return interval(known)
    others = f", the others {span(known)}\u202f%" if known is not None else ""
    return f"{interval(held)}{others}"


def interval(known: Rate | None) -> str:
    """Return "95 % interval 71–92 %"; empty where nothing is known."""
    return f"95\u202f% interval {span(known)}\u202f%" if known is not None else ""


def span(known: Rate) -> str:
    """Return the ends of an interval in per cent: "71–92"."""
    low, high = known.interval
    return formats.span(low * 100, high * 100)


def ends(known: Rate | None) -> tuple[float | None, float | None]:
    """Return the ends of an interval for a table; None where nothing is known."""
    return known.interval if known is not None else (None, None)


def falls_short(part: Rate | None, whole: Rate | None) -> bool:
    """Tell whether a part of the photos is recognised less often than all of the same split, beyond what chance explains.

    The upper end of its interval lies below the lower end of theirs.
    """
    return part is not None and whole is not None and part.interval[1] < whole.interval[0]


def shortfall(part: Rate | None, whole: Rate | None) -> str:
    """Say that a part falls short of the whole, in numbers; empty where it does not."""
    if part is None or whole is None or not falls_short(part, whole):
        return ""
    return f"right less often than usual: {part.right} of {formats.counted(part.of, 'photo')} against {whole}"
