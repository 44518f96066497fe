"""Which of several pictures of one target is the best: the objective alone prefers texture, so plausibility weighs in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from precompute.visualize.optimise import Visualization


def rank_visualizations(
    made: Sequence[Visualization], plausibility: Callable[[np.ndarray], float] | None = None
) -> list[Visualization]:
    """Sort pictures of one target by objective × plausibility, high first, failed ones last; the order of equals is kept.

    Without ``plausibility`` (a function of a picture's mean activation) the objective alone decides; so it does for objectives
    below 0, which a product would turn around.
    """

    def merit(picture: Visualization) -> tuple[bool, float]:
        weight = plausibility(picture.activation) if plausibility and picture.objective > 0 else 1.0
        return not picture.failed, picture.objective * weight

    return sorted(made, key=merit, reverse=True)
