from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlas.confined import Directory
from atlas.format import Store, Writer, paths, problems
from atlas.format.manifest import sealed
from atlas.schema import AtlasError, ClassRecord, Pictures, Result


class Killed(BaseException):
    """Stands for SIGKILL: whatever the process would have done next to the disk does not happen."""


OPERATIONS = ("rename", "replace", "unlink", "rmdir", "mkdir")


@contextmanager
def killed_before(number: int | None) -> Iterator[Callable[[], int]]:
    """Kill whoever is about to carry out the n-th operation on the disk (None: nobody); yields how many there were."""
    done = 0

    def guarded(operation: Callable[..., Any]) -> Callable[..., Any]:
        def guard(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            if number is not None and done >= number:
                raise Killed
            return operation(*args, **kwargs)

        return guard

    with pytest.MonkeyPatch.context() as patch:
        for name in OPERATIONS:
            patch.setattr(os, name, guarded(getattr(os, name)))
        yield lambda: done


def finish(root: Path, made: Any, results: list[Result], created: str) -> None:
    """Do what a builder does when it starts again: compute what is missing, publish."""
    with Writer(root) as writer:
        done = writer.finished()
        for result in results:
            if done.get(result.owner) != result.digest:
                writer.stage(result)
        writer.publish(made.manifest(created), refine=made.refine)


def test_what_is_staged_and_published_is_read_back(tmp_path: Path, made: Any) -> None:
    tench, church, shared = made.of_class(made.TENCH), made.by_shared(made.CHURCH), made.shared()
    with Writer(tmp_path / "a") as writer:
        assert writer.published is None
        for result in (church, shared, tench):
            writer.stage(result)
        assert writer.staged() == {result.owner: result.digest for result in (tench, church, shared)}
        assert not (tmp_path / "a" / "manifest.json").exists()
        writer.publish(made.manifest())
        assert writer.staged() == {}
        assert writer.finished() == {result.owner: result.digest for result in (tench, church, shared)}
    store = Store(tmp_path / "a")
    assert list(store.records) == [made.TENCH.wnid, made.CHURCH.wnid]
    assert store.record(made.TENCH.wnid) == tench.record
    assert sorted(store.concepts(made.TENCH.wnid), key=lambda c: c.index) == list(tench.concepts)
    assert store.shared_concepts == shared.concepts
    assert store.strategies(made.CHURCH.wnid) == church.strategies
    assert store.exemplars(f"{made.TENCH.wnid}/0") == tench.exemplars
    for result in (tench, church):
        found = store.photos(result.owner)
        assert found is not None
        for field in dataclasses.fields(found):
            np.testing.assert_array_equal(getattr(found, field.name), getattr(result.photos, field.name), err_msg=field.name)
    np.testing.assert_array_equal(store.atoms(made.TENCH.wnid), tench.atoms)
    picture = store.picture(made.TENCH.wnid, "concept", 1)
    assert picture
    assert store.picture_path(picture).read_bytes() == made.picture("concept 1 1")
    assert store.picture(made.TENCH.wnid, "heat", 1) is None
    assert problems(tmp_path / "a") == []


def test_everything_that_encoding_needs_comes_back_as_it_was(tmp_path: Path, made: Any) -> None:
    with Writer(tmp_path / "a") as writer:
        for step in ("staged", "published"):
            writer.stage(made.shared()) if step == "staged" else writer.publish(made.manifest())
            found = writer.dictionary("shared")
            assert found["atoms"].dtype == np.float32
            np.testing.assert_array_equal(found["offset"], np.ones(4))
            assert found["active"].shape == ()
            assert int(found["active"]) == 1


def test_a_dictionary_that_is_not_there_is_named(tmp_path: Path, made: Any) -> None:
    with Writer(tmp_path / "a") as writer, pytest.raises(AtlasError, match="holds no dictionary 'shared' yet"):
        writer.dictionary("shared")
    made.write(tmp_path / "b", made.of_class(made.TENCH))
    with Writer(tmp_path / "b") as writer, pytest.raises(AtlasError, match="holds no dictionary 'shared' yet"):
        writer.dictionary("shared")


def test_a_class_is_replaced_whole(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "a", made.of_class(made.TENCH, 1, k=3, pictures=3), made.of_class(made.CHURCH, 1))
    store = made.write(tmp_path / "a", made.of_class(made.TENCH, 2, k=2, pictures=1))
    assert [c.contribution for c in store.concepts(made.TENCH.wnid)] == [2.125, 2.0]
    assert [c.contribution for c in store.concepts(made.CHURCH.wnid)] == [1.125, 1.0]
    assert store.atoms(made.TENCH.wnid).shape == (2, 4)
    assert [s.name for s in store.strategies(made.TENCH.wnid)] == ["of version 2"]
    assert sorted(p.name for p in (tmp_path / "a" / "pictures" / made.TENCH.wnid).iterdir()) == ["00.webp", "class.webp"]
    assert problems(tmp_path / "a") == []


def test_the_order_of_arrival_leaves_no_trace(tmp_path: Path, made: Any) -> None:
    results = [made.of_class(made.TENCH), made.shared(), made.by_shared(made.CHURCH), made.of_class(made.CRANE)]
    made.write(tmp_path / "together", *results)
    for result in reversed(results):
        made.write(tmp_path / "one-by-one", result)
    assert made.content(tmp_path / "one-by-one") == made.content(tmp_path / "together")


def test_refine_sees_every_class_old_and_new(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "a", made.of_class(made.TENCH, 5))
    store = made.write(tmp_path / "a", made.of_class(made.CHURCH, 1))
    for concept in store.all_concepts():
        assert concept.neighbours[0].id == f"{made.TENCH.wnid}/0"  # the largest atoms are those of version 5
        assert concept.neighbours[0].cosine == 1 / 2  # of two classes


def test_a_fixed_photo_is_no_longer_skipped(tmp_path: Path, made: Any) -> None:
    with Writer(tmp_path / "a") as writer:
        for info in (made.TENCH, made.CHURCH):
            writer.stage(made.of_class(info))
        writer.publish(dataclasses.replace(made.manifest(), skipped_photos=writer.skipped()))
        assert set(writer.skipped()) == {f"set/{info.wnid}/broken 1.jpg" for info in (made.TENCH, made.CHURCH)}
        writer.stage(dataclasses.replace(made.of_class(made.TENCH, 2), skipped={}))
        assert set(writer.skipped()) == {f"set/{made.CHURCH.wnid}/broken 1.jpg"}


def test_nothing_of_a_build_is_left_behind(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "a", made.of_class(made.TENCH))
    assert not [path.name for path in (tmp_path / "a").iterdir() if path.name.startswith(".")]


def test_what_was_staged_survives_a_failure(tmp_path: Path, made: Any) -> None:
    with suppress(RuntimeError), Writer(tmp_path / "a") as writer:
        writer.stage(made.of_class(made.TENCH))
        raise RuntimeError("out of luck")
    with Writer(tmp_path / "a") as writer:
        assert writer.finished() == {made.TENCH.wnid: f"{made.TENCH.wnid} version 1"}


def test_everybody_may_read_what_the_umask_allows(tmp_path: Path, made: Any) -> None:
    old = os.umask(0o022)
    try:
        made.write(tmp_path / "a", made.of_class(made.TENCH))
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "a").rglob("*") if path.is_file()}
    assert set(modes.values()) == {0o644}, modes


