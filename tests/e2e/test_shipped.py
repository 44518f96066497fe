"""The atlas that ships, in a real browser: what a fresh clone shows without photographs and without torch."""

from __future__ import annotations

from playwright.sync_api import Browser, Page

from atlas.__main__ import shipped as shipped_atlas
from atlas.store import Store

#: What a page needs to be usable; pictures come later, and each of them is asked for in ``tests/atlas/test_shipped.py``.
NEEDED = {"document", "stylesheet", "script", "fetch", "xhr"}


def test_the_front_page_shows_all_classes(page: Page, shipped: str) -> None:
    page.goto(f"{shipped}/")
    page.wait_for_selector("#classes a")
    assert "1000" in page.locator("body").inner_text()


def test_every_class_page_opens(browser: Browser, shipped: str) -> None:
    context = browser.new_context(base_url=shipped)
    page, wrong = context.new_page(), list[str]()
    page.route("**/*", lambda route: route.continue_() if route.request.resource_type in NEEDED else route.abort())
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(f"{answer.url}: {answer.status}") if answer.status >= 400 else None)
    records = Store(shipped_atlas()).records
    assert len(records) == 1000
    for wnid, record in records.items():
        page.goto(f"/imagenet-lite0/class/{wnid}", wait_until="domcontentloaded")
        page.wait_for_selector("h1")
        if page.locator("h1").inner_text() != record.info.name or not page.locator("[data-card]").count():
            wrong.append(f"{wnid}: not the page of {record.info.name}")
    context.close()
    assert wrong == []
