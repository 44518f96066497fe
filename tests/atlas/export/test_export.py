"""How a gallery comes into its folder: whole or not at all, and no more of it than changed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from atlas.confined import Directory
from atlas.export import data_files, export, workers
from atlas.format import Store, paths
from atlas.format.manifest import sealed
from atlas.schema import AtlasError

BALL, CRANE = "n03445777", "n03126707"


@pytest.fixture
def atlas(made_up: Store, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_up.root, tmp_path / "made-up"))


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_an_unchanged_class_is_not_written_again(atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    first = export(atlas, out)
    before = contents(out)
    marks = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in (out, *out.rglob("*"))}
    monkeypatch.setattr(workers.class_files, "write_class", lambda *_: pytest.fail("an unchanged class was written again"))
    second = export(atlas, out)
    assert (first.written, first.kept, second.written, second.kept) == (5, 0, 0, 5)
    assert first.pages == second.pages == 44
    assert contents(out) == before
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in (out, *out.rglob("*"))} == marks


def test_a_changed_picture_or_address_writes_what_it_concerns(atlas: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    name, said = f"pictures/{BALL}/03.webp", json.loads((atlas / "manifest.json").read_text())
    (atlas / name).write_bytes((atlas / f"pictures/{BALL}/class.webp").read_bytes())
    said["files"][name] = paths.fingerprint(atlas / name)
    (atlas / "manifest.json").write_bytes(sealed(said))
    assert export(atlas, out).written == 1
    assert (out / name).read_bytes() == (atlas / name).read_bytes()
    assert export(atlas, out, base_url="https://example.org/").written == 5


def test_a_class_whose_rows_changed_is_written_again(atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    real = Store.row_digests
    monkeypatch.setattr(Store, "row_digests", lambda store: real(store) | {BALL: "other strategies"})
    assert export(atlas, out).written == 1


def test_several_processes_write_the_same(atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(atlas, tmp_path / "one", workers=1)
    monkeypatch.setattr(workers, "_ALONE", 1)
    monkeypatch.setattr(workers, "_BATCH", 2)
    said: list[tuple[int, int]] = []
    export(atlas, tmp_path / "two", workers=2, progress=lambda done, of: said.append((done, of)))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert said[0] == (0, 5)
    assert said[-1] == (5, 5)


def test_a_failed_export_leaves_the_old_gallery(atlas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    before = contents(out)
    real = Directory.write

    def full(self: Directory, name: str, content: bytes, *, durable: bool = False) -> None:
        if name == "data/map.svg":
            raise OSError(28, "No space left on device")
        real(self, name, content, durable=durable)

    monkeypatch.setattr(Directory, "write", full)
    with pytest.raises(AtlasError, match="out cannot be written \\(No space left on device\\): nothing was changed there"):
        export(atlas, out, base_url="https://example.org/")
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_others_put_into_a_gallery_stays_and_what_they_changed_is_named(atlas: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(atlas, out)
    theirs = ("CNAME", ".git/HEAD", f"class/{BALL}/notes.txt", "assets/views/mine.js", "sitemap.xml", f"data/{BALL}-mine.csv")
    for name in theirs:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine")
    (out / "latest").symlink_to(f"class/{BALL}")
    (out / "class" / "n00000000").mkdir()
    (out / "robots.txt").write_text("Disallow: /")
    done = export(atlas, out, base_url="https://example.org/")
    assert done.stayed == ("kept as they were changed: robots.txt, sitemap.xml; delete them to have them written anew",)
    assert {(out / name).read_text() for name in theirs} == {"mine"}
    assert (out / "robots.txt").read_text() == "Disallow: /"
    assert (out / "latest").readlink() == Path(f"class/{BALL}")
    assert (out / "class" / "n00000000").is_dir()
    assert (out / f"class/{BALL}/index.html").read_text().count('rel="canonical"') == 1


def test_a_neighbour_is_not_written_or_deleted_through_a_link(atlas: Path, tmp_path: Path) -> None:
    out, neighbour = tmp_path / "out", tmp_path / "neighbour"
    export(atlas, out)
    shutil.move(out / "assets", neighbour)
    (out / "assets").symlink_to("../neighbour")
    before = {path: path.stat().st_mtime_ns for path in neighbour.rglob("*")}
    with pytest.raises(AtlasError, match="out/assets is a link, where the gallery has a folder: move it, or choose another OUT"):
        export(atlas, out, base_url="https://example.org/")
    assert (out / "assets").readlink() == Path("../neighbour")
    assert {path: path.stat().st_mtime_ns for path in neighbour.rglob("*")} == before


def test_a_class_that_is_a_path_elsewhere_writes_nothing_there(atlas: Path, tmp_path: Path) -> None:
    web = tmp_path / "web"
    (web / "mysite").mkdir(parents=True)
    (web / "mysite" / "index.html").write_text("mine")
    reseal(atlas, CRANE, "../../mysite")
    with pytest.raises(AtlasError) as refused:
        export(atlas, web / "out")
    assert "\n" not in str(refused.value)
    assert {path.relative_to(web).as_posix() for path in web.rglob("*")} == {"mysite", "mysite/index.html"}
    assert (web / "mysite" / "index.html").read_text() == "mine"


def reseal(atlas: Path, wnid: str, called: str) -> None:
    """Give a class another name in all tables, and have the manifest vouch for them."""

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: renamed(inner) for key, inner in value.items()}
        return [renamed(inner) for inner in value] if isinstance(value, list) else str_renamed(value)

    def str_renamed(value: Any) -> Any:
        return value.replace(wnid, called) if isinstance(value, str) else value

    said = json.loads((atlas / "manifest.json").read_text())
    said["classes"] = renamed(dict(said["classes"])) | {called: said["classes"][wnid]}
    del said["classes"][wnid]
    for path in atlas.glob("*.parquet"):
        old = pq.ParquetFile(path)
        groups = [old.read_row_group(i).to_pylist() for i in range(old.num_row_groups)]
        with pq.ParquetWriter(path, old.schema_arrow) as writer:
            for rows in groups:
                writer.write_table(pa.Table.from_pylist(renamed(rows), schema=old.schema_arrow))
        said["files"][path.name] = paths.fingerprint(path)
    (atlas / "manifest.json").write_bytes(sealed(said))


def test_tables_that_contradict_each_other_are_blamed_in_a_line(atlas: Path, tmp_path: Path) -> None:
    said = json.loads((atlas / "manifest.json").read_text())
    concepts = pq.read_table(atlas / "concepts.parquet")
    pq.write_table(concepts.filter(pc.is_valid(concepts["wnid"])), atlas / "concepts.parquet")  # no shared ones any more
    said["files"]["concepts.parquet"] = paths.fingerprint(atlas / "concepts.parquet")
    (atlas / "manifest.json").write_bytes(sealed(said))
    with pytest.raises(
        AtlasError, match=r"made-up cannot be shown \(IndexError: .*\): run `atlas check .*made-up`\.$"
    ) as refused:
        export(atlas, tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_link_in_the_place_of_the_gallery_is_refused(atlas: Path, tmp_path: Path) -> None:
    export(atlas, tmp_path / "neighbour")
    before = contents(tmp_path / "neighbour")
    (tmp_path / "out").symlink_to("neighbour")
    with pytest.raises(AtlasError, match="out is a link: OUT needs a folder"):
        export(atlas, tmp_path / "out", base_url="https://example.org/")
    assert contents(tmp_path / "neighbour") == before
    (tmp_path / "loop").symlink_to("loop")
    for name, words in (("loop/out", "a link leads back to itself"), ("x" * 300 + "/out", "File name too long")):
        with pytest.raises(AtlasError, match=rf"out cannot be written \({words}\): choose another OUT"):
            export(atlas, tmp_path / name)


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
    (tmp_path / "out" / "robots.txt").write_text("Disallow: /")
    again = run(str(atlas), str(tmp_path / "out"))
    assert (again.returncode, again.stderr) == (
        0,
        "kept as it was changed: robots.txt; delete it to have it written anew\n",
    )
    assert again.stdout.endswith("out: 44 pages; 0 classes written, 5 unchanged\n")
    wrong = run(str(tmp_path / "nothing"), str(tmp_path / "elsewhere"))
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert "is not an atlas" in wrong.stderr


def test_heat_maps_survive_in_four_bits(made_up: Store) -> None:
    photos = made_up.photos(BALL)
    assert photos
    heat = json.loads(data_files.heat_script(photos).removeprefix("window.atlasHeat=").removesuffix(";"))
    found = [level for byte in base64.b64decode(heat["levels"]) for level in (byte >> 4, byte & 15)]
    assert found[: photos.heat.size] == (photos.heat.ravel() >> 4).tolist()
