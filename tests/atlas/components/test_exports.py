"""What is offered to take away, as it stands in a page."""

from __future__ import annotations

import json

from atlas.components.exports import citation, exports, reference, rows
from atlas.components.markup import markup


def test_numbers_of_a_chart_have_six_digits_and_unknown_stays_unknown() -> None:
    table = json.loads(rows(["concept", "share"], [("n1/0", 1 / 3), ("n1/1", None)])["data-rows"])
    assert table == {"columns": ["concept", "share"], "rows": [["n1/0", 0.333333], ["n1/1", None]]}


def test_nothing_is_offered_before_a_script_can_make_it() -> None:
    assert markup(exports("importance", "svg", "csv", of="#importance")).startswith('<p class="exports" hidden')


def test_a_reference_names_id_link_and_entry() -> None:
    made = {"key": "n03445777/strategy/1", "title": "Strategy 1 of golf ball", "path": "/a/class/n03445777?strategy=1"}
    text = markup(reference(**made, backbone="net", created="2026-01-01"))
    assert "@misc{concept-atlas-n03445777-strategy-1," in text
    assert text.count("data-copy") == 3
    assert 'href="/a/class/n03445777?strategy=1"' in text
    page = markup(citation(key="n1", title="t", path="/a/class/n1", backbone="net", created="2026-01-01"))
    assert page.count('<span class="permalink">/a/class/n1</span>') == 2
