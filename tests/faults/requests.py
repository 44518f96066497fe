"""Hostile requests to the real server, on a socket: addresses that exist and are bent, headers and bodies that are none.

Seeded: the same number and seed send the same bytes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

from PIL import Image

ROOT = Path(__file__).parents[2]
BALL = "n03445777"
PATIENCE = 5.0  # seconds

PATHS = (
    *("/", "/made-up/", f"/made-up/class/{BALL}", f"/made-up/class/{BALL}/3", "/made-up/shared/2", "/made-up/map"),
    *("/made-up/method", "/made-up/map.json", "/made-up/classes.json", f"/made-up/photos/{BALL}.json", "/health", "/ready"),
    *(f"/made-up/pictures/{BALL}/class.webp?v=0&opaque=1", f"/made-up/export/{BALL}/photos.csv", "/assets/atlas.css?m=0"),
    *(f"/withheld/photos/{BALL}/5.webp?side=96", f"/withheld/crops/{BALL}/0/0.webp", f"/made-up/photos/{BALL}/0/heat/0.webp"),
    *("/_dash-update-component", "/_dash-layout", "/_dash-dependencies", "/_reload-hash", "/_favicon.ico", "/static/x"),
    "/_dash-component-suites/dash/deps/react@18.v18_3_1m1700000000.min.js",
)
EVIL = (
    *("<x-marker>", '"x-marker=', "'><x-marker>", "`<x-marker>`", "javascript:x", "</script><x-marker>", "&lt;x-marker&gt;"),
    *("..", "../../canary.txt", "%2e%2e", "..%2f..%2fcanary.txt", "%252e%252e%252f", "....//", "\\..\\", "//", "/etc/passwd"),
    *("%00", "%0d%0aX-Marker:%201", "%ff%fe", "%c0%ae", "%", "%zz", "%u0041", "\x7f", "é", "٣", "%F0%9F%A6%86"),
    *("-1", "99999999999999999999", "9" * 4400, "1e9", "NaN", "0x10", "+1", "a" * 1500, "a" * 9000, "[]", "{}", "{{7*7}}"),
    *("file:///", "CANARY", ".webp", ".json", "?", "#", ";", ":", "@", "*", "~", "n00000000", "shared", "None", "null"),
)
HEADERS = (
    *("Range: bytes=0-", "Range: bytes=9-1,-5,x", "Range: lines=1", f"Range: bytes={'9' * 999}-", "If-None-Match: *"),
    *('If-None-Match: "', 'If-None-Match: W/"x", <x-marker>', "If-Modified-Since: never", "If-Range: x", "Accept-Encoding: ;q=x"),
    *("Cookie: a=<x-marker>; b", "Referer: <x-marker>", "Content-Type: <x-marker>", "Content-Type: multipart/form-data"),
    *("Content-Type: application/json; charset=nope", "Expect: 100-continue", "Expect: 200", "Transfer-Encoding: gzip"),
    *("Host: evil.example", "Host: <x-marker>", "Host:", "X-Forwarded-Host: <x-marker>", "X-Forwarded-Prefix: /<x-marker>"),
    *("Authorization: Basic x", "Upgrade: websocket", "Bad Header", ": x", "X: \xff\xfe", "X-Y: \0"),
)
METHODS = (*["GET"] * 12, "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "POST", "get", "<x-marker>", "")
ASKED = {
    "output": "graph.children",
    "outputs": {"id": "graph", "property": "children"},
    "inputs": [{"id": "location", "property": "pathname", "value": f"/made-up/class/{BALL}"}],
    "changedPropIds": ["location.pathname"],
}
_INJECTED = re.compile(rb"<x-marker|\"\s*x-marker=\s*(?!&quot;)[^&]")


@dataclass
class Row:
    """What came of hostile requests."""

    requests: int
    statuses: dict[int, int] = field(default_factory=dict)  # 0: closed without an answer
    tracebacks: int = 0
    log_lines: int = 0
    errors: list[str] = field(default_factory=list)  # answers of 500 and more
    hangs: list[str] = field(default_factory=list)
    injected: list[str] = field(default_factory=list)  # answers that hold a marker as HTML
    leaked: list[str] = field(default_factory=list)  # answers that hold what lies outside

    @property
    def fine(self) -> bool:
        """Return whether nothing went wrong; one line of the log a request would be a flood."""
        wrong = self.tracebacks or self.errors or self.hangs or self.injected or self.leaked
        return not wrong and self.log_lines <= self.requests // 100


def hostile(chance: random.Random, canary: Path) -> bytes:
    """Return the bytes of a request."""
    kind = chance.random()
    if kind < 0.04:
        return chance.randbytes(chance.randrange(1, 400)) + b"\r\n\r\n"
    method, path = chance.choice(METHODS), _bent(chance, chance.choice(PATHS)).replace("CANARY", str(canary))
    headers = ["Host: localhost", "Connection: close"] if kind < 0.97 else ["Connection: close"]
    headers += [chance.choice(HEADERS) for _ in range(chance.choice((0, 0, 0, 1, 2)))]
    body = b""
    if kind > 0.8:
        method, path, body = "POST", chance.choice(("/_dash-update-component", path)), _body(chance)
        headers += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if chance.random() < 0.05:
        path = f"http://{chance.choice(('localhost', 'evil.example', '[::1', '<x-marker>'))}{path}"
    head = f"{method} {path} HTTP/{chance.choice(('1.1', '1.1', '1.1', '1.0', '9.9', 'x'))}"
    return "\r\n".join([head, *headers, "", ""]).encode("utf-8", "surrogateescape") + body


def _bent(chance: random.Random, path: str) -> str:
    """Return an address with something evil in the place of a part, in a part, behind it or in its query."""
    parts = path.split("/")
    for _ in range(chance.choice((0, 1, 1, 1, 2))):
        evil = chance.choice(EVIL)
        evil = quote(evil, safe="%") if chance.random() < 0.5 else evil.replace(" ", "%20")
        i = chance.randrange(1, len(parts))
        old = parts[i]
        parts[i] = chance.choice((evil, old + evil, f"{old}/{evil}", f"{old}?q={evil}&side={evil}&v={evil}"))
    return "/".join(parts)


def _body(chance: random.Random) -> bytes:
    """Return a callback with something else in it, or something else."""
    evil = chance.choice((*EVIL, None, 3, [], {}, True, 1e308, ["x"] * 500, {"id": "x-marker"}))
    asked = json.loads(json.dumps(ASKED))
    place: Callable[[], None] = chance.choice(
        (
            lambda: asked.update({chance.choice([*ASKED, "state", "background"]): evil}),
            lambda: asked["inputs"][0].update({chance.choice(["id", "property", "value"]): evil}),
            lambda: asked["inputs"].append(evil),
            lambda: asked.pop(chance.choice([*ASKED])),
        )
    )
    place()
    text = json.dumps(asked).encode()
    return chance.choice(
        (text, text, text, text[: len(text) // 2], b"[" * 50_000, b"\xff\xfe\0", b"null", b"a=1&b=2", b"9" * 5000)
    )


def answer(port: int, sent: bytes) -> tuple[int, bytes, bytes] | None:
    """Return status, head and body of the answer; None: none came in time."""
    found = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(sent)
            while piece := connection.recv(1 << 16):
                found += piece
    except TimeoutError:
        return None
    except OSError:  # reset: the server has closed before it had read everything
        pass
    head, _, body = found.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] ([0-9]{3}) ", head)
    return int(status[1]) if status else 0, head, body


def send(port: int, n: int, seed: int, canary: Path) -> Row:
    """Send hostile requests, one after the other."""
    row, chance, secret = Row(n), random.Random(seed), canary.read_bytes()
    for _ in range(n):
        sent = hostile(chance, canary)
        shown = repr(sent[:160])
        got = answer(port, sent)
        if got is None:
            row.hangs.append(shown)
            continue
        status, head, body = got
        row.statuses[status] = row.statuses.get(status, 0) + 1
        if status >= 500 and status not in (501, 503, 505):
            row.errors.append(f"{status} {shown}")
        if secret in body or b"root:x:0" in body:
            row.leaked.append(shown)
        if b"\r\nX-Marker" in head or (b"text/html" in head and _INJECTED.search(body)):
            row.injected.append(shown)
    return row


def _generated() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated", ROOT / "tests/atlas/generated.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def run(folder: Path, n: int = 9_000, seed: int = 0) -> Row:
    """Serve generated atlases and private photos, send hostile requests, and read the log."""
    made = _generated()
    atlases = [made.write(folder / "atlases" / "made-up"), made.write(folder / "atlases" / "withheld", published=False)]
    photos = folder / "photos" / "made-up" / BALL
    photos.mkdir(parents=True)
    for i in range(8):
        Image.new("RGB", (200, 150), (i, 0, 0)).save(photos / f"photo_{i:03d}.jpg")
    canary = folder / "canary.txt"
    canary.write_text(secrets.token_hex(16))
    command = [sys.executable, "-m", "atlas", "serve", *map(str, atlases), "--photo-root", str(folder / "photos"), "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("w+") as log:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=environment) as server:
            assert server.stdout
            port = int(server.stdout.readline().split()[4].rstrip("/").rpartition(":")[2])
            try:
                row = send(port, n, seed, canary)
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(10)
        log.seek(0)
        text = log.read()
    row.tracebacks, row.log_lines = text.count("Traceback"), text.count("\n")
    return row