# A crash at any point


@pytest.mark.slow
def test_a_publish_killed_anywhere_leaves_the_old_or_the_new_atlas(tmp_path: Path, made: Any) -> None:
    old = [made.of_class(made.TENCH, 1, k=3, pictures=3), made.shared(1), made.by_shared(made.CHURCH, 1)]
    new = [made.of_class(made.TENCH, 2, k=2, pictures=1), made.of_class(made.CRANE, 1), made.shared(2)]
    made.write(tmp_path / "old", *old)
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    with killed_before(None) as operations:
        finish(tmp_path / "new", made, new, "now")
    before, after = made.content(tmp_path / "old"), made.content(tmp_path / "new")
    assert before != after
    seen = set()
    for number in range(1, operations() + 1):
        root = tmp_path / f"killed-{number}"
        shutil.copytree(tmp_path / "old", root)
        with pytest.raises(Killed), killed_before(number):
            finish(root, made, new, "now")
        found = made.content(root)
        assert found in (before, after), f"neither old nor new after operation {number}"
        assert problems(root) == [], f"after operation {number}"
        seen.add(found == after)
        finish(root, made, new, "now")
        assert made.content(root) == after, f"resumed after operation {number}"
        assert problems(root) == []
        assert sorted(p.name for p in root.iterdir()) == sorted(p.name for p in (tmp_path / "new").iterdir())
        shutil.rmtree(root)
    assert seen == {False, True}


