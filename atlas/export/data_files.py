"""The numbers behind the pages, to take away (JSON, CSV) and for the browser (classic scripts, which a folder may load)."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

from atlas.export.rewrite_urls import Addresses
from atlas.format import Store
from atlas.schema import SHARED, ClassRecord, Photos
from atlas.site.class_view import ClassView
from atlas.site.components.photo_panel import photo_data
from atlas.site.context import Album
from atlas.site.pages import home, map_page
from atlas.site.pages.class_page import MOST_ALIGNED, shown_beside
from atlas.site.rows import Rows, as_csv, class_row, class_rows, concept_rows, photo_rows, short


def class_tables(store: Store, wnid: str) -> dict[str, str]:
    """Return file name → content of everything that can be taken away from a class page."""
    concepts, photos = concept_rows(store, wnid), photo_rows(store, wnid)
    record = dataclasses.asdict(store.record(wnid))
    record["alignment"] = _most_aligned(store.record(wnid))
    if record["scope"] == SHARED:
        del record["evidence"]  # the concepts, once more
    whole = {"class": record, "strategies": [dataclasses.asdict(s) for s in store.strategies(wnid)]}
    found = {f"{wnid}.json": compact(short(whole) | {"concepts": concepts, "photos": photos})}
    if store.record(wnid).coverage == "full":
        found[f"{wnid}-class.csv"] = _csv(class_rows(store, wnid))
    if concepts:
        found[f"{wnid}-concepts.csv"] = _csv(concepts)
    if photos:
        found[f"{wnid}-photos.csv"] = _csv(photos)
    return found


def _most_aligned(record: ClassRecord) -> dict[str, float]:
    """Return the cosines that a class page shows, by shared concept; who needs that of every one has the atlas."""
    shown = shown_beside(record)[:MOST_ALIGNED] if record.alignment else ()
    return {str(index): record.alignment[index] for index in shown}


def _csv(rows: Rows) -> str:
    return as_csv(rows)


def browser_photos(view: ClassView, addresses: Addresses, root: str) -> dict[str, Any]:
    """Return what the scripts of a class page draw from."""
    data = photo_data(view)
    if data.get("sprite"):
        data["sprite"] = data["sprite"] | {"url": root + str(addresses.file(data["sprite"]["url"]))}
    else:
        data["heat"] = []
    return data


def heat_script(photos: Photos) -> str:
    """Return the heat maps of all photos, four bits a place, for a browser that asks for them."""
    n, m, height, width = photos.heat.shape
    levels = (photos.heat.reshape(n, -1) >> 4).ravel()
    if len(levels) % 2:
        levels = [*levels, 0]  # type: ignore[assignment]  # a last half byte
    pairs = [int(high) << 4 | int(low) for high, low in zip(levels[::2], levels[1::2], strict=True)]
    text = base64.b64encode(bytes(pairs)).decode()
    return f"window.atlasHeat={compact({'m': m, 'height': height, 'width': width, 'levels': text})};"


def class_list(album: Album) -> dict[str, Any]:
    """Return what the browser knows of every class: column by column, without what its scripts work out (``gallery.js``)."""
    data = home.classes_data(album)
    entries = [entry | {"picture": int(bool(entry["picture"]))} for entry in data["classes"]]
    columns = {key: [entry[key] for entry in entries] for key in (entries[0] if entries else ()) if key != "url"}
    return data | {"base": "", "classes": columns}


def concept_map(album: Album) -> dict[str, Any]:
    """Return where every concept lies on the map."""
    return map_page.map_data(album) | {"base": ""}


def classes_csv(store: Store) -> str:
    """Return a row a class: identity, and everything that was measured on it as a whole."""
    counts = store.strategy_counts()
    return _csv([class_row(record) | {"strategies": counts.get(wnid, 0)} for wnid, record in store.records.items()])


def script(name: str, data: Any) -> str:
    """Return data as a classic script: the scripts of a page find it under the name of its file."""
    return f"(window.atlasData=window.atlasData||{{}}).{name}={compact(data)};\n"


def compact(content: Any) -> str:
    """Return JSON without spaces."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
