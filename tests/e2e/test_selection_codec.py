"""The codec between an address and what is selected: what is valid comes back, in a fixed order; anything else is left out."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

CASES: dict[str, tuple[dict[str, Any], str]] = {  # query → what is selected, as it is written again
    "?concept=3&strategy=1&photo=17&by=gradient_input": (
        {"concept": 3, "strategy": 1, "photo": 17, "by": "gradient_input"},
        "?concept=3&strategy=1&photo=17&by=gradient_input",
    ),
    "?by=sobol&concept=3": ({"concept": 3, "by": "sobol"}, "?concept=3&by=sobol"),
    "?photo=0": ({"photo": 0}, "?photo=0"),
    "?utm_source=x&concept=2": ({"concept": 2}, "?concept=2"),
    "?concept=-1&photo=1e3&strategy=07": ({}, ""),
    "?concept=3&concept=4": ({"concept": 3}, "?concept=3"),
    "?concept=%33": ({"concept": 3}, "?concept=3"),
    "?by=<script>": ({}, ""),
    "?concept=１": ({}, ""),
    "?concept=1000000&photo=999999": ({"photo": 999999}, "?photo=999999"),
    "?concept=&photo=5": ({"photo": 5}, "?photo=5"),
    "?concept=1+2": ({}, ""),
    "?by=Sobol": ({}, ""),
    "?": ({}, ""),
    "": ({}, ""),
}


def test_an_address_says_what_is_selected_and_nothing_else(page: Page) -> None:
    page.goto("/made-up/")
    for query, (selected, written) in CASES.items():
        assert page.evaluate("(query) => window.atlas.parse(query)", query) == selected, query
        assert page.evaluate("(query) => window.atlas.format(window.atlas.parse(query))", query) == written, query
