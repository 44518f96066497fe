"""A real browser on a running app that shows generated atlases."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    spec = importlib.util.spec_from_file_location("generated", Path(__file__).parents[1] / "atlas" / "generated.py")
    assert spec
    assert spec.loader
    generated = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generated)
    folder = tmp_path_factory.mktemp("atlases")
    with serving(generated.write(folder / "made-up"), generated.write(folder / "withheld", published=False)) as address:
        yield address


@pytest.fixture(scope="session")
def shipped() -> Iterator[str]:
    """What a reader sees who names no atlas."""
    with serving() as address:
        yield address


@contextmanager
def serving(*atlases: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "atlas", "serve", *map(str, atlases), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        said = server.stdout.readline()
        yield said.split()[4].rstrip("/")
        server.send_signal(signal.SIGINT)
        server.wait(20)


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = chromium()
    if found is None:
        if os.environ.get("ATLAS_REQUIRE_BROWSER") == "1":
            pytest.fail("Chromium is missing, and ATLAS_REQUIRE_BROWSER=1 asks for it.")
        pytest.skip("Chromium is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def plain_browser(browser: Browser) -> Iterator[Browser]:
    """A browser that leaves pictures out: for tests that open many pages."""
    flags = [*FLAGS, "--blink-settings=imagesEnabled=false"]
    plain = browser.browser_type.launch(executable_path=chromium(), args=flags)
    yield plain
    plain.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A fresh page; at the end nothing may have been complained about in its console."""
    context = browser.new_context(base_url=address, viewport={"width": 1480, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []
