"""What is offered to take away, as it stands in a page."""

from __future__ import annotations

import json

from atlas.site.components.downloads import citation, exports, reference, rows
from atlas.site.markup import markup


def test_numbers_of_a_chart_have_six_digits_and_unknown_stays_unknown() -> None:
    table = json.loads(rows(["concept", "share"], [("n1/0", 1 / 3), ("n1/1", None)])["data-rows"])
    assert table == {"columns": ["concept", "share"], "rows": [["n1/0", 0.333333], ["n1/1", None]]}


def test_nothing_is_offered_before_a_script_can_make_it() -> None:
    assert markup(exports("importance", "svg", "csv", of="#importance")).startswith('<p class="exports" hidden')


def test_a_reference_names_id_and_link_and_leaves_the_entry_to_the_page() -> None:
    text = markup(reference(key="n1/strategy/1", title="Strategy 1 of golf ball", path="/a/class/n1?strategy=1"))
    assert text.count("data-copy") == 2
    assert 'href="/a/class/n1?strategy=1"' in text
    assert 'data-title="Strategy 1 of golf ball"' in text
    page = markup(citation(key="shared/1", title="t", path="/a/shared/1", backbone="net", created="2026-01-01"))
    assert page.count('<span class="permalink">/a/shared/1</span>') == 2
    assert {part for part in ("slug", "title", "key", "address") if f'data-cited="{part}"' in page} == {
        "slug",
        "title",
        "key",
        "address",
    }
    assert '@misc{concept-atlas-<span data-cited="slug">shared-1</span>,' in page
