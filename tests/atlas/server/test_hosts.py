"""Who may ask: nobody by a name that is not ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from atlas.format import Store
from atlas.schema import AtlasError
from atlas.server.app import create_app
from atlas.server.hosts import LONGEST, is_ours, names

BALL = "n03445777"


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        *((host, True) for host in ("localhost", "LocalHost.", "a.localhost", "127.0.0.1", "10.1.2.3", "[::1]", "[fe80::1]")),
        *((host, True) for host in ("example.org", "EXAMPLE.org.", "atlas.lab", "x.y.atlas.lab")),
        *((host, False) for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "xlocalhost")),
        *((host, False) for host in ("www.example.org", "xatlas.lab", "127.1", "0x7f000001", "2130706433", "")),
    ],
)
def test_localhost_numbers_and_the_names_allowed_are_ours(host: str, ours: bool) -> None:
    assert is_ours(host, names(["Example.org", ".atlas.lab"])) == ours


@pytest.mark.parametrize("name", ["", "http://x", "a b", "x:80", "*", ".", "a..b", "<script>"])
def test_what_is_no_name_is_refused(name: str, made_up: Store) -> None:
    with pytest.raises(AtlasError, match=r"^--allowed-hosts '.*' is no name of a host"):
        create_app([made_up], allowed_hosts=[name])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos" / "made-up" / BALL
    folder.mkdir(parents=True)
    for i in range(60):
        Image.new("RGB", (200, 150), (i, 0, 0)).save(folder / f"photo_{i:03d}.jpg")
    return tmp_path / "photos"


def test_a_page_that_has_its_name_lead_here_reads_nothing(withheld: Store, photos: Path) -> None:
    client = create_app([withheld], photo_root=photos, allowed_hosts=["atlas.lab"]).server.test_client()
    for path in (f"/withheld/photos/{BALL}/5.webp", "/withheld/", "/health", "/assets/atlas.css", "/nope"):
        answer = client.get(path, headers={"Host": "Evil.example:8050"})
        assert (answer.status_code, answer.mimetype) == (421, "text/plain")
        assert answer.text == (
            "Nothing is served to the host evil.example: start it with `atlas serve --allowed-hosts evil.example`.\n"
        )
    for host in ("localhost:8050", "127.0.0.1", "[::1]:8050", "atlas.lab"):
        assert client.get(f"/withheld/photos/{BALL}/5.webp", headers={"Host": host}).mimetype == "image/webp"


@pytest.mark.parametrize(
    "host", ["", "a, b", "localhost, localhost", "<x>", "user@localhost", "localhost:", "localhost:x", "[::1", "a/b"]
)
def test_a_request_names_one_host(withheld: Store, host: str) -> None:
    answer = create_app([withheld]).server.test_client().get("/health", headers={"Host": host})
    assert (answer.status_code, answer.text) == (400, "A request names one host, in its header Host.\n")


def test_an_address_that_names_its_host_is_held_to_it(withheld: Store) -> None:
    client = create_app([withheld]).server.test_client()
    for host, status in (("localhost:8050", 200), ("evil.example", 421), ("", 400)):
        assert client.get("/health", environ_overrides={"REQUEST_URI": f"http://{host}/health"}).status_code == status


def test_addresses_that_are_too_long_or_no_text_are_refused(withheld: Store) -> None:
    client = create_app([withheld]).server.test_client()
    for path in ("/" + "a" * LONGEST, f"/withheld/photos/{BALL}/{'9' * 5000}.webp", "/withheld/?q=" + "a" * (LONGEST + 1)):
        assert client.get(path).status_code == 414
    for path in ("/withheld/%00", "/withheld/pictures/x%0d%0a/class.webp", "/%7f"):
        assert client.get(path).status_code == 400
