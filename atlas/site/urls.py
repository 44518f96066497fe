"""Addresses inside the app. Every one begins with the name of an atlas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dash import html

from atlas.schema import SHARED, Concept, Neighbour


def home_url(atlas: str) -> str:
    """Return the address of the front page of an atlas."""
    return f"/{quote(atlas)}/"


def class_url(atlas: str, wnid: str) -> str:
    """Return the address of a class page."""
    return f"/{quote(atlas)}/class/{wnid}"


def concept_url(atlas: str, concept: Concept) -> str:
    """Return the permalink of a concept: its own page."""
    owner = SHARED if concept.scope == SHARED else f"class/{concept.wnid}"
    return f"/{quote(atlas)}/{owner}/{concept.index}"


def method_url(atlas: str) -> str:
    """Return the address of the method page."""
    return f"/{quote(atlas)}/method"


def map_url(atlas: str) -> str:
    """Return the address of the map of all concepts."""
    return f"/{quote(atlas)}/map"


def class_link(atlas: str, wnid: str, *, names: Mapping[str, str], held: frozenset[str]) -> Any:
    """Name a class, with a link if the atlas holds it."""
    name = names.get(wnid, wnid)
    return html.A(name, href=class_url(atlas, wnid)) if wnid in held else html.Span(name)


def joined(parts: list[Any]) -> list[Any]:
    """Put commas between parts of a sentence."""
    return [piece for part in parts for piece in (", ", part)][1:]


def neighbour_text(neighbour: Neighbour, names: Mapping[str, str]) -> str:
    """Name a concept of another class: "concept 3 of lakeside"."""
    owner, _, index = neighbour.id.partition("/")
    return f"shared concept {index}" if owner == SHARED else f"concept {index} of {names.get(owner, owner)}"
