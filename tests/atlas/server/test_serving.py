"""The real server on a socket: nobody stops it, whatever arrives, and however slowly."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from atlas.format import Store
from atlas.schema import AtlasError
from atlas.server import wsgi
from atlas.server.buffered import LONGEST_BODY, LONGEST_HEAD, THREADS, _Dispatcher

BALL = "n03445777"


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "atlas", "serve", *arguments, "--port", "0"]
    known = os.environ | {"OMP_NUM_THREADS": "1", **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=known) as server:
        assert server.stdout
        try:
            yield server, server.stdout.readline().split()[4]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(10)


@pytest.fixture(scope="module")
def port(made_up: Store) -> Iterator[int]:
    with serving(str(made_up.root), SCRIPT_NAME="/elsewhere") as (_, address):
        yield int(address.rstrip("/").rpartition(":")[2])


def get(port: int, path: str = f"/made-up/class/{BALL}", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection("localhost", port, timeout=10)) as connection:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()


def raw(port: int, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("localhost", port), timeout=10)
    connection.sendall(sent)
    return connection


def status(port: int, sent: bytes) -> int:
    """Return the status of the answer to raw bytes; 0: the connection was closed without any."""
    with raw(port, sent) as connection, connection.makefile("rb") as stream:
        line = stream.readline()
    return int(line.split()[1]) if line else 0


HEAD = b"GET /made-up/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = (
    b"POST /_dash-update-component HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"
)
GREEDY = b"GET /made-up/classes.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100


@pytest.mark.parametrize("sent", [HEAD, BODY, GREEDY, b""], ids=["half a head", "half a body", "reads nothing", "says nothing"])
def test_a_page_answers_whatever_thirty_others_leave_unfinished(port: int, sent: bytes) -> None:
    with ExitStack() as others:
        for _ in range(30):
            others.enter_context(raw(port, sent))
        time.sleep(1)
        start = time.monotonic()
        assert get(port)[0].status == 200
        assert time.monotonic() - start < 2


def test_of_requests_sent_without_waiting_one_is_answered(port: int) -> None:
    with raw(port, GREEDY) as connection, connection.makefile("rb") as stream:
        content = stream.read()
    assert content.count(b"HTTP/1.1 200") == 1
    assert b"\r\nConnection: close\r\n" in content


def test_who_expects_to_be_told_to_go_on_and_has_nothing_to_send_is_answered(port: int) -> None:
    sent = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"
    assert status(port, sent) == 200


def test_requests_one_after_the_other_share_a_connection(port: int) -> None:
    with closing(http.client.HTTPConnection("localhost", port, timeout=10)) as connection:
        for _ in range(3):
            connection.request("GET", "/health")
            assert connection.getresponse().read() == b"ok\n"
        assert connection.sock


def test_nothing_is_said_of_the_server_and_nothing_is_believed_of_a_proxy(port: int) -> None:
    forwarded = {"Host": "evil.example", "Proto": "https", "Prefix": "/elsewhere", "For": "10.0.0.1", "Port": "1"}
    plain, body = get(port, "/")
    claimed, same = get(
        port, "/", SCRIPT_NAME="/elsewhere", **{f"X_Forwarded_{name}": value for name, value in forwarded.items()}
    )
    assert (plain.status, plain.headers["Location"]) == (claimed.status, claimed.headers["Location"]) == (302, "/made-up/")
    assert body == same
    assert plain.headers["Server"] is None


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"GET /health HTTP/1.1\r\nHost: evil.example", 421),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost", 400),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example", 400),
        (b"GET http://evil.example/health HTTP/1.1\r\nHost: localhost", 421),
        (b"GET http://localhost/health HTTP/1.1\r\nHost: evil.example", 421),
        (b"GET http://localhost/health HTTP/1.1\r\nHost: localhost", 200),
        (b"GET /health HTTP/1.1", 400),
    ],
)
def test_nothing_is_served_to_another_host(port: int, head: bytes, answer: int) -> None:
    assert status(port, head + b"\r\n\r\n") == answer


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * LONGEST_HEAD + b"\r\n\r\n", 431),
        (b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % LONGEST_BODY, 413),
        (b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (b"GET http://[::1/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /health\r\n\r\n", 400),
        (b"\0\0\0\0\r\n\r\n", 400),
        (b"POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", 400),
    ],
    ids=["long head", "long body", "absurd length", "no address", "no host", "noise", "bad chunk"],
)
def test_requests_that_are_none_are_refused(port: int, sent: bytes, answer: int) -> None:
    assert status(port, sent) == answer


def test_the_server_ends_within_two_seconds_and_starts_a_worker_again_that_was_killed(made_up: Store) -> None:
    with serving(str(made_up.root)) as (server, address), ExitStack() as others:
        port = int(address.rstrip("/").rpartition(":")[2])
        assert get(port)[0].status == 200
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        worker = int(children.read_text().split()[0])
        os.kill(worker, signal.SIGKILL)
        while str(worker) in children.read_text().split() or not children.read_text():
            time.sleep(0.05)
        assert get(port)[0].status == 200
        for sent in (HEAD, BODY, GREEDY):
            others.enter_context(raw(port, sent))
        start = time.monotonic()
        server.send_signal(signal.SIGTERM)
        server.wait(10)
        assert time.monotonic() - start < 2


def test_the_newer_internet_protocol_is_served(made_up: Store) -> None:
    with serving(str(made_up.root), "--host", "::1") as (_, address):
        assert address.startswith("http://[::1]:")
        with closing(http.client.HTTPConnection("::1", int(address.rstrip("/").rpartition(":")[2]), timeout=10)) as connection:
            connection.request("GET", "/health")
            assert connection.getresponse().read() == b"ok\n"


def test_gunicorn_serves_the_same_from_its_own_command_line(made_up: Store, tmp_path: Path) -> None:
    place = tmp_path / "socket"
    command = [sys.executable, "-m", "gunicorn", "--preload", "-k", "atlas.server.wsgi.Buffered", "-b", f"unix:{place}"]
    command += ["--no-control-socket", f'atlas.server.wsgi:application("{made_up.root}")']
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server, ExitStack() as end:
        end.callback(server.terminate)
        while not place.exists() and server.poll() is None:
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(place))
            connection.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
            with connection.makefile("rb") as stream:
                assert stream.read().endswith(b"\r\n\r\nok\n")


def test_an_application_is_checked_as_serve_checks_it(made_up: Store, tmp_path: Path) -> None:
    copy = shutil.copytree(made_up.root, tmp_path / "copy")
    content = bytearray((copy / "classes.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "classes.parquet").write_bytes(content)
    with pytest.raises(AtlasError, match="is not as it was published"):
        wsgi.application(str(copy))


def test_a_worker_is_stuck_when_no_thread_takes_a_request_up() -> None:
    dispatcher = _Dispatcher()
    asked: list[Any] = [
        SimpleNamespace(requests=[SimpleNamespace(path=path, query="")]) for path in ("/a/photos/b/1.webp", "/a/")
    ]
    held = [SimpleNamespace(requests=asked[1].requests, service=lambda: time.sleep(0.8)) for _ in range(THREADS["pages"])]
    for channel in held:
        dispatcher.add_task(channel)
    time.sleep(0.1)  # all threads for pages are taken
    taken: list[str] = []
    for channel in asked:
        channel.service = lambda channel=channel: taken.append(channel.requests[0].path)
        dispatcher.add_task(channel)
    assert not dispatcher.stuck(0.1)
    time.sleep(0.2)
    assert taken == ["/a/photos/b/1.webp"]  # photos wait for photos only
    assert dispatcher.stuck(0.1)
    time.sleep(0.8)
    assert not dispatcher.stuck(0.1)
