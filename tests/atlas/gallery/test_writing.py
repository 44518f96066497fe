"""How a gallery comes into its folder: whole or not at all, and no more of it than changed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from atlas.gallery import classes, export, folder, tables, writing
from atlas.schema import AtlasError
from atlas.store import Store
from atlas.store.metadata import sealed

BALL = "n03445777"


@pytest.fixture
def atlas(made_up: Store, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_up.root, tmp_path / "made-up"))


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_an_unchanged_class_is_not_written_again(atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    first = export(atlas, out)
    before, page = contents(out), (out / f"class/{BALL}/index.html").stat()
    monkeypatch.setattr(writing.classes, "write_class", lambda *_: pytest.fail("an unchanged class was written again"))
    second = export(atlas, out)
    assert (first.written, first.kept, second.written, second.kept) == (5, 0, 0, 5)
    assert first.pages == second.pages == 44
    assert contents(out) == before
    assert (out / f"class/{BALL}/index.html").stat().st_ino == page.st_ino


def test_a_changed_picture_or_address_writes_what_it_concerns(atlas: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    manifest = atlas / "manifest.json"
    name = f"pictures/{BALL}/03.webp"
    old = str(Store(atlas).manifest.files[name]["sha256"])
    manifest.write_bytes(sealed(json.loads(manifest.read_text().replace(old, "f" * 64))))
    assert export(atlas, out).written == len([sha for sha in Store(atlas).manifest.files.values() if sha["sha256"] == "f" * 64])
    assert export(atlas, out, base_url="https://example.org/").written == 5


def test_a_class_whose_rows_changed_is_written_again(atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    real = Store.row_digests
    monkeypatch.setattr(Store, "row_digests", lambda store: real(store) | {BALL: "other strategies"})
    assert export(atlas, out).written == 1


def test_several_processes_write_the_same(atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(atlas, tmp_path / "one", workers=1)
    monkeypatch.setattr(writing, "_ALONE", 1)
    monkeypatch.setattr(writing, "_BATCH", 2)
    said: list[tuple[int, int]] = []
    export(atlas, tmp_path / "two", workers=2, progress=lambda done, of: said.append((done, of)))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert said[0] == (0, 5)
    assert said[-1] == (5, 5)


def test_a_failed_export_leaves_the_old_gallery(atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    before = contents(out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.front, "write_front", full)
    with pytest.raises(AtlasError, match="No space left on device\\): nothing was changed there"):
        export(atlas, out)
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_kill_between_the_renames_is_mended(atlas: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    out.rename(tmp_path / ".out.old")
    assert export(atlas, out).kept == 5
    assert not (tmp_path / ".out.old").exists()


def test_what_others_put_into_the_folder_stays(atlas: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    (out / "CNAME").write_text("atlas.example.org")
    (out / "class" / "n00000000").mkdir()
    export(atlas, out)
    assert (out / "CNAME").read_text() == "atlas.example.org"
    assert not (out / "class" / "n00000000").exists()


def test_a_kill_after_the_renames_loses_nothing_that_others_put_there(
    atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    (out / ".git").mkdir()
    (out / ".git" / "HEAD").write_text("ref: refs/heads/pages")
    (out / "CNAME").write_text("atlas.example.org")

    def killed(_: folder.Folder) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as now:
        now.setattr(folder.Folder, "_drop_old", lambda self: killed(self) if not self.staging.exists() else None)
        with pytest.raises(KeyboardInterrupt):
            export(atlas, out)
    assert not (out / "CNAME").exists()
    assert export(atlas, out).kept == 5
    assert (out / "CNAME").read_text() == "atlas.example.org"
    assert (out / ".git" / "HEAD").read_text() == "ref: refs/heads/pages"
    assert not (tmp_path / ".out.old").exists()


def test_what_cannot_be_moved_into_the_new_gallery_is_named_and_kept(
    atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    (out / "CNAME").write_text("atlas.example.org")
    real = Path.rename

    def busy(self: Path, target: Path) -> Path:
        if self.name == "CNAME":
            raise OSError(16, "Device or resource busy")
        return real(self, target)

    with monkeypatch.context() as now:
        now.setattr(Path, "rename", busy)
        with pytest.raises(AtlasError, match=r"out is there, but .*CNAME could not be moved into it \(Device or resource busy\)"):
            export(atlas, out)
    assert (tmp_path / ".out.old" / "CNAME").read_text() == "atlas.example.org"
    export(atlas, out)
    assert (out / "CNAME").read_text() == "atlas.example.org"


@pytest.mark.parametrize("lost", [f"data/{BALL}.js", f"pictures/{BALL}", f"class/{BALL}/social.jpg"])
def test_a_gallery_with_a_gap_is_mended(atlas: Path, tmp_path: Path, lost: str) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    before = contents(out)
    shutil.rmtree(out / lost) if (out / lost).is_dir() else (out / lost).unlink()
    assert export(atlas, out).written == 1
    assert contents(out) == before


@pytest.mark.parametrize("damage", ["missing", "no picture"])
def test_an_atlas_that_lacks_a_picture_is_blamed_and_not_the_gallery(atlas: Path, tmp_path: Path, damage: str) -> None:
    picture = atlas / f"pictures/{BALL}/class.webp"
    picture.unlink() if damage == "missing" else picture.write_bytes(b"<!doctype html>")
    with pytest.raises(AtlasError, match=r"made-up/pictures/.*class\.webp .*: run `atlas check"):
        export(atlas, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tampered_atlas_is_not_exported(atlas: Path, tmp_path: Path) -> None:
    table = atlas / "photos.parquet"
    table.write_bytes(table.read_bytes()[:-9] + b"x" + table.read_bytes()[-8:])
    with pytest.raises(AtlasError, match=r"is not as it was published \(photos.parquet has changed\)"):
        export(atlas, tmp_path / "out")


def test_a_strange_folder_is_refused(atlas: Path, tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "thesis.tex").write_text("years of work")
    with pytest.raises(AtlasError, match=r"is not empty and not a gallery \(it holds 'thesis.tex'\): choose another OUT"):
        export(atlas, strange)
    assert [path.name for path in strange.iterdir()] == ["thesis.tex"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(AtlasError, match="is a file: OUT needs a folder"):
        export(atlas, tmp_path / "file")
    with pytest.raises(AtlasError, match="lies inside the atlas"):
        export(atlas, atlas / "site")


def test_two_exports_do_not_meet(atlas: Path, tmp_path: Path) -> None:
    with folder.Folder(tmp_path / "out"), pytest.raises(AtlasError, match="is being written by another export"):
        export(atlas, tmp_path / "out")


@pytest.mark.parametrize("address", ["example.org", "ftp://example.org", "https://", "https://example.org/?x=1"])
def test_a_base_url_is_checked(atlas: Path, tmp_path: Path, address: str) -> None:
    with pytest.raises(AtlasError, match="is no address of a folder"):
        export(atlas, tmp_path / "out", base_url=address)


def test_the_command_says_what_it_did(atlas: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "atlas", "export", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    done = run(str(atlas), str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("out: 44 pages; 5 classes written, 0 unchanged\n")
    wrong = run(str(tmp_path / "nothing"), str(tmp_path / "elsewhere"))
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert "is not an atlas" in wrong.stderr


def test_heat_maps_survive_in_four_bits(made_up: Store) -> None:
    photos = made_up.photos(BALL)
    assert photos
    heat = json.loads(tables.heat_script(photos).removeprefix("window.atlasHeat=").removesuffix(";"))
    found = [level for byte in base64.b64decode(heat["levels"]) for level in (byte >> 4, byte & 15)]
    assert found[: photos.heat.size] == (photos.heat.ravel() >> 4).tolist()
    assert classes.parts("shared") == ["shared", "pictures/shared"]
