"""Which sheets and scripts a document asks for; each address names the content, so that browsers may keep it."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from atlas.format import data_path

STYLES = ("tokens.css", "atlas.css")
SCRIPTS = (
    *("selection.js", "views/pictures.js", "views/keys.js", "zoom.js"),
    *("drawing.js", "save.js", "search.js", "hierarchy.js", "views/home.js", "views/photos.js"),
)

#: What only one kind of page needs.
PAGE_SCRIPTS = {"class": ("views/bars.js",), "map": ("views/map.js",), "method": ("views/theorem.js",)}

#: plotly.js without what these graphs never draw. Fetched at set-up; without it Dash loads its own, three times as large.
BUNDLE = "vendor/plotly-basic.min.js"


@cache
def asset_url(name: str) -> str:
    """Return the address of one of our own assets."""
    return f"/assets/{name}?m={sha256((data_path('assets') / name).read_bytes()).hexdigest()[:10]}"


@cache
def _names() -> frozenset[str]:
    folder = data_path("assets")
    return frozenset(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def is_current(name: str, version: str) -> bool:
    """Return whether a version is the digest of an asset's content, as its address names it."""
    return name in _names() and asset_url(name) == f"/assets/{name}?m={version}"


def styles() -> str:
    """Return what goes into the head: the sheets, and the script that must run before anything is drawn."""
    links = "".join(f'<link rel="stylesheet" href="{asset_url(name)}">' for name in STYLES)
    return f'{links}<script src="{asset_url("mode.js")}"></script>'


def scripts(kind: str = "") -> str:
    """Return our own scripts for a kind of page; they stand after the page and run before Dash's."""
    return "".join(f'<script src="{asset_url(name)}"></script>' for name in (*SCRIPTS, *PAGE_SCRIPTS.get(kind, ())))


def bundle() -> str:
    """Return the small plotly.js, where it was fetched."""
    return f'<script src="{asset_url(BUNDLE)}"></script>' if (data_path("assets") / BUNDLE).exists() else ""
