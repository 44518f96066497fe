from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.site.wilson import wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        # by hand, z² = 3.84146: (2 × right + z² ± z √(z² + 4 × right × wrong ÷ n)) ÷ 2 (n + z²)
        (0, 10, 0.0, 0.277533),  # 3.84146 ÷ 13.84146
        (1, 1, 0.206549, 1.0),  # 1 ÷ 4.84146
        (2, 4, 0.150039, 0.849961),  # (7.8415 ∓ 1.95996 × 2.80026) ÷ 15.6829
        (12, 30, 0.245906, 0.576796),  # (27.8415 ∓ 1.95996 × 5.71327) ÷ 67.6829
        (42, 50, 0.714858, 0.916626),  # (87.8415 ∓ 1.95996 × 5.54269) ÷ 107.6829
    ],
)
def test_intervals_worked_by_hand(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=1e-6)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_holds_the_share_lies_within_0_and_1_and_mirrors_itself(case: tuple[int, int]) -> None:
    successes, n = case
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert wilson(n - successes, n) == pytest.approx((1 - high, 1 - low))


def test_more_photos_of_the_same_share_say_more() -> None:
    widths = [high - low for low, high in (wilson(3 * n, 4 * n) for n in (1, 5, 25, 125))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 2), (1, -1)])
def test_what_is_no_share_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{successes} of {n} is no share: successes lie between 0 and n"):
        wilson(successes, n)
