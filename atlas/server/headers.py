"""Headers of every answer: what a page may load, and how long a browser may keep what it got."""

from __future__ import annotations

from functools import cache

import dash
from flask import Response, g, request

from atlas.site import assets

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def register(app: dash.Dash) -> None:
    """Set the headers on every answer of an app."""

    @cache  # the inline scripts are known only once every callback is
    def policy(live: bool) -> str:
        return _policy(" ".join(app.csp_hashes()) if live else "", live=live)

    def add(response: Response) -> Response:
        for name, value in _FIXED.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", policy(bool(g.get("live"))))
        return _keep_assets(response)

    app.server.after_request(add)


def _policy(hashes: str, *, live: bool) -> str:
    """Return what a page may load; ``live``: Dash and plotly are on it, which write style elements of their own."""
    rules = {
        "default-src": "'none'",
        "script-src": f"'self' {hashes}".rstrip(),
        "style-src": "'self' 'unsafe-inline'" if live else "'self'",
        **({} if live else {"style-src-attr": "'unsafe-inline'"}),  # lengths of bars, places of swatches
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "font-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _keep_assets(response: Response) -> Response:
    """An asset asked for with the digest of its content (``?m=``) may be kept for ever, by any other address not."""
    if request.path.startswith("/assets/") and response.status_code == 200:
        current = assets.is_current(request.path.removeprefix("/assets/"), request.args.get("m", ""))
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if current else "no-cache"
    return response
