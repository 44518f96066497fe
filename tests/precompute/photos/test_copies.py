from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from rich.console import Console

from atlas.format import Store, problems
from atlas.schema import AtlasError
from precompute import config, photos
from precompute.commands.plan import report
from precompute.commands.plan.estimate import Plan
from precompute.photos import Decoder, Geometry, NoAnswer, Photo, PhotoIndex, copies

TENCH, SPRINGER, CHURCH = "n01440764", "n02102040", "n03028079"
WORDS = "(the same photo under another name)"


def photo(seed: int, size: tuple[int, int] = (240, 180)) -> Image.Image:
    """Return a generated photograph: blobs of colour, with finer ones on them."""
    noise = np.random.default_rng(seed)
    layers = [noise.integers(0, 256, (*grid, 3), dtype=np.uint8) for grid in ((7, 8), (28, 32))]
    large, small = (Image.fromarray(layer).resize(size, Image.Resampling.BICUBIC) for layer in layers)
    return Image.blend(large, small, 0.3)


def horizon(seed: int) -> Image.Image:
    """Return a bright sky over a dark meadow with its own grass."""
    grass = np.random.default_rng(seed).normal(0, 12, (32, 32))
    scene = np.where(np.arange(32)[:, None] < 14, 220.0, 60.0) + grass
    return Image.fromarray(scene.clip(0, 255).astype(np.uint8)).resize((256, 256), Image.Resampling.NEAREST)


def save(path: Path, image: Image.Image, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def found(*sources: Path, across: bool = False) -> PhotoIndex:
    index = photos.index([str(source) for source in sources])
    return photos.without_copies(index, index.photos, workers=2, across=across)


def keys(index: PhotoIndex, wnid: str = TENCH) -> list[str]:
    return [p.key for p in index.photos.get(wnid, ())]


# What a copy is


def test_twelve_copies_of_a_file_are_one_photo(tmp_path: Path) -> None:
    first = save(tmp_path / "set/fit" / TENCH / "a.jpg", photo(0))
    save(first.with_name("other.jpg"), photo(1))
    for i in range(11):
        shutil.copy(first, first.with_name(f"copy {i:02d}.jpg"))
    index = found(tmp_path / "set")
    assert keys(index) == [f"set/fit/{TENCH}/a.jpg", f"set/fit/{TENCH}/other.jpg"]
    original = f"a copy of set/fit/{TENCH}/a.jpg"
    assert index.copies == {f"set/fit/{TENCH}/copy {i:02d}.jpg": original for i in range(11)}
    assert photos.counted(index.copies) == f"11 copies {WORDS}"
    assert photos.counted({"one": "two"}) == f"1 copy {WORDS}"


def turned(path: Path, image: Image.Image) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path, image: image.save(path, quality=30), id="of poor quality"),
        pytest.param(lambda path, image: image.resize((120, 90)).save(path, quality=80), id="half as large"),
        pytest.param(lambda path, image: image.resize((960, 720)).save(path), id="four times as large"),
        pytest.param(lambda path, image: image.resize((200, 200)).save(path), id="squashed to a square"),
        pytest.param(lambda path, image: image.convert("L").save(path), id="without colour"),
        pytest.param(lambda path, image: image.save(path, "PNG"), id="as PNG"),
        pytest.param(turned, id="turned by its EXIF"),
    ],
)
def test_a_photo_that_was_saved_again_is_a_copy(tmp_path: Path, write: Callable[[Path, Image.Image], None]) -> None:
    for seed in range(6):
        path = save(tmp_path / "set/fit" / TENCH / f"{seed}.jpg", photo(seed), quality=90)
        write(path.with_name(f"{seed} again.jpg"), photo(seed))
    index = found(tmp_path / "set")
    place = f"set/fit/{TENCH}"
    assert index.copies == {f"{place}/{seed}.jpg": f"a copy of {place}/{seed} again.jpg" for seed in range(6)}


