from __future__ import annotations

import pytest

from atlas.export.rewrite_urls import Addresses


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("/my atlas/", "index.html"),
        ("/my%20atlas/?q=ball", "index.html?q=ball"),
        ("/my%20atlas/class/n03445777?concept=3", "class/n03445777/index.html?concept=3"),
        ("/my%20atlas/class/n03445777/3", "class/n03445777/3/index.html"),
        ("/my%20atlas/shared/12", "shared/12/index.html"),
        ("/my%20atlas/method", "method/index.html"),
        ("/my%20atlas/export/n03445777/photos.csv", "data/n03445777-photos.csv"),
        ("/my%20atlas/export/n03445777/concepts.json", "data/n03445777.json"),
        ("/my%20atlas/pictures/n03445777/03.webp?v=1f", "pictures/n03445777/03.webp"),
        ("/assets/atlas.css?m=1f", "assets/atlas.css?m=1f"),
        ("/my%20atlas/map", "map/index.html"),
        ("/my%20atlas/map/2", "map/2/index.html"),
        ("/my%20atlas/names/s", "names/s/index.html"),
        ("/my%20atlas/classes.json?v=1f", "data/classes.js?v=1f"),
        ("/my%20atlas/photos/n03445777.json", "data/n03445777.js"),
        ("/my%20atlas/nowhere", None),
        ("/other/method", None),
    ],
)
def test_every_address_of_the_app_is_a_file(address: str, file: str | None) -> None:
    assert Addresses("my atlas").file(address) == file


def test_a_page_leads_through_its_root_and_needs_no_script_for_pictures() -> None:
    page = '<a href="/a/class/n03445777?concept=3&amp;by=sobol">x</a><img alt="" data-src="/a/pictures/n03445777/class.webp">'
    assert Addresses("a").rewrite(page, "../") == (
        '<a href="../class/n03445777/index.html?concept=3&amp;by=sobol">x</a>'
        '<img alt="" loading="lazy" src="../pictures/n03445777/class.webp">'
    )


def test_backgrounds_are_led_too() -> None:
    style = '<span style="background-image:url(&#x27;/a/pictures/n03445777/photos.webp?v=1&#x27;)"></span>'
    assert "url(&#x27;../../pictures/n03445777/photos.webp&#x27;)" in Addresses("a").rewrite(style, "../../")


def test_a_link_that_only_the_app_can_follow_becomes_text() -> None:
    assert Addresses("a").rewrite('<p><a class="x" href="/a/nowhere"><b>There</b></a></p>', "") == "<p><b>There</b></p>"


def test_a_permalink_is_whole_where_the_place_is_known() -> None:
    page = '<span class="permalink">/a/class/n03445777</span>'
    assert Addresses("a", "https://x.org/a/").rewrite(page, "") == "<span>https://x.org/a/class/n03445777/</span>"
    assert Addresses("a").rewrite(page, "") == '<span class="here">class/n03445777/</span>'


def test_a_reference_to_a_part_of_a_page_is_whole_too() -> None:
    page = '<a href="/a/class/n03445777?strategy=1" class="whole">/a/class/n03445777?strategy=1</a>'
    assert Addresses("a", "https://x.org/a/").rewrite(page, "../") == (
        '<a href="../class/n03445777/index.html?strategy=1" class="whole">https://x.org/a/class/n03445777/?strategy=1</a>'
    )
