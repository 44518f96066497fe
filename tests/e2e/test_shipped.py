"""The atlas that ships, in a real browser: what a fresh clone shows without photographs and without torch."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from playwright.sync_api import Browser, Page

from atlas.__main__ import shipped as shipped_atlas
from atlas.format import Store

pytestmark = pytest.mark.browser

CLASSES = list(Store(shipped_atlas()).records)


SEEN = "[document.querySelector('h1').textContent, document.querySelectorAll('[data-card]').length]"


def test_the_front_page_shows_all_classes(page: Page, shipped: str) -> None:
    page.goto(f"{shipped}/")
    page.wait_for_selector("#classes a")
    assert "1000" in page.locator("body").inner_text()


def opened(browser: Browser, address: str, wnids: Iterable[str], *, scripts: bool) -> list[str]:
    """Open class pages; return what is wrong with them."""
    context = browser.new_context(base_url=address, java_script_enabled=scripts)
    page, wrong, records = context.new_page(), list[str](), Store(shipped_atlas()).records
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(f"{answer.url}: {answer.status}") if answer.status >= 400 else None)
    for wnid in wnids:
        page.goto(f"/imagenet-lite0/class/{wnid}", wait_until="domcontentloaded")
        if scripts:
            page.wait_for_selector("#photo-body .waterfall")
        if page.evaluate(SEEN) != [records[wnid].info.name, 10]:
            wrong.append(f"{wnid}: not the page of {records[wnid].info.name}")
    context.close()
    return wrong


def test_every_class_page_opens(plain_browser: Browser, shipped: str) -> None:
    """All of them as the server draws them; ``tests/atlas/test_shipped.py`` asks for pictures."""
    assert len(CLASSES) == 1000
    assert opened(plain_browser, shipped, CLASSES, scripts=False) == []


@pytest.mark.parametrize("first", [0, 17])
def test_class_pages_come_alive(plain_browser: Browser, shipped: str, first: int) -> None:
    assert opened(plain_browser, shipped, CLASSES[first::50], scripts=True) == []