def test_photos_of_one_kind_are_not_copies_though_they_are_alike_from_afar(tmp_path: Path) -> None:
    for seed in range(3):
        save(tmp_path / "set/fit" / TENCH / f"{seed}.png", horizon(seed))
    small = [np.asarray(horizon(seed).resize((16, 16), Image.Resampling.BOX), float).ravel() for seed in range(3)]
    assert np.corrcoef(small)[np.triu_indices(3, 1)].min() > 0.97
    save(tmp_path / "set/fit" / TENCH / "0 again.jpg", horizon(0), quality=80)
    index = found(tmp_path / "set")
    assert index.copies == {f"set/fit/{TENCH}/0.png": f"a copy of set/fit/{TENCH}/0 again.jpg"}


def test_a_picture_of_one_colour_is_a_copy_of_the_same_bytes_only(tmp_path: Path) -> None:
    for name, colour in (("a", "red"), ("b", "red"), ("c", "blue"), ("d", (76, 76, 76)), ("e", "white")):  # red is 76 in grey
        save(tmp_path / "set/fit" / TENCH / f"{name}.png", Image.new("RGB", (64, 64), colour))
    index = found(tmp_path / "set")
    assert index.copies == {f"set/fit/{TENCH}/b.png": f"a copy of set/fit/{TENCH}/a.png"}


def test_who_is_alike_to_a_copy_alone_is_none() -> None:
    noise = np.random.default_rng(0)
    grids = noise.integers(60, 196, (16, 16)), noise.choice([-7, 7], (16, 16))
    middle, step = (np.kron(grid, np.ones((2, 2), int)) for grid in grids)
    one, between, other = (middle - step, middle, middle + step)
    one, between, other = (pixels.astype(np.uint8) for pixels in (one, between, other))
    assert copies.alike(np.stack([one, between, other])) == {1: 0}
    assert copies.alike(np.stack([between, one, other])) == {1: 0, 2: 0}


def test_where_nothing_is_fine_nothing_fine_tells_photos_apart() -> None:
    noise = np.random.default_rng(0)
    plain = np.kron(noise.integers(60, 196, (8, 8)), np.ones((4, 4), int))
    paler, grained = plain + 20, plain + noise.choice([-3, 3], (32, 32))
    plain, paler, grained = (pixels.astype(np.uint8) for pixels in (plain, paler, grained))
    assert copies.alike(np.stack([plain, grained, paler])) == {2: 0}


def test_copies_are_found_however_far_apart_they_are() -> None:
    small = np.random.default_rng(0).integers(0, 256, (900, 32, 32), dtype=np.uint8)
    small[899], small[256], small[257] = small[0], small[255], small[255]
    assert copies.alike(small) == {256: 255, 257: 255, 899: 0}


# Which of them is kept


def test_what_is_held_out_is_kept_and_never_fitted(tmp_path: Path) -> None:
    for split, name in (("fit", "a"), ("holdout", "b"), ("holdout", "c"), ("fit", "d")):
        save(tmp_path / "set" / split / TENCH / f"{name}.jpg", photo(0), quality=70 + ord(name) % 5)
    save(tmp_path / "set/fit" / TENCH / "e.jpg", photo(1))
    index = found(tmp_path / "set")
    assert keys(index) == [f"set/fit/{TENCH}/e.jpg", f"set/holdout/{TENCH}/b.jpg"]
    names = [f"fit/{TENCH}/a.jpg", f"fit/{TENCH}/d.jpg", f"holdout/{TENCH}/c.jpg"]
    assert index.copies == {f"set/{name}": f"a copy of set/holdout/{TENCH}/b.jpg" for name in names}