def test_the_first_publish_killed_anywhere_leaves_no_atlas_or_the_whole(tmp_path: Path, made: Any) -> None:
    new = [made.of_class(made.TENCH), made.shared()]
    with killed_before(None) as operations:
        finish(tmp_path / "new", made, new, "now")
    after = made.content(tmp_path / "new")
    for number in range(1, operations() + 1):
        root = tmp_path / f"killed-{number}"
        with pytest.raises(Killed), killed_before(number):
            finish(root, made, new, "now")
        if paths.locate(root, paths.MANIFEST).exists():
            assert made.content(root) == after
            assert problems(root) == []
        else:
            with pytest.raises(AtlasError, match="is not an atlas"):
                Store(root)
        finish(root, made, new, "now")
        assert made.content(root) == after, f"resumed after operation {number}"


def test_a_recovery_killed_anywhere_is_recovered_from(tmp_path: Path, made: Any) -> None:
    old, new = [made.of_class(made.TENCH, 1, pictures=2)], [made.of_class(made.TENCH, 2, pictures=1)]
    made.write(tmp_path / "old", *old)
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    finish(tmp_path / "new", made, new, "now")
    after = made.content(tmp_path / "new")
    shutil.copytree(tmp_path / "old", tmp_path / "half")
    number = 1
    while not (tmp_path / "half" / ".commit").exists():  # killed as soon as the publish is decided
        shutil.rmtree(tmp_path / "half")
        shutil.copytree(tmp_path / "old", tmp_path / "half")
        with pytest.raises(Killed), killed_before(number):
            finish(tmp_path / "half", made, new, "now")
        number += 1
    assert made.content(tmp_path / "half") == after
    for again in range(1, 1000):
        root = tmp_path / f"again-{again}"
        shutil.copytree(tmp_path / "half", root)
        with killed_before(again):
            try:
                with Writer(root):
                    pass
            except Killed:
                pass
            else:
                break
        assert made.content(root) == after
        assert problems(root) == []
        with Writer(root) as writer:
            assert writer.finished() == {made.TENCH.wnid: f"{made.TENCH.wnid} version 2"}
        assert made.content(root) == after
    assert again > 5


def test_all_is_on_the_disk_before_a_publish_is_decided(tmp_path: Path, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    forced: set[Path] = set()
    decided: list[set[str]] = []
    rename = os.rename

    def note_fsync(descriptor: int) -> None:
        forced.add(Path(f"/proc/self/fd/{descriptor}").readlink())

    def note_rename(source: str, target: str, **where: Any) -> None:
        if target == ".commit":
            new = Path(f"/proc/self/fd/{where['src_dir_fd']}").readlink() / source
            assert (new / "manifest.json").exists()
            decided.append({path.name for path in (new, *new.rglob("*")) if path not in forced})
        rename(source, target, **where)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "rename", note_rename)
    made.write(tmp_path / "a", made.of_class(made.TENCH), made.shared())
    assert decided == [set()]
    assert {tmp_path / "a", tmp_path / "a" / "pictures" / made.TENCH.wnid} <= forced


