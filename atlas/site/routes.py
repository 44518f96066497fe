"""Which page an address means, checked against the atlases that are served."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from atlas.format import Store, imagenet_classes
from atlas.schema import SHARED, AtlasError

_PAGE = re.compile(
    r"/(?P<atlas>[^/]{1,100})/"
    r"(?:(?P<word>class|shared|method|map)(?:/(?P<owner>[^/]{1,20}))?(?:/(?P<index>[^/]{1,6}))?)?"
)
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Address:
    """A page that exists."""

    store: Store
    kind: Literal["home", "class", "concept", "map", "method"]
    wnid: str | None = None
    index: int | None = None  # of a concept; with no wnid, of a shared one

    @property
    def title(self) -> str:
        """What the browser's tab says."""
        name = self.store.record(self.wnid).info.name if self.wnid else ""
        here = {
            "home": "all classes",
            "map": "map",
            "method": "method",
            "class": name,
            "concept": f"{name or 'shared'} · concept {self.index}",
        }[self.kind]
        return f"{here} · {self.store.name} · Concept Atlas"


class NotFound(AtlasError):
    """An address that means no page; says which part of it is unknown."""

    def __init__(self, message: str, *, hint: str = "", atlas: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.atlas = atlas


def resolve(path: str, stores: Mapping[str, Store]) -> Address:
    """Return the page of a decoded path.

    Raises:
        NotFound: no such page.
    """
    found = _PAGE.fullmatch(path) if len(path) <= _LONGEST else None
    if found is None:
        raise NotFound(f"There is no page at {_shortened(path)}.", atlas=_atlas_of(path, stores))
    store = stores.get(found["atlas"])
    if store is None:
        served = ", ".join(stores)
        raise NotFound(f"There is no atlas called {_shortened(found['atlas'])!r} here. Served: {served}.")
    match found["word"], found["owner"], found["index"]:
        case None, None, None:
            return Address(store, "home")
        case "map", None, None:
            return Address(store, "map")
        case "method", None, None:
            return Address(store, "method")
        case "class", str(wnid), None:
            return Address(store, "class", _class(store, wnid))
        case "class", str(wnid), str(index):
            return Address(store, "concept", _class(store, wnid), _index(store, wnid, index))
        case "shared", str(index), None:
            return Address(store, "concept", None, _index(store, None, index))
    raise NotFound(f"There is no page at {_shortened(path)}.", atlas=store.name)


def _class(store: Store, wnid: str) -> str:
    if wnid in store.records:
        return wnid
    known = {info.wnid: info for info in imagenet_classes()}.get(wnid)
    if known is None:
        raise NotFound(f"There is no ImageNet class {_shortened(wnid)!r}.", atlas=store.name)
    raise NotFound(
        f"The atlas {store.name} has no page for {known.name} ({wnid}).",
        hint=f"It is an ImageNet class: `precompute build --classes {wnid}` would add it.",
        atlas=store.name,
    )


def _index(store: Store, wnid: str | None, text: str) -> int:
    concepts = store.concepts(wnid) if wnid else store.shared_concepts
    owned = {c.index for c in concepts if wnid is None or c.scope != SHARED}
    if text.isascii() and text.isdigit() and int(text) in owned and str(int(text)) == text:
        return int(text)
    owner = store.record(wnid).info.name if wnid else "the shared dictionary"
    raise NotFound(f"There is no concept {_shortened(text)!r} of {owner} in the atlas {store.name}.", atlas=store.name)


def _atlas_of(path: str, stores: Mapping[str, Store]) -> str | None:
    first = path.lstrip("/").split("/")[0]
    return first if first in stores else None


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "…"
