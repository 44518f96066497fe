"""The files beside the pages: pictures, crops cut on demand, and the data the browser draws from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, request
from PIL import Image

from atlas.photos import CHECK, Box, part, shown, upright_size
from atlas.schema import AtlasError
from atlas.server.decoding import Busy, Decoding, identity
from atlas.site.components.photo_panel import DIGITS, photo_data
from atlas.site.context import CROP_SIDE, Album
from atlas.site.pages import home, map_page
from atlas.site.pages.class_page import class_view

_FOR_EVER = 365 * 24 * 3600
PHOTO_SIDE = 448  # pixels of a photo in its panel
#: Pixels of a photo that a page may ask for: in a list, in a spread, in its panel, large.
SIDES = {"96": 96, "128": 128, "448": PHOTO_SIDE, "896": 896}
HEAT_SIDE = 112  # pixels of a heat map, enlarged smoothly
HEAT_COLOUR = (255, 138, 0)


def register(server: Flask, albums: Mapping[str, Album]) -> None:
    """Give the server the addresses of every file."""
    decoding = Decoding()
    routes: dict[str, Callable[..., Response]] = {
        "/<atlas>/pictures/<owner>/<file>.webp": picture,
        "/<atlas>/crops/<owner>/<int:index>/<int:rank>.webp": crop,
        "/<atlas>/photos/<wnid>/<int:n>.webp": photo,
        "/<atlas>/photos/<wnid>/<int:n>/heat/<int:index>.webp": heat,
        "/<atlas>/photos/<wnid>.json": photos,
        "/<atlas>/classes.json": classes,
        "/<atlas>/map.json": concept_map,
    }
    for rule, view in routes.items():
        server.add_url_rule(rule, f"atlas.{view.__name__}", _with_album(view, albums, decoding))


def _with_album(view: Callable[..., Response], albums: Mapping[str, Album], decoding: Decoding) -> Callable[..., Response]:
    decodes = {"decoding": decoding} if view in (picture, crop, photo) else {}

    def answer(atlas: str, **values: Any) -> Response:
        if atlas not in albums:
            abort(404)
        try:
            return view(albums[atlas], **values, **decodes)
        except AtlasError as error:
            abort(404, str(error))
        except Busy as error:
            return Response(f"{error}\n", 503, {"Retry-After": "10"}, mimetype="text/plain")

    return answer


def picture(album: Album, owner: str, file: str, *, decoding: Decoding) -> Response:
    """Send a picture that the manifest names; ``opaque`` shows what its transparency hides."""
    name = f"pictures/{owner}/{file}.webp"
    content = album.store.picture_bytes(name)
    version = str(album.store.manifest.files[name]["sha256"])
    current = request.args.get("v") == version[:8]
    if "opaque" in request.args:
        return _sent(decoding((version, "opaque"), lambda: _opaque(content, name)), lasting=current)
    response = _sent(content, lasting=current)
    response.set_etag(version[:16])
    response.make_conditional(request)
    return response


def _opaque(content: bytes, name: str) -> bytes:
    with shown(BytesIO(content), name, CHECK) as image:
        return _webp(image.convert("RGB"))


def crop(album: Album, owner: str, index: int, rank: int, *, decoding: Decoding) -> Response:
    """Cut one exemplar from the reader's own photo."""
    found = [e for e in album.store.exemplars(f"{owner}/{index}") if e.rank == rank]
    path = reader_photo(album.photo_root, found[0].key) if found else None
    if path is None:
        abort(404)
    x, y, width, height = found[0].box
    box, size = (x, y, x + width, y + height), (CROP_SIDE, CROP_SIDE)

    def make() -> bytes:
        with shown(path, path.name) as image:
            return _webp(part(image, box, size))

    return _sent(decoding((_known(path), box, size), make), lasting=False)


