"""Addresses: whatever a browser sends is a page that exists, or a refusal that says what is unknown."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.format import Store
from atlas.site.routes import Address, NotFound, resolve

part = st.text(max_size=12) | st.sampled_from(["class", "shared", "map", "method", "..", "%2e%2e", "n01440764", "0", "-1", "１"])


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(part, max_size=5), first=st.booleans())
def test_any_address_is_a_page_or_not_found(made_up: Store, parts: list[str], first: bool) -> None:
    path = "/" + "/".join(([made_up.name] if first else []) + parts)
    with suppress(NotFound):
        found = resolve(path, {made_up.name: made_up})
        assert isinstance(found, Address)
        assert found.wnid is None or found.wnid in made_up.records
        assert found.title
