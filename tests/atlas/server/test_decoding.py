"""A few threads that make pictures: never more at once, nobody waits for ever, the last ones are kept."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from atlas.server.decoding import Busy, Decoding, identity


def test_never_more_are_made_at_once_than_there_are_threads() -> None:
    decoding, lock, now, most = Decoding(threads=2), threading.Lock(), 0, 0

    def make() -> bytes:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return b"x"

    with ThreadPoolExecutor(12) as readers:
        assert list(readers.map(lambda key: decoding(key, make), range(12))) == [b"x"] * 12
    assert most == 2


def test_whoever_waits_too_long_is_told_and_what_nobody_waits_for_is_not_made() -> None:
    decoding, held, made = Decoding(threads=1, patience=0.1), threading.Event(), []
    with pytest.raises(Busy, match=r"not ready within 0\.1 s"):
        decoding("slow", lambda: b"x" if held.wait(10) else b"")
    with pytest.raises(Busy):
        decoding("behind it", lambda: made.append(1) or b"x")
    held.set()
    assert decoding("after it", lambda: b"y") == b"y"
    assert made == []


def test_errors_reach_whoever_asked_and_the_thread_goes_on() -> None:
    decoding = Decoding(threads=1)
    for error in (ValueError("bad"), TimeoutError("of a disk"), SystemExit(3)):

        def fail(error: BaseException = error) -> bytes:
            raise error

        with pytest.raises(type(error), match=str(error)):
            decoding("key", fail)
    assert decoding("key", lambda: b"x") == b"x"


def test_the_last_ones_are_kept_up_to_a_number_of_bytes() -> None:
    decoding, made = Decoding(kept=25), []

    def ask(key: str) -> bytes:
        return decoding(key, lambda: made.append(key) or bytes(10))

    for key in ("a", "b", "a", "c", "a", "b"):
        ask(key)
    assert made == ["a", "b", "c", "b"]


def test_a_file_that_changed_is_another(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"one")
    before = identity(path)
    assert identity(path) == before
    path.write_bytes(b"other")
    assert identity(path) != before
