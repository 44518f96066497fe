"""The app over HTTP, without a browser."""

from __future__ import annotations

import json
import os
import re
import threading
from io import BytesIO
from pathlib import Path

import pytest
from _pytest.logging import LogCaptureFixture
from flask.testing import FlaskClient
from PIL import Image

from atlas import photos
from atlas.format import Store
from atlas.schema import AtlasError
from atlas.server import decoding, media
from atlas.server.app import create_app
from atlas.server.media import reader_photo
from atlas.site.context import Album
from atlas.site.pages import home

BALL = "n03445777"


PAGES = ["/made-up/", f"/made-up/class/{BALL}", f"/made-up/class/{BALL}/3", "/made-up/shared/2", "/made-up/method"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_a_language_a_title_a_main_and_a_skip_link(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    for part in ('<html lang="en">', "Concept Atlas</title>", '<main id="main"', 'href="#main"', 'role="search"'):
        assert part in answer.text


def test_titles_say_what_the_page_is(client: FlaskClient) -> None:
    assert "<title>golf ball · made-up · Concept Atlas</title>" in client.get(f"/made-up/class/{BALL}").text


@pytest.mark.parametrize(("path", "target"), [("/", "/made-up/"), ("/withheld", "/withheld/")])
def test_short_addresses_lead_on(client: FlaskClient, path: str, target: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.location) == (302, target)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nope/", "There is no atlas called &#x27;nope&#x27; here. Served: made-up, withheld."),
        ("/made-up/class/n00000000", "There is no ImageNet class &#x27;n00000000&#x27;."),
        ("/made-up/class/n02085620", "The atlas made-up has no page for Chihuahua (n02085620)."),
        (f"/made-up/class/{BALL}/99", "There is no concept &#x27;99&#x27; of golf ball in the atlas made-up."),
        (f"/made-up/class/{BALL}/03", "There is no concept &#x27;03&#x27;"),
        ("/made-up/shared/24", "There is no concept &#x27;24&#x27; of the shared dictionary"),
        ("/made-up/elsewhere", "There is no page at /made-up/elsewhere."),
        ("/x/class/../../etc", "There is no page at"),
        ("/made-up/class/%2e%2e/%2e%2e/etc/passwd", "There is no page at"),
        ("/made-up/" + "a" * 1900, "…"),
        ("/made-up/<script>alert(1)</script>", "&lt;script&gt;"),
    ],
)
def test_unknown_addresses_are_404_and_say_what_is_unknown(client: FlaskClient, path: str, words: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert words in answer.text
    assert "<script>alert" not in answer.text
    assert "All classes of made-up" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/made-up/pictures/n03445777/nope.webp",
        "/made-up/pictures/..%2f..%2fmanifest/x.webp",
        "/nope/pictures/n03445777/class.webp",
        "/made-up/photos/n03445777/0.webp",
        "/made-up/photos/n03445777/9999.webp",
        "/made-up/photos/n03445777/0/heat/9999.webp",
        "/made-up/crops/n03445777/0/0.webp",
        "/made-up/photos/n00000000.json",
        "/assets/nope.css",
    ],
)
def test_unknown_files_are_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_picture_may_be_kept_for_ever_when_its_address_names_its_content(client: FlaskClient, made_up: Store) -> None:
    name = f"pictures/{BALL}/class.webp"
    version = str(made_up.manifest.files[name]["sha256"])[:8]
    kept, unversioned = client.get(f"/made-up/{name}?v={version}"), client.get(f"/made-up/{name}?v=00000000")
    assert "immutable" in kept.headers["Cache-Control"]
    assert unversioned.headers["Cache-Control"] == "no-cache"
    assert client.get(f"/made-up/{name}", headers={"If-None-Match": kept.headers["ETag"]}).status_code == 304
    assert kept.data == made_up.picture_path(name).read_bytes()


def test_transparency_can_be_taken_away(client: FlaskClient) -> None:
    answer = client.get(f"/made-up/pictures/{BALL}/class.webp?opaque=1")
    assert answer.mimetype == "image/webp"


