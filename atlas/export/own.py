"""The files of a gallery, by name: all that an export may write, and all that it may take for its own.

A class, a concept, a picture is an identity in its atlas and never a path: whatever it is called there, no other file is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from atlas.export.rewrite_urls import PAGE
from atlas.schema import SHARED
from atlas.site import assets

#: What the pages of the app ask for, and those of a gallery too.
SHARED_ASSETS = (
    *assets.STYLES,
    *assets.SCRIPTS,
    *(name for more in assets.PAGE_SCRIPTS.values() for name in more),
    "mode.js",
    "icon.svg",
)
#: What only galleries have.
OWN_ASSETS = ("gallery.css", "plain.css", "early.js", "gallery.js")

#: The folders that lie on top.
FOLDERS = ("assets", "class", SHARED, "pictures", "data", "method", "manifest", "map", "names")

_SINGLE = frozenset(
    (
        *("index.html", "404.html", "robots.txt", "sitemap.xml", ".nojekyll"),
        *(f"{folder}/{PAGE}" for folder in ("method", "manifest", "map")),
        *(f"data/{name}" for name in ("classes.js", "classes.csv", "map.js", "map.svg", "manifest.json")),
        *(f"assets/{name}" for name in (*SHARED_ASSETS, *OWN_ASSETS)),
    )
)
_MANY = re.compile(rf"map/[0-9]+/{re.escape(PAGE)}|names/[a-z]/{re.escape(PAGE)}")
_WNID = "n[0-9]{8}"
_OF_UNITS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"class/({_WNID})/(?:(?:[0-9]+/)?{re.escape(PAGE)}|social\.jpg)",
        rf"({SHARED})/[0-9]+/{re.escape(PAGE)}",
        rf"pictures/({_WNID}|{SHARED})/(?:class(?:-opaque|-small)?|photos|[0-9]+(?:-opaque|-exemplars|-heat)?)\.webp",
        rf"data/({_WNID})(?:\.json|\.js|-heat\.js|-class\.csv|-concepts\.csv|-photos\.csv)",
    )
)


def unit(name: str) -> str | None:
    """Return whose file this is, a wnid or "shared"; None: it speaks of the atlas as a whole, or no export writes it."""
    return next((found[1] for pattern in _OF_UNITS if (found := pattern.fullmatch(name))), None)


def is_own(name: str) -> bool:
    """Return whether an export may have written a file of this name."""
    return name in _SINGLE or unit(name) is not None or _MANY.fullmatch(name) is not None


def parents(name: str) -> Iterator[str]:
    """Yield the folders that a file lies in, from the outermost on."""
    *folders, _ = name.split("/")
    for i in range(len(folders)):
        yield "/".join(folders[: i + 1])
