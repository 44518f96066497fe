from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from atlas.format.paths import data_path
from atlas.schema import AtlasError
from precompute import config
from precompute.config import Config
from precompute.engine.threads import of_worker

HERE = {"photos": ["photos"], "out": Path("out")}


def written(folder: Path, text: str) -> Path:
    file = folder / "build.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(file: Path | None = None, **flags: Any) -> str:
    with pytest.raises(AtlasError) as refused:
        config.make(file, **(HERE | flags))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_what_is_not_said_keeps_its_default() -> None:
    made = config.make(None, **HERE, concepts=None, seed=None)
    assert made == Config(photos=("photos",), out=Path("out"))
    assert (made.dictionary, made.concepts, made.scope, made.classes) == ("nmf", 10, "class", ())


def test_a_file_says_everything_a_flag_can(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        photos = ["a", "b"]
        out = "there"
        classes = ["n01440764", "n02102040"]
        shared-concepts = 64
        crop_size = 64
        seed = 7
        """,
    )
    made = config.make(file)
    assert made.photos == ("a", "b")
    assert made.out == Path("there")
    assert made.classes == ("n01440764", "n02102040")
    assert (made.shared_concepts, made.crop_size, made.seed) == (64, 64, 7)


def test_photo_sets_are_described_in_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'photos = "a"\nout = "there"\n[sets.a]\nlicence = "MIT"\n')
    made = config.make(file)
    assert made.sets == {"a": {"licence": "MIT"}}
    assert "sets" not in made.settings()  # what follows from it, the split of a photo, is compared by itself
    file = written(tmp_path, 'photos = "a"\nout = "there"\nsets = "MIT"\n')
    assert refusal(file) == "[sets.NAME] must be a table for each photo set, found sets = 'MIT'."


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'photos = "a"\nout = "there"\nconcepts = 25\nseed = 7\n')
    made = config.make(file, out=Path("here"), concepts=10, seed=None)
    assert (made.photos, made.out, made.concepts, made.seed) == (("a",), Path("here"), 10, 7)


def test_classes_are_written_with_commas() -> None:
    assert config.make(None, **HERE, classes="n01440764, n02102040").classes == ("n01440764", "n02102040")
    assert config.make(None, **HERE, classes="all").classes == ("all",)


def test_an_unknown_key_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, "concpets = 10")) == (
        f"{tmp_path / 'build.toml'}: unknown setting 'concpets'. Did you mean 'concepts'?"
    )
    assert refusal(written(tmp_path, "xyzzy = 10")).endswith("build.toml: unknown setting 'xyzzy'.")
    assert "unknown setting 'build'" in refusal(written(tmp_path, "[build]\nconcepts = 10"))


@pytest.mark.parametrize("text", ["concepts =", "concepts = 10\nconcepts = 11", "[", "concepts 10", "\x00"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, text: str) -> None:
    assert refusal(written(tmp_path, text)).startswith(f"{tmp_path / 'build.toml'} is not a readable TOML file (")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes("photos = 'café'".encode("latin-1"))
    for name in ("missing.toml", "", "latin.toml"):
        assert refusal(tmp_path / name).startswith(f"{tmp_path / name} is not a readable TOML file (")


def test_photos_and_out_are_needed() -> None:
    assert refusal(photos=None) == "A build needs --photos. Name a folder of photographs, or sample:."
    assert refusal(photos=[]) == "A build needs --photos. Name a folder of photographs, or sample:."
    assert refusal(out=None) == "A build needs --out."


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("photos = 3", "--photos must be text or a list of texts, found 3."),
        ('photos = ["a", 3]', "--photos must be text or a list of texts, found ['a', 3]."),
        ("out = 3", "--out must be the name of a folder, found 3."),
        ("classes = 5", "--classes must be text or a list of texts, found 5."),
        ("classes = { n01440764 = true }", "--classes must be text or a list of texts, found {'n01440764': True}."),
        ("concepts = 2.5", "--concepts must be a whole number, found 2.5."),
        ('concepts = "10"', "--concepts must be a whole number, found '10'."),
        ("seed = true", "--seed must be a whole number, found True."),
        ("backbone = 5", "--backbone must be text, found 5."),
        ('scope = ["class"]', "--scope must be text, found ['class']."),
        ("device = 2020-01-01", "--device must be text, found datetime.date(2020, 1, 1)."),
        ('scope = "classes"', "--scope must be one of class, shared, both, found 'classes'."),
        ('pictures = "ultra"', "--pictures must be one of none, quick, fine, full, found 'ultra'."),
        ('publish-photos = "no"', "--publish-photos must be one of embed, reference, found 'no'."),
        ('layout = "umap"', "--layout must be one of tsne, pca, found 'umap'."),
        ("concepts = 0", "--concepts must be at least 1, found 0."),
        ("shared-concepts = -5", "--shared-concepts must be at least 1, found -5."),
        ("crop-size = 1", "--crop-size must be at least 16, found 1."),
        ("crop-size = 1000000", "--crop-size must be at most 4096, found 1000000."),
        ("workers = -1", "--workers must be at least 0, found -1."),
        ("seed = -1", "--seed must be at least 0, found -1."),
        ("seed = 4294967296", "--seed must be at most 4294967295, found 4294967296."),
        ("batch = 1", "--batch must be at least 2, found 1."),
    ],
)
def test_a_value_that_cannot_be_is_said_with_what_can(tmp_path: Path, line: str, words: str) -> None:
    name = line.split(" ")[0]
    file = written(tmp_path, line if name in HERE else f'photos = "a"\nout = "b"\n{line}')
    with pytest.raises(AtlasError) as refused:
        config.make(file, **({key: value for key, value in HERE.items() if key != name} if name in HERE else {}))
    assert str(refused.value) == words


OTHER: dict[str, Any] = {
    "photos": ["elsewhere"],
    "out": Path("elsewhere"),
    "sets": {"photos": {"licence": "MIT"}},
    "backbone": "resnet50",
    "weights": "elsewhere.pth",
    "layer": "layer4",
    "classes": "n01440764",
    "scope": "shared",
    "dictionary": "pca",
    "shared_dictionary": "pca",
    "concepts": 11,
    "shared_concepts": 11,
    "dictionaries": str(data_path("data/imagenet-lite0")),
    "pictures": "none",
    "publish_photos": "reference",
    "engine": "elsewhere",
    "ray_address": "head:6379",
    "device": "cuda",
    "workers": 3,
    "threads": 3,
    "cache": "elsewhere",
    "seed": 1,
    "crop_size": 64,
    "crop_input": 160,
    "batch": 8,
    "picture_batch": 2,
    "picture_seeds": 2,
    "layout": "pca",
}
#: Where things lie and run; weights are known by their sha256, whatever their file is called.
FREE = {"photos", "sets", "out", "weights", "classes", "engine", "ray_address", "device", "workers", "threads", "cache"}


def test_the_digest_changes_with_every_setting_that_changes_a_result_and_no_other() -> None:
    plain = config.make(None, **HERE)
    assert set(OTHER) == {field.name for field in dataclasses.fields(Config)}, "a new setting: can it change a result?"
    for name, value in OTHER.items():
        changed = config.make(None, **(HERE | {name: value}))
        assert getattr(changed, name) != getattr(plain, name)
        assert (changed.digest == plain.digest) == (name in FREE), name
        assert (changed.settings() == plain.settings()) == (name in FREE), name


def test_the_digest_does_not_depend_on_where_a_setting_came_from(tmp_path: Path) -> None:
    file = written(tmp_path, "concepts = 25\nseed = 3\n")
    assert config.make(file, **HERE).digest == config.make(None, **HERE, seed=3, concepts=25).digest


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.make(None, **HERE).seed = 5  # type: ignore[misc]


def test_a_worker_in_another_folder_finds_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.pth").write_bytes(b"")
    relative = config.make(photos=["photos", "sample:"], out="atlas", cache="album", weights="mine.pth")
    assert config.make(photos="p", out="o", dictionaries="made").absolute().dictionaries == str(tmp_path / "made")
    found = relative.absolute()
    assert found.photos == (str(tmp_path / "photos"), "sample:")
    assert (found.cache, found.weights) == (str(tmp_path / "album"), str(tmp_path / "mine.pth"))
    assert found.digest == relative.digest
    plain = config.make(photos="/p", out="atlas")
    assert plain.absolute() == plain


@pytest.mark.parametrize(
    ("flags", "threads"),
    [
        ({}, 0),
        ({"threads": 3}, 3),
        ({"engine": "ray", "threads": 3}, 3),
        ({"engine": "ray", "workers": 4}, 2),
        ({"engine": "ray", "workers": 40}, 1),
        ({"engine": "ray", "device": "cpu"}, 1),
    ],
)
def test_workers_of_a_cluster_share_the_cores(monkeypatch: pytest.MonkeyPatch, flags: dict[str, Any], threads: int) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert of_worker(config.make(photos="/p", out="atlas", **flags)) == threads
