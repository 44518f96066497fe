"""Lists of importance: a bar a concept by every measure; those that add up end with what no concept shown accounts for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atlas.schema import ClassRecord, Concept
from atlas.site import formats
from atlas.site.class_view import ClassView

#: What a row that is no concept is called in files.
UNEXPLAINED, OTHERS = "unexplained", "others"

#: How a list is called on screen.
LABELS = {
    "share": "share",
    "logits": "logits",
    "gradient_input": "Gradient × Input",
    "integrated_gradients": "Integrated Gradients",
    "saliency": "Saliency",
    "smoothgrad": "SmoothGrad",
    "occlusion": "Occlusion",
    "rise": "RISE",
    "sobol": "Sobol",
    "hsic": "HSIC",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: a value with its text, and an interval if there is one; of a concept, or of what no concept shown accounts for."""

    key: str  # a concept id, UNEXPLAINED or OTHERS
    name: str
    value: float | None
    text: str
    concept: Concept | None = None
    low: float | None = None
    high: float | None = None

    @property
    def hatched(self) -> bool:
        """Whether this is what nobody explains."""
        return self.key == UNEXPLAINED


def label(by: str) -> str:
    """Return how a measure of importance is called on screen."""
    return LABELS.get(by, by)


def importance(view: ClassView) -> dict[str, list[Bar]]:
    """Return a list of bars by every measure that is known; the first adds up to the whole answer, the second to the logit."""
    return {by: bars for by, bars in {"share": _shares(view), "logits": _logits(view), **_estimators(view)}.items() if bars}


def sure(view: ClassView) -> bool:
    """Tell whether there are intervals worth showing: resampling a handful of photos says nothing."""
    return view.record.coverage == "full" and any(c.share_low is not None for c in view.concepts)


@dataclass(frozen=True, slots=True)
class Rest:
    """What the concepts shown leave of a class; None where it is unknown."""

    key: str
    name: str
    share: float | None
    logits: float | None


def rest(record: ClassRecord, concepts: Sequence[Concept], shared: int) -> list[Rest]:
    """Return what the concepts shown do not account for.

    Of a shared dictionary only those that count most are shown: what all others add up to stands before what none explains.

    Args:
        record: the class.
        concepts: those that are shown.
        shared: how many concepts the shared dictionary holds.
    """
    others = shared - len(concepts) if record.scope == "shared" else 0
    unexplained = Rest(UNEXPLAINED, formats.lacking_name(record.unexplained), record.unexplained, record.residual)
    if others <= 0:
        return [unexplained]
    above = record.class_logit - record.bias if record.class_logit is not None and record.bias is not None else None
    left = Rest(
        OTHERS,
        f"the other {formats.counted(others, 'shared concept')}",
        _left(1.0, record.unexplained, [c.share for c in concepts]),
        _left(above, record.residual, [c.contribution for c in concepts]),
    )
    return [left, unexplained]


def _left(whole: float | None, unexplained: float | None, shown: Sequence[float | None]) -> float | None:
    """Return what remains of the whole; None where a part is unknown."""
    known = [part for part in (whole, unexplained, *shown) if part is not None]
    return known[0] - sum(known[1:]) if len(known) == len(shown) + 2 else None


def _shares(view: ClassView) -> list[Bar]:
    certain = sure(view)
    bars = [
        _bar(c, c.share, formats.percent(c.share, 1), c.share_low if certain else None, c.share_high if certain else None)
        for c in view.concepts
        if c.share is not None
    ]
    return bars and [*bars, *(Bar(r.key, r.name, r.share, formats.percent(_size(r, r.share), 1)) for r in _rest(view))]


def _logits(view: ClassView) -> list[Bar]:
    bars = [_bar(c, c.contribution, formats.signed(c.contribution)) for c in view.concepts if c.contribution is not None]
    return bars and [*bars, *(Bar(r.key, r.name, r.logits, _in_logits(r)) for r in _rest(view))]


def _in_logits(left: Rest) -> str:
    """Write logits with their sign, if the name of the row does not tell it."""
    size = _size(left, left.logits)
    return formats.signed(left.logits) if size == left.logits else formats.plain(size)


def _size(left: Rest, value: float | None) -> float | None:
    """Return an amount without the sign that the name of its row tells already."""
    return abs(value) if value is not None and left.key == UNEXPLAINED else value


def _rest(view: ClassView) -> list[Rest]:
    return rest(view.record, view.concepts, view.shared)


def _estimators(view: ClassView) -> dict[str, list[Bar]]:
    return {
        name: [
            _bar(c, c.estimators[name], formats.signed(c.estimators[name], 3))
            for c in sorted(view.concepts, key=lambda c: -c.estimators.get(name, 0.0))
            if name in c.estimators
        ]
        for name in LABELS
        if any(name in c.estimators for c in view.concepts)
    }


def _bar(concept: Concept, value: float | None, text: str, low: float | None = None, high: float | None = None) -> Bar:
    return Bar(concept.concept_id, str(concept.index), value, text, concept, low, high)
