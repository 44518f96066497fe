"""A directory is never left, whatever lies in it: nothing outside is read, written or deleted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from atlas.confined import Directory, Unfit


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a neighbour's folder, which a trap in the directory leads to."""
    (tmp_path / "neighbour").mkdir()
    (tmp_path / "neighbour" / "keys").write_text("private")
    (tmp_path / "root" / "real").mkdir(parents=True)
    (tmp_path / "root" / "real" / "file").write_text("mine")
    (tmp_path / "root" / "trap").symlink_to("../neighbour")
    (tmp_path / "root" / "link").symlink_to("../neighbour/keys")
    os.mkfifo(tmp_path / "root" / "pipe")
    return tmp_path / "neighbour"


WAYS: dict[str, Callable[[Directory, str], object]] = {
    "read": Directory.read,
    "hash": Directory.sha256,
    "write": lambda directory, name: directory.write(name, b"spoilt"),
    "make": Directory.make,
    "move here": lambda directory, name: directory.move("real/file", name),
    "move away": lambda directory, name: directory.move(name, "elsewhere"),
    "share": lambda directory, name: directory.share(name, "elsewhere", directory),
    "remove": Directory.remove,
    "remove a folder": Directory.remove_empty,
    "clear": lambda directory, name: directory.clear(name, lambda _: True),
    "sync": Directory.sync,
    "list": lambda directory, name: list(directory.walk(name)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["../neighbour/keys", "real/../../neighbour/keys", "/etc/passwd", "trap/keys", "trap/new"])
def test_no_operation_leaves_the_directory(outside: Path, way: str, name: str) -> None:
    refusal = r"is no name inside of a folder|is a link: nothing is read, written or deleted"
    with Directory(outside.parent / "root") as directory, pytest.raises(Unfit, match=refusal):
        WAYS[way](directory, name)
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("keys", "private")]
    assert (outside.parent / "root" / "real" / "file").read_text() == "mine"


def test_a_link_is_replaced_or_deleted_and_never_followed(outside: Path) -> None:
    with Directory(outside.parent / "root") as directory:
        assert directory.kind("link") == "link"
        with pytest.raises(Unfit, match="link is a link"):
            directory.read("link")
        directory.write("link", b"ours")
        assert directory.read("link") == b"ours"
        directory.remove("trap")
    assert (outside / "keys").read_text() == "private"


@pytest.mark.parametrize("name", ["pipe", "real"])
def test_what_is_no_file_is_refused_without_waiting(outside: Path, name: str) -> None:
    with (
        Directory(outside.parent / "root") as directory,
        pytest.raises(Unfit, match=f"{name} is (no regular|a folder, not a) file"),
    ):
        directory.read(name)


def test_a_second_name_of_a_file_is_not_written_into(outside: Path) -> None:
    os.link(outside / "keys", outside.parent / "root" / "shared")
    with Directory(outside.parent / "root") as directory:
        directory.write("shared", b"ours", durable=True)
        assert directory.read("shared") == b"ours"
    assert (outside / "keys").read_text() == "private"


def test_only_what_is_ours_is_cleared_and_the_rest_named(outside: Path) -> None:
    with Directory(outside.parent / "root") as directory:
        directory.write("work/a/ours", b"")
        directory.write("work/b/mine", b"")
        directory.make("work/empty/deep")
        (outside.parent / "root" / "work" / "way").symlink_to("../../neighbour")
        assert directory.clear("work", lambda name: name == "a/ours") == ["work/b/mine", "work/way"]
        assert [name for name, _ in directory.walk("work")] == ["work/b", "work/b/mine", "work/way"]
        assert directory.clear("nowhere", lambda name: True) == []
    assert (outside / "keys").read_text() == "private"


def test_a_walk_names_links_and_files_refuses_them(outside: Path) -> None:
    with Directory(outside.parent / "root") as directory:
        kinds = [("link", "link"), ("pipe", "special"), ("real", "folder"), ("real/file", "file"), ("trap", "link")]
        assert list(directory.walk()) == kinds
        assert list(directory.files("real")) == ["real/file"]
        with pytest.raises(Unfit, match="link is a link"):
            list(directory.files())


def test_a_folder_that_becomes_a_link_while_it_is_used_is_not_followed(outside: Path) -> None:
    root = outside.parent / "root"
    with Directory(root) as directory:
        directory.write("real/second", b"")
        (root / "real").rename(root / "gone")
        (root / "real").symlink_to("../neighbour")
        with pytest.raises(Unfit, match="real is a link"):
            directory.write("real/keys", b"spoilt")
        root.rename(root.with_name("moved"))  # the handle goes with it
        directory.write("gone/third", b"3")
    assert (root.with_name("moved") / "gone" / "third").read_bytes() == b"3"
    assert (outside / "keys").read_text() == "private"


def test_a_file_has_two_names_or_two_copies(outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = outside.parent / "root"
    with Directory(root) as directory, Directory(outside.parent / "other", make=True) as other:
        directory.share("real/file", "a/file", other)
        assert (outside.parent / "other" / "a" / "file").samefile(root / "real" / "file")
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(95, "Operation not supported")))
        directory.share("real/file", "b/file", other)
        assert other.read("b/file") == b"mine"
        assert not (outside.parent / "other" / "b" / "file").samefile(root / "real" / "file")
