"""What scripts would draw for a class, drawn beforehand: thumbnails, and the arithmetic of one photo."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas.site import formats, theme

LISTED = 48  # thumbnails
_STEPS = 6  # concepts of a waterfall that are named

Data = dict[str, Any]  # of components.photo.photo_data


def photo(data: Data, missing: str) -> list[Any]:
    """Return the body of the photo panel for the example photo."""
    i = data["first"]
    verdict = "recognised as " if data["correct"][i] else "mistaken for "
    strategy = f" · strategy {data['strategy'][i]}" if data["strategies"] and data["strategy"][i] >= 0 else ""
    shown = (
        html.Div(_tile(data, i), className="frame") if data["sprite"] else html.P(_with_code(missing), className="placeholder")
    )
    return [
        html.P(f"photo {i}: {verdict}{data['predicted'][i]}{strategy}", className="caption"),
        shown,
        _waterfall(data, i),
        html.P(data["keys"][i], className="caption key"),
    ]


def _with_code(text: str) -> list[Any]:
    """Set what stands between backticks as code."""
    return [html.Code(words) if i % 2 else words for i, words in enumerate(text.split("`"))]


def photo_list(data: Data) -> list[Any]:
    """Return the first photos as tiles."""
    if not data["sprite"]:
        return []
    return [html.Span(_tile(data, i), className=_thumb(data, i)) for i in range(min(data["n"], LISTED))]


def _thumb(data: Data, i: int) -> str:
    colours = {concept["index"]: concept["colour"] for concept in data["concepts"]}
    wrong = "" if data["correct"][i] else " is-wrong"
    return f"thumb {theme.colour_class(colours.get(data['dominant'][i], -1))}{wrong}"


def _tile(data: Data, i: int) -> Any:
    sheet = data["sprite"]
    columns, rows = sheet["columns"], sheet["rows"]
    style = {
        "background-image": f"url('{sheet['url']}')",
        "background-size": f"{columns * 100}% {rows * 100}%",
        "background-position": f"{_place(i % columns, columns)} {_place(i // columns, rows)}",
    }
    return html.Span(html.Span(f"photo {i}", className="sr"), className="tile", style=style)


def _place(index: int, of: int) -> str:
    return f"{100 * index / (of - 1) if of > 1 else 0:.2f}%"


def _waterfall(data: Data, i: int) -> Any:
    """Write bias + contributions + residual = logit as a table."""
    own = sorted(
        zip(data["concepts"], data["contributions"][i], strict=True),
        key=lambda pair: -abs(pair[1]),
    )
    rows = [("bias", data["bias"][i], "c-other")]
    for concept, value in own[:_STEPS]:
        label = f"{'shared' if concept['shared'] else 'concept'} {concept['index']}"
        rows.append((label, value, theme.colour_class(concept["colour"])))
    if count := len(own[_STEPS:]) + data["rest"]:
        rows.append((f"{count} others", sum(value for _, value in own[_STEPS:]) + data["others"][i], "c-other"))
    rows.append((formats.lacking_name(None), data["residual"][i], "c-other unexplained"))
    lines = [html.Tr([html.Th(label, scope="row"), _value(value)], className=css) for label, value, css in rows]
    total = html.Tr([html.Th("logit", scope="row"), _value(data["logit"][i])], className="total")
    caption = html.Caption(f"How the logit of photo {i} adds up, in logits", className="sr")
    return html.Table([caption, html.Tbody([*lines, total])], className="waterfall")


def _value(value: float) -> Any:
    return html.Td(formats.signed(value), className="value")