def test_a_publish_interrupted_anywhere_is_made_good_by_the_next_of_the_same_writer(tmp_path: Path, made: Any) -> None:
    old, new = [made.of_class(made.TENCH, 1, pictures=2)], [made.of_class(made.TENCH, 2, pictures=1), made.of_class(made.CRANE)]
    made.write(tmp_path / "right", *old)
    finish(tmp_path / "right", made, new, "now")
    right = made.content(tmp_path / "right")
    for number in range(1, 1000):
        root = tmp_path / f"interrupted-{number}"
        made.write(root, *old)
        with Writer(root) as writer:
            for result in new:
                writer.stage(result)
            try:
                with killed_before(number):
                    writer.publish(made.manifest("now"), refine=made.refine)
            except Killed:
                writer.publish(made.manifest("now"), refine=made.refine)
            else:
                break
        assert made.content(root) == right, f"after operation {number}"
        assert sorted(path.name for path in root.iterdir()) == sorted(path.name for path in (tmp_path / "right").iterdir())
    assert number > 20


def test_an_interrupt_after_any_call_closes_no_handle_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    close, interrupted = os.close, KeyboardInterrupt()

    def close_and_interrupt(descriptor: int) -> None:
        close(descriptor)
        closed.append(descriptor)
        if len(closed) == 1:
            raise interrupted

    (tmp_path / "a" / "b").mkdir(parents=True)
    with Directory(tmp_path) as directory, monkeypatch.context() as patch:
        patch.setattr(os, "close", close_and_interrupt)
        with pytest.raises(KeyboardInterrupt):
            directory.write("a/b/c", b"")
        assert len(closed) == len(set(closed)) == 2


# Who may write


