import dataclasses
from pathlib import Path

import numpy as np
import pytest

from atlas.format import Store, imagenet_classes
from precompute import config, progress, visualize
from precompute.commands import build
from precompute.network import backbone
from precompute.pipeline import BuildContext
from precompute.pipeline.visualizations import _seed, visualize_ahead, visualize_concepts
from precompute.visualize import cache, spectrum
from precompute.visualize.encode import encode_rgba

SMALL = visualize.Preset(size=64, crop_input=64, steps=3, crops=2, box=(0.6, 1.0))


class _Counting(progress.Silent):
    def __init__(self) -> None:
        super().__init__()
        self.images = 0

    def advance(self, images: int) -> None:
        self.images += images


@pytest.fixture(scope="module")
def lite0():
    return backbone.load("tf_efficientnet_lite0")


@pytest.fixture
def context(lite0, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setitem(visualize.PRESETS, "quick", SMALL)
    settings = config.make(photos="sample:", out=tmp_path / "atlas", pictures="quick", cache=str(tmp_path / "cache"))
    return BuildContext(settings, lite0, spectrum.load(), _Counting(), workers=1)


def _atoms(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((3, 1280)).astype(np.float32)


def test_a_picture_is_made_once(context):
    first = visualize_concepts(context, "n1", 3, _atoms())
    assert context.reporter.images == 4 * SMALL.steps * SMALL.crops
    again = visualize_concepts(context, "n1", 3, _atoms())
    assert context.reporter.images == 4 * SMALL.steps * SMALL.crops
    assert again == first


def test_pictures_of_many_classes_are_made_side_by_side_and_are_the_same(context):
    some = imagenet_classes()[:3]
    visualize_ahead(context, some)
    assert context.reporter.images == 3 * SMALL.steps * SMALL.crops
    ahead = [visualize_concepts(context, c.wnid, c.class_index, None) for c in some]
    assert context.reporter.images == 3 * SMALL.steps * SMALL.crops
    nothing = dataclasses.replace(context, config=dataclasses.replace(context.config, cache=""))
    assert [visualize_concepts(nothing, c.wnid, c.class_index, None) for c in some] == ahead


def test_nothing_is_painted_ahead_that_could_not_be_kept_or_might_not_be_chosen(context):
    for change in ({"cache": ""}, {"picture_seeds": 2}, {"pictures": "none"}):
        visualize_ahead(
            dataclasses.replace(context, config=dataclasses.replace(context.config, **change)), imagenet_classes()[:2]
        )
    assert context.reporter.images == 0


def test_what_is_remembered_is_what_would_be_made(context):
    """Pictures made beside others, alone, or taken from the folder are the same bytes."""
    visualize_concepts(context, "n1", 3, None)
    some = visualize_concepts(context, "n1", 3, _atoms())
    nothing = dataclasses.replace(context, config=dataclasses.replace(context.config, cache=""))
    assert visualize_concepts(nothing, "n1", 3, _atoms()) == some


def test_another_target_seed_preset_or_number_of_seeds_is_another_picture(context):
    target = visualize.Target(0, class_index=3)
    keys = {
        cache.key(context.backbone, context.spectrum, target, SMALL, seeds=1),
        cache.key(context.backbone, context.spectrum, dataclasses.replace(target, seed=1), SMALL, seeds=1),
        cache.key(context.backbone, context.spectrum, dataclasses.replace(target, class_index=4), SMALL, seeds=1),
        cache.key(context.backbone, context.spectrum, visualize.Target(0, direction=_atoms()[0]), SMALL, seeds=1),
        cache.key(context.backbone, context.spectrum, visualize.Target(0, direction=_atoms()[1]), SMALL, seeds=1),
        cache.key(context.backbone, context.spectrum, target, dataclasses.replace(SMALL, contrast=2.0), seeds=1),
        cache.key(context.backbone, context.spectrum, target, SMALL, seeds=3),
        cache.key(context.backbone, context.spectrum, target, SMALL, seeds=3, real=_atoms()),
        cache.key(context.backbone, context.spectrum, target, SMALL, seeds=3, real=_atoms(1)),
    }
    assert len(keys) == 9
    assert (
        cache.key(context.backbone, context.spectrum, target, SMALL, seeds=1, real=_atoms()) in keys
    )  # one seed: nothing to choose


def test_a_picture_that_was_given_up_is_said_and_tried_again(context, monkeypatch):
    said = []
    monkeypatch.setattr(context.reporter, "say", said.append)
    endless = np.full((1, 1280), np.inf, np.float32)
    for _ in range(2):
        visualize_concepts(context, "n1", None, endless)
    assert said == ["n1: a picture was given up, its objective was no number at step 1 of 3."] * 2
    assert not list(Path(context.config.cache).rglob("*.webp"))


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(context):
    Path(context.config.cache).write_text("a file, where a folder should be")
    first, again = (visualize_concepts(context, "n1", 3, None) for _ in range(2))
    assert first == again
    assert context.reporter.images == 2 * SMALL.steps * SMALL.crops


@pytest.mark.parametrize("damage", [b"", b"RIFF", None])
def test_a_damaged_picture_is_made_again(context, damage):
    good = visualize_concepts(context, "n1", 3, None)
    (path,) = Path(context.config.cache).rglob("*.webp")
    path.write_bytes(path.read_bytes()[:-50] if damage is None else damage)
    assert visualize_concepts(context, "n1", 3, None) == good
    assert path.read_bytes() == good.class_picture


def test_the_best_of_several_seeds_is_kept(context):

    several = dataclasses.replace(context, config=dataclasses.replace(context.config, picture_seeds=2))
    seed = _seed(several, "n1", -1)
    made = visualize.visualize(
        several.backbone,
        [visualize.Target(seed + i, class_index=3) for i in range(2)],
        spectrum=several.spectrum,
        preset=SMALL,
    )
    best = visualize.rank_visualizations(made)[0]

    assert visualize_concepts(several, "n1", 3, None).class_picture == encode_rgba(best.rgba)
    assert several.reporter.images == 2 * SMALL.steps * SMALL.crops


def test_a_build_with_other_settings_makes_no_picture_again(context, tmp_path: Path):
    settings = dataclasses.replace(context.config, scope="shared", shared_concepts=4, classes=("n02110341",))
    first, second = _Counting(), _Counting()
    build.build_atlas(settings, first)
    other = dataclasses.replace(settings, out=tmp_path / "other", layout="pca")
    build.build_atlas(other, second)
    assert first.images - second.images == 5 * SMALL.steps * SMALL.crops
    for name in ("class.webp",):
        pictures = [folder / "pictures" / "n02110341" / name for folder in (settings.out, other.out)]
        assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert Store(other.out).manifest.config["layout"] == "pca"
