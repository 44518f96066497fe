"""The static gallery in a real browser: from a folder, and from a plain web server under a sub-path."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect

from atlas.export import export

pytestmark = pytest.mark.browser

BALL = "class/n03445777/"
KINDS = ("", BALL, "class/n02123045/", "class/n02012849/", f"{BALL}3/", "shared/2/", "map/", "map/1/", "method/", "manifest/")
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.spec_from_file_location("generated", Path(__file__).parents[1] / "atlas" / "generated.py")
    assert spec
    assert spec.loader
    generated = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generated)
    folder = tmp_path_factory.mktemp("web")
    out = folder / "some" / "place"
    export(generated.write(folder / "atlases" / "made-up"), out)
    return out


@pytest.fixture(scope="session")
def served(exported: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(exported.parents[1]))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/some/place/"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["folder", "server"])
def root(request: pytest.FixtureRequest, exported: Path, served: str) -> str:
    """Where the gallery lies."""
    return served if request.param == "server" else f"file://{exported}/"


def at(root: str, path: str, query: str = "") -> str:
    """Return an address: a folder is opened by the name of the file."""
    return f"{root}{path}{'index.html' if root.startswith('file') else ''}{query}"


@pytest.fixture
def page(browser: Browser, root: str) -> Iterator[Page]:
    """A page that may complain about nothing, miss nothing, and ask no other host for anything."""
    context = browser.new_context(viewport={"width": 1480, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda asked: complaints.append(f"failed: {asked.url}") if _missed(asked) else None)
    page.on(
        "request", lambda asked: None if asked.url.startswith((root, "data:")) else complaints.append(f"foreign: {asked.url}")
    )
    page.on("response", lambda came: complaints.append(f"{came.status}: {came.url}") if came.status >= 400 else None)
    yield page
    context.close()
    assert [said for said in complaints if "favicon" not in said] == []


def _missed(asked: Request) -> bool:
    """A request that the page gave up by moving on (the icon, most often) missed nothing."""
    return asked.failure != "net::ERR_ABORTED"


def lit(page: Page) -> int:
    return page.locator("path.point.is-lit").count()


def test_a_crawler_finds_every_page_whole(page: Page, root: str, exported: Path) -> None:
    files = [path.relative_to(exported).as_posix() for path in exported.rglob("index.html")]
    todo, seen = [at(root, file.removesuffix("index.html")) for file in files], set[str]()
    while todo:
        address = todo.pop()
        if address in seen:
            continue
        seen.add(address)
        page.goto(address)
        broken = page.evaluate(
            """async () => {
                const images = [...document.images];
                for (const image of images) {
                    image.loading = "eager";
                    if (image.dataset.src && !image.src) image.src = image.dataset.src;
                }
                await Promise.all(images.map((image) => image.decode().catch(() => 0)));
                return images.filter((image) => !image.naturalWidth).map((image) => image.src);
            }"""
        )
        assert broken == [], address
        assert page.locator("h1").count() == 1, address
        links: list[str] = page.evaluate("[...document.links].filter((a) => !a.hasAttribute('download')).map((a) => a.href)")
        for link in (urldefrag(link).url.partition("?")[0] for link in links):
            assert link.startswith(root), f"{address}: {link}"
            if link.endswith(".webp"):
                assert (exported / link.removeprefix(root)).is_file(), f"{address}: {link}"
            else:
                todo.append(link)
    assert len(seen) == len(files) == 43


def test_search_finds_and_opens_a_class(page: Page, root: str) -> None:
    page.goto(at(root, ""))
    expect(page.locator(".class-card:visible")).to_have_count(4)
    page.keyboard.press("/")
    page.keyboard.type("golf")
    expect(page.locator(".class-card:visible")).to_have_count(1)
    expect(page.locator("#found")).to_have_text("1 of 4 classes")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("golf ball")
    assert page.url == at(root, BALL)


def test_a_search_may_begin_on_any_page(page: Page, root: str) -> None:
    page.goto(at(root, f"{BALL}3/"))
    page.locator("#search").fill("crane")
    page.locator("#search").press("Enter")
    expect(page.locator(".class-card:visible")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"\?q=crane$"))


def test_suggestions_name_classes_and_concepts_on_any_page(page: Page, root: str) -> None:
    page.goto(at(root, f"{BALL}3/"))
    page.keyboard.press("/")
    page.keyboard.type("golf ball 7")
    entries = page.locator("#suggestions [role=option]")
    expect(entries.first).to_contain_text("concept 7 of golf ball")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("concept 7 of golf ball")
    assert page.url == at(root, f"{BALL}7/")
    page.wait_for_load_state()
    page.locator("#search").fill("shared 19")
    expect(entries.first).to_contain_text("shared concept 19")
    entries.first.click()
    expect(page.locator("h1")).to_have_text("shared concept 19")
    assert page.url == at(root, "shared/19/")


def test_the_map_is_searched_enclosed_and_left_for_a_concept(page: Page, root: str) -> None:
    page.goto(at(root, "map/"))
    entries, status = page.locator("#chosen li a"), page.locator("#chosen-status")
    expect(status).to_have_text("34 in view, from the middle outwards")
    page.locator(".map-find input").fill("golf")
    expect(status).to_have_text("10 of 34 found")
    expect(entries).to_have_count(10)
    entries.first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/class/n03445777/\d/(index\.html)?$"))
    page.goto(at(root, "map/"))
    box = page.locator("#map canvas").bounding_box()
    assert box
    x, y = page.evaluate("window.atlas.map.at(30)")
    page.mouse.move(box["x"] + x, box["y"] + y)
    expect(page.locator("#tip img")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("h1")).to_contain_text("concept 6 of golf ball")


def test_the_map_without_scripts_is_a_drawing_and_a_table(browser: Browser, root: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(at(root, "map/"))
    expect(page.locator(".still-map")).to_be_visible()
    expect(page.locator("#chosen")).to_be_hidden()
    page.get_by_role("link", name="All concepts as a table").click()
    expect(page.locator("tbody tr")).to_have_count(34)
    page.get_by_role("link", name="concept 3", exact=True).click()
    expect(page.locator("h1")).to_have_text("concept 3 of golf ball")
    context.close()


def test_pictures_wait_for_the_reader(page: Page, root: str) -> None:
    page.set_viewport_size({"width": 900, "height": 300})
    page.goto(at(root, BALL))
    expect(page.locator(".portrait img")).to_have_attribute("src", re.compile(r"class\.webp$"))
    waiting = page.locator("img[data-src]:not([src])")
    assert waiting.count() > 5
    page.keyboard.press("Control")
    expect(waiting).to_have_count(0)


def test_pictures_lose_their_transparency_and_become_large(page: Page, root: str) -> None:
    page.goto(at(root, BALL))
    picture = page.locator("[data-card] img.synthesised").first
    page.locator("[data-toggle=opacity]").first.click()
    expect(picture).to_have_attribute("src", re.compile(r"\d\d-opaque\.webp$"))
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 128
    page.locator("[data-card] .enlarge").first.click()
    large = page.locator("dialog[open] img")
    expect(large).to_have_attribute("src", re.compile(r"\d\d-opaque\.webp$"))
    page.locator("dialog[open] [data-toggle=opacity]").click()
    expect(large).to_have_attribute("src", re.compile(r"\d\d\.webp$"))
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(picture).to_have_attribute("src", re.compile(r"\d\d\.webp$"))


def test_a_bar_marks_card_graph_list_and_address(page: Page, root: str) -> None:
    page.goto(at(root, BALL))
    page.locator(".bars:not([hidden]) [data-concept='2']").click()
    expect(page).to_have_url(re.compile(r"\?concept=2$"))
    expect(page.locator("[data-card='2']")).to_have_class(re.compile("is-selected"))
    expect(page.locator("#selection-status")).to_contain_text("15 of 60 led by concept 2; 10 of 12 right, unseen: 3 of 3 right")
    assert lit(page) == 15
    assert page.locator("#photo-list .thumb").count() == 15
    page.locator("[data-strategy='2']").click()
    expect(page.locator("#selection-status")).to_contain_text(
        "13 of 60 in strategy 2 and led by concept 2; 10 of 11 right, unseen: 2 of 2 right"
    )
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?concept=2$"))
    assert lit(page) == 15


def test_a_deep_link_restores_the_screen(page: Page, root: str) -> None:
    page.goto(at(root, BALL, "?concept=3&photo=17&by=logits&unknown=1"))
    expect(page.locator("#photo-title")).to_contain_text("Photo 17")
    expect(page.locator("[data-card='3']")).to_have_class(re.compile("is-selected"))
    expect(page.locator("[data-list='logits']")).to_be_visible()
    expect(page.locator("[data-list='share']")).to_be_hidden()


def test_addresses_on_a_server_are_those_of_the_app(page: Page, root: str) -> None:
    page.goto(f"{root}{BALL}index.html?concept=3")
    page.locator("#next-class, #previous-class").first.click()
    expect(page.locator("h1")).not_to_have_text("golf ball")
    assert page.url.endswith("index.html") == root.startswith("file")
    page.go_back()
    assert page.url == at(root, BALL, "?concept=3")


def test_a_dot_shows_its_photo_and_selects_it(page: Page, root: str) -> None:
    page.goto(at(root, BALL))
    page.locator(".waterfall button").first.wait_for()
    dot = page.locator("path.point").nth(20)
    dot.hover(force=True)
    expect(page.locator("#tip .tip-picture .tile")).to_be_visible()
    expect(page.locator("#tip")).to_contain_text(re.compile(r"photo \d+"))
    dot.click(force=True)
    expect(page).to_have_url(re.compile(r"\?photo=\d+$"))
    expect(page.locator("path.point.is-selected")).to_have_count(1)


def test_a_concept_is_shown_where_it_lies_on_the_photo(page: Page, root: str) -> None:
    page.goto(at(root, BALL, "?photo=17"))
    page.locator(".mini").first.click()
    veil = page.locator(".veil")
    expect(veil).to_have_attribute("src", re.compile("^data:image/png"))
    assert veil.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 7


def test_the_graph_can_be_saved(page: Page, root: str) -> None:
    page.goto(at(root, BALL))
    for kind, start in (("svg", b"<svg"), ("png", b"\x89PNG")):
        with page.expect_download() as download:
            page.locator(f"[data-save={kind}]").click()
        assert download.value.suggested_filename == f"golf ball-strategies.{kind}"
        assert Path(download.value.path()).read_bytes().startswith(start)


def test_it_reads_without_scripts(browser: Browser, root: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(at(root, ""))
    page.get_by_role("link", name="golf ball").click()
    expect(page.locator("h1")).to_have_text("golf ball")
    assert page.locator("path.point").count() == 60
    assert page.locator("path.point title").first.text_content() == "photo 0, recognised as golf ball, concept 0"
    for shown in (".portrait img", "[data-list=share]", ".waterfall", ".card img >> nth=0", ".photo .tile"):
        expect(page.locator(shown)).to_be_visible()
    expect(page.locator(".switch").first).to_be_hidden()
    page.get_by_text("compare all estimators").click()
    assert page.locator(".compare tbody tr").count() == 11
    expect(page.locator(".compare tbody tr").last).to_contain_text("not explained")
    expect(page.locator("[data-list=share] [data-rest=unexplained] .hatched")).to_be_visible()
    expect(page.locator(".compare thead")).to_contain_text("Sobol")
    assert page.locator(".card .numbers").count() == 10
    context.close()


def test_a_class_is_printed_on_one_light_sheet(browser: Browser, root: str, tmp_path: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(at(root, BALL))
    page.locator(".waterfall button").first.wait_for()
    page.evaluate("document.documentElement.dataset.mode = 'dark'")
    sheet = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type /Page\b(?!s)", sheet)) == 1
    page.evaluate("delete document.documentElement.dataset.mode")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')").strip() == "#faf9f5"
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator(".card").last).to_be_visible()
    expect(page.locator("[data-list=share] [data-rest=unexplained]")).to_be_visible()
    context.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1480), ("dark", 1480), ("light", 420), ("dark", 420)])
def test_no_accessibility_violation(browser: Browser, served: str, kind: str, scheme: str, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(served + kind)
    expect(page.locator("h1")).to_be_visible()
    found = Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_the_page_for_nothing_asks_for_nothing(browser: Browser, exported: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"file://{exported}/404.html")
    expect(page.locator("h1")).to_have_text("Not found")
    assert page.locator("a, link, script").count() == 0, "it is shown at any depth: relative addresses would lead nowhere"
    assert Axe().run(page, options=WCAG).violations_count == 0
    context.close()


INTRUDE = """async () => {
    const seen = new Set(), late = new Promise((done) => setTimeout(done, 300));
    document.addEventListener("securitypolicyviolation", (event) => seen.add(event.effectiveDirective));
    const put = (name, values) => document.body.append(Object.assign(document.createElement(name), values));
    put("script", { textContent: "window.spoilt = 1" });
    put("script", { src: "https://example.org/x.js" });
    put("img", { src: "https://example.org/x.png" });
    put("style", { textContent: "h1 { color: rgb(1, 2, 3) }" });
    put("object", { data: "https://example.org/x" });
    put("base", { href: "https://example.org/" });
    put("button", { id: "intruder" });
    document.getElementById("intruder").setAttribute("onclick", "window.spoilt = 2");
    document.getElementById("intruder").click();
    fetch("https://example.org/x").catch(() => 0);
    const form = Object.assign(document.createElement("form"), { action: "https://example.org/x" });
    document.body.append(form);
    form.submit();
    await late;
    return [[...seen].sort(), window.spoilt || 0, getComputedStyle(document.querySelector("h1")).color === "rgb(1, 2, 3)"];
}"""
KEPT_OUT = [
    "base-uri",
    "connect-src",
    "form-action",
    "img-src",
    "object-src",
    "script-src-attr",
    "script-src-elem",
    "style-src-elem",
]


@pytest.mark.parametrize("kind", [*KINDS, "404.html"])
def test_a_page_loads_its_own_and_keeps_everything_else_out(browser: Browser, root: str, kind: str) -> None:
    page = browser.new_context().new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.text} {message.location['url']}"))
    page.goto(root + kind if kind == "404.html" else at(root, kind))
    page.wait_for_load_state()
    expect(page.locator("h1")).to_be_visible()
    assert [message for message in said if "favicon" not in message] == []
    assert page.evaluate(INTRUDE) == [KEPT_OUT, 0, False]
    assert page.url == (root + kind if kind == "404.html" else at(root, kind))
    page.context.close()


def test_a_gallery_that_knows_its_address_is_cited_under_it_wherever_it_is_read(
    browser: Browser, exported: Path, tmp_path: Path
) -> None:
    page = browser.new_context().new_page()
    published = "https://example.org/atlas/"
    export(exported.parents[1] / "atlases" / "made-up", tmp_path / "known", base_url=published)
    page.goto(f"file://{tmp_path}/known/{BALL}index.html")
    entries = page.locator("pre[data-bibtex]").all_text_contents()
    assert len(entries) > 10
    for entry in entries:
        assert f"url = {{{published}{BALL}" in entry, entry
    card = page.locator("[data-card='3'] a.whole")
    assert card.text_content() == f"{published}{BALL}3/"
    assert str(card.get_attribute("href")).endswith("3/index.html"), "it leads to the copy that is read"
    page.context.close()


def test_a_gallery_may_lie_below_a_folder_called_assets(browser: Browser, exported: Path, tmp_path: Path) -> None:
    page = browser.new_context().new_page()
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "site").symlink_to(exported)
    page.goto(f"file://{tmp_path}/assets/site/index.html")
    page.locator("#classes .class-card").first.click()
    expect(page.locator("h1")).not_to_have_text("Why does the network say so?")
    assert page.url.endswith("/index.html")
    page.context.close()
