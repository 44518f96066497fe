"""What stands in the files: whole, linked, the same as in the app, readable without scripts."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from flask.testing import FlaskClient
from PIL import Image

from atlas.format import Store

BALL, TABBY = "n03445777", "n02123045"
BASE = "https://example.org/atlases/made-up/"
_VOID = {"br", "hr", "img", "input", "link", "meta"}
_NOT_IN_PARAGRAPHS = {"div", "p", "ul", "ol", "dl", "table", "section", "h1", "h2", "h3", "pre", "details", "figure", "article"}


class Reader(HTMLParser):
    """Collects links, and what a validator would complain about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: Counter[str] = Counter()
        self.faults: list[str] = []
        self.feed(text)
        self.faults += [f"unclosed {tag}" for tag in self.open]
        self.faults += [f"twice: id {name}" for name, n in self.ids.items() if n > 1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if len(given) < len(attrs):
            self.faults.append(f"an attribute twice: {tag} {attrs}")
        if tag == "img" and not {"alt", "src", "width", "height"} <= set(given):
            self.faults.append(f"img lacks something: {given}")
        if "p" in self.open and tag in _NOT_IN_PARAGRAPHS:
            self.faults.append(f"{tag} inside p")
        if tag in {"a", "button"} and {"a", "button"} & set(self.open):
            self.faults.append(f"{tag} inside {self.open[-1]}")
        self.links += [value for name, value in attrs if name in {"href", "src", "action"} and value]
        self.links += re.findall(r"url\('(.*?)'\)", given.get("style") or "")
        self.ids.update([given["id"] or ""] if "id" in given else [])
        if tag not in _VOID and not (tag in {"path", "polyline"} and self.get_starttag_text().endswith("/>")):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    handle_startendtag = handle_starttag


def pages(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.html"))


def read(path: Path) -> Reader:
    return Reader(path.read_text(encoding="utf-8"))


def test_all_pages_are_there(gallery: Path) -> None:
    names = {path.relative_to(gallery).as_posix() for path in pages(gallery)}
    classes = {f"class/{wnid}/index.html" for wnid in (BALL, TABBY, "n02012849", "n03126707")}
    own = {f"class/{BALL}/{i}/index.html" for i in range(10)} | {f"shared/{i}/index.html" for i in range(24)}
    whole = {"index.html", "404.html", "method/index.html", "manifest/index.html", "map/index.html", "map/1/index.html"}
    assert names == whole | classes | own


@pytest.mark.parametrize("which", ["gallery", "withheld_gallery"])
def test_no_link_is_broken_and_none_leaves_the_gallery(which: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(which)
    for page in pages(folder):
        for link in read(page).links:
            parts = urlsplit(urldefrag(link).url)
            if parts.netloc:
                assert link.startswith(BASE), f"{page}: {link}"
                target = folder / unquote(link.removeprefix(BASE).partition("?")[0])
                assert (target / "index.html" if target.is_dir() else target).is_file(), f"{page}: {link}"
            elif parts.path:
                target = (page.parent / unquote(parts.path)).resolve()
                assert target.is_relative_to(folder), f"{page}: {link}"
                assert target.is_file(), f"{page}: {link}"


@pytest.mark.parametrize("which", ["gallery", "withheld_gallery"])
def test_pages_are_valid(which: str, request: pytest.FixtureRequest) -> None:
    for page in pages(request.getfixturevalue(which)):
        assert read(page).faults == [], page


@pytest.mark.parametrize("which", ["gallery", "withheld_gallery"])
def test_every_page_says_first_what_it_may_load(which: str, request: pytest.FixtureRequest) -> None:
    policies = set()
    for page in pages(request.getfixturevalue(which)):
        found = re.fullmatch(
            r'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta http-equiv="Content-Security-Policy" content="([^"]*)">\n'
            r'<meta name="referrer" content="same-origin">\n<meta charset="utf-8">\n(.*)',
            page.read_text(encoding="utf-8"),
            re.DOTALL,
        )
        assert found, page
        assert not re.search(r"<script(?![^>]* src=)|<[^>]*\son\w+=", found[2]), page
        policies.add(found[1])
    for policy in policies:
        rules = {name: sources for name, *sources in (rule.split() for rule in policy.split("; "))}
        assert (rules["default-src"], rules["base-uri"]) == (["'none'"], ["'none'"])
        known = (["'self'", "file:"], ["'self'", "file:", "https://example.org"])
        assert rules["script-src"] in known
        assert rules["form-action"] == rules["script-src"]
        assert rules["img-src"] == [*rules["script-src"], "data:"]
        assert "'unsafe-inline'" not in rules["style-src"]
    assert len(policies) == 2, "that of the page for nothing, and that of all others"


def parts_of(page: str) -> dict[str, list[str]]:
    """Return the numbers, their order and their colours."""
    return {
        "bars": re.findall(r'<button class="bar (c-\w+)"[^>]*? data-concept="(\d+)".*?class="value">(.*?)<', page),  # type: ignore[dict-item]
        "lists": re.findall(r""" data-list="(\w+)" data-rows='(.*?)'""", page),  # type: ignore[dict-item]
        "table": re.findall(r"<tr(?: data-[^>]*)?><th scope=\"row\">.*?</tr>", page),
        "cards": re.findall(r'<article class="card (c-\w+)" data-card="(\d+)">', page),  # type: ignore[dict-item]
        "amounts": re.findall(r'<span class="amount">(.*?)</span>', page),
        "numbers": re.findall(r"<dd>(.*?)</dd>", page),
        "facts": re.findall(r'<ul class="facts">(.*?)</ul>', page),
        "chips": re.findall(r'<button class="(chip c-\w+)".*?</button>', page),
        "curves": re.findall(r"<polyline.*?/>", page),
        "stability": re.findall(r'<p class="stability">(.*?)</p>', page),
        "choices": re.findall(r' data-by="(\w+)"', page),
        "doubts": re.findall(r'<p class="doubt">(.*?)</p>', page),
    }


@pytest.mark.parametrize("wnid", [BALL, TABBY, "n02012849", "n03126707"])
def test_a_class_is_the_same_as_in_the_app(gallery: Path, client: FlaskClient, wnid: str) -> None:
    here = parts_of((gallery / f"class/{wnid}/index.html").read_text(encoding="utf-8"))
    assert here == parts_of(client.get(f"/made-up/class/{wnid}").text)
    assert len(here["bars"]) == {BALL: 10, TABBY: 8}.get(wnid, 0)
    assert len(here["lists"]) == (4 if here["bars"] else 0)
    assert len(here["table"]) >= len(here["bars"])


def test_a_concept_is_the_same_as_in_the_app(gallery: Path, client: FlaskClient) -> None:
    for path in (f"class/{BALL}/3", "shared/2"):
        app = re.findall(r"<d[td]>.*?</d[td]>", client.get(f"/made-up/{path}").text)
        assert re.findall(r"<d[td]>.*?</d[td]>", (gallery / path / "index.html").read_text(encoding="utf-8")) == app


def test_the_graph_is_drawn_with_a_title_and_a_colour_a_photo(gallery: Path, made_up: Store) -> None:
    page = (gallery / f"class/{BALL}/index.html").read_text(encoding="utf-8")
    dots = re.findall(r'<path class="point (c-\w+)( is-wrong)?"[^>]* d="(.*?)"><title>photo (\d+), (.*?)</title>', page)
    photos = made_up.photos(BALL)
    assert photos
    colours = {concept.index: f"c-{concept.colour}" for concept in made_up.concepts(BALL)} | {-1: "c-other"}
    for i, (colour, wrong, shape, number, said) in enumerate(dots):
        lead, held = int(photos.dominant[i]), photos.split[i] == "holdout"
        assert int(number) == i
        assert colour == colours[lead]
        assert bool(wrong) != bool(photos.correct[i])
        assert ("a" not in shape) == held, "a held-out photo is no circle"
        words = ["recognised as golf ball" if photos.correct[i] else "mistaken for tabby"]
        words += [f"concept {lead}" if lead >= 0 else "no concept leads", *(["placed afterwards"] if held else [])]
        assert said == ", ".join(words)
    assert sum("no concept leads" in dot[4] for dot in dots) == 1
    assert len(dots) == 60


def test_the_arithmetic_of_a_photo_adds_up_without_scripts(gallery: Path) -> None:
    page = (gallery / f"class/{BALL}/index.html").read_text(encoding="utf-8")
    table = page[page.index('class="waterfall"') :]
    values = [float(text.replace("−", "-")) for text in re.findall(r'<td class="value">(.*?)</td>', table)]
    assert sum(values[:-1]) == pytest.approx(values[-1], abs=0.06)


def carried(script: str) -> Any:
    """Return the data that a script carries."""
    return json.loads(script.partition("}).")[2].partition("=")[2].rstrip().removesuffix(";"))


def test_what_browsers_draw_from_is_what_the_app_sends(gallery: Path, client: FlaskClient) -> None:
    text = (gallery / f"data/{BALL}.js").read_text(encoding="utf-8")
    here = carried(text)
    app = json.loads(client.get(f"/made-up/photos/{BALL}.json").data)
    assert here["sprite"].pop("url").startswith(f"../../pictures/{BALL}/photos.webp")
    app["sprite"].pop("url")
    assert here == app


def test_tables_can_be_taken_away(gallery: Path, client: FlaskClient) -> None:
    whole = json.loads((gallery / f"data/{BALL}.json").read_text(encoding="utf-8"))
    for table in ("concepts", "photos"):
        assert whole[table] == json.loads(client.get(f"/made-up/export/{BALL}/{table}.json").data)
        csv = (gallery / f"data/{BALL}-{table}.csv").read_text(encoding="utf-8")
        assert csv == client.get(f"/made-up/export/{BALL}/{table}.csv").text
    assert len((gallery / "data/classes.csv").read_text(encoding="utf-8").splitlines()) == 5


def test_machines_find_the_way(gallery: Path, withheld_gallery: Path) -> None:
    sitemap = (gallery / "sitemap.xml").read_text(encoding="utf-8")
    assert sitemap.count("<loc>") == len(pages(gallery)) - 1
    assert f"<loc>{BASE}class/{BALL}/</loc>" in sitemap
    assert f"Sitemap: {BASE}sitemap.xml" in (gallery / "robots.txt").read_text()
    assert not (withheld_gallery / "sitemap.xml").exists()


def test_a_class_has_a_card_to_be_shared_with(gallery: Path) -> None:
    page = (gallery / f"class/{BALL}/index.html").read_text(encoding="utf-8")
    assert f'<meta property="og:image" content="{BASE}class/{BALL}/social.jpg">' in page
    assert '<meta property="og:title" content="golf ball">' in page
    with Image.open(gallery / f"class/{BALL}/social.jpg") as picture:
        assert picture.size == (800, 420)


def test_pages_are_small_and_none_repeats_the_list_of_classes(gallery: Path) -> None:
    for page in pages(gallery):
        assert len(gzip.compress(page.read_bytes())) < 20_000, page
        assert page.name != "index.html" or page.parent == gallery or len(read(page).links) < 200, page


def test_withheld_photos_are_not_in_the_gallery(withheld_gallery: Path) -> None:
    names = {path.name for path in (withheld_gallery / "pictures" / BALL).iterdir()}
    drawn = {"class", *(f"{i:02d}" for i in range(10))}
    assert names == {f"{name}{twin}.webp" for name in drawn for twin in ("", "-opaque")} | {"class-small.webp"}
    assert not (withheld_gallery / f"data/{BALL}-heat.js").exists()
