"""Numbers as text: with a unit, a real minus, and a dash for what is not known."""

from __future__ import annotations

from atlas.schema import FULL_COVERAGE_PHOTOS, ClassRecord, Concept

UNKNOWN = "–"


def percent(value: float | None, digits: int = 0) -> str:
    """Return a share as per cent: 0.926 → "93 %"."""
    return UNKNOWN if value is None else f"{_minus(f'{value * 100:.{digits}f}')}\u202f%"


def signed(value: float | None, digits: int = 2) -> str:
    """Return a number with its sign, as contributions in logits are written: "+2.04"."""
    if value is None:
        return UNKNOWN
    text = f"{value:+.{digits}f}"
    return _minus(text if float(text) else text[1:])


def plain(value: float | None, digits: int = 2) -> str:
    """Return a number: "0.31"."""
    return UNKNOWN if value is None else _minus(f"{round(value, digits) + 0.0:.{digits}f}")


def span(low: float, high: float, digits: int = 0) -> str:
    """Return a range: "19–25", "−3 to 2"."""
    if high - low < 3 and not digits:
        digits = 1
    between = "–" if low >= 0 else " to "
    return f"{plain(low + 0.0, digits)}{between}{plain(high + 0.0, digits)}".replace("−0 ", "0 ")


def counted(n: int, noun: str) -> str:
    """Return "1 photo", "2 photos", "no photos"."""
    return f"{n or 'no'} {noun if n == 1 else noun.removesuffix('y') + ('ies' if noun.endswith('y') else 's')}"


def rests_on(record: ClassRecord) -> str:
    """Say what a class rests on: "weights only", "one sample photo", "300 photos, 45 held out"."""
    if not record.n_photos:
        return "weights only"
    if record.n_photos == 1:
        return "one sample photo"
    if record.n_photos < FULL_COVERAGE_PHOTOS:
        return f"{record.n_photos} sample photos"
    held = f", {record.n_holdout} held out" if record.n_holdout else ""
    return f"{record.n_photos} photos{held}"


def recognised(record: ClassRecord) -> str:
    """Say how many photos the network gets right: per cent where that was measured on enough of them."""
    if record.accuracy is None or not record.n_photos:
        return UNKNOWN
    if record.n_photos >= FULL_COVERAGE_PHOTOS:
        return f"{percent(record.accuracy)} recognised"
    right = round(record.accuracy * record.n_photos)
    if record.n_photos == 1:
        return "recognised" if right else "not recognised"
    return f"{right} of {record.n_photos} recognised"


def prevalence(concept: Concept, n_photos: int) -> str:
    """Say how many photos a concept dominates."""
    if concept.prevalence is None or not n_photos:
        return UNKNOWN
    if n_photos >= FULL_COVERAGE_PHOTOS:
        return f"{percent(concept.prevalence)} of photos"
    return f"{round(concept.prevalence * n_photos)} of {counted(n_photos, 'photo')}"


def reliability(concept: Concept, n_photos: int) -> str:
    """Say how often the network is right where a concept dominates."""
    if concept.reliability is None or concept.prevalence is None:
        return "dominates none" if concept.prevalence == 0 else UNKNOWN
    if n_photos >= FULL_COVERAGE_PHOTOS:
        return f"{percent(concept.reliability)} right"
    dominated = round(concept.prevalence * n_photos)
    return f"{round(concept.reliability * dominated)} of {dominated} right"


def stability(value: float) -> tuple[str, str]:
    """Return a word for how well other fits find a concept again, and the number that the word goes by."""
    shown = round(value, 2)
    return "stable" if shown >= 0.8 else "fairly stable" if shown >= 0.6 else "unstable", plain(shown)


def falls_short(accuracy: float | None, record: ClassRecord, by: float = 0.1) -> bool:
    """Tell whether a part of the photos is recognised clearly less often than the whole class, measured on enough photos."""
    known = accuracy is not None and record.accuracy is not None and record.n_photos >= FULL_COVERAGE_PHOTOS
    return known and (accuracy or 0.0) < (record.accuracy or 0.0) - by


def concept_name(concept: Concept) -> str:
    """Return "concept 3", or "shared concept 217"."""
    return f"{'shared ' if concept.scope == 'shared' else ''}concept {concept.index}"


def _minus(text: str) -> str:
    return text.replace("-", "−")