def test_the_order_of_the_sources_changes_nothing(tmp_path: Path) -> None:
    for name in ("winter", "summer"):
        for seed in range(3):
            save(tmp_path / name / "fit" / TENCH / f"{seed}.jpg", photo(seed), quality=80 + len(name) + ord(name[0]) % 7)
    one, other = (found(*(tmp_path / name for name in names)) for names in (("winter", "summer"), ("summer", "winter")))
    assert (one.photos, one.copies) == (other.photos, other.copies)
    assert keys(one) == [f"summer/fit/{TENCH}/{seed}.jpg" for seed in range(3)]


def two_classes(root: Path, church: str, springer: str) -> Path:
    """Write one photo into the splits of two classes, and another into the first of them."""
    path = save(root / church / CHURCH / "a.jpg", photo(0))
    save(root / "fit" / CHURCH / "b.jpg", photo(1))
    (root / springer / SPRINGER).mkdir(parents=True)
    shutil.copy(path, root / springer / SPRINGER / "c.jpg")
    return root


def test_a_photo_of_two_classes_is_one_of_each(tmp_path: Path) -> None:
    for split in ("fit", "holdout"):
        index = found(two_classes(tmp_path / f"both {split}", split, split), across=True)
        assert index.copies == {}
        assert index.total == 3
    apart = two_classes(tmp_path / "apart", "holdout", "fit")
    save(apart / "fit" / SPRINGER / "d.jpg", photo(2))
    assert found(apart).copies == {}  # where each class is fitted on its own


def test_what_one_class_holds_out_is_not_fitted_in_another_where_all_are_fitted_together(tmp_path: Path) -> None:
    index = found(two_classes(tmp_path / "set", "holdout", "fit"), across=True)
    assert index.copies == {f"set/fit/{SPRINGER}/c.jpg": f"a copy of set/holdout/{CHURCH}/a.jpg"}
    assert list(index.photos) == [CHURCH]
    index = found(two_classes(tmp_path / "other", "fit", "holdout"), across=True)
    assert index.copies == {f"other/fit/{CHURCH}/a.jpg": f"a copy of other/holdout/{SPRINGER}/c.jpg"}
    assert (keys(index, CHURCH), len(keys(index, SPRINGER))) == ([f"other/fit/{CHURCH}/b.jpg"], 1)


# What is looked at


def test_photos_in_shards_are_compared_with_those_in_folders(tmp_path: Path) -> None:
    whole = tmp_path / "tars/fit/0.tar"
    whole.parent.mkdir(parents=True)
    with tarfile.open(whole, "w") as tar:
        for name, seed in (("a", 0), ("b", 0), ("c", 1)):
            stream = io.BytesIO()
            photo(seed).save(stream, "JPEG")
            member = tarfile.TarInfo(f"{TENCH}/{name}.jpg")
            member.size = len(stream.getvalue())
            tar.addfile(member, io.BytesIO(stream.getvalue()))
    save(tmp_path / "folder/fit" / TENCH / "d.jpg", photo(1), quality=40)
    index = found(tmp_path / "tars", tmp_path / "folder")
    assert index.copies == {
        f"tars/fit/{TENCH}/b.jpg": f"a copy of tars/fit/{TENCH}/a.jpg",
        f"tars/fit/{TENCH}/c.jpg": f"a copy of folder/fit/{TENCH}/d.jpg",
    }


def test_files_that_cannot_be_used_are_left_to_whoever_names_them(tmp_path: Path) -> None:
    folder = tmp_path / "set/fit" / TENCH
    save(folder / "a.jpg", photo(0))
    save(folder / "b.jpg", photo(0))
    for name in ("c.jpg", "d.jpg"):
        (folder / name).write_bytes(b"twice the same, and no photo")
    index = found(tmp_path / "set")
    assert list(index.copies) == [f"set/fit/{TENCH}/b.jpg"]
    decoder = Decoder(lambda image: (np.asarray(image.resize((32, 32))), Geometry(image.size)))
    assert [p.path.name for p, *_ in decoder(index.photos[TENCH])] == ["a.jpg"]
    assert decoder.skipped.reasons == {f"set/fit/{TENCH}/{name}.jpg": "not an image" for name in "cd"}


