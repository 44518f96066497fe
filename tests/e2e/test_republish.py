"""An atlas that is published anew while a page of it is being loaded: the page is loaded again, once, and is of one publish."""

from __future__ import annotations

import dataclasses
import importlib.util
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import Browser, Page, Route

from atlas.format import Writer

pytestmark = pytest.mark.browser

BALL = "/made-up/class/n03445777"


@pytest.fixture(scope="module")
def generated() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated", Path(__file__).parents[1] / "atlas" / "generated.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def root(generated: ModuleType, tmp_path: Path) -> Path:
    path: Path = generated.write(tmp_path / "made-up")
    return path


@pytest.fixture
def page(root: Path, browser: Browser) -> Iterator[Page]:
    command = [sys.executable, "-m", "atlas", "serve", str(root), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        context = browser.new_context(base_url=server.stdout.readline().split()[4])
        yield context.new_page()
        context.close()
        server.send_signal(signal.SIGINT)
        server.wait(20)


def publish(generated: ModuleType, root: Path, digest: str) -> None:
    result = generated.full_class(seed=1)
    record = dataclasses.replace(result.record, digest=digest)
    with Writer(root) as writer:
        writer.stage(dataclasses.replace(result, record=record, digest=digest))
        writer.publish(generated.manifest())


def versions(page: Page) -> tuple[str, str]:
    """Return the digests of the page and of its graph."""
    page.wait_for_selector(".points path.point.c-0")
    page.wait_for_selector(".waterfall")
    return (
        page.evaluate("new URLSearchParams(document.querySelector('[data-photos]').dataset.photos.split('?')[1]).get('v')"),
        page.evaluate("document.querySelector('.js-plotly-plot').layout.meta.digest"),
    )


@pytest.mark.parametrize("between", ["**/photos/*.json*", "**/_dash-update-component*"], ids=["the data", "the graph"])
def test_a_page_that_was_overtaken_is_loaded_again(page: Page, generated: ModuleType, root: Path, between: str) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url) if request.is_navigation_request() else None)

    def overtake(route: Route) -> None:
        if len(loaded) < 2:
            publish(generated, root, "second")
        route.continue_()

    page.route(between, overtake)
    page.goto(BALL)
    page.wait_for_selector("[data-photos$='v=second']", state="attached")
    assert versions(page) == ("second", "second")
    assert len(loaded) == 2


def test_a_page_whose_data_never_fit_is_loaded_again_once(page: Page) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url) if request.is_navigation_request() else None)

    def other(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(json=answer.json() | {"digest": "of another"})

    page.route("**/photos/*.json*", other)
    page.goto(BALL)
    for _ in range(600):
        if len(loaded) == 2:
            break
        page.wait_for_timeout(50)
    assert versions(page) == ("generated-n0", "generated-n0")
    page.wait_for_timeout(500)
    assert len(loaded) == 2
