"""The browser's codec against the server's, case by case."""

from __future__ import annotations

import dataclasses

import pytest
from playwright.sync_api import Page

from atlas.selection import parse, query

pytestmark = pytest.mark.browser

CASES = (
    "?concept=3&strategy=1&photo=17&by=gradient_input",
    "?photo=0",
    "?utm_source=x&concept=2",
    "?concept=-1&photo=1e3&strategy=07",
    "?concept=3&concept=4",
    "?concept=%33",
    "?by=<script>",
    "?concept=1000000&photo=999999",
    "?concept=&photo=5",
    "?concept=1+2",
    "?by=Sobol",
    "?",
    "",
)


def test_both_sides_read_and_write_alike(page: Page) -> None:
    page.goto("/made-up/")
    for case in CASES:
        selection = parse(case)
        known = {key: value for key, value in dataclasses.asdict(selection).items() if value is not None}
        assert page.evaluate("(query) => window.atlas.parse(query)", case) == known, case
        assert page.evaluate("(query) => window.atlas.format(window.atlas.parse(query))", case) == query(selection), case
