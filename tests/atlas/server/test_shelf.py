"""What is published anew is seen whole, or not at all, and without starting the server again."""

from __future__ import annotations

import dataclasses
import gc
import json
import re
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from _pytest.logging import LogCaptureFixture
from flask import Flask
from flask.testing import FlaskClient

from atlas.format import Store, Writer, untouched
from atlas.schema import ClassRecord
from atlas.server import media
from atlas.server.app import create_app
from atlas.server.shelf import Shelf
from atlas.site.context import Album
from atlas.site.pages import class_page

BALL = "n03445777"
PAGE = f"/made-up/class/{BALL}"


@pytest.fixture
def root(generated: ModuleType, tmp_path: Path) -> Path:
    path: Path = generated.write(tmp_path / "made-up")
    return path


@pytest.fixture
def publish(generated: ModuleType, root: Path) -> Callable[[str], None]:
    """Return what publishes the class anew, with other photos, a name and a digest that say so."""

    def again(digest: str) -> None:
        result = generated.full_class(seed=len(digest))
        info = dataclasses.replace(result.record.info, name=f"ball {digest}")
        record = dataclasses.replace(result.record, info=info, digest=digest)
        with Writer(root) as writer:
            writer.stage(dataclasses.replace(result, record=record, digest=digest))
            writer.publish(generated.manifest())

    return again


@pytest.fixture
def client(root: Path) -> FlaskClient:
    return create_app([untouched(root)]).server.test_client()


def seen(client: FlaskClient) -> tuple[str, str, str]:
    """Return the digests that a page, its data and its graph name."""
    text = client.get(PAGE).text
    found = re.search(r'data-photos="[^"]*\?v=([^"]*)"', text)
    assert found
    asked = {
        "output": "graph.children",
        "outputs": {"id": "graph", "property": "children"},
        "inputs": [{"id": "location", "property": "pathname", "value": PAGE}],
        "changedPropIds": [],
    }
    graph = client.post("/_dash-update-component", json=asked).json
    assert graph
    figure = graph["response"]["graph"]["children"]["props"]["figure"]
    return found[1], client.get(f"/made-up/photos/{BALL}.json").json["digest"], figure["layout"]["meta"]["digest"]


def test_a_page_its_data_and_its_graph_are_of_the_last_publish(client: FlaskClient, publish: Callable[[str], None]) -> None:
    assert seen(client) == ("generated-n0",) * 3
    for digest in ("second", "third"):
        publish(digest)
        assert seen(client) == (digest,) * 3
        assert f"ball {digest}" in client.get(PAGE).text
        assert f"ball {digest}" in client.get("/made-up/classes.json").text


def test_data_that_belong_to_another_page_are_not_kept(client: FlaskClient, publish: Callable[[str], None]) -> None:
    before = client.get(f"/made-up/photos/{BALL}.json?v=generated-n0")
    publish("second")
    after = client.get(f"/made-up/photos/{BALL}.json?v=generated-n0")
    assert [("immutable" in answer.headers["Cache-Control"], answer.json["digest"]) for answer in (before, after)] == [
        (True, "generated-n0"),
        (False, "second"),
    ]


def test_a_request_sees_one_publish_from_its_beginning_to_its_end(
    client: FlaskClient, publish: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = media.class_view
    monkeypatch.setattr(media, "class_view", lambda album, wnid: (publish("second"), client.get("/health"), real(album, wnid))[2])
    answer = json.loads(client.get(f"/made-up/photos/{BALL}.json").data)
    assert answer["digest"] == "generated-n0"
    monkeypatch.undo()
    after = json.loads(client.get(f"/made-up/photos/{BALL}.json").data)
    assert after["digest"] == "second"
    assert after["contributions"] != answer["contributions"]


def test_inside_a_request_nothing_is_exchanged(root: Path, publish: Callable[[str], None]) -> None:
    shelf = Shelf([Album(untouched(root))])
    with Flask("one").test_request_context():
        shelf.begin()
        before = shelf["made-up"]
        publish("second")
        with Flask("another").test_request_context():
            shelf.begin()
            assert shelf["made-up"] is not before
        assert shelf["made-up"] is before
        assert [*shelf.values()] == [before]


def test_what_cannot_be_opened_is_said_once_and_the_old_stays_until_the_folder_changes(
    client: FlaskClient, root: Path, publish: Callable[[str], None], caplog: LogCaptureFixture, tmp_path: Path
) -> None:
    good = shutil.copytree(root, tmp_path / "good")
    manifest = json.loads((root / "manifest.json").read_text())
    (root / "new").write_text(json.dumps({"format_version": manifest["format_version"]}))
    (root / "new").replace(root / "manifest.json")
    for _ in range(3):
        assert seen(client) == ("generated-n0",) * 3
    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().startswith("made-up was published anew and is still shown as it was: ")
    shutil.copy(good / "manifest.json", root / "new")
    (root / "new").replace(root / "manifest.json")
    publish("second")
    assert seen(client) == ("second",) * 3
    assert len(caplog.records) == 1


def test_nothing_holds_what_is_shown_no_more(root: Path, publish: Callable[[str], None]) -> None:
    shelf = Shelf([Album(untouched(root))])
    old = weakref.ref(shelf["made-up"].store)
    class_page.layout(shelf["made-up"], BALL)
    publish("second")
    with Flask("a").test_request_context():
        shelf.begin()
        assert shelf["made-up"].store.record(BALL).digest == "second"
    gc.collect()
    assert old() is None


def test_a_folder_that_is_called_differently_is_not_exchanged(root: Path, publish: Callable[[str], None], tmp_path: Path) -> None:
    other = shutil.copytree(root, tmp_path / "other")
    shelf = Shelf([Album(untouched(root))], reopen=lambda _: untouched(other))
    publish("second")
    with Flask("a").test_request_context():
        shelf.begin()
        record: ClassRecord = shelf["made-up"].store.record(BALL)
    assert record.digest.startswith("generated")


def test_nothing_is_opened_while_nothing_is_published(root: Path) -> None:
    opened: list[Path] = []

    def reopen(path: Path) -> Store:
        opened.append(path)
        return untouched(path)

    shelf = Shelf([Album(untouched(root))], reopen=reopen)
    with Flask("a").test_request_context():
        for _ in range(3):
            shelf.begin()
    assert opened == []