def test_lists_for_the_browser(client: FlaskClient) -> None:
    found = json.loads(client.get("/made-up/classes.json").data)
    by_name = {entry["name"]: entry for entry in found["classes"]}
    assert by_name["tabby"]["badge"] == "one sample photo"
    assert (by_name["tabby"]["right"], by_name["tabby"]["right_interval"]) == ("right on its only photo", "")
    assert by_name["tabby"]["accuracy_holdout"] is None
    assert by_name["crane (bird)"]["right"] == ""
    assert by_name["golf ball"]["right"] == "right on 10 of the 12 unseen photos (85\u202f% of the others)"
    assert by_name["crane (bird)"]["badge"] == "weights only"
    assert by_name["golf ball"]["strategies"] == 4
    assert len(found["classes"]) + len(found["elsewhere"]) == 1000


def test_health_and_headers(client: FlaskClient) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert client.get("/ready").text == "made-up: 4 classes\nwithheld: 4 classes\n"
    policy = client.get("/made-up/").headers["Content-Security-Policy"]
    assert "unsafe-eval" not in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_only_a_page_with_the_live_graph_may_write_style_elements(client: FlaskClient) -> None:
    policies = {path: client.get(path).headers["Content-Security-Policy"] for path in [*PAGES, "/nope", "/made-up/classes.json"]}
    assert [path for path, policy in policies.items() if "style-src 'self' 'unsafe-inline'" in policy] == [
        f"/made-up/class/{BALL}"
    ]
    for policy in policies.values():
        script = next(rule for rule in policy.split("; ") if rule.startswith("script-src"))
        assert "unsafe" not in script


def test_an_asset_is_kept_for_ever_only_by_its_own_digest(client: FlaskClient) -> None:
    right = re.findall(r'href="(/assets/atlas.css[^"]+)"', client.get("/made-up/").text)[0]
    assert "immutable" in client.get(right, buffered=True).headers["Cache-Control"]
    others = (right[:-1] + "x", "/assets/atlas.css?m=", "/assets/atlas.css", right.replace("/atlas.css", "/views/../atlas.css"))
    for other in others:
        assert client.get(other, buffered=True).headers["Cache-Control"] == "no-cache"


def test_a_page_that_cannot_be_drawn_says_so(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(album: Album) -> None:
        raise AtlasError("classes.parquet cannot be read: run `atlas check made-up`.")

    monkeypatch.setattr(home, "layout", broken)
    answer = client.get("/made-up/")
    assert answer.status_code == 500
    assert "run <code>atlas check made-up</code>" in answer.text


def test_pages_are_drawn_before_any_script_runs(client: FlaskClient) -> None:
    text = client.get(f"/made-up/class/{BALL}").text
    for part in ("<h1", "What makes it say “golf ball”", 'data-concept="3"', "10 concepts", "react-entry-point"):
        assert part in text
    assert "dash_renderer" not in client.get("/made-up/").text


def test_a_callback_answers_twice_alike(client: FlaskClient) -> None:
    asked = {
        "output": "graph.children",
        "outputs": {"id": "graph", "property": "children"},
        "inputs": [{"id": "location", "property": "pathname", "value": f"/made-up/class/{BALL}"}],
        "changedPropIds": [],
    }
    first, second = (client.post("/_dash-update-component", json=asked) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json == second.json
    assert first.json
    assert first.json["response"]["graph"]["children"]["props"]["figure"]["data"]


ASKED = {
    "output": "graph.children",
    "outputs": {"id": "graph", "property": "children"},
    "inputs": [{"id": "location", "property": "pathname", "value": f"/made-up/class/{BALL}"}],
    "changedPropIds": ["location.pathname"],
}


@pytest.mark.parametrize(
    "changed",
    [
        {"output": "graph.figure"},
        {"output": ["graph.children"]},
        {"outputs": [{"id": "graph", "property": "children"}]},
        {"inputs": []},
        {"inputs": None},
        {"inputs": ASKED["inputs"] * 2},
        {"inputs": [{"id": "location", "property": "pathname"}]},
        {"inputs": [{"id": "location", "property": "pathname", "value": 3}]},
        {"inputs": [{"id": "location", "property": "pathname", "value": "/" * 201}]},
        {"inputs": [{"id": "location", "property": "hash", "value": "/"}]},
        {"changedPropIds": ["other.value"]},
        {"changedPropIds": {}},
        {"state": []},
        {"background": True},
    ],
    ids=str,
)
def test_a_callback_that_no_page_sends_is_400(client: FlaskClient, changed: dict[str, object], caplog: LogCaptureFixture) -> None:
    assert client.post("/_dash-update-component", json=ASKED | changed).status_code == 400
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps(ASKED), "text/plain"),
        (json.dumps(ASKED), ""),
        ("", "application/json"),
        ("null", "application/json"),
        ("[" * 60_000, "application/json"),
        ('{"output":' + "9" * 5000 + "}", "application/json"),
        (b"\xff\xfe", "application/json"),
    ],
)
def test_what_is_no_callback_is_400(client: FlaskClient, body: str | bytes, kind: str) -> None:
    assert client.post("/_dash-update-component", data=body, content_type=kind).status_code == 400


