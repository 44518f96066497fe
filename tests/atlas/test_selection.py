from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.selection import Selection, parse, query

numbers = st.none() | st.integers(0, 999_999)
words = st.none() | st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True)
selections = st.builds(Selection, concept=numbers, strategy=numbers, photo=numbers, by=words)


@given(selections)
def test_any_selection_survives_its_address(selection: Selection) -> None:
    assert parse(query(selection)) == selection


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error_and_only_valid_parts_remain(text: str) -> None:
    found = parse(text)
    assert parse(query(found)) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("?concept=3&strategy=1&photo=17&by=gradient_input", Selection(3, 1, 17, "gradient_input")),
        ("photo=0", Selection(photo=0)),
        ("?utm_source=x&concept=2", Selection(concept=2)),
        ("?concept=-1&photo=1e3&strategy=07", Selection()),
        ("?concept=3&concept=4", Selection(concept=3)),
        ("?concept=%33", Selection(concept=3)),
        ("?by=<script>", Selection()),
        ("?concept=１", Selection()),
        ("", Selection()),
    ],
)
def test_reading(text: str, expected: Selection) -> None:
    assert parse(text) == expected


def test_keys_are_written_in_a_fixed_order_and_nothing_when_nothing_is_selected() -> None:
    assert query(Selection(by="sobol", concept=3)) == "?concept=3&by=sobol"
    assert query(Selection()) == ""
