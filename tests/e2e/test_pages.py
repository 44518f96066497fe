"""Every page in a real browser: drawn, linked, reachable by keyboard, accessible."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

BALL = "/made-up/class/n03445777"
PAGES = (
    "/made-up/",
    BALL,
    "/made-up/class/n02123045",
    "/made-up/class/n02012849",
    f"{BALL}/3",
    "/made-up/shared/2",
    "/made-up/map",
    "/made-up/method",
)
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}


def open_class(page: Page, query: str = "") -> None:
    page.goto(BALL + query)
    page.wait_for_selector(".points path.point.c-0")
    page.wait_for_selector(".waterfall")


def lit(page: Page) -> int:
    return page.locator("path.point.is-lit").count()


@pytest.mark.parametrize("path", [*PAGES, "/withheld/class/n03445777"])
def test_pages_load_without_a_complaint_and_without_a_broken_picture(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("h1")).to_be_visible()
    for picture in page.locator("img[data-src]:visible").all()[:12]:
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_attribute("src", re.compile("webp"))
        assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0


def test_the_graph_fills_its_place_and_no_more(page: Page) -> None:
    open_class(page)
    inner, outer = (page.locator(one).bounding_box() for one in (".graph .main-svg >> nth=0", ".graph"))
    assert inner
    assert outer
    assert inner["height"] == pytest.approx(outer["height"], abs=2)


def test_a_bar_marks_card_graph_list_and_address(page: Page) -> None:
    open_class(page)
    page.locator(".bars:not([hidden]) [data-concept='2']").click()
    expect(page).to_have_url(re.compile(r"\?concept=2$"))
    expect(page.locator("[data-card='2']")).to_have_class(re.compile("is-selected"))
    expect(page.locator(".bars:not([hidden]) [data-concept='2']")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#selection-status")).to_contain_text("15 of 60 led by concept 2; 10 of 12 right, unseen: 3 of 3 right")
    assert lit(page) == 15
    assert page.locator("#photo-list .thumb").count() == 15


def test_a_photo_that_no_concept_leads_is_grey_and_belongs_to_none(page: Page) -> None:
    open_class(page, "?photo=57")
    dot, thumb = page.locator(".points path.point").nth(57), page.locator("#photo-list [data-photo='57']")
    page.get_by_role("button", name="show all 60").click()
    expect(dot).to_have_class(re.compile("c-other"))
    expect(thumb).to_have_class(re.compile("c-other"))
    expect(thumb).to_have_attribute("aria-label", "photo 57, recognised as golf ball, no concept leads")
    for concept in range(10):
        page.locator(f"[data-list=share] [data-concept='{concept}']").click()
        expect(page.locator("#photo-list [data-photo='57']")).to_have_count(0)
        expect(dot).not_to_have_class(re.compile("is-lit"))


def test_held_out_photos_have_a_shape_of_their_own_and_are_told_apart(page: Page) -> None:
    open_class(page, "?photo=4")
    shapes = page.locator(".points path.point").evaluate_all("(dots) => dots.map((dot) => dot.getAttribute('d').includes('A'))")
    assert shapes == [i % 5 != 4 for i in range(60)]
    expect(page.locator("#photo-list [data-photo='4']")).to_have_attribute("aria-label", re.compile("unseen$"))
    expect(page.locator("#photo-body .caption >> nth=0")).to_contain_text("an unseen photo")


def test_what_is_not_explained_is_hatched_in_the_arithmetic_of_a_photo(page: Page) -> None:
    open_class(page, "?photo=17")
    row = page.locator(".waterfall tr", has_text="not explained")
    expect(row.locator(".step")).to_have_class(re.compile("hatched"))
    assert "gradient" in row.locator(".step").evaluate("(step) => getComputedStyle(step).backgroundImage")


def test_a_strategy_and_a_concept_narrow_together(page: Page) -> None:
    open_class(page, "?concept=2")
    page.locator("[data-strategy='2']").click()
    expect(page).to_have_url(re.compile(r"\?concept=2&strategy=2$"))
    expect(page.locator("#selection-status")).to_contain_text(
        "13 of 60 in strategy 2 and led by concept 2; 10 of 11 right, unseen: 2 of 2 right"
    )
    assert lit(page) == 13


def test_a_link_restores_the_screen_and_back_and_forward_work(page: Page) -> None:
    open_class(page, "?concept=3&photo=17&by=logits&unknown=1&strategy=99")
    expect(page.locator("#photo-title")).to_contain_text("Photo 17")
    expect(page.locator("[data-card='3']")).to_have_class(re.compile("is-selected"))
    expect(page.locator("[data-list='logits']")).to_be_visible()
    expect(page.locator("[data-list='share']")).to_be_hidden()
    page.locator(".bars:not([hidden]) [data-concept='1']").click()
    page.go_back()
    expect(page.locator("[data-card='3']")).to_have_class(re.compile("is-selected"))
    page.go_forward()
    expect(page.locator("[data-card='1']")).to_have_class(re.compile("is-selected"))
    expect(page).to_have_url(re.compile(r"\?concept=1&photo=17&by=logits$"))


def test_bars_of_another_estimator_are_drawn_when_asked_for_with_the_numbers_of_the_table(page: Page) -> None:
    open_class(page, "?concept=3")
    expect(page.locator("[data-list=logits] .bar")).to_have_count(0)
    for by, column in (("logits", 2), ("gradient_input", 3), ("sobol", 4)):
        page.locator(f"[data-by={by}]").click()
        bars = page.locator(f"[data-list={by}] .bar[data-concept]")
        expect(bars).to_have_count(10)
        shown = {bar.locator(".number").inner_text(): bar.locator(".value").inner_text() for bar in bars.all()}
        lines = page.locator(".compare tbody tr:not([data-key=unexplained])").all()
        told = {line.locator("th").text_content(): line.locator(f":nth-child({column + 1})").text_content() for line in lines}
        assert shown == told
        assert page.locator(f"[data-list={by}] .bar[aria-pressed=true] .number").all_inner_texts() == ["3"]
    page.locator("[data-by=logits]").click()
    rest = page.locator("[data-list=logits] [data-rest]")
    expect(rest).to_have_count(1)
    expect(rest.locator(".fill")).to_have_class("fill hatched")
    expect(rest.locator(".value")).to_have_text(page.locator(".compare [data-key=unexplained] td >> nth=1").text_content() or "")
    expect(page.locator("[data-list=sobol] [data-rest]")).to_have_count(0)
    negative = page.locator("[data-list=logits] .bar[data-concept]").filter(has=page.locator(".negative"))
    assert 0 < negative.count() < 10
    for bar in negative.all():
        fill, zero = bar.locator(".fill").bounding_box(), bar.locator(".zero").bounding_box()
        assert fill
        assert zero
        assert abs(fill["x"] + fill["width"] - zero["x"]) < 1.5


def test_every_part_of_a_page_is_cited_under_its_own_key_and_address(page: Page) -> None:
    open_class(page)
    card = page.locator("[data-card='3']")
    card.get_by_text("id, link, cite").click()
    entry = card.locator("pre").inner_text()
    assert entry.startswith("@misc{concept-atlas-n03445777-3,")
    assert "title = {Concept 3 of golf ball}" in entry
    assert "note = {n03445777/3}" in entry
    assert f"url = {{{page.url.split('?')[0]}/3}}" in entry
    keys = [text.splitlines()[0] for text in page.locator("pre[data-bibtex]").all_text_contents()]
    assert len(keys) == len(set(keys)) > 10


def test_a_dot_shows_its_photo_on_hover_and_selects_it_on_click(page: Page) -> None:
    open_class(page)
    dot = page.locator(".points path.point").nth(20)
    box = dot.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#tip .tip-picture .tile")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"photo=\d+$"))


def test_the_arithmetic_of_the_logit_adds_up_on_screen(page: Page) -> None:
    open_class(page, "?photo=17")
    values = [float(text.replace("−", "-")) for text in page.locator(".waterfall .value").all_inner_texts()]
    assert sum(values[:-1]) == pytest.approx(values[-1], abs=0.06)


def test_the_keyboard_does_everything(page: Page) -> None:
    open_class(page)
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(r"\?concept=0$"))
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(r"\?concept=0$"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"n03445777$"))
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("#photo-list .thumb").nth(4).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?photo=4$"))
    expect(page.locator("#photo-list .thumb").nth(4)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"n03126707$"))


def test_the_first_tab_skips_to_the_content(page: Page) -> None:
    page.goto("/made-up/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()


def test_search_finds_by_name_wnid_and_synonym_and_names_what_is_elsewhere(page: Page) -> None:
    page.goto("/made-up/")
    cards = page.locator(".class-card:visible")
    expect(cards).to_have_count(4)
    for query, name in (("golf", "golf ball"), ("n03445777", "golf ball"), ("golfball", "golf ball"), ("Tabby cat", "tabby")):
        page.locator("#search").fill(query)
        expect(cards).to_have_count(1)
        expect(cards).to_contain_text(name)
    page.locator("#search").fill("chihuahua")
    expect(page.locator("#elsewhere")).to_contain_text("Not in this atlas: Chihuahua (n02085620)")
    page.locator("#search").fill("crane")
    expect(cards).to_have_count(2)
    expect(page).to_have_url(re.compile(r"\?q=crane$"))
    page.locator("#search").press("Enter")
    expect(page.locator("h1")).to_contain_text("crane")


def test_a_word_of_the_trail_leads_to_all_classes_below_it(page: Page) -> None:
    page.goto("/made-up/class/n02012849")
    page.get_by_role("link", name="animal").click()
    expect(page.locator(".class-card:visible")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"\?in=animal$"))
    expect(page.locator("#groups")).to_contain_text("all 4 › animal")


def test_unknown_pages_answer_404(browser: Browser, address: str) -> None:
    page = browser.new_page()
    answer = page.goto(f"{address}/made-up/class/n00000000")
    assert answer
    assert answer.status == 404
    expect(page.locator("h1")).to_have_text("Not found")
    page.close()


def test_a_chosen_mode_stays(page: Page) -> None:
    page.goto("/made-up/")
    page.locator("#mode").click()
    page.goto("/made-up/method")
    expect(page.locator("html")).to_have_attribute("data-mode", "dark")


def test_withheld_photos_are_explained(page: Page) -> None:
    page.goto("/withheld/class/n03445777")
    expect(page.locator(".placeholder")).to_contain_text("--photo-root")


def test_pages_read_without_scripts(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + BALL)
    expect(page.locator("[data-card]")).to_have_count(10)
    context.close()


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(browser: Browser, address: str, path: str, look: str) -> None:
    context = browser.new_context(
        base_url=address,
        viewport={"width": 420 if look == "phone" else 1480, "height": 900},
        color_scheme="dark" if look == "dark" else "light",
    )
    page = context.new_page()
    page.goto(path)
    if path == BALL:
        page.wait_for_selector(".points path.point.c-0")
    page.wait_for_load_state("networkidle")
    found = Axe().run(page, options=WCAG).response["violations"]
    context.close()
    assert [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in found] == []


def test_nothing_is_wider_than_a_phone(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, viewport={"width": 420, "height": 900})
    page = context.new_page()
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        height = page.locator(".top").bounding_box()
        assert height
        assert height["height"] < 70
    context.close()


def test_the_map_finds_encloses_and_leads_to_concepts(page: Page) -> None:
    page.goto("/made-up/map")
    entries, status = page.locator("#chosen li a"), page.locator("#chosen-status")
    expect(status).to_have_text("34 in view, from the middle outwards")
    page.locator(".map-find input").fill("golf")
    expect(status).to_have_text("10 of 34 found")
    expect(entries).to_have_count(10)
    page.locator(".map-find input").fill("")
    page.get_by_role("button", name="lasso").click()
    box = page.locator("#map canvas").bounding_box()
    assert box
    corners = [(2, 2), (box["width"] - 2, 2), (box["width"] - 2, box["height"] - 2), (2, box["height"] - 2), (2, 8)]
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    for x, y in corners:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    expect(status).to_have_text("34 of 34 enclosed")
    page.get_by_role("button", name="stability").click()
    expect(entries.first).to_contain_text("stability")
    page.get_by_role("button", name="reliability").click()
    expect(page.locator("#chosen li", has_text="concept 0 of golf ball")).to_contain_text("right on 11 of 12 photos it leads")
    expect(page.locator("#map-legend")).to_contain_text("34 unknown or leading fewer than 20 photos, pale")
    entries.first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/made-up/(class/n03445777|shared)/\d+$"))


def test_a_dot_of_the_map_shows_its_picture_and_opens_its_concept(page: Page) -> None:
    page.goto("/made-up/map")
    expect(page.locator("#chosen li a").first).to_be_visible()
    box = page.locator("#map canvas").bounding_box()
    assert box
    x, y = page.evaluate("window.atlas.map.at(30)")
    page.mouse.move(box["x"] + x, box["y"] + y)
    expect(page.locator("#tip img")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("h1")).to_contain_text("concept 6 of golf ball")


def test_the_theorem_holds_while_contributions_are_dragged(page: Page) -> None:
    page.goto("/made-up/method")
    rows = page.locator("#theorem tbody tr")
    expect(rows).to_have_count(7)
    optimal = page.locator("#theorem tbody tr.best th")
    expect(optimal).to_have_text(["contribution", "Gradient × Input", "Integrated Gradients", "Occlusion"])
    for step in (3.1, -1.9, 0.55, 2.2):
        page.locator("#theorem-1").fill(str(step))
        expect(page.locator("#theorem output").nth(1)).to_have_text(f"{step:+.2f}".replace("-", "−"))
        areas = [float(text) for text in rows.locator("td:nth-child(4)").all_inner_texts()]
        assert max(areas) == areas[0] == areas[1] == areas[2] == areas[3]


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_graph_can_be_saved(page: Page, kind: str) -> None:
    open_class(page)
    with page.expect_download() as download:
        page.locator(f"[data-save='{kind}']").click()
    assert download.value.suggested_filename == f"golf ball-strategies.{kind}"