HOLD = """
import sys
from pathlib import Path
from atlas.format import Writer
with Writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "a", made.of_class(made.TENCH))
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "a")], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(AtlasError) as refused, Writer(tmp_path / "a"):
            pass
        other.kill()
    assert str(refused.value) == (
        f"{tmp_path / 'a'} is being written by process {other.pid} on {socket.gethostname()}: "
        "wait for it, or choose another --out."
    )
    with Writer(tmp_path / "a") as writer:  # a killed writer holds nothing
        assert writer.published


def test_writers_that_come_and_go_never_write_together(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "a", made.of_class(made.TENCH))
    inside, most, entered = 0, 0, 0
    refusals: set[str] = set()

    def come_and_go() -> None:
        nonlocal inside, most, entered
        for _ in range(60):
            try:
                with Writer(tmp_path / "a"):
                    inside += 1
                    most, entered = max(most, inside), entered + 1
                    os.sched_yield()
                    inside -= 1
            except AtlasError as error:
                refusals.add(str(error))

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert entered > 0
    assert most == 1
    assert all("is being written by" in refusal for refusal in refusals), refusals


@pytest.mark.parametrize("stranger", ["thesis.tex", "manifest.webmanifest", "pictures"])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, stranger: str) -> None:
    (tmp_path / stranger).write_text("mine")
    with pytest.raises(AtlasError, match=f"not empty and not an atlas.*{stranger}.*choose another --out"), Writer(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [stranger]


def test_the_build_folder_of_another_program_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".build").mkdir()
    (tmp_path / ".build" / "app.o").write_text("mine")
    (tmp_path / "main.swift").write_text("mine")
    with pytest.raises(AtlasError, match="not empty and not an atlas"), Writer(tmp_path):
        pass
    assert (tmp_path / ".build" / "app.o").read_text() == "mine"


def test_a_manifest_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"manifest_version": 3, "name": "a browser extension"}')
    with pytest.raises(AtlasError, match="is not the manifest of an atlas"), Writer(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_an_atlas_of_a_newer_format_is_left_alone(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "a", made.of_class(made.TENCH))
    manifest = tmp_path / "a" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format_version": "2.0"}))
    before = sorted((p.name, p.stat().st_mtime_ns) for p in (tmp_path / "a").rglob("*"))
    with pytest.raises(AtlasError, match=r"has format 2\.0; this version reads up to 1\.x\. Upgrade"), Writer(tmp_path / "a"):
        pass
    assert sorted((p.name, p.stat().st_mtime_ns) for p in (tmp_path / "a").rglob("*")) == before


def test_an_out_that_cannot_be_a_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    for out, words in (
        ("file", "is a file: --out needs a folder"),
        ("file/below", "cannot be written .Not a directory."),
        ("loop", "cannot be written"),
        ("dangling", "cannot be written"),
        ("x" * 300, "cannot be written .File name too long."),
        ("/proc/atlas", "cannot be written"),
    ):
        with pytest.raises(AtlasError, match=words), Writer(tmp_path / out):
            pass


def test_an_empty_folder_is_as_good_as_none(tmp_path: Path, made: Any) -> None:
    (tmp_path / "a").mkdir()
    assert made.write(tmp_path / "a", made.of_class(made.TENCH)).records


def test_a_damaged_atlas_is_not_built_upon(tmp_path: Path, made: Any) -> None:
    for damaged in ("photos.parquet", "classes.parquet", "dictionaries.safetensors"):
        root = tmp_path / damaged
        made.write(root, made.of_class(made.TENCH), made.of_class(made.CHURCH))
        (root / damaged).write_bytes((root / damaged).read_bytes()[:40])
        with pytest.raises(AtlasError, match=rf"is not as it was published \({damaged} has changed\): run `atlas check"):
            made.write(root, made.of_class(made.CRANE))
        (root / damaged).unlink()
        with pytest.raises(AtlasError, match=rf"is not as it was published \({damaged} has changed\): run `atlas check"):
            made.write(root, made.of_class(made.CRANE))


def test_a_class_without_photos_has_a_picture_all_the_same(tmp_path: Path, made: Any) -> None:
    bare = Result(
        record=ClassRecord(made.TENCH, "none"),
        digest="bare",
        pictures=Pictures(class_picture=made.picture("dreamt")),
    )
    store = made.write(tmp_path / "a", bare)
    assert store.photos(made.TENCH.wnid) is None
    assert store.concepts(made.TENCH.wnid) == ()
    assert store.picture(made.TENCH.wnid, "class")
    assert problems(tmp_path / "a") == []


# A folder that came from elsewhere


@pytest.fixture
def neighbour(tmp_path: Path) -> Path:
    """Return a folder beside the atlas that no build may touch."""
    (tmp_path / "neighbour").mkdir()
    (tmp_path / "neighbour" / "authorized_keys").write_text("mine")
    return tmp_path / "neighbour"


def unharmed(neighbour: Path) -> bool:
    return [(path.name, path.read_text()) for path in neighbour.rglob("*")] == [("authorized_keys", "mine")]


@pytest.mark.parametrize(
    "place", ["pictures", "pictures/n01440764", ".commit", ".commit.tmp", ".build", ".build/staged", ".build/tmp"]
)
@pytest.mark.parametrize("kind", ["link", "link to a file", "pipe"])
def test_a_link_in_place_of_a_folder_leads_nowhere(tmp_path: Path, made: Any, neighbour: Path, place: str, kind: str) -> None:
    root = tmp_path / "a"
    made.write(root, made.of_class(made.TENCH, pictures=2))
    path = root / place
    if path.exists():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(neighbour if kind == "link" else neighbour / "authorized_keys")
    with pytest.raises(
        AtlasError, match=r"is a link|is no regular file|is not as it was published|cannot be written .Not a directory."
    ):
        made.write(root, made.of_class(made.TENCH, 2, pictures=1), made.of_class(made.CRANE))
    assert unharmed(neighbour)


def test_a_commit_that_came_along_moves_and_deletes_nothing_but_an_atlas(tmp_path: Path, made: Any, neighbour: Path) -> None:
    root = tmp_path / "a"
    made.write(root, made.of_class(made.TENCH))
    for name, words in (
        ("authorized_keys", "authorized_keys was not written by a build: move it away"),
        ("pictures/n01440764/evil.sh", "evil.sh was not written by a build: move it away"),
        ("pictures/../../neighbour/x.webp", None),
    ):
        path = root / ".commit" / name
        if words:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("theirs")
            with pytest.raises(AtlasError, match=words):
                made.write(root, made.of_class(made.CRANE))
            assert path.read_text() == "theirs"
            path.unlink()
    assert unharmed(neighbour)
    assert made.write(root, made.of_class(made.CRANE)).records.keys() == {made.TENCH.wnid, made.CRANE.wnid}


def test_what_somebody_puts_beside_the_pictures_stays(tmp_path: Path, made: Any) -> None:
    root = tmp_path / "a"
    made.write(root, made.of_class(made.TENCH, pictures=2))
    notes = [root / "pictures" / "notes.txt", root / "pictures" / made.TENCH.wnid / "mine.webp", root / "README"]
    for note in notes:
        note.write_text("mine")
    made.write(root, made.of_class(made.TENCH, 2, pictures=1))
    assert [note.read_text() for note in notes] == ["mine"] * 3
    assert not (root / "pictures" / made.TENCH.wnid / "01.webp").exists()


def test_a_manifest_that_names_what_is_not_an_atlas_deletes_nothing(tmp_path: Path, made: Any, neighbour: Path) -> None:
    root = tmp_path / "a"
    made.write(root, made.of_class(made.TENCH))
    (root / "pictures" / "thesis.tex").write_text("mine")
    manifest = json.loads((root / "manifest.json").read_text())
    for name in ("pictures/thesis.tex", "pictures/../../neighbour/authorized_keys"):
        manifest["files"][name] = {"sha256": "0" * 64, "bytes": 4}
    (root / "manifest.json").write_bytes(sealed(manifest))
    with pytest.raises(AtlasError, match="is not as it was published"):
        made.write(root, made.of_class(made.TENCH, 2))
    del manifest["files"]["pictures/../../neighbour/authorized_keys"]
    (root / "manifest.json").write_bytes(sealed(manifest))
    made.write(root, made.of_class(made.TENCH, 2))
    assert (root / "pictures" / "thesis.tex").read_text() == "mine"
    assert unharmed(neighbour)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".build/staged/notes.txt", b"mine"),
        (".build/staged/n01440764/thesis.tex", b"mine"),
        (".build/staged/n01440764/staged.json", b"{"),
        (".build/staged/n01440764/staged.json", b'{"digest": 3, "skipped": {}}'),
        (".build/staged/n02012849/staged.json", b'{"digest": "3", "skipped": {}}'),
        (".build/staged/n01440764/pictures/n02012849/00.webp", b"mine"),
        (".build/staged/x/staged.json", b'{"digest": "3", "skipped": {}}'),
        (".build/tmp/thesis.tex", b"mine"),
        (".build/discarded/thesis.tex", b"mine"),
        (".commit.tmp/thesis.tex", b"mine"),
    ],
)
def test_what_no_build_has_staged_is_named_and_kept(tmp_path: Path, made: Any, name: str, content: bytes) -> None:
    root = tmp_path / "a"
    made.write(root, made.of_class(made.CHURCH))
    (root / name).parent.mkdir(parents=True)
    (root / name).write_bytes(content)
    with pytest.raises(AtlasError, match="was not written by a build: move it away"):
        made.write(root, made.of_class(made.TENCH))
    assert (root / name).read_bytes() == content
