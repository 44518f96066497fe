"""A page of the gallery: what the app would show, inside the same document, with links that need no server."""

from __future__ import annotations

import re
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from atlas import __version__
from atlas.export import social_card
from atlas.export.cached_store import RecentAlbum, RecentStore
from atlas.export.own import OWN_ASSETS, SHARED_ASSETS, is_own
from atlas.export.policy import restrained
from atlas.export.rewrite_urls import Addresses
from atlas.export.staged import Staged
from atlas.format import data_path
from atlas.site import assets
from atlas.site.document import document

_HERE = Path(__file__).parent

#: Scripts that only one kind of page needs; the app sends them once and for all.
_ONLY = {"hierarchy.js": "home", "views/home.js": "home", "views/photos.js": "class"}
_KIND = re.compile(r'data-page="([\w-]+)"')
_COMMENT = re.compile(r"^[ \t]*/\*.*?\*/\n?", re.DOTALL | re.MULTILINE)


class Site:
    """One atlas on its way to becoming a gallery."""

    def __init__(self, root: Path, base_url: str = "") -> None:
        self.store = RecentStore(root)
        self.album = RecentAlbum(self.store)
        self.addresses = Addresses(self.store.name, base_url)
        self._templates = Environment(
            loader=PackageLoader("atlas.export"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @cached_property
    def pictures(self) -> dict[str, list[str]]:
        """The names of all pictures in the atlas that a page may show, by wnid or "shared"."""
        found: dict[str, list[str]] = {}
        for name in self.store.manifest.files:
            if name.startswith("pictures/") and is_own(name):
                found.setdefault(name.split("/")[1], []).append(name)
        return found

    def portrait(self, wnid: str) -> Path | None:
        """Return where the class picture lies, if there is one."""
        name = self.store.picture(wnid, "class")
        return self.store.picture_path(name) if name else None

    def fill(self, template: str, **values: Any) -> str:
        """Fill a template; every one knows the atlas and the version."""
        return self._templates.get_template(template).render(atlas=self.store.name, version=__version__, **values)

    def page(self, path: str, body: str, *, title: str, description: str, picture: str = "", data: str = "") -> str:
        """Return a whole page.

        Args:
            path: of the page's file, from the root of the gallery.
            body: HTML with the app's addresses.
            title: plain text, without the name of the atlas.
            description: plain text, for whoever lists or shares the page.
            picture: the file that stands for it.
            data: the script that brings its data along.
        """
        root = "../" * path.count("/")
        head = assets.styles() + self.fill(
            "head.html.j2",
            title=title,
            description=description,
            address=self.addresses.public(path),
            picture=self.addresses.public(picture) if picture else "",
            width=social_card.WIDTH,
            height=social_card.HEIGHT,
            style=own_url("gallery.css"),
            plain=own_url("plain.css"),
            early=own_url("early.js"),
        )
        return self.written(body, f"{title} · {self.store.name} · Concept Atlas", head, root, data)

    def written(self, body: str, title: str, head: str, root: str, data: str = "") -> str:
        """Return a document whose addresses all lead through ``root``."""
        brought = f'<script src="{root}{data}"></script>' if data else ""
        first, *others = _scripts(body)
        named = [assets.asset_url(first), own_url("gallery.js"), *map(assets.asset_url, others)]
        scripts = brought + "".join(f'<script src="{name}"></script>' for name in named)
        index = f"/{self.store.name}/classes.json"
        text = document(body, title=title, atlas=self.store.name, head=head, scripts=scripts, index=index)
        return restrained(self.addresses.rewrite(text, root), root)

    def copy_assets(self, staged: Staged) -> None:
        """Put sheets, scripts and the icon beside the pages; what they say to their makers stays behind."""
        for name in SHARED_ASSETS:
            staged.save(f"assets/{name}", _COMMENT.sub("", (data_path("assets") / name).read_text(encoding="utf-8")))
        for name in OWN_ASSETS:
            staged.save(f"assets/{name}", _COMMENT.sub("", (_HERE / "assets" / name).read_text(encoding="utf-8")))


def _scripts(body: str) -> list[str]:
    """Return the scripts of the app that a page needs."""
    found = _KIND.search(body)
    kind = found[1] if found else ""
    needed = [name for name in assets.SCRIPTS if _ONLY.get(name, kind) == kind]
    return [*needed, *assets.PAGE_SCRIPTS.get(kind, ())]


@cache
def own_url(name: str) -> str:
    """Return the address of an asset that only galleries have."""
    return f"/assets/{name}?m={sha256((_HERE / 'assets' / name).read_bytes()).hexdigest()[:10]}"
