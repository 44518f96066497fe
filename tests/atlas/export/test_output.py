"""The folder of a gallery: what is somebody else's stays, whatever happens to the export, and wherever it is killed."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from atlas.export.output import Folder
from atlas.schema import AtlasError

ONE, TWO, THREE = "n00000001", "n00000002", "n00000003"

#: Of every unit, what its files hold; "" is the front.
Gallery = dict[str, dict[str, str]]
OLD: Gallery = {
    "": {"index.html": "old front", "robots.txt": "all", "assets/mode.js": "same", ".nojekyll": ""},
    ONE: {f"class/{ONE}/index.html": "one", f"class/{ONE}/0/index.html": "its concept", f"pictures/{ONE}/class.webp": "drawn"},
    TWO: {f"class/{TWO}/index.html": "two", f"class/{TWO}/3/index.html": "its concept", f"data/{TWO}.json": "{}"},
}
NEW: Gallery = {
    "": {"index.html": "new front", "robots.txt": "all", "assets/mode.js": "same", ".nojekyll": ""},
    ONE: OLD[ONE],
    THREE: {f"class/{THREE}/index.html": "three", f"data/{THREE}.json": "[]", f"pictures/{THREE}/class.webp": "drawn, too"},
}
EDITED, TAKEN = "robots.txt", f"class/{THREE}/index.html"
#: What somebody keeps in the gallery.
STRANGERS = {
    **{"CNAME": "example.org", ".git/HEAD": "ref: pages", ".git/objects/ab/cd": "blob", "assets/mine.css": "p {}"},
    **{f"class/{TWO}/notes.txt": "of a class that goes", f"class/{TWO}/3/deep/er": "!", "data/mine/table.csv": "1,2"},
    **{TAKEN: "theirs, where a new one would go", EDITED: "none"},
}
LINKS = {"latest": f"class/{ONE}", f"data/{ONE}.csv": "/nowhere", f"class/{TWO}/out": "../../../neighbour"}
EMPTY = ("empty", f"class/{TWO}/hollow", "pictures/n99999999")


def put(out: Path, gallery: Gallery) -> tuple[str, ...]:
    """Write a gallery as an export does; return what it says."""
    digests = {unit: sha256(repr(files).encode()).hexdigest() for unit, files in gallery.items() if unit}
    with Folder(out) as folder:
        for unit, files in gallery.items():
            if not (unit and folder.keep(unit, digests[unit])):
                for name, content in files.items():
                    folder.staged.save(name, content)
        return folder.publish(digests, {"atlas": "made up"})


def tree(root: Path) -> dict[str, str]:
    """Return everything below a folder: what files hold, where links lead."""
    found = {}
    for path in root.rglob("*"):
        said = f"→ {path.readlink()}" if path.is_symlink() else "folder" if path.is_dir() else path.read_text()
        found[path.relative_to(root).as_posix()] = said
    return found


def furnish(root: Path) -> Path:
    """Write the old gallery, and what somebody keeps in it and beside it."""
    out = root / "out"
    put(out, OLD)
    for name, content in STRANGERS.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(content)
    for name, target in LINKS.items():
        (out / name).symlink_to(target)
    for name in EMPTY:
        (out / name).mkdir()
    for beside in (".out.new", ".out.old", ".out.0123456789abcdef.new", ".out.0123456789abcdef.old", "neighbour"):
        (root / beside).mkdir()
        (root / beside / "index.html").write_text("somebody's")
    return out


def expected() -> dict[str, str]:
    """Return what lies in the folder once the new gallery is there: all of it, and all that is not ours."""
    files = {name: content for unit in NEW.values() for name, content in unit.items()} | STRANGERS
    folders = {str(parent): "folder" for name in (*files, *LINKS) for parent in Path(name).parents if parent.name}
    return folders | files | {name: f"→ {target}" for name, target in LINKS.items()} | dict.fromkeys(EMPTY, "folder")


def listed(out: Path) -> dict[str, str]:
    return dict(json.loads((out / "gallery.json").read_text())["files"])


def without_note(found: dict[str, str]) -> dict[str, str]:
    return {name: said for name, said in found.items() if name != "gallery.json"}


def test_nothing_of_others_is_lost_at_any_depth(tmp_path: Path) -> None:
    out = furnish(tmp_path)
    beside = {name: said for name, said in tree(tmp_path).items() if not name.startswith("out")}
    said = put(out, NEW)
    assert said == (f"kept as they were changed: {TAKEN}, {EDITED}; delete them to have them written anew",)
    assert without_note(tree(out)) == expected()
    assert {name: said for name, said in tree(tmp_path).items() if not name.startswith("out")} == beside
    ours = {name for unit in NEW.values() for name in unit}
    assert set(listed(out)) == ours - {TAKEN, EDITED}
    assert listed(out)["index.html"] == sha256(b"new front").hexdigest()[:16]


def test_what_stayed_is_written_anew_once_it_is_deleted(tmp_path: Path) -> None:
    out = furnish(tmp_path)
    put(out, NEW)
    assert put(out, NEW) != (), "it is named as long as it is there"
    for name in (TAKEN, EDITED):
        (out / name).unlink()
    assert put(out, NEW) == ()
    assert (out / TAKEN).read_text() == "three"
    assert (out / EDITED).read_text() == "all"
    assert set(listed(out)) == {name for unit in NEW.values() for name in unit}


def test_a_changed_file_of_a_class_that_went_is_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, OLD)
    for name in OLD[TWO]:
        (out / name).write_text("mine now")
    (out / f"class/{ONE}/0/index.html").write_text("mine, too")
    lost = {"": OLD[""], ONE: {f"class/{ONE}/index.html": "one, anew"}}
    names = f"class/{ONE}/0/index.html, class/{TWO}/3/index.html, class/{TWO}/index.html and 1 more"
    assert put(out, lost) == (f"kept as they were changed: {names}; the gallery no longer has these files",)
    assert [(out / name).read_text() for name in OLD[TWO]] == ["mine now"] * 3
    assert not (out / f"pictures/{ONE}").exists()


def test_a_missing_file_is_written_anew(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, OLD)
    before = tree(out)
    for name in (f"class/{ONE}/0/index.html", f"data/{TWO}.json", "assets/mode.js"):
        (out / name).unlink()
        assert put(out, OLD) == ()
        assert tree(out) == before


def test_an_unchanged_gallery_is_not_touched(tmp_path: Path) -> None:
    out = furnish(tmp_path)
    put(out, NEW)
    marks = {path: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in (out, *out.rglob("*"))}
    put(out, NEW)
    assert {path: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in (out, *out.rglob("*"))} == marks


def test_a_gallery_without_a_list_is_taken_over_by_names(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, OLD)
    strangers = {
        **{f"class/{TWO}/mine.html": "a page", f"pictures/{TWO}/cat.webp": "a cat", "assets/mine.css": "p {}"},
        **{"data/mine.json": "{}", f"class/{TWO}/3/social.jpg": "not one of ours, there", "names/ä/index.html": "ä"},
    }
    for name, content in strangers.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(content)
    (out / "class" / "n00000000").mkdir()
    note = json.loads((out / "gallery.json").read_text())
    del note["files"]
    (out / "gallery.json").write_text(json.dumps(note, indent=1))
    assert put(out, NEW) == ()
    found = without_note(tree(out))
    assert {name: said for name, said in found.items() if said != "folder"} == strangers | {
        name: content for unit in NEW.values() for name, content in unit.items()
    }
    assert found["class/n00000000"] == "folder"


# What cannot be solved is refused, and nothing was touched


def _link(out: Path, name: str) -> None:
    shutil.move(out / name, out.parent / "neighbour" / "moved")
    (out / name).symlink_to("../" * (name.count("/") + 1) + "neighbour/moved")


def _file(out: Path, name: str) -> None:
    shutil.rmtree(out / name)
    (out / name).write_text("mine")


def _folder(out: Path, name: str) -> None:
    (out / name).unlink()
    (out / name / "inner").mkdir(parents=True)


def _pipe(out: Path, name: str) -> None:
    shutil.rmtree(out / name)
    os.mkfifo(out / name)


@pytest.mark.parametrize(
    ("make", "name", "words"),
    [
        (_link, "assets", "out/assets is a link, where the gallery has a folder: move it"),
        (_link, f"class/{ONE}", f"out/class/{ONE} is a link, where the gallery has a folder"),
        (_file, "class", "out/class is a file, where the gallery has a folder"),
        (_file, f"class/{ONE}", f"out/class/{ONE} is a file, where the gallery has a folder"),
        (_folder, "index.html", "out/index.html is a folder, where the gallery has a file"),
        (_folder, "gallery.json", "out/gallery.json is a folder, not a file: nothing is read, written or deleted"),
        (_pipe, "pictures", "out/pictures is no regular file, where the gallery has a folder"),
    ],
)
def test_what_cannot_stay_beside_the_gallery_is_named_before_anything_changes(
    tmp_path: Path, make: Callable[[Path, str], None], name: str, words: str
) -> None:
    out = tmp_path / "out"
    put(out, OLD)
    (tmp_path / "neighbour").mkdir()
    make(out, name)
    before = {path: path.lstat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))}
    with pytest.raises(AtlasError, match=words) as refused:
        put(out, NEW)
    assert "\n" not in str(refused.value)
    assert {path: path.lstat().st_mtime_ns for path in sorted(tmp_path.rglob("*"))} == before


@pytest.mark.parametrize("target", ["neighbour", "nowhere"])
def test_a_folder_that_is_a_link_is_refused(tmp_path: Path, target: str) -> None:
    put(tmp_path / "neighbour", OLD)
    before = tree(tmp_path / "neighbour")
    (tmp_path / "out").symlink_to(target)
    with pytest.raises(AtlasError, match="out is a link: OUT needs a folder"):
        put(tmp_path / "out", NEW)
    assert tree(tmp_path / "neighbour") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["neighbour", "out"]


def test_a_note_that_lies_takes_nothing_of_others(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, OLD)
    (tmp_path / "precious").write_text("years of work")
    (out / "CNAME").write_text("example.org")
    note = json.loads((out / "gallery.json").read_text())
    digest = sha256(b"years of work").hexdigest()[:16]
    note["files"] |= {"../precious": digest, str(tmp_path / "precious"): digest}
    note["files"] |= {"CNAME": sha256(b"example.org").hexdigest()[:16], "class/" + "x/" * 4000: "", "index.html": 7}
    (out / "gallery.json").write_text(json.dumps(note))
    put(out, NEW)
    assert (tmp_path / "precious").read_text() == "years of work"
    assert (out / "CNAME").read_text() == "example.org"


@pytest.mark.parametrize(
    "note", ["[" * 100_000, '{"kind": 1}', "[]", '{"kind": "concept-atlas gallery", "files": [], "units": 3}']
)
def test_a_note_that_is_none_is_refused_or_read_as_empty(tmp_path: Path, note: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "gallery.json").write_text(note)
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with suppress(AtlasError):
        put(tmp_path / "out", NEW)
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"
    assert (tmp_path / "out" / "index.html").exists() == ("gallery" in note)


# A crash at any point


class Killed(BaseException):
    """Stands for SIGKILL: whatever the process would have done next to the disk does not happen."""


OPERATIONS = ("rename", "replace", "link", "symlink", "unlink", "rmdir", "mkdir", "open")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@contextmanager
def killed_before(number: int | None) -> Iterator[Callable[[], int]]:
    """Kill whoever is about to carry out the n-th operation on the disk (None: nobody); yields how many there were."""
    done = 0

    def guarded(operation: Callable[..., Any]) -> Callable[..., Any]:
        def guard(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            if operation is not opened or args[1] & _WRITES:
                done += 1
                if number is not None and done >= number:
                    raise Killed
            return operation(*args, **kwargs)

        return guard

    opened = os.open
    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, guarded(getattr(os, name)))
        yield lambda: done


def whole(out: Path) -> bool:
    """Return whether all files of a gallery are as it lists them, but for the one that was edited."""
    files = {name: digest for name, digest in listed(out).items() if name != EDITED}
    return len(files) > 5 and all(sha256((out / name).read_bytes()).hexdigest()[:16] == files[name] for name in files)


def test_an_export_killed_anywhere_leaves_a_whole_gallery_and_the_next_one_everything(tmp_path: Path) -> None:
    furnish(tmp_path / "undisturbed")
    old = (tmp_path / "undisturbed" / "out" / "gallery.json").read_text()
    with killed_before(None) as operations:
        put(tmp_path / "undisturbed" / "out", NEW)
    after, total = tree(tmp_path / "undisturbed"), operations()
    assert without_note({name[4:]: said for name, said in after.items() if name.startswith("out/")}) == expected()
    galleries, absent, chance = set[str](), [], random.Random(0)
    for number in range(1, total + 1):
        root = tmp_path / "killed"
        out = furnish(root)
        with pytest.raises(Killed), killed_before(number):
            put(out, NEW)
        if out.exists():
            assert whole(out), f"after operation {number}"
            galleries.add((out / "gallery.json").read_text())
        else:
            absent.append(number)
        for again in (chance.randint(1, 12), chance.randint(1, total)):  # and the next one is killed, too
            with suppress(Killed), killed_before(again):
                put(out, NEW)
        put(out, NEW)
        assert tree(root) == after, f"after operation {number}"
        shutil.rmtree(root)
    assert galleries == {old, after["out/gallery.json"]}
    assert len(absent) == 1, "but for the moment between two renames, a gallery is there"


def test_a_first_export_killed_anywhere_leaves_nothing_that_the_next_does_not_mend(tmp_path: Path) -> None:
    with killed_before(None) as operations:
        put(tmp_path / "undisturbed" / "out", NEW)
    for number in range(1, operations() + 1):
        root = tmp_path / "killed"
        with pytest.raises(Killed), killed_before(number):
            put(root / "out", NEW)
        assert not (root / "out").exists() or whole(root / "out")
        put(root / "out", NEW)
        assert tree(root) == tree(tmp_path / "undisturbed"), f"after operation {number}"
        shutil.rmtree(root)


def test_what_somebody_keeps_where_a_killed_export_wrote_stays(tmp_path: Path) -> None:
    number = 1
    while not list(tmp_path.glob(".out.*.new/index.html")):
        with suppress(Killed), killed_before(number):
            put(tmp_path / "out", NEW)
        number += 1
    (staging,) = tmp_path.glob(".out.*.new")
    (staging / "notes.txt").write_text("mine")
    (staging / "data").symlink_to("../neighbour")
    put(tmp_path / "out", NEW)
    assert tree(staging) == {"notes.txt": "mine", "data": "→ ../neighbour"}
    assert without_note(tree(tmp_path / "out")) == {
        **{name: content for unit in NEW.values() for name, content in unit.items()},
        **{str(parent): "folder" for unit in NEW.values() for name in unit for parent in Path(name).parents if parent.name},
    }


def test_what_somebody_puts_there_while_an_export_runs_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    put(out, OLD)
    with Folder(out) as folder:
        for name, content in NEW[""].items():
            folder.staged.save(name, content)
        (out / "index.html").write_text("edited just now")
        (out / f"class/{TWO}/late.txt").write_text("late")
        folder.publish({}, {})
    assert (out / "index.html").read_text() == "edited just now"
    assert (out / f"class/{TWO}/late.txt").read_text() == "late"
    assert put(out, NEW) == ("kept as it was changed: index.html; delete it to have it written anew",)


def test_what_cannot_be_moved_into_the_new_gallery_is_named_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = furnish(tmp_path)
    real = os.rename

    def busy(source: str, target: str, **where: Any) -> None:
        if source == "CNAME":
            raise OSError(16, "Device or resource busy")
        real(source, target, **where)

    with monkeypatch.context() as now:
        now.setattr(os, "rename", busy)
        for _ in range(2):
            words = (
                r"out is there, but .*\.old/CNAME could not be moved into it \(Device or resource busy\): move it, and run the"
            )
            with pytest.raises(AtlasError, match=words):
                put(out, NEW)
    put(out, NEW)
    assert without_note(tree(out)) == expected()
    assert [path.name for path in tmp_path.glob(".out.export")] == []


@pytest.mark.parametrize("failing", ["the old one away", "the new one there"])
def test_a_gallery_that_cannot_be_put_in_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    out = furnish(tmp_path)
    before, real = tree(tmp_path), os.rename

    def refused(source: str, target: str, **where: Any) -> None:
        if source == "out" if failing == "the old one away" else source.endswith(".new"):
            raise OSError(5, "Input/output error")
        real(source, target, **where)

    monkeypatch.setattr(os, "rename", refused)
    with pytest.raises(AtlasError, match=r"out cannot be written \(Input/output error\): nothing was changed there\.$"):
        put(out, NEW)
    assert tree(tmp_path) == before


def test_a_disk_that_fails_after_the_new_gallery_is_there_is_told_and_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = furnish(tmp_path)

    def refused(name: str, **where: Any) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as now:
        now.setattr(os, "rmdir", refused)
        words = r"out cannot be written \(Read-only file system\): the new gallery is there, and the same command will finish"
        with pytest.raises(AtlasError, match=words):
            put(out, NEW)
    assert (out / "index.html").read_text() == "new front"
    put(out, NEW)
    assert without_note(tree(out)) == expected()
    assert list(tmp_path.glob(".out.export")) == []


def test_a_folder_made_by_hand_where_the_old_gallery_was_is_not_taken_for_it(tmp_path: Path) -> None:
    for number in range(1, 1000):
        out = furnish(tmp_path / str(number))
        with suppress(Killed), killed_before(number):
            put(out, NEW)
        if not out.exists():  # killed between the two renames
            break
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    for _ in range(2):
        with pytest.raises(AtlasError, match="out is not empty and not a gallery"):
            put(out, NEW)
    assert tree(out) == {"thesis.tex": "years of work"}
    (out / "thesis.tex").unlink()
    put(out, NEW)
    assert without_note(tree(out)) == expected()
