"""A class without photos: what its weights alone tell, and what would be needed for more."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas.site.class_view import ClassView
from atlas.site.components.shared_concepts import shared_section


def weights_only(view: ClassView) -> list[Any]:
    """Return the parts of the page of a class that no photo was read of."""
    return [part for part in (shared_section(view), _missing(view)) if part is not None]


def _missing(view: ClassView) -> Any:
    name, command = view.record.info.name, f"precompute build --classes {view.record.info.wnid}"
    shown = "The picture above shows what the weights of the network look for. " if view.portrait else ""
    return html.Section(
        [
            html.H2("No photos, no strategies"),
            html.P(f"This atlas was built without photos of “{name}”. {shown}What photos have in common only photos can tell."),
            html.P([html.Code(command), " with a folder of its photos fills this page."]),
        ],
        className="panel",
    )
