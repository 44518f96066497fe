"""A picture without its transparency: in a WebP the colours lie apart from the opacity, so that nothing is encoded again."""

from __future__ import annotations

from io import BytesIO

from atlas.photos import CHECK, shown

_HEAD = 12  # "RIFF", the size of the rest, "WEBP"


def opaque_name(name: str) -> str:
    """Return what the opaque twin of a picture is called."""
    return name.removesuffix(".webp") + "-opaque.webp"


def opaque(webp: bytes) -> bytes:
    """Return the colours of a picture, also where it is transparent."""
    for kind, chunk in _chunks(webp):
        if kind == b"VP8 ":
            return b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk
    with shown(BytesIO(webp), "a picture of the atlas", CHECK) as image:
        stream = BytesIO()
        image.convert("RGB").save(stream, "WEBP", quality=80)
        return stream.getvalue()


def _chunks(webp: bytes) -> list[tuple[bytes, bytes]]:
    """Return the parts of a WebP file, each with its kind and its own head."""
    found, at = [], _HEAD
    while at + 8 <= len(webp):
        size = int.from_bytes(webp[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        found.append((webp[at : at + 4], webp[at:end]))
        at = end
    return found