def test_only_classes_that_are_asked_for_and_have_several_photos_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wnid, each in ((TENCH, 2), (SPRINGER, 1), (CHURCH, 2)):
        for i in range(each):
            save(tmp_path / "set/fit" / wnid / f"{i}.jpg", photo(0))
    read = []
    monkeypatch.setattr(copies, "thumbnail", lambda each, side: read.append(each.wnid) or np.zeros((side, side), np.uint8))
    index = photos.index([str(tmp_path / "set")])
    photos.without_copies(index, [TENCH, SPRINGER], workers=1)
    assert read == [TENCH, TENCH]


def test_a_class_that_cannot_be_read_just_now_stays_as_it_is_and_the_others_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wnid in (TENCH, SPRINGER, CHURCH):
        for i in range(2):
            save(tmp_path / "set/fit" / wnid / f"{i}.jpg", photo(0))
    index, real = photos.index([str(tmp_path / "set")]), copies.thumbnail

    def failing(error: Exception, *wnids: str) -> None:
        def read(each: Photo, side: int) -> Any:
            if each.wnid in wnids:
                raise error
            return real(each, side)

        monkeypatch.setattr(copies, "thumbnail", read)

    for error in (AtlasError("cannot be read just now"), NoAnswer("nobody answers")):
        failing(error, TENCH, CHURCH)
        assert list(photos.without_copies(index, index.photos, workers=1).copies) == [f"set/fit/{SPRINGER}/1.jpg"]
    failing(NoAnswer("nobody answers"), TENCH, SPRINGER, CHURCH)
    with pytest.raises(NoAnswer, match="nobody answers"):
        photos.without_copies(index, index.photos, workers=1)


# What is said


@pytest.fixture
def doubled(photo_folder: Path, tmp_path: Path) -> Path:
    """Return the photos with one of each class that is fitted there twice more: the same bytes, and saved again."""
    folder = Path(shutil.copytree(photo_folder, tmp_path / "photos" / photo_folder.name))
    for place in folder.iterdir():
        first = next(path for path in sorted(place.iterdir()) if photos.hashed_split(path.name) == "fit")
        again = [name for name in (f"zz {i}.jpg" for i in range(30)) if photos.hashed_split(name) == "fit"]
        shutil.copy(first, place / again[0])
        Image.open(first).save(place / again[1], quality=60)
    return folder


def test_an_atlas_of_copies_is_that_of_the_originals_and_says_what_was_passed_over(
    build: Any, made: Any, doubled: Path, tmp_path: Path
) -> None:
    plain, out = tmp_path / "plain", tmp_path / "a"
    assert build(plain).status == 0
    ended = build(out, photos=doubled)
    assert ended.status == 0, ended.err
    assert f"passed over 6 copies {WORDS}, named in the manifest\n" in ended.err
    assert "skipped" not in ended.err
    assert problems(out) == []
    said = Store(out).manifest.skipped_photos
    for wnid in made.WNIDS:
        mine = {key: why for key, why in said.items() if wnid in key}
        assert len(mine) == 2
        assert all(key.startswith(f"generated/{wnid}/zz ") for key in mine)
        assert set(mine.values()) == {f"a copy of generated/{wnid}/photo 00.png"}
        assert Store(out).records[wnid].n_photos == 12
    assert made.content(out) == made.content(plain)


def test_a_resumed_build_counts_copies_once_and_says_them_again(build: Any, made: Any, doubled: Path, tmp_path: Path) -> None:
    out = tmp_path / "a"
    assert build(out, "--classes", made.WNIDS[0], photos=doubled).status == 0
    assert len(Store(out).manifest.skipped_photos) == 2
    assert build(out, photos=doubled).status == 0
    whole, said = made.content(out), Store(out).manifest.skipped_photos
    assert len(said) == 6
    created = Store(out).manifest.created
    again = build(out, "--json", photos=doubled)
    assert (again.status, made.content(out)) == (0, whole)
    assert f"passed over 6 copies {WORDS}, named in the manifest" in again.messages
    assert f"{out}: 0 built, 3 unchanged, 0 failed" in again.messages[-1]
    assert Store(out).manifest.created == created  # nothing had to be published
    one = build(out, "--classes", made.WNIDS[0], photos=doubled)
    assert (one.status, Store(out).manifest.skipped_photos) == (0, said)


