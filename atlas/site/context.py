"""Where the pictures of an atlas are asked for: addresses and sizes, or what to show when photos are withheld."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from atlas.format import Store
from atlas.photos import regular
from atlas.schema import AtlasError, Concept, Exemplar
from atlas.site.class_view import ConceptPictures, PhotoSource, Picture

CROP_SIDE = 128  # pixels of a crop cut on demand


class Album:
    """The pictures of one atlas, and the reader's own photos beside it."""

    def __init__(self, store: Store, photo_root: Path | None = None) -> None:
        self.store = store
        self.photo_root = photo_root
        self._sizes: dict[str, tuple[int, int]] = {}
        self._kept: dict[str, str] = {}
        self.answers: OrderedDict[str, bytes] = OrderedDict()  # of the graph's callback, by the path of the page

    def picture(self, name: str | None) -> Picture | None:
        """Return a picture by its name in the atlas."""
        return Picture(self.url(name), *self._size(name)) if name is not None else None

    def url(self, name: str) -> str:
        """Return the address of a picture; its content's hash makes it cacheable for ever."""
        return f"/{quote(self.store.name)}/{name}?v={str(self.store.manifest.files[name]['sha256'])[:8]}"

    def kept(self, key: str, make: Callable[[], str]) -> str:
        """Return a text that is costly to make and never changes."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def _size(self, name: str) -> tuple[int, int]:
        if name not in self._sizes:
            self._sizes[name] = webp_size(self.store.picture_path(name))
        return self._sizes[name]

    def portrait(self, wnid: str) -> Picture | None:
        """Return the class picture."""
        return self.picture(self.store.picture(wnid, "class"))

    def thumbnails(self, wnid: str) -> Picture | None:
        """Return the sheet of photo thumbnails."""
        return self.picture(self.store.picture(wnid, "thumbnails"))

    def concept(self, concept: Concept, exemplars: tuple[Exemplar, ...]) -> ConceptPictures:
        """Return every picture of a concept."""
        owner = concept.concept_id.split("/")[0]
        row = self.picture(self.store.picture(owner, "exemplars", concept.index))
        return ConceptPictures(
            visualization=self.picture(self.store.picture(owner, "concept", concept.index)),
            exemplars=row,
            heat=self.picture(self.store.picture(owner, "heat", concept.index)),
            crops=self._crops(owner, concept.index, exemplars) if row is None and self.photo_root else (),
        )

    def _crops(self, owner: str, index: int, exemplars: tuple[Exemplar, ...]) -> tuple[Picture, ...]:
        base = f"/{quote(self.store.name)}/crops/{owner}/{index}"
        return tuple(Picture(f"{base}/{exemplar.rank}.webp", CROP_SIDE, CROP_SIDE) for exemplar in exemplars)

    def photo_source(self, wnid: str) -> PhotoSource:
        """Return where the photos of a class can be shown from."""
        if self.photo_root:
            return "reader"
        return "thumbnails" if self.store.picture(wnid, "thumbnails") else "withheld"


def webp_size(path: Path) -> tuple[int, int]:
    """Return width and height of a WebP picture from its first bytes: a page asks for dozens of them.

    Raises:
        AtlasError: the file is no WebP picture, or cannot be read.
    """
    try:
        with regular(path) as stream:
            head = stream.read(30)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AtlasError(f"{path} cannot be read ({reason}): run `atlas check` on its atlas.") from error
    kind, data = head[12:16], head[20:]
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(data) < 10:
        raise AtlasError(f"{path} is no WebP picture: run `atlas check` on its atlas.")
    if kind == b"VP8X":
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
