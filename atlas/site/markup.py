"""Dash html → HTML text: pages arrive drawn and readable; only their graphs wait for scripts."""

from __future__ import annotations

from html import escape
from typing import Any

from dash.development.base_component import Component


class Drawing(str):
    """An SVG of our own making, written as it stands."""


_ATTRIBUTES = {"className": "class", "htmlFor": "for", "tabIndex": "tabindex", "colSpan": "colspan", "rowSpan": "rowspan"}
_VOID = {"br", "hr", "img", "wbr"}


def markup(part: Any) -> str:
    """Return a part of a page as HTML: text is escaped, None is nothing, a list is its parts.

    Raises:
        TypeError: a part that is no ``dash.html`` element, text or number.
    """
    if part is None:
        return ""
    if isinstance(part, Drawing):
        return part
    if isinstance(part, list | tuple):
        return "".join(markup(one) for one in part)
    if isinstance(part, str | int | float):
        return escape(str(part))
    if isinstance(part, Component) and part._namespace == "dash_html_components":
        return _element(part)
    raise TypeError(f"{type(part).__name__} cannot be written as HTML")


def _element(part: Component) -> str:
    held, tag = vars(part), part._type.lower()
    named = [name for name in part._prop_names if name in held and name != "children"]
    marks = sorted(name for name in held if name.startswith(("data-", "aria-")))  # Dash keeps these without an order
    opened = f"<{tag}{''.join(_attribute(name, held[name]) for name in (*named, *marks))}>"
    return opened if tag in _VOID else f"{opened}{markup(held.get('children'))}</{tag}>"


def _attribute(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = _ATTRIBUTES.get(name, name)
    if value is True:
        return f" {name}"
    if isinstance(value, dict):
        value = ";".join(f"{key}:{entry}" for key, entry in value.items())
    text = str(value)
    if '"' in text and "'" not in text:  # data in JSON: a third shorter than with every quote escaped
        return f" {name}='{escape(text, quote=False)}'"
    return f' {name}="{escape(text)}"'
