"""A walk over every class and concept of an atlas: no broken picture, no broken link, no empty panel.

``python tests/atlas/test_walk.py ATLAS`` walks one of your own.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq

from atlas.format import Store
from atlas.format.manifest import sealed
from atlas.server.app import create_app
from atlas.site import formats

FILLED_BY_SCRIPTS = {"photo-body", "photo-list", "classes", "elsewhere", "theorem", "chosen", "map"}


class Seen(HTMLParser):
    """What a page asks for, and its sections that say nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.empty: list[str] = []
        self._open: list[tuple[str, str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.addresses |= {values[name] for name in ("href", "src", "data-src", "data-photos") if name in values}
        if tag in {"section", "article"}:
            self._open.append((tag, values.get("class", ""), False))
        elif values.get("id") in FILLED_BY_SCRIPTS or tag in {"img", "svg", "button"}:
            self._say()

    def handle_data(self, data: str) -> None:
        if data.strip():
            self._say()

    def _say(self) -> None:
        self._open = [(tag, name, True) for tag, name, _ in self._open]

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag == self._open[-1][0]:
            _, name, filled = self._open.pop()
            self.empty += [] if filled else [name]


def every_class(store: Store, some: Sequence[str] | None = None) -> tuple[int, list[str]]:
    """Follow every address from the front page and from every class; return how many there are, and what is wrong.

    Of ``some`` classes alone, what their pages name is asked for, and not followed further.
    """
    client, base = create_app([store]).server.test_client(), f"/{store.name}/"
    waiting = [base, *(f"{base}class/{wnid}" for wnid in some or store.records)]
    known, wrong = set(waiting), []
    read = set(waiting) if some else None
    while waiting:
        address = waiting.pop()
        with client.get(address) as answer:
            content, kind, status = answer.data, answer.mimetype, answer.status_code
        if status != 200 or not content:
            wrong.append(f"{address}: {status}")
        if kind != "text/html" or (read is not None and address not in read):
            continue
        seen = Seen()
        seen.feed(content.decode())
        wrong += [f"{address}: empty panel {name!r}" for name in seen.empty]
        fresh = {one.partition("#")[0] for one in seen.addresses if one.startswith((base, "/assets/"))} - known
        known |= fresh
        waiting += sorted(fresh)
    return len(known), wrong


def test_every_page_leads_somewhere_and_says_something(made_up: Store, withheld: Store) -> None:
    for store in (made_up, withheld):
        total, wrong = every_class(store)
        assert wrong == []
        assert total > 100


def test_pages_of_format_1_0_say_what_is_not_known_and_nothing_instead(made_up: Store, tmp_path: Path) -> None:
    old = Path(shutil.copytree(made_up.root, tmp_path / "old"))
    manifest = json.loads((old / "manifest.json").read_text())
    (old / "manifest.json").write_bytes(sealed(manifest | {"format_version": "1.0"}))
    later = {
        "classes.parquet": ["groups", "groups_expected", "refits", "agreement", "explained_holdout"],
        "concepts.parquet": ["dominates", "dominates_holdout", "reliability_holdout"],
    }
    for name, columns in later.items():
        pq.write_table(pq.read_table(old / name).drop_columns(columns), old / name)
    store = Store(old)
    total, wrong = every_class(store)
    assert (wrong, total > 100) == ([], True)
    client = create_app([store]).server.test_client()
    page = client.get("/old/class/n03445777").text
    assert "Groups of photos: it was not measured whether any come back" in page
    assert "Led by" in page
    assert "<dt>leads</dt><dd>–</dd>" in page
    assert "<dt>right</dt><dd>–</dd>" in page
    assert 'class="interval"' not in page
    assert "poor" not in page
    assert "data-strategy" not in page
    share = store.concepts("n03445777")[0].share
    assert share is not None
    assert f'class="value">{formats.percent(share, 1)}<' in page
    assert "classes of the same kind, by WordNet" in client.get("/old/class/n02123045").text


if __name__ == "__main__":
    total, wrong = every_class(Store(sys.argv[1]))
    print(*wrong, f"{Path(sys.argv[1]).name}: {total} addresses, {len(wrong)} wrong", sep="\n")
    raise SystemExit(bool(wrong))
