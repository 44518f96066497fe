"""The document around every page: language, landmarks, search, skip link. Plain HTML, so it stands before any script has run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from atlas.site.urls import home_url, map_url, method_url


def document(
    body: str,
    *,
    title: str,
    atlas: str,
    atlases: Sequence[str] = (),
    head: str = "",
    scripts: str = "",
    query: str = "",
    index: str = "",
) -> str:
    """Return a whole HTML document.

    Args:
        body: HTML that goes into ``<main>``, already escaped.
        title: of the page, plain text.
        atlas: the atlas the page belongs to.
        atlases: every atlas that is served.
        head: extra elements for ``<head>``.
        scripts: elements at the end of ``<body>``.
        query: what the search field starts with.
        index: where the list of classes is, for suggestions; none without it.
    """
    listed = f' data-index="{escape(index)}"' if index else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" type="image/svg+xml" href="/assets/icon.svg">
{head}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
{_brand(atlas, atlases)}
<form role="search" action="{escape(home_url(atlas))}" method="get" class="search" autocomplete="off">
<input type="search" id="search" name="q" value="{escape(query)}" placeholder="Search classes and concepts" aria-label="\
Search classes by name, wnid or synonym, and concepts" maxlength="80"{listed}>
<kbd aria-hidden="true">/</kbd>
</form>
<nav aria-label="main">
<a href="{escape(home_url(atlas))}">Browse</a>
<a href="{escape(map_url(atlas))}">Map</a>
<a href="{escape(method_url(atlas))}">Method</a>
<button type="button" id="mode" aria-label="light or dark">◐</button>
</nav>
</header>
<main id="main" tabindex="-1">
{body}
</main>
{scripts}
</body>
</html>"""


def _brand(atlas: str, atlases: Sequence[str]) -> str:
    others = [name for name in atlases if name != atlas]
    brand = f'<a class="brand" href="{escape(home_url(atlas))}"><b>Concept Atlas</b> <span>{escape(atlas)}</span></a>'
    if not others:
        return brand
    links = "".join(f'<li><a href="{escape(home_url(name))}">{escape(name)}</a></li>' for name in others)
    return f'{brand}<details class="others"><summary aria-label="other atlases">▾</summary><ul>{links}</ul></details>'


def message(title: str, explanation: str, *, atlas: str, hint: str = "") -> str:
    """Return the body of a page that has only something to say."""
    back = f'<p><a href="{escape(home_url(atlas))}">All classes of {escape(atlas)}</a></p>'
    extra = f"<p>{_with_code(hint)}</p>" if hint else ""
    return f'<div class="message"><h1>{escape(title)}</h1><p>{_with_code(explanation)}</p>{extra}{back}</div>'


def _with_code(words: str) -> str:
    """Return words as HTML; what stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(words))
