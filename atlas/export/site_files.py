"""The pages that speak of the atlas as a whole, and what machines look for beside them."""

from __future__ import annotations

import dataclasses
import json
import re

from atlas.export import data_files
from atlas.export.letter_index import listed, write_names
from atlas.export.map_files import write_map
from atlas.export.page_writer import Site, own_url
from atlas.export.policy import restrained
from atlas.export.rewrite_urls import PAGE
from atlas.export.staged import Staged
from atlas.site import assets
from atlas.site.document import message
from atlas.site.markup import markup
from atlas.site.pages import home, method_page

_CLOSED = re.compile(r"</div>\s*$")


def write_front(site: Site, staged: Staged, pages: list[str]) -> int:
    """Write everything that is neither a class nor a concept; return the number of pages.

    Args:
        site: the atlas.
        staged: the gallery being written.
        pages: the files of all other pages, for the sitemap.
    """
    site.copy_assets(staged)
    staged.save("data/classes.js", data_files.script("classes", data_files.class_list(site.album)))
    staged.save("data/classes.csv", data_files.classes_csv(site.store))
    manifest = dataclasses.asdict(site.store.manifest) | {"files": {}}
    staged.save("data/manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    own = {PAGE: _home(site), f"method/{PAGE}": _method(site), f"manifest/{PAGE}": _manifest(site)}
    for path, text in own.items():
        staged.save(path, text)
    written = [*own, *write_map(site, staged), *write_names(site, staged)]
    staged.save("404.html", _missing(site))
    staged.save(".nojekyll", "")
    sitemap = site.addresses.public("sitemap.xml")
    if sitemap:
        addresses = [site.addresses.public(path) for path in (*written, *pages)]
        staged.save("sitemap.xml", site.fill("sitemap.xml.j2", addresses=addresses))
    staged.save("robots.txt", site.fill("robots.txt.j2", sitemap=sitemap))
    return len(written) + 1


def _home(site: Site) -> str:
    return site.page(
        PAGE,
        _CLOSED.sub(lambda _: f"{listed(site)}</div>", markup(home.layout(site.album))),
        title="all classes",
        description=f"The visual concepts behind {len(site.store.records)} ImageNet classes, as "
        f"{site.store.manifest.backbone.get('name', 'a network')} sees them.",
        data="data/classes.js",
    )


def _method(site: Site) -> str:
    body = markup(method_page.layout(site.album))
    return site.page(
        f"method/{PAGE}",
        body,
        title="method",
        description="How to read this atlas: what was computed, and from what.",
    )


def _manifest(site: Site) -> str:
    manifest = site.store.manifest
    rows = [(f"{group} {key}", value) for group in ("project", "backbone", "config", "libraries") for key, value in
            sorted(getattr(manifest, group).items())]  # fmt: skip
    body = site.fill(
        "manifest.html.j2",
        manifest=manifest,
        megabytes=round(sum(int(entry["bytes"]) for entry in manifest.files.values()) / 1e6, 1),
        rows=rows,
    )
    return site.page(f"manifest/{PAGE}", body, title="manifest", description="Backbone, settings, versions, photos and licences.")


def _missing(site: Site) -> str:
    """Return the page for an address that leads nowhere.

    It is shown at any depth, so its own links must be whole ones; a gallery that does not know its address has none there.
    """
    if not site.addresses.base_url:
        return restrained(site.fill("missing.html.j2"))
    body = message("Not found", "There is no page at this address.", atlas=site.store.name)
    head = f'{assets.styles()}<meta name="robots" content="noindex"><link rel="stylesheet" href="{own_url("gallery.css")}">'
    return site.written(body, f"Not found · {site.store.name} · Concept Atlas", head, site.addresses.base_url)