def test_copies_that_come_and_go_change_the_manifest_and_no_table(
    build: Any, made: Any, photo_folder: Path, doubled: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    assert build(out).status == 0
    whole = made.content(out)
    for folder, count in ((doubled, 6), (photo_folder, 0)):
        ended = build(out, "--json", photos=folder)
        assert f"{out}: 0 built, 3 unchanged" in ended.messages[-1]
        assert len(Store(out).manifest.skipped_photos) == count
        assert made.content(out) == whole


def test_a_photo_that_cannot_be_used_is_told_apart_from_copies(build: Any, doubled: Path, tmp_path: Path) -> None:
    (doubled / TENCH / "broken.jpg").write_bytes(b"no photo")
    ended = build(tmp_path / "a", "--json", photos=doubled)
    assert ended.status == 3
    assert [m for m in ended.messages if m.startswith("skipped")] == [f"skipped generated/{TENCH}/broken.jpg: not an image"]
    assert len(Store(tmp_path / "a").manifest.skipped_photos) == 7


def test_a_shared_dictionary_is_not_fitted_on_what_another_class_holds_out(
    build: Any, made: Any, photo_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    shutil.copytree(photo_folder, folder / "fit")
    held = made.draw_photo(folder / "holdout" / SPRINGER / "held.png", 77777)
    shutil.copy(held, folder / "fit" / TENCH / "too.png")
    ended = build(tmp_path / "a", "--scope", "shared", "--shared-concepts", 5, "--json", photos=folder)
    assert ended.status == 0
    assert f"passed over 1 copy {WORDS}, named in the manifest" in ended.messages
    store = Store(tmp_path / "a")
    assert store.manifest.skipped_photos == {f"set/fit/{TENCH}/too.png": f"a copy of set/holdout/{SPRINGER}/held.png"}
    assert (store.records[TENCH].n_photos, store.records[SPRINGER].n_holdout) == (12, 1)


def test_an_evaluation_judges_originals_and_names_the_copies(build: Any, made: Any, doubled: Path, tmp_path: Path) -> None:
    state = torch.load(build.weights)
    state["fc.bias"][0] = 1e3  # whatever it sees is a tench
    torch.save(state, tmp_path / "tench.pth")
    small = ("--backbone", made.BACKBONE, "--weights", tmp_path / "tench.pth", "--device", "cpu", "--concepts", 3, "--json")
    methods = ("--dictionary", "kmeans", "--importance", "gradient_input", "--classes", TENCH)
    ended = build.command_line.run("evaluate", "--photos", doubled, "--out", tmp_path / "e", *small, *methods)
    assert ended.status == 0, ended.err
    assert f"passed over 2 copies {WORDS}" in ended.messages
    said = json.loads((tmp_path / "e/evaluation.json").read_text())
    assert set(said["skipped_photos"].values()) == {f"a copy of generated/{TENCH}/photo 00.png"}
    assert said["n_photos_fitted"] == 12


def test_a_plan_says_that_copies_are_counted() -> None:
    times = dict.fromkeys(("start", "shared", "work", "longest", "measured"), 1.0)
    plan = Plan(classes=1, photos=12, images=60, pictures=0, bytes=1, memory=1, **times)
    stream = io.StringIO()
    report.show(plan, config.make(None, photos="x", out="y"), Console(file=stream, width=120), as_json=False)
    (line,) = [line.split() for line in stream.getvalue().splitlines() if line.startswith("photos")]
    assert line == ["photos,", "copies", "among", "them", "not", "looked", "for", "12"]
