"""The map of all concepts: a canvas for browsers, a drawing and tables for readers without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from atlas.export import data_files
from atlas.export.page_writer import Site
from atlas.export.rewrite_urls import PAGE
from atlas.export.staged import Staged
from atlas.schema import SHARED
from atlas.site import formats, rates, theme
from atlas.site.markup import markup
from atlas.site.pages import map_page

ROWS = 250  # of a table a page
_SIDE = 10_000  # of the larger side of the map


def write_map(site: Site, staged: Staged) -> list[str]:
    """Write the map, its data, its drawing and its tables; return the files of the pages."""
    data = data_files.concept_map(site.album)
    staged.save("data/map.js", data_files.script("map", data))
    staged.save("data/map.svg", drawing(data))
    rows = list(_rows(site, data))
    parts = [rows[i : i + ROWS] for i in range(0, len(rows), ROWS)]
    spans = [(_span(part), i + 1) for i, part in enumerate(parts)]
    written = {f"map/{PAGE}": _map(site, data, spans, len(rows))}
    for i, part in enumerate(parts):
        written[f"map/{i + 1}/{PAGE}"] = _table(site, part, i + 1, spans)
    for path, text in written.items():
        staged.save(path, text)
    return list(written)


def _span(rows: list[dict[str, Any]]) -> str:
    """Say where a part of the table begins and ends: "tench – loggerhead", "shared 0–249"."""
    first, last = rows[0], rows[-1]
    if first["owner"] == last["owner"]:
        return f"{first['owner']} {first['index']}–{last['index']}"
    return f"{first['owner']} – {last['owner']}"


def _map(site: Site, data: dict[str, Any], spans: list[tuple[str, int]], n: int) -> str:
    width, height = _extent(data)
    drawn = set(data["group"])
    legend = [(name, _shade(name, i)) for i, name in enumerate(data["groups"]) if i in drawn]
    below = site.fill("map.html.j2", spans=spans, n=n, width=width, height=height, legend=legend)
    return site.page(
        f"map/{PAGE}",
        markup(map_page.layout(site.album)) + below,
        title="map",
        description=f"Every concept of the atlas in one plane: {formats.counted(n, 'concept')}, near each other where alike.",
        data="data/map.js",
    )


def _table(site: Site, rows: list[dict[str, Any]], number: int, spans: list[tuple[str, int]]) -> str:
    said = f"Concepts: {spans[number - 1][0]}"
    return site.page(
        f"map/{number}/{PAGE}",
        site.fill("map_table.html.j2", rows=rows, number=number, spans=spans, said=said),
        title=said,
        description=f"{said}; what they count and how sure they are, as a table.",
    )


def _rows(site: Site, data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line a concept, the shared ones first, then in the order of the classes; of the kinds that the map shows."""
    places, names = site.store.places(), site.store.names
    kinds = {
        (data["classes"][owner][0] if owner >= 0 else None, str(index)): data["groups"][group]
        for owner, index, group in zip(data["owner"], data["index"], data["group"], strict=True)
    }
    for row in places.to_pylist():
        wnid, index = row["wnid"], row["concept_id"].rpartition("/")[2]
        yield {
            "path": f"class/{wnid}/{index}" if wnid else f"{SHARED}/{index}",
            "name": f"concept {index}" if wnid else f"shared concept {index}",
            "owner": names[wnid] if wnid else SHARED,
            "index": index,
            "group": kinds.get((wnid, index), formats.UNKNOWN),
            "contribution": formats.signed(row["contribution"]),
            "stability": formats.plain(row["stability"]),
            "reliability": rates.rate(row["reliability"], row.get("dominates")) or formats.UNKNOWN,
        }


def drawing(data: dict[str, Any]) -> str:
    """Return the map as an SVG: a path a kind of class, a round dot a concept, light or dark as the reader's system."""
    dots: dict[int, list[str]] = {}
    for group, x, y in zip(data["group"], data["x"], data["y"], strict=True):
        dots.setdefault(group, []).append(f"M{x // 10} {y // 10}h0")
    paths = "".join(
        f'<path class="{_shade(data["groups"][group], group)}" d="{"".join(places)}"/>' for group, places in sorted(dots.items())
    )
    width, height = _extent(data)
    dark = f"@media (prefers-color-scheme:dark){{{_inks('dark')}}}"
    size = 14 if len(data["x"]) < 300 else 9 if len(data["x"]) < 2000 else 5
    style = f"path{{fill:none;stroke-width:{size};stroke-linecap:round}}{_inks('light')}{dark}"
    box = f"-10 -10 {width} {height}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{width}" height="{height}">'
        f"<style>{style}</style>{paths}</svg>\n"
    )


def _extent(data: dict[str, Any]) -> tuple[int, int]:
    """Return width and height of the drawing, with room around."""
    return max(data["x"], default=_SIDE) // 10 + 20, max(data["y"], default=_SIDE) // 10 + 20


def _shade(name: str, group: int) -> str:
    return theme.colour_class(group if name != map_page.REST else -1)


def _inks(mode: theme.Mode) -> str:
    tokens = theme.TOKENS[mode]
    shades = [f".c-{i}{{stroke:{colour}}}" for i, colour in enumerate(islice(theme.PALETTES[mode], 10))]
    return "".join([*shades, f".c-other{{stroke:{tokens['other']}}}"])
