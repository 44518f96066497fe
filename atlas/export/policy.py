"""What the pages of a gallery may load: they say so themselves, since no server of ours sends their headers."""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from html import escape
from urllib.parse import urlsplit

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")
#: Of a folder opened without a server, whose origin browsers do not agree on; where there is one, they load no such address.
_FOLDER = "file:"


def restrained(document: str, root: str = "") -> str:
    """Return a document that begins with what it may load: its own scripts, sheets and pictures, and nothing from elsewhere.

    Args:
        document: HTML with a head; a style element in that is allowed as it stands, a script element without a file is not.
        root: what its own addresses begin with; a whole address where it is shown at any depth.
    """
    own = " ".join(("'self'", _FOLDER, *_origin(root)))
    styles = "".join(f" {_hash(style)}" for style in _STYLE.findall(document.partition("</head>")[0]))
    rules = {
        "default-src": "'none'",
        "script-src": own,
        "style-src": own + styles,
        "style-src-attr": "'unsafe-inline'",  # bars, swatches and sprites are sized and placed by attributes
        "img-src": f"{own} data:",  # heat maps, and the drawing that is saved, are made in the page
        "base-uri": "'none'",
        "form-action": own,  # the search, without scripts
    }
    policy = "; ".join(f"{name} {value}" for name, value in rules.items())
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy, quote=False)}">\n'
        '<meta name="referrer" content="same-origin">\n'
    )
    return document.replace("<head>\n", f"<head>\n{head}", 1)


def _origin(root: str) -> tuple[str, ...]:
    parts = urlsplit(root)
    return (f"{parts.scheme}://{parts.netloc}",) if _HOST.fullmatch(parts.netloc) else ()


def _hash(style: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(style.encode()).digest()).decode()}'"
