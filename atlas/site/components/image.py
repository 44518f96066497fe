"""Pictures: lazy, with alternative text and a fixed size, so that nothing jumps."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas.site.class_view import ConceptPictures, Picture


def image(picture: Picture, alt: str, *, kind: str = "") -> html.Img:
    """Show a picture once it comes near the screen (``assets/pictures.js`` moves ``data-src`` to ``src``)."""
    size = {"width": str(picture.width), "height": str(picture.height)}
    return html.Img(alt=alt, className=f"picture {kind}".strip(), **size, **{"data-src": picture.url})


def visualization(picture: Picture | None, alt: str) -> Any:
    """Show a feature visualization, or say that none was made."""
    if picture is None:
        return html.Div("no picture was made", className="visualization absent")
    return zoomable(picture, alt, "visualization")


def zoomable(picture: Picture, alt: str, kind: str) -> Any:
    """Show a synthesised picture that opens large, where scripts run (``assets/zoom.js``)."""
    return html.Div(image(picture, alt, kind="synthesised"), className=kind, **{"data-zoom": ""})


def exemplars(pictures: ConceptPictures, name: str) -> Any:
    """Show the crops that use a concept most, in a row, with their heat maps above them."""
    if pictures.crops:
        crops = [image(crop, f"{name}, crop {rank + 1}", kind="cut") for rank, crop in enumerate(pictures.crops)]
        fitting = pictures.heat is not None and crops_in(pictures.heat) == len(crops)
        return _row([*crops, *([image(pictures.heat, "", kind="heat")] if fitting and pictures.heat else [])], len(crops), name)
    if pictures.exemplars is None:
        return html.P("Crops are not published with this atlas.", className="absent-note")
    layers = [image(pictures.exemplars, f"{crops_in(pictures.exemplars)} crops that use {name} most")]
    if pictures.heat is not None:
        layers.append(image(pictures.heat, "", kind="heat"))
    return _row(layers, crops_in(pictures.exemplars), name)


def _row(pictures: list[Any], n: int, name: str) -> Any:
    """Show a few crops at a time; the row moves sideways to the others."""
    row = html.Div(pictures, className="row", style={"--crops": str(n)})
    return html.Div(row, className="exemplars", tabIndex="0", role="group", **{"aria-label": f"crops of {name}"})


def crops_in(row: Picture) -> int:
    """Return how many square crops lie in a row."""
    return max(1, round(row.width / row.height))
