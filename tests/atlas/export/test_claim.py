"""One gallery, one export at a time; and whose it is, is said."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from atlas.export.claim import Claim, take
from atlas.export.output import Folder
from atlas.export.place import Place
from atlas.schema import AtlasError

HOLD = """
import sys
from pathlib import Path
from atlas.export.output import Folder
with Folder(Path(sys.argv[1])) as folder:
    folder.staged.save("index.html", "half")
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_export_is_told_who_writes(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out")],
        cwd=Path(__file__).parents[3], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(AtlasError) as refused, Folder(tmp_path / "out"):
            pass
        other.kill()
    assert str(refused.value) == (
        f"{tmp_path / 'out'} is being written by process {other.pid} on {socket.gethostname()}: "
        "wait for it, or choose another OUT."
    )
    assert len(list(tmp_path.glob(".out.*.new/index.html"))) == 1
    with Folder(tmp_path / "out"):  # a killed export holds nothing
        assert len(list(tmp_path.glob(".out.*.new"))) == 1
        assert not list(tmp_path.glob(".out.*.new/index.html"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dead", [False, True])
def test_of_those_that_begin_at_the_same_instant_one_writes(tmp_path: Path, dead: bool) -> None:
    at_once, told = threading.Barrier(4), set[str]()
    for turn in range(50):
        with Place(tmp_path) as place:
            if dead:
                take(place, "out", lambda _: None).close()
            claims: list[Claim] = []

            def begin(place: Place = place, claims: list[Claim] = claims) -> None:
                at_once.wait()
                try:
                    claims.append(take(place, "out", lambda _: None))
                except AtlasError as error:
                    told.add(str(error))

            threads = [threading.Thread(target=begin) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(claims) == 1, turn
            assert json.loads((tmp_path / ".out.export").read_text())["id"] == claims[0].identity
            claims[0].remove()
            claims[0].close()
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    assert told == {f"{tmp_path / 'out'} is being written by {holder}: wait for it, or choose another OUT."}
    assert list(tmp_path.iterdir()) == []


def test_exports_that_come_and_go_never_write_together(tmp_path: Path) -> None:
    inside, most, entered = 0, 0, 0
    refusals: set[str] = set()

    def come_and_go() -> None:
        nonlocal inside, most, entered
        for _ in range(60):
            try:
                with Folder(tmp_path / "out"):
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
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["mine", "", '{"kind": "concept-atlas export", "id": "../../x"}', "[" * 2000])
def test_a_file_of_that_name_which_no_export_wrote_is_in_the_way(tmp_path: Path, content: str) -> None:
    (tmp_path / ".out.export").write_text(content)
    with (
        pytest.raises(AtlasError, match=r"\.out\.export is in the way, and no export wrote it: move it, or choose"),
        Folder(tmp_path / "out"),
    ):
        pass
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {".out.export": content}


def test_neither_a_link_nor_a_pipe_is_waited_for(tmp_path: Path) -> None:
    marker = tmp_path / ".out.export"
    for make in (lambda: marker.symlink_to("elsewhere"), lambda: os.mkfifo(marker), marker.mkdir):
        make()
        with pytest.raises(AtlasError, match=r"\.out\.export is in the way"), Folder(tmp_path / "out"):
            pass
        assert [path.name for path in tmp_path.iterdir()] == [".out.export"]
        marker.rmdir() if marker.is_dir() else marker.unlink()


def test_it_works_on_a_disk_without_nameless_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "O_TMPFILE")
    with Folder(tmp_path / "out"):
        assert json.loads((tmp_path / ".out.export").read_text())["process"] == os.getpid()
        with pytest.raises(AtlasError, match=f"is being written by process {os.getpid()}"), Folder(tmp_path / "out"):
            pass
    assert list(tmp_path.iterdir()) == []
