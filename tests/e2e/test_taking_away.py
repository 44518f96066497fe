"""Large pictures, and what a reader takes away: files of every view, ids, links, citations."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Download, Locator, Page, TimeoutError, expect

from atlas.format import Store
from tests.atlas.stored import same, stored

pytestmark = pytest.mark.browser

BALL = "/made-up/class/n03445777"
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}

VIEWS = {
    "/made-up/": {"classes"},
    BALL: {"importance", "prevalence-reliability", "leading-concepts", "strategies", "photo", "faithfulness", "measures"}
    | {"shared-concepts", "nearest-classes"},
    "/made-up/class/n02012849": {"shared-concepts", "nearest-classes"},
    f"{BALL}/3": {"numbers", "aligned-classes", "similar-concepts", "photos-by-concept"},
    "/made-up/shared/2": {"aligned-classes", "explained-classes"},
    "/made-up/map": {"map"},
    "/made-up/method": {"theorem", "manifest"},
}


def generated() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated", Path(__file__).parents[1] / "atlas" / "generated.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ready(page: Page, path: str) -> None:
    page.goto(path)
    if path.endswith(BALL):
        page.wait_for_selector(".waterfall")
    page.wait_for_load_state("networkidle")
    page.evaluate("for (const one of document.querySelectorAll('details.measures')) one.open = true")


def sound(file: Path, kind: str) -> bool:
    """Tell whether a file is what it says, and holds something."""
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
        return len(rows) > 1 and {len(row) for row in rows} == {len(rows[0])}
    if kind == "json":
        return bool(json.loads(file.read_text(encoding="utf-8"))[0])
    if kind == "svg":
        return len(list(ElementTree.parse(file).getroot().iter())) > 10
    with Image.open(file) as image:
        colours = image.convert("RGB").getcolors(1 << 20)
        return min(image.size) > 100 and colours is not None and len(colours) > 3


def downloaded(page: Page, button: Locator) -> Download:
    """Press a button that saves a file; if the browser, busy with earlier files, lets it fall, again on a page loaded anew."""
    try:
        with page.expect_download(timeout=15_000) as download:
            button.click()
    except TimeoutError:
        ready(page, page.url)
        with page.expect_download() as download:
            button.click()
    return download.value


@pytest.mark.parametrize("path", VIEWS)
def test_every_view_gives_away_what_it_draws(page: Page, path: str, tmp_path: Path) -> None:
    ready(page, path)
    assert {place.get_attribute("data-exports") for place in page.locator("[data-exports]").all()} == VIEWS[path]
    for place in page.locator("[data-exports]").all():
        name = place.get_attribute("data-exports")
        for kind in str(place.get_attribute("data-kinds")).split():
            download = downloaded(page, place.get_by_role("button", name=f"as {kind.upper()}"))
            file = tmp_path / f"{name}.{kind}"
            download.save_as(file)
            assert download.suggested_filename.endswith(f"-{name}.{kind}")
            assert sound(file, kind), file.name


def test_a_table_holds_what_is_on_the_screen(page: Page, tmp_path: Path) -> None:
    ready(page, f"{BALL}?by=sobol&photo=17")
    for name in ("importance", "photo"):
        with page.expect_download() as download:
            page.locator(f"[data-exports={name}]").get_by_role("button", name="as JSON").click()
        download.value.save_as(tmp_path / f"{name}.json")
    bars = json.loads((tmp_path / "importance.json").read_text())
    assert set(bars[0]) == {"concept_id", "sobol"}
    assert [f"{bar['sobol']:+.3f}" for bar in bars[:3]] == [
        text.replace("−", "-") for text in page.locator("[data-list=sobol] .value").all_inner_texts()[:3]
    ]
    parts = {row["part"]: row["logits"] for row in json.loads((tmp_path / "photo.json").read_text())}
    assert {row["photo"] for row in json.loads((tmp_path / "photo.json").read_text())} == {17}
    assert parts.pop("logit") == pytest.approx(sum(parts.values()), abs=0.02)


def taken(page: Page, name: str) -> list[dict[str, Any]]:
    """Return what a script gives away of its view."""
    table = page.evaluate("(name) => window.atlas.rows[name]()", name)
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def test_what_scripts_give_away_is_what_is_stored(page: Page, tmp_path: Path) -> None:
    store = Store(generated().write(tmp_path / "made-up"))
    ready(page, "/made-up/")
    page.wait_for_selector(".class-card")
    own = {"path": "hypernyms", "rests_on": "", "strategies": "", "concepts": ""}
    for row in taken(page, "classes"):
        record = store.record(row["wnid"])
        concepts = [concept for concept in store.concepts(row["wnid"]) if concept.scope == "class"]
        assert (row["strategies"], row["concepts"]) == (len(store.strategies(row["wnid"])), len(concepts))
        for column in row.keys() - {"rests_on", "strategies", "concepts"}:
            assert same(row[column], stored(record, own.get(column, column)), 6e-5), column
    ready(page, "/made-up/map")
    known = {concept.concept_id: concept for concept in store.all_concepts()}
    shown = taken(page, "map")
    assert {row["concept_id"] for row in shown} == set(known)
    for row in shown:
        for column in row.keys() - {"class", "group", "x", "y"}:
            assert same(row[column], stored(known[row["concept_id"]], column), 6e-3), column
    ready(page, f"{BALL}?photo=17")
    photos = store.photos("n03445777")
    assert photos
    told = {row["part"]: row["logits"] for row in taken(page, "photo")}
    parts = {"bias": photos.bias, "residual": photos.residual, "logit": photos.class_logit}
    parts |= {f"concept {i}": photos.contributions[:, i] for i in range(10)}
    assert told == pytest.approx({part: values[17] for part, values in parts.items()}, abs=6e-4)


def test_the_front_page_gives_away_what_it_shows(page: Page, tmp_path: Path) -> None:
    ready(page, "/made-up/?in=animal&sort=name")
    with page.expect_download() as download:
        page.locator("[data-exports=classes]").get_by_role("button", name="as CSV").click()
    download.value.save_as(tmp_path / "classes.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "classes.csv").read_text(encoding="utf-8"))))
    assert [(row["name"], row["rests_on"]) for row in rows] == [("crane (bird)", "weights only"), ("tabby", "one sample photo")]


def test_a_selected_estimator_is_marked_among_the_curves(page: Page) -> None:
    ready(page, f"{BALL}?by=sobol")
    assert page.locator("[data-curve].is-selected").count() == 0  # the generated curves hold no Sobol
    page.evaluate("document.querySelector('[data-curve=random]').dataset.curve = 'sobol'; window.atlas.mark()")
    expect(page.locator("[data-curve].is-selected")).to_have_count(1)


def test_a_picture_opens_large_and_gives_the_focus_back(page: Page) -> None:
    ready(page, BALL)
    picture = page.locator("[data-card='3'] .enlarge")
    picture.click()
    dialog = page.locator("dialog.zoomed")
    expect(dialog).to_be_visible()
    expect(dialog.locator("figcaption")).to_have_text("feature visualization of concept 3 of golf ball")
    expect(dialog.locator("img")).to_have_attribute("src", re.compile(r"/03\.webp\?v=\w+$"))
    expect(dialog.get_by_role("link", name="open its page")).to_have_attribute("href", f"{BALL}/3")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(picture).to_be_focused()
    expect(page).to_have_url(re.compile(r"n03445777$"))


def test_arrows_go_from_picture_to_picture_and_the_focus_follows(page: Page) -> None:
    ready(page, BALL)
    page.locator(".portrait .enlarge").focus()
    page.keyboard.press("Enter")
    caption = page.locator("dialog.zoomed figcaption")
    expect(caption).to_have_text("feature visualization of golf ball")
    page.keyboard.press("ArrowRight")
    expect(caption).to_contain_text("concept")
    page.keyboard.press("Escape")
    expect(page.locator(".card .enlarge").first).to_be_focused()


def test_transparency_can_be_switched_off_in_the_large_view_and_everywhere(page: Page) -> None:
    ready(page, BALL)
    page.keyboard.press("j")
    page.keyboard.press("z")
    image = page.locator("dialog.zoomed img")
    expect(image).not_to_have_attribute("src", re.compile("opaque"))
    page.locator("dialog.zoomed [data-toggle=opacity]").click()
    expect(image).to_have_attribute("src", re.compile("opaque=1"))
    assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    page.keyboard.press("Escape")
    expect(page.locator(".section-head [data-toggle=opacity]")).to_have_attribute("aria-pressed", "false")
    page.locator(".card .synthesised").first.scroll_into_view_if_needed()
    expect(page.locator(".card .synthesised").first).to_have_attribute("src", re.compile("opaque=1"))


def test_ids_links_and_citations_are_copied_with_a_word_about_it(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, viewport={"width": 1480, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    page = context.new_page()
    ready(page, BALL)
    card = page.locator("[data-card='3']")
    card.locator(".cite summary").click()
    wanted = ("n03445777/3", f"{address}{BALL}/3", "@misc{concept-atlas-n03445777-3,")
    for i, words in enumerate(wanted):
        button = card.locator(".cite .copy").nth(i)
        button.click()
        expect(button).to_have_text("copied ✓")
        assert page.evaluate("navigator.clipboard.readText()").startswith(words)
    assert f"{address}{BALL}/3" in page.evaluate("navigator.clipboard.readText()")
    page.goto(f"{address}{BALL}/3")
    expect(page.locator("h1")).to_have_text("concept 3 of golf ball")
    context.close()


def test_a_strategy_has_an_id_a_link_and_a_citation(page: Page) -> None:
    ready(page, f"{BALL}?strategy=2")
    panel = page.locator(".strategies")
    panel.get_by_text("link to a strategy").click()
    shown = panel.locator("[data-when-strategy]:visible")
    expect(shown).to_have_count(1)
    shown.locator("summary").click()
    expect(shown.locator("code")).to_have_text("n03445777/strategy/2")
    expect(shown.locator("pre")).to_contain_text("Strategy 2 of golf ball")
    expect(shown.locator("pre")).to_contain_text(f"{BALL}?strategy=2")
    page.locator("[data-strategy='2']").click()
    expect(panel.locator("[data-when-strategy]:visible")).to_have_count(4)


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_axe_finds_nothing_in_the_large_view_and_in_what_was_closed(browser: Browser, address: str, look: str) -> None:
    context = browser.new_context(
        base_url=address,
        viewport={"width": 420 if look == "phone" else 1480, "height": 900},
        color_scheme="dark" if look == "dark" else "light",
    )
    page = context.new_page()
    ready(page, BALL)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    before = Axe().run(page, options=WCAG).response["violations"]
    page.locator(".card .enlarge").first.click()
    width = page.evaluate("[document.querySelector('dialog.zoomed').getBoundingClientRect().width, innerWidth]")
    found = Axe().run(page, options=WCAG).response["violations"]
    context.close()
    assert width[0] <= width[1]
    assert [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in before + found] == []