def photo(album: Album, wnid: str, n: int, *, decoding: Decoding) -> Response:
    """Send one of the reader's own photos, by its position in the class."""
    known = album.store.photos(wnid)
    path = reader_photo(album.photo_root, known.keys[n]) if known and n < len(known) else None
    if path is None:
        abort(404)
    side = SIDES.get(request.args.get("side", str(PHOTO_SIDE)))
    if side is None:
        abort(400, f"A photo is shown with {', '.join(SIDES)} pixels a side, and no others.")
    fraction, mode = _seen(album)

    def make() -> bytes:
        with shown(path, path.name) as image:
            return _webp(part(image, as_seen(upright_size(image), fraction, mode), (side, side)))

    return _sent(decoding((_known(path), fraction, mode, side), make), lasting=False)


def _seen(album: Album) -> tuple[float, str]:
    """Return what the manifest says of the part of a photo that the network saw: its fraction of a side, and its shape."""
    backbone = album.store.manifest.backbone
    try:
        fraction = float(backbone.get("crop_pct", 1.0))
    except (TypeError, ValueError):
        fraction = 0.0
    if not 0 < fraction <= 1:
        raise AtlasError(f"The atlas {album.store.name} does not say which part of a photo the network saw.")
    return fraction, str(backbone.get("crop_mode", "center"))


def as_seen(size: tuple[int, int], fraction: float, mode: str = "center") -> Box:
    """Return the part of an upright photo that the network saw, so that heat maps lie where they belong.

    It is the centre square, of the shorter side or with a border of the longer (``border``); or of either side its own
    (``squash``), to be made square.
    """
    side = max(size) if mode == "border" else min(size)
    width, height = (edge * fraction for edge in (size if mode == "squash" else (side, side)))
    left, top = (size[0] - width) / 2, (size[1] - height) / 2
    return round(left), round(top), round(left + width), round(top + height)


def reader_photo(root: Path | None, key: str) -> Path | None:
    """Return the reader's own copy of a photo, under its photo set's name or without it; never a file outside the folder."""
    if root is None:
        return None
    base = root.resolve()
    for name in (key, key.partition("/")[2]):
        try:
            path = (base / name).resolve()
            if path.is_relative_to(base) and path.is_file():
                return path
        except (OSError, ValueError, RuntimeError):  # too long, with a NUL, a ring of links
            continue
    return None


def _known(path: Path) -> tuple[int, int, int, int]:
    try:
        return identity(path)
    except OSError as error:
        raise AtlasError(f"{path.name} cannot be read ({error.strerror}).") from error


def heat(album: Album, wnid: str, n: int, index: int) -> Response:
    """Send where a concept lies on a photo: one colour, its opacity the code."""
    known = album.store.photos(wnid)
    concepts = known.heat_concepts[n].tolist() if known and n < len(known) else []
    if known is None or index not in concepts:
        abort(404)
    opacity = Image.fromarray(known.heat[n, concepts.index(index)]).resize((HEAT_SIDE, HEAT_SIDE), Image.Resampling.BICUBIC)
    veil = Image.new("RGBA", opacity.size, HEAT_COLOUR)
    veil.putalpha(opacity.point(lambda value: round(value * 0.8)))
    return _sent(_webp(veil), lasting=False)


def photos(album: Album, wnid: str) -> Response:
    """Send the photos of a class as data."""
    view = class_view(album, wnid)
    return _json(_compact(photo_data(view)), lasting=request.args.get("v") == view.record.digest[:DIGITS])


def classes(album: Album) -> Response:
    """Send what the front page knows of every class."""
    text = album.kept("classes", lambda: _compact(home.classes_data(album)))
    return _json(text, lasting=request.full_path == home.classes_url(album))


def concept_map(album: Album) -> Response:
    """Send where every concept lies on the map."""
    text = album.kept("map", lambda: _compact(map_page.map_data(album)))
    return _json(text, lasting=request.full_path == map_page.map_url(album))


def _compact(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _json(text: str, *, lasting: bool) -> Response:
    return _lasting(Response(text, mimetype="application/json"), lasting)


def _webp(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "WEBP", quality=80)
    return stream.getvalue()


def _sent(webp: bytes, *, lasting: bool) -> Response:
    return _lasting(Response(webp, mimetype="image/webp"), lasting)


def _lasting(response: Response, lasting: bool) -> Response:
    """Let the browser keep what its address identifies; have it ask again for anything else."""
    response.headers["Cache-Control"] = f"public, max-age={_FOR_EVER}, immutable" if lasting else "no-cache"
    return response
