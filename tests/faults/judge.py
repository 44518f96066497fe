"""What everybody who reads an atlas makes of it: the check, the server, the gallery. Whatever is not said in words counts."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas.__main__ import description
from atlas.export import export
from atlas.format import problems, untouched
from atlas.schema import AtlasError
from atlas.server.app import create_app


@dataclass
class Verdict:
    """What came of an atlas."""

    whole: bool = False
    said: str = ""  # the first problem
    unsaid: list[str] = field(default_factory=list)  # exceptions that nobody expects
    failed: list[str] = field(default_factory=list)  # what did not work, in words

    @property
    def fine(self) -> bool:
        """Whether everything was said in words, and nothing fails of an atlas that is called whole."""
        return not self.unsaid and not (self.whole and self.failed)


def judge(root: Path, out: Path) -> Verdict:
    """Let everybody read an atlas."""
    verdict = Verdict()
    found = _tried(verdict, "check", lambda: problems(root))
    verdict.whole = found == []
    verdict.said = (found or verdict.failed or ["whole"])[0]
    store = _tried(verdict, "open", lambda: untouched(root))
    if store is None:
        return verdict
    _tried(verdict, "info", lambda: json.dumps(description(store)).encode())
    _tried(verdict, "export", lambda: export(root, out, workers=1))
    app = _tried(verdict, "serve", lambda: create_app([store]))
    if app is not None:
        app.server.config["PROPAGATE_EXCEPTIONS"] = True
        with app.server.test_client() as client:
            for address in _tried(verdict, "addresses", lambda: list(_addresses(store))) or _KNOWN:
                _visit(verdict, client, f"/{store.name}/{address}")
    return verdict


#: Where the classes of the atlases that are changed are, if their tables do not say.
_KNOWN = ("", "map", "classes.json", "map.json", "shared/0", "class/n03028079", "class/n01440764", "photos/n03028079.json")


def _addresses(store: Any) -> Iterator[str]:
    yield from ("", "map", "method", "classes.json", "map.json")
    yield from (f"shared/{concept.index}" for concept in store.shared_concepts[:4])
    for wnid in store.records:
        yield from (f"class/{wnid}", f"photos/{wnid}.json")
        for table in ("class", "concepts", "photos", "strategies"):
            yield from (f"export/{wnid}/{table}.{kind}" for kind in ("csv", "json"))
        yield from (f"class/{wnid}/{concept.index}" for concept in store.concepts(wnid)[:3] if concept.scope != "shared")
        photos = store.photos(wnid)
        if photos is not None and photos.heat_concepts.size:
            yield f"photos/{wnid}/0/heat/{photos.heat_concepts[0, 0]}.webp"
    for name in [name for name in store.manifest.files if name.startswith("pictures/")][:6]:
        yield from (name, f"{name}?opaque")


def _visit(verdict: Verdict, client: Any, address: str) -> None:
    answer = _tried(verdict, address, lambda: client.get(address))
    if answer is not None and answer.status_code >= 400:
        verdict.failed.append(f"{address}: {answer.status_code}")
    if address.count("/") == 3 and "/class/" in address:
        asked = {
            "output": "graph.children",
            "outputs": {"id": "graph", "property": "children"},
            "inputs": [{"id": "location", "property": "pathname", "value": address}],
            "changedPropIds": ["location.pathname"],
        }
        drawn = _tried(verdict, f"graph of {address}", lambda: client.post("/_dash-update-component", json=asked))
        if drawn is not None and drawn.status_code >= 400:
            verdict.failed.append(f"graph of {address}: {drawn.status_code}")


def _tried(verdict: Verdict, what: str, do: Any) -> Any:
    try:
        return do()
    except AtlasError as error:
        verdict.failed.append(f"{what}: {error}")
        if "\n" in str(error):
            verdict.unsaid.append(f"{what}: an error of several lines")
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "/atlas/" in frame.filename] or frames[-1:]
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
        verdict.unsaid.append(f"{what}: {type(error).__name__} at {place}: {str(error)[:120]}")
    return None
