"""Finding a class or a concept: suggestions under the search field, and the hierarchy of classes on the front page."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

BALL = "/made-up/class/n03445777"
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}


def suggested(page: Page, words: str) -> list[str]:
    page.locator("#search").fill(words)
    expect(page.locator("#suggestions")).to_be_visible()
    return page.locator("#suggestions [role=option] .label").all_inner_texts()


@pytest.mark.parametrize("path", [BALL, "/made-up/", "/made-up/map", "/made-up/method", "/made-up/shared/2"])
def test_every_page_suggests_classes(page: Page, path: str) -> None:
    page.goto(path)
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    assert suggested(page, "tab")[0] == "tabby"


def test_classes_come_by_name_wnid_and_synonym_and_the_best_first(page: Page) -> None:
    page.goto(BALL)
    assert suggested(page, "n02123045")[0] == "tabby"
    assert suggested(page, "tabby cat")[0] == "tabby"
    assert {"crane (bird)", "crane (machine)"} <= set(suggested(page, "cran"))


def test_concepts_come_by_number_by_id_and_by_the_classes_they_stand_for(page: Page) -> None:
    page.goto(BALL)
    assert suggested(page, "golf 3")[0] == "concept 3 of golf ball"
    assert suggested(page, "n03445777/7") == ["concept 7 of golf ball"]
    assert suggested(page, "shared 5") == ["shared concept 5"]
    assert "shared concept 2" in suggested(page, "crane")


def test_arrows_choose_and_enter_opens(page: Page) -> None:
    page.goto(BALL)
    field = page.locator("#search")
    suggested(page, "golf")
    expect(field).to_have_attribute("role", "combobox")
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "suggestion-0")
    expect(page.locator("#suggestion-0")).to_have_attribute("aria-selected", "true")
    field.press("ArrowDown")
    field.press("Enter")
    expect(page).to_have_url(re.compile(r"/made-up/class/n03445777/0$"))


def test_escape_closes_the_list_first_and_then_leaves_the_field(page: Page) -> None:
    page.goto(BALL + "?concept=3")
    page.keyboard.press("/")
    suggested(page, "golf")
    page.keyboard.press("Escape")
    expect(page.locator("#suggestions")).to_be_hidden()
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#search")).not_to_be_focused()
    expect(page).to_have_url(re.compile(r"\?concept=3$"))


def test_a_suggestion_can_be_clicked(page: Page) -> None:
    page.goto(BALL)
    suggested(page, "tabby")
    page.locator("#suggestions [role=option]").first.click()
    expect(page.locator("h1")).to_have_text("tabby")


def test_nothing_found_is_said(page: Page) -> None:
    page.goto(BALL)
    page.locator("#search").fill("zzzz")
    expect(page.locator(".search [role=status]")).to_have_text("no suggestions")
    expect(page.locator("#suggestions")).to_be_hidden()


def test_the_hierarchy_leads_down_and_back_and_stands_in_the_address(page: Page) -> None:
    page.goto("/made-up/")
    cards, tiles = page.locator(".class-card:visible"), page.locator("#groups .group")
    expect(tiles).to_have_count(2)
    page.locator("[data-group='animal']").click()
    expect(page).to_have_url(re.compile(r"\?in=animal$"))
    expect(cards).to_have_count(2)
    expect(page.locator("#found")).to_have_text("2 of 4 classes")
    page.go_back()
    expect(cards).to_have_count(4)
    page.go_forward()
    expect(cards).to_have_count(2)
    page.keyboard.press("u")
    expect(cards).to_have_count(4)


def test_a_link_into_the_hierarchy_restores_words_order_and_place(page: Page) -> None:
    page.goto("/made-up/?q=crane&in=artifact&sort=name&show=none")
    expect(page.locator(".class-card:visible")).to_have_count(1)
    expect(page.locator(".class-card:visible")).to_contain_text("crane (machine)")
    expect(page.locator("#search")).to_have_value("crane")
    expect(page.locator("#sort [aria-pressed=true]")).to_have_text("name")
    expect(page.locator("#filter [aria-pressed=true]")).to_have_text("weights only")
    page.goto("/made-up/?in=nowhere&sort=nonsense")
    expect(page.locator(".class-card:visible")).to_have_count(4)


def test_arrows_walk_over_the_groups(page: Page) -> None:
    page.goto("/made-up/")
    tiles = page.locator("#groups .group")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?in="))


def test_every_card_says_what_its_class_rests_on(page: Page) -> None:
    page.goto("/made-up/")
    for name, basis in (("golf ball", "60 photos, 12 held out"), ("tabby", "one sample photo"), ("crane (bird)", "weights only")):
        expect(page.locator(".class-card", has_text=name).locator(".badge")).to_have_text(basis)
    facts = page.locator(".class-card", has_text="golf ball").locator(".facts")
    expect(facts).to_have_text("right on 10 of the 12 unseen photos (85\u202f% of the others) · 4 strategies")
    expect(facts).to_have_attribute("title", re.compile("95\u202f% interval 55–95\u202f%, the others 73–93\u202f%"))


def test_a_class_without_photos_shows_what_its_weights_tell(page: Page) -> None:
    page.goto("/made-up/class/n02012849")
    expect(page.locator(".aligned > li")).to_have_count(12)
    expect(page.locator(".aligned > li").first).to_contain_text("shared concept 2")
    expect(page.locator(".nearest")).to_contain_text("tabby")
    page.locator(".aligned a").first.click()
    expect(page.locator("h1")).to_have_text("shared concept 2")


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_axe_finds_nothing_in_the_open_list_and_in_the_hierarchy(browser: Browser, address: str, look: str) -> None:
    context = browser.new_context(
        base_url=address,
        viewport={"width": 420 if look == "phone" else 1480, "height": 900},
        color_scheme="dark" if look == "dark" else "light",
    )
    page = context.new_page()
    page.goto("/made-up/?in=animal")
    suggested(page, "crane")
    page.locator("#search").press("ArrowDown")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
    found = Axe().run(page, options=WCAG).response["violations"]
    context.close()
    assert [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in found] == []
