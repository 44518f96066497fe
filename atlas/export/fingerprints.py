"""What each part of a gallery depends on, as digests: equal ones mean that nothing need be written again."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from atlas import __version__
from atlas.export.own import SHARED_ASSETS
from atlas.export.page_writer import Site
from atlas.format import data_path
from atlas.schema import SHARED, Concept
from atlas.site.pages.class_page import MOST_ALIGNED, nearest, shown_beside, siblings

_PACKAGE = Path(__file__).parent.parent


def digests(site: Site) -> dict[str, str]:
    """Return unit → digest: a unit is a class, by its wnid, or "shared"."""
    store, manifest = site.store, site.store.manifest
    ground = (design(), site.addresses.base_url, store.name, manifest.backbone, manifest.created[:4], len(store.shared_concepts))
    own: dict[str, list[Concept]] = {wnid: [] for wnid in store.records} | {SHARED: list(store.shared_concepts)}
    for concept in store.all_concepts():
        if concept.wnid is not None:
            own[concept.wnid].append(concept)
    rows = store.row_digests()
    found = {wnid: _of_class(site, wnid, own, (ground, rows.get(wnid))) for wnid in store.records}
    if store.shared_concepts:
        uses = [(wnid, record.info.name, record.evidence) for wnid, record in store.records.items() if record.evidence]
        found[SHARED] = _digest(ground, rows.get(SHARED), own[SHARED], uses, _pictures(site, SHARED), _held(site, own[SHARED]))
    return found


def _of_class(site: Site, wnid: str, own: dict[str, list[Concept]], ground: Any) -> str:
    record = site.store.records[wnid]
    beside = {*(evidence.index for evidence in record.evidence), *shown_beside(record)[:MOST_ALIGNED]}
    concepts = [*own[wnid], *(own[SHARED][index] for index in sorted(beside))]
    shared = _pictures(site, SHARED) if beside else []
    around = siblings(site.store, wnid), [(near.wnid, near.name, bool(near.portrait)) for near in nearest(site.album, wnid)]
    return _digest(ground, record, concepts, around, _pictures(site, wnid), shared, _held(site, concepts))


def _held(site: Site, concepts: Iterable[Concept]) -> tuple[list[str], list[str]]:
    """Return which of the classes named beside some concepts have a page, and which of the concepts a picture."""
    near = {near.id for concept in concepts for near in (*concept.aligned, *concept.neighbours)}
    classes, alike = {name.partition("/")[0] for name in near}, [name.partition("/") for name in near if "/" in name]
    drawn = [f"{owner}/{index}" for owner, _, index in alike if site.store.picture(owner, "concept", int(index))]
    return sorted(classes & set(site.store.records)), sorted(drawn)


def _pictures(site: Site, owner: str) -> list[str]:
    files = site.store.manifest.files
    return [f"{name} {files[name]['sha256']}" for name in site.pictures.get(owner, ())]


def _digest(*values: Any) -> str:
    return sha256(repr(values).encode()).hexdigest()[:24]


@cache
def design() -> str:
    """Return a digest of everything that decides how a page looks."""
    code = (path for path in sorted(_PACKAGE.rglob("*")) if path.suffix in {".py", ".j2", ".css", ".js"})
    shown = [path for path in code if "_shipped" not in path.parts]
    shared = [data_path("assets") / name for name in SHARED_ASSETS]
    whole = sha256(__version__.encode())
    for path in (*shown, *shared):
        whole.update(path.read_bytes())
    return whole.hexdigest()[:24]
