"""Numbers as text: with a unit, a real minus, and a dash for what is not known."""

from __future__ import annotations

from atlas.schema import FULL_COVERAGE_PHOTOS, ClassRecord, Concept

UNKNOWN = "–"

#: Fewer photos than this are counted, not turned into per cent.
FEW = 20


def percent(value: float | None, digits: int = 0) -> str:
    """Return a share as per cent: 0.926 → "93 %"."""
    return UNKNOWN if value is None else f"{_minus(f'{round(value * 100, digits) + 0.0:.{digits}f}')}\u202f%"


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


def prevalence(value: float | None, n_photos: int) -> str:
    """Say how many photos a concept leads, of all that are not held out."""
    if value is None or not n_photos:
        return UNKNOWN
    if value == 0:
        return "never leads"
    if n_photos >= FEW:
        return f"{percent(value)} of {n_photos} photos"
    return f"{round(value * n_photos)} of {counted(n_photos, 'photo')}"


def stability(value: float) -> tuple[str, str]:
    """Return a word for how well other fits find a concept again, and the number that the word goes by."""
    shown = round(value, 2)
    return "stable" if shown >= 0.8 else "fairly stable" if shown >= 0.6 else "unstable", plain(shown)


def explained(record: ClassRecord) -> str:
    """Say how much of the logit the concepts give back photo by photo, on unseen photos first; a dash where it is unknown."""
    if record.explained_holdout is None:
        return percent(record.explained)
    return f"{percent(record.explained_holdout)} on unseen photos ({percent(record.explained)} on the others)"


def not_explained(record: ClassRecord) -> str:
    """Say what share of the mean logit no concept accounts for: "not explained 16 %", "overshoots by 3 %"; a dash if unknown."""
    share = record.unexplained
    return f"{lacking_name(share)} {percent(None if share is None else abs(share))}"


def lacking_name(value: float | None) -> str:
    """Name what is not explained, or what is explained too much."""
    return "overshoots by" if value is not None and value < 0 else "not explained"


def interval_basis(record: ClassRecord) -> str:
    """Say what the interval of a share takes into account."""
    if record.refits:
        return f"95\u202f% interval over photos and {counted(record.refits, 'refit')}"
    return "95\u202f% interval over photos alone: the dictionary is held fixed"


def concept_name(concept: Concept) -> str:
    """Return "concept 3", or "shared concept 217"."""
    return f"{'shared ' if concept.scope == 'shared' else ''}concept {concept.index}"


def _minus(text: str) -> str:
    return text.replace("-", "−")
