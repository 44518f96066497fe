"""How sure a share of counted photos is: Wilson's interval, which is right for few photos and for shares near 0 and 1, too.

Wilson, *Probable inference, the law of succession, and statistical inference* (J. Am. Stat. Assoc. 22, 1927).
"""

from __future__ import annotations

from math import sqrt

#: 97.5 % of a normal distribution lies below: two sides make 95 %.
_Z = 1.959963984540054


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval (low, high) of a share, both in [0, 1].

    Args:
        successes: how many of the photos; at least 0, at most ``n``.
        n: how many photos; of none nothing is known: (0, 1).

    Raises:
        ValueError: ``successes`` is not a number of ``n`` things.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share: successes lie between 0 and n.")
    if n == 0:
        return 0.0, 1.0
    p, spread = successes / n, _Z * _Z / n
    middle = (p + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * sqrt(p * (1 - p) / n + spread / (4 * n))
    return (0.0 if successes == 0 else middle - half), (1.0 if successes == n else middle + half)
