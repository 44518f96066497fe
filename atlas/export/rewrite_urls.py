"""Addresses of the app → addresses of files, relative to the page that names them.

A link names ``index.html``, because a folder opened without a server needs it; ``gallery.js`` takes it away where there is one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape
from urllib.parse import unquote

PAGE = "index.html"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), target)
    for pattern, target in (
        (r"", PAGE),
        (r"method", f"method/{PAGE}"),
        (r"manifest", f"manifest/{PAGE}"),
        (r"map", f"map/{PAGE}"),
        (r"map/(\d+)", rf"map/\1/{PAGE}"),
        (r"names/([a-z])", rf"names/\1/{PAGE}"),
        (r"(classes|map)\.json", r"data/\1.js"),
        (r"photos/(n\d{8})\.json", r"data/\1.js"),
        (r"class/(n\d{8})", rf"class/\1/{PAGE}"),
        (r"class/(n\d{8})/(\d+)", rf"class/\1/\2/{PAGE}"),
        (r"shared/(\d+)", rf"shared/\1/{PAGE}"),
        (r"export/(n\d{8})/(\w+)\.csv", r"data/\1-\2.csv"),
        (r"export/(n\d{8})/\w+\.json", r"data/\1.json"),
        (r"((?:pictures|data)/.+)", r"\1"),
    )
)
_ATTRIBUTE = re.compile(r'="(/[^"]*)"')
_LINK = re.compile(r'<a\b[^>]*?\bhref="(/[^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
_BACKGROUND = re.compile(r"url\(&#x27;(/.*?)&#x27;\)")
_LAZY = re.compile(r'(<img\b[^>]*?) data-src="')
_PERMALINK = re.compile(r'<span class="permalink">([^<]*)</span>')
_WHOLE = re.compile(r'(<a\b[^>]*class="whole"[^>]*>)(/[^<]*)')
_WHOLE_JSON = re.compile(r'download="(n\d{8})-\w+\.json"')


class Addresses:
    """What the app's addresses of one atlas become in its gallery."""

    def __init__(self, atlas: str, base_url: str = "") -> None:
        self.atlas = atlas
        self.base_url = base_url
        self._known = lru_cache(4096)(self._found)

    def file(self, address: str) -> str | None:
        """Return the file that an address means, from the root of the gallery, with its query; None if the gallery has none."""
        return self._known(address)

    def _found(self, address: str) -> str | None:
        path, mark, query = address.partition("?")
        path = unquote(path)
        if path.startswith("/assets/"):
            return path[1:] + mark + query
        prefix = f"/{self.atlas}/"
        if path.startswith(prefix + "pictures/"):
            mark = query = ""  # in a gallery a picture has one address, whoever asks for it
        if not path.startswith(prefix):
            return None
        for pattern, target in _RULES:
            if found := pattern.fullmatch(path.removeprefix(prefix)):
                return found.expand(target) + mark + query
        return None

    def public(self, path: str) -> str:
        """Return the whole address of a file of the gallery; empty when nobody said where it will lie."""
        return self.base_url + path.removesuffix(PAGE) if self.base_url else ""

    def rewrite(self, html: str, root: str) -> str:
        """Return a page of the app with addresses that lead through ``root``, and pictures that need no script.

        A link to a page that only the app has becomes plain text.
        """
        html = self._unlinked(html)
        html = _ATTRIBUTE.sub(lambda found: f'="{self._led(found[1], root)}"', html)
        html = _BACKGROUND.sub(lambda found: f"url(&#x27;{self._led(found[1], root)}&#x27;)", html)
        html = _LAZY.sub(lambda found: f'{found[1]} loading="lazy" src="', html)
        html = _WHOLE_JSON.sub(r'download="\1.json"', html)
        html = _WHOLE.sub(lambda found: found[1] + self._named(found[2]), html)
        return _PERMALINK.sub(self._permalink, html)

    def _led(self, address: str, root: str) -> str:
        target = self.file(unescape(address))
        return address if target is None else root + escape(target)

    def _unlinked(self, html: str) -> str:
        return _LINK.sub(lambda found: found[0] if self.file(unescape(found[1])) is not None else found[2], html)

    def _permalink(self, found: re.Match[str]) -> str:
        opened = "<span>" if self.base_url else '<span class="here">'
        return f"{opened}{self._named(found[1])}</span>"

    def _named(self, address: str) -> str:
        """Return the address of a page as a reader may write it down: whole where that is known."""
        path, mark, query = (self.file(unescape(address)) or "").partition("?")
        return escape((self.public(path) or path.removesuffix(PAGE)) + mark + query)