def test_a_callback_has_one_method_and_no_query_but_dashs(client: FlaskClient) -> None:
    assert client.post("/_dash-update-component", json=ASKED).status_code == 200
    assert client.post("/_dash-update-component?endId=abc~1", json=ASKED).status_code == 200
    assert client.post("/_dash-update-component?endId=abc&cancelJob=1", json=ASKED).status_code == 400
    for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE"):
        assert client.open("/_dash-update-component", method=method).status_code == 405


def test_a_path_without_a_graph_has_none(client: FlaskClient) -> None:
    for path in ("/", "", "x", "/nope/class/x", "/made-up/", "/made-up/class/\ud800", "//", "/made-up/class/n02012849"):
        asked = ASKED | {"inputs": [{"id": "location", "property": "pathname", "value": path}]}
        answer = client.post("/_dash-update-component", json=asked)
        assert answer.status_code == 200
        assert answer.json["response"]["graph"]["children"] is None


@pytest.mark.parametrize(
    "path",
    [
        "nope/x.js",
        "dash/nope.js",
        "dash/../dash.py",
        "dash/%2e%2e/dash.py",
        "dash/dash.py",
        "plotly//etc/passwd",
        "dash/x.v1m2.js",
    ],
)
def test_scripts_that_no_package_has_are_404(client: FlaskClient, path: str, caplog: LogCaptureFixture) -> None:
    assert client.get(f"/_dash-component-suites/{path}").status_code == 404
    assert caplog.text == ""


def test_scripts_that_a_page_names_are_there(client: FlaskClient) -> None:
    named = re.findall(r'src="(/_dash-component-suites/[^"]+)"', client.get(f"/made-up/class/{BALL}").text)
    assert len(named) > 5
    assert {client.get(path).status_code for path in named} == {200}


def test_an_error_that_nobody_expected_is_a_page_and_one_line_of_the_log(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: LogCaptureFixture
) -> None:
    def broken(album: Album) -> None:
        raise LookupError("first\nsecond")

    monkeypatch.setattr(home, "layout", broken)
    answer = client.get("/made-up/?q=<x>")
    assert answer.status_code == 500
    assert "<h1" in answer.text
    assert len(caplog.records) == 1
    line = caplog.records[0].getMessage()
    assert line.startswith("GET '/made-up/?q=<x>': LookupError at test_app.py:")
    assert line.endswith(r": 'first\nsecond'")
    assert caplog.records[0].exc_info is None


@pytest.fixture
def photo_root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos" / "made-up" / BALL
    folder.mkdir(parents=True)
    for i in range(60):
        Image.new("RGB", (200, 150), (i, 0, 0)).save(folder / f"photo_{i:03d}.jpg")
    (tmp_path / "secret.jpg").write_bytes(b"private")
    return tmp_path / "photos"


def test_withheld_photos_are_cut_from_the_readers_own(withheld: Store, photo_root: Path) -> None:
    client = create_app([withheld], photo_root=photo_root).server.test_client()
    assert client.get(f"/withheld/photos/{BALL}/5.webp").mimetype == "image/webp"
    assert client.get(f"/withheld/crops/{BALL}/0/0.webp").mimetype == "image/webp"
    assert json.loads(client.get(f"/withheld/photos/{BALL}.json").data)["source"] == "reader"


