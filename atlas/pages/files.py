"""The files beside the pages: pictures, crops cut on demand, and the data the browser draws from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, request
from PIL import Image, ImageOps

from atlas.components.photo import photo_data
from atlas.pages import home, map_page
from atlas.pages.album import CROP_SIDE, Album
from atlas.pages.class_page import class_view
from atlas.schema import AtlasError

_FOR_EVER = 365 * 24 * 3600
PHOTO_SIDE = 448  # pixels of a photo in its panel
MOST_PIXELS = 896  # of one shown large
HEAT_SIDE = 112  # pixels of a heat map, enlarged smoothly
HEAT_COLOUR = (255, 138, 0)


def register(server: Flask, albums: Mapping[str, Album]) -> None:
    """Give the server the addresses of every file."""
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
        server.add_url_rule(rule, f"atlas.{view.__name__}", _with_album(view, albums))


def _with_album(view: Callable[..., Response], albums: Mapping[str, Album]) -> Callable[..., Response]:
    def answer(atlas: str, **values: Any) -> Response:
        if atlas not in albums:
            abort(404)
        try:
            return view(albums[atlas], **values)
        except AtlasError:
            abort(404)

    return answer


def picture(album: Album, owner: str, file: str) -> Response:
    """Send a picture that the manifest names; ``opaque`` shows what its transparency hides."""
    name = f"pictures/{owner}/{file}.webp"
    path = album.store.picture_path(name)
    version = str(album.store.manifest.files[name]["sha256"])
    current = request.args.get("v") == version[:8]
    if "opaque" in request.args:
        with Image.open(path) as image:
            return _webp(image.convert("RGB"), lasting=current)
    response = Response(path.read_bytes(), mimetype="image/webp")
    response.set_etag(version[:16])
    response.make_conditional(request)
    return _lasting(response, current)


def crop(album: Album, owner: str, index: int, rank: int) -> Response:
    """Cut one exemplar from the reader's own photo."""
    found = [e for e in album.store.exemplars(f"{owner}/{index}") if e.rank == rank]
    path = reader_photo(album.photo_root, found[0].key) if found else None
    if path is None:
        abort(404)
    x, y, width, height = found[0].box
    with Image.open(path) as image:
        cut = _upright(image).crop((x, y, x + width, y + height))
    return _webp(cut.resize((CROP_SIDE, CROP_SIDE)), lasting=False)


def photo(album: Album, wnid: str, n: int) -> Response:
    """Send one of the reader's own photos, by its position in the class."""
    known = album.store.photos(wnid)
    path = reader_photo(album.photo_root, known.keys[n]) if known and n < len(known) else None
    if path is None:
        abort(404)
    side = min(max(request.args.get("side", PHOTO_SIDE, type=int), 16), MOST_PIXELS)
    backbone = album.store.manifest.backbone
    crop_pct, mode = float(backbone.get("crop_pct", 1.0)), str(backbone.get("crop_mode", "center"))
    with Image.open(path) as image:
        return _webp(as_seen(_upright(image), crop_pct, mode).resize((side, side)), lasting=False)


def as_seen(image: Image.Image, crop_pct: float, mode: str = "center") -> Image.Image:
    """Return the part that the network saw, so that heat maps lie where they belong.

    It is the centre square, of the shorter side or with a border of the longer (``border``); or of either side its own
    (``squash``), to be made square.
    """
    side = max(image.size) if mode == "border" else min(image.size)
    width, height = (edge * crop_pct for edge in (image.size if mode == "squash" else (side, side)))
    left, top = (image.width - width) / 2, (image.height - height) / 2
    return image.crop((round(left), round(top), round(left + width), round(top + height)))


def _upright(image: Image.Image) -> Image.Image:
    """Return a photo as boxes see it: turned as its camera says, RGB."""
    return ImageOps.exif_transpose(image).convert("RGB")


def reader_photo(root: Path | None, key: str) -> Path | None:
    """Return the reader's own copy of a photo, under its photo set's name or without it; never a file outside the folder."""
    if root is None:
        return None
    base = root.resolve()
    for candidate in (base / key, base / key.partition("/")[2]):
        path = candidate.resolve()
        if path.is_relative_to(base) and path.is_file():
            return path
    return None


def heat(album: Album, wnid: str, n: int, index: int) -> Response:
    """Send where a concept lies on a photo: one colour, its opacity the code."""
    known = album.store.photos(wnid)
    concepts = known.heat_concepts[n].tolist() if known and n < len(known) else []
    if known is None or index not in concepts:
        abort(404)
    opacity = Image.fromarray(known.heat[n, concepts.index(index)]).resize((HEAT_SIDE, HEAT_SIDE), Image.Resampling.BICUBIC)
    veil = Image.new("RGBA", opacity.size, HEAT_COLOUR)
    veil.putalpha(opacity.point(lambda value: round(value * 0.8)))
    return _webp(veil, lasting=False)


def photos(album: Album, wnid: str) -> Response:
    """Send the photos of a class as data."""
    view = class_view(album, wnid)
    return _json(_compact(photo_data(view)), lasting=request.args.get("v") == view.record.digest[:12])


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


def _webp(image: Image.Image, *, lasting: bool) -> Response:
    stream = BytesIO()
    image.save(stream, "WEBP", quality=80)
    return _lasting(Response(stream.getvalue(), mimetype="image/webp"), lasting)


def _lasting(response: Response, lasting: bool) -> Response:
    """Let the browser keep what its address identifies; have it ask again for anything else."""
    response.headers["Cache-Control"] = f"public, max-age={_FOR_EVER}, immutable" if lasting else "no-cache"
    return response
