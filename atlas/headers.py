"""Headers of every answer: what a page may load, and how long a browser may keep what it got."""

from __future__ import annotations

from functools import cache

import dash
from flask import Response, request

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
    def policy() -> str:
        return _policy(" ".join(app.csp_hashes()))

    def add(response: Response) -> Response:
        for name, value in _FIXED.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", policy())
        return _keep_assets(response)

    app.server.after_request(add)


def _policy(hashes: str) -> str:
    rules = {
        "default-src": "'none'",
        "script-src": f"'self' {hashes}",
        "style-src": "'self' 'unsafe-inline'",  # plotly sizes its drawing with style elements
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "font-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _keep_assets(response: Response) -> Response:
    """An asset asked for with its time of change (``?m=``) is another address when it changes: it may be kept."""
    if request.path.startswith("/assets/") and "m" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