def test_a_photo_is_sent_in_the_sizes_that_pages_ask_for_and_in_no_others(withheld: Store, photo_root: Path) -> None:
    client = create_app([withheld], photo_root=photo_root).server.test_client()
    for side, size in (("?side=96", 96), ("?side=128", 128), ("", 448), ("?side=896", 896)):
        answer = client.get(f"/withheld/photos/{BALL}/5.webp{side}")
        assert Image.open(BytesIO(answer.data)).size == (size, size)
    for side in ("97", "0", "-1", "1e3", "", "٩٦", "96&side=9"):
        expected = 200 if side == "96&side=9" else 400
        assert client.get(f"/withheld/photos/{BALL}/5.webp?side={side}").status_code == expected
    assert "96, 128, 448, 896 pixels" in client.get(f"/withheld/photos/{BALL}/5.webp?side=5").text


def test_a_file_that_is_no_photo_is_404_in_one_line_and_nobody_waits_for_it(withheld: Store, photo_root: Path) -> None:
    client = create_app([withheld], photo_root=photo_root).server.test_client()
    folder = photo_root / "made-up" / BALL
    (folder / "photo_001.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")
    (folder / "photo_002.jpg").write_bytes((folder / "photo_000.jpg").read_bytes()[:400])
    for i, kind in ((3, "pipe"), (4, "folder")):
        (folder / f"photo_{i:03d}.jpg").unlink()
        os.mkfifo(folder / "photo_003.jpg") if kind == "pipe" else (folder / "photo_004.jpg").mkdir()
    for n, words in (
        (1, "photo_001.jpg cannot be shown: not an image."),
        (2, "photo_002.jpg cannot be shown: "),
        (3, ""),
        (4, ""),
    ):
        answer = client.get(f"/withheld/photos/{BALL}/{n}.webp")
        assert answer.status_code == 404
        assert words in answer.text


def test_a_photo_that_changed_is_decoded_again_and_no_other(
    withheld: Store, photo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = create_app([withheld], photo_root=photo_root).server.test_client()
    made: list[object] = []
    monkeypatch.setattr(media, "part", lambda *given: made.append(given) or photos.part(*given))
    first, again = (client.get(f"/withheld/photos/{BALL}/5.webp").data for _ in range(2))
    assert (first, len(made)) == (again, 1)
    Image.new("RGB", (200, 150), "white").save(photo_root / "made-up" / BALL / "photo_005.jpg")
    assert client.get(f"/withheld/photos/{BALL}/5.webp").data != first


def test_a_photo_that_is_not_ready_in_time_is_503(withheld: Store, photo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = create_app([withheld], photo_root=photo_root).server.test_client()
    never = threading.Event()
    monkeypatch.setattr(media, "shown", lambda *given: never.wait())
    monkeypatch.setattr(decoding.Decoding.__init__, "__kwdefaults__", {"threads": 1, "patience": 0.2, "kept": 0})
    client = create_app([withheld], photo_root=photo_root).server.test_client()
    answer = client.get(f"/withheld/photos/{BALL}/5.webp")
    never.set()
    assert (answer.status_code, answer.text) == (503, "This picture was not ready within 0.2 s: ask again later.\n")


def test_without_them_the_page_knows(client: FlaskClient) -> None:
    assert json.loads(client.get(f"/withheld/photos/{BALL}.json").data)["source"] == "withheld"


def test_a_photo_is_found_with_or_without_the_name_of_its_set_and_never_outside(photo_root: Path) -> None:
    assert reader_photo(photo_root, f"made-up/{BALL}/photo_000.jpg")
    assert reader_photo(photo_root / "made-up", f"made-up/{BALL}/photo_000.jpg")
    (photo_root / "link.jpg").symlink_to(photo_root.parent / "secret.jpg")
    for key in ("../secret.jpg", "set/../../secret.jpg", "link.jpg", "/etc/hostname", "made-up"):
        assert reader_photo(photo_root, key) is None


def test_refusals_are_clear(made_up: Store, tmp_path: Path) -> None:
    with pytest.raises(AtlasError, match="name at least one"):
        create_app([])
    with pytest.raises(AtlasError, match="called alike"):
        create_app([made_up, made_up])
    with pytest.raises(AtlasError, match="is not a folder"):
        create_app([made_up], photo_root=tmp_path / "nope")
    with pytest.raises(AtlasError, match="leave out --photo-root"):
        create_app([made_up], photo_root=tmp_path, public=True)
