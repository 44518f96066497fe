"""All classes by name, for readers without scripts and for crawlers: on the front page while few, else a page a letter."""

from __future__ import annotations

import unicodedata

from atlas.export.page_writer import Site
from atlas.export.rewrite_urls import PAGE
from atlas.export.staged import Staged
from atlas.schema import ClassRecord
from atlas.site import formats, rates

FEW = 120  # classes that the front page may list itself


def letter(name: str) -> str:
    """Return the letter under which a class is listed."""
    plain = unicodedata.normalize("NFKD", name.lower())
    return next((sign for sign in plain if "a" <= sign <= "z"), "z")


def listed(site: Site) -> str:
    """Return what the front page says about all classes: a list, or the letters that lead to one."""
    records = list(site.store.records.values())
    found = by_letter(site)
    return site.fill(
        "classes.html.j2",
        records=records if len(records) <= FEW else [],
        letters=found if len(records) > FEW else {},
        n=len(records),
        said=_said,
    )


def write_names(site: Site, staged: Staged) -> list[str]:
    """Write a page a letter, where the front page does not list the classes; return the files."""
    if len(site.store.records) <= FEW:
        return []
    found, written = by_letter(site), []
    for initial, records in found.items():
        path = f"names/{initial}/{PAGE}"
        entries = [(record, _said(record), site.portrait(record.info.wnid)) for record in records]
        title = f"classes: {initial.upper()}"
        body = site.fill("names.html.j2", initial=initial, entries=entries, letters=found)
        said = f"The classes from {records[0].info.name} to {records[-1].info.name}."
        staged.save(path, site.page(path, body, title=title, description=said))
        written.append(path)
    return written


def by_letter(site: Site) -> dict[str, list[ClassRecord]]:
    """Return the classes under every letter that has any, by name."""
    found: dict[str, list[ClassRecord]] = {}
    for record in sorted(site.store.records.values(), key=lambda one: (one.info.name.lower(), one.info.wnid)):
        found.setdefault(letter(record.info.name), []).append(record)
    return dict(sorted(found.items()))


def _said(record: ClassRecord) -> str:
    said = rates.right(record)
    return " · ".join([formats.rests_on(record), *([said] if said != formats.UNKNOWN else [])])
