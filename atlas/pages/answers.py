"""Answers of callbacks, kept ready: they depend on nothing but the request, and most readers ask for the same graphs."""

from __future__ import annotations

from collections import OrderedDict

from flask import Flask, Response, request

PATH = "/_dash-update-component"
KEPT = 32  # answers, 10 to 100 KB each


def register(server: Flask) -> None:
    """Answer a callback that was answered before without computing anything."""
    kept: OrderedDict[bytes, bytes] = OrderedDict()

    def again() -> Response | None:
        content = kept.get(request.get_data()) if request.path == PATH else None
        return None if content is None else Response(content, mimetype="application/json")

    def keep(response: Response) -> Response:
        if request.path == PATH and response.status_code == 200 and not response.is_streamed:
            kept[request.get_data()] = response.get_data()
            while len(kept) > KEPT:
                kept.popitem(last=False)
        return response

    server.before_request(again)
    server.after_request(keep)
