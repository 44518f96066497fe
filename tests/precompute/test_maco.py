import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from atlas.schema import AtlasError
from precompute import backbone, maco, spectrum
from precompute.maco import crops
from precompute.maco.canvas import Maco

TINY = maco.Preset(size=64, crop_input=64, steps=6, crops=2, box=(0.6, 1.0))


@pytest.fixture(scope="module")
def lite0():
    return backbone.load("tf_efficientnet_lite0")


@pytest.fixture(scope="module")
def magnitude():
    return spectrum.load()


def _targets(net):
    random = np.random.default_rng(0)
    atom = np.abs(random.normal(size=net.channels)).astype(np.float32)
    return [
        maco.Target(seed=1, class_index=967),
        maco.Target(seed=2, direction=atom),
        maco.Target(seed=3, class_index=574),
    ]


def test_a_batch_equals_its_parts(lite0, magnitude):
    targets = _targets(lite0)
    together = maco.visualize(lite0, targets, spectrum=magnitude, preset=TINY)
    for target, found in zip(targets, together, strict=True):
        (alone,) = maco.visualize(lite0, [target], spectrum=magnitude, preset=TINY)
        np.testing.assert_allclose(alone.rgba, found.rgba, atol=1e-4)
        assert alone.objective == pytest.approx(found.objective, rel=1e-3, abs=1e-3)


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(lite0, magnitude):
    first, again, other = (
        maco.visualize(lite0, [maco.Target(seed=seed, class_index=967)], spectrum=magnitude, preset=TINY)[0].rgba
        for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 0.05


@pytest.mark.slow
def test_it_excites_what_it_was_asked_to(lite0, magnitude):
    """A quick picture of a class is that class to the network, and a direction is approached."""
    weight, _ = lite0.class_head(985)
    atom = np.clip(weight, 0, None)
    preset = dataclasses.replace(maco.PRESETS["quick"], steps=32)
    targets = [maco.Target(seed=0, class_index=574), maco.Target(seed=0, direction=atom)]
    golf_ball, direction = maco.visualize(lite0, targets, spectrum=magnitude, preset=preset)
    untrained = maco.visualize(lite0, targets, spectrum=magnitude, preset=dataclasses.replace(preset, steps=1))
    assert direction.objective > untrained[1].objective + 0.2  # cosine
    pixels = Image.fromarray((golf_ball.rgba[..., :3] * 255).astype(np.uint8)).resize((224, 224))
    x = lite0.normalise(torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None])
    with torch.inference_mode():
        assert int(lite0.logits(x)[1].argmax()) == 574


def test_only_the_phase_is_optimised(lite0, magnitude):
    """Before the colours and the sigmoid, the picture's magnitude spectrum is the one that was given."""
    preset = dataclasses.replace(TINY, contrast=0.5)  # far from the ends of the sigmoid, which rounds there
    canvas = Maco(magnitude, preset, torch.device("cpu"))
    phase = torch.randn(1, 3, 64, 33, generator=torch.Generator().manual_seed(0))
    picture = canvas.paint(phase)
    mixed = torch.logit(picture) / preset.contrast
    z = torch.einsum("rc,pchw->prhw", torch.linalg.inv(torch.from_numpy(magnitude.colour)), mixed)
    found = torch.fft.rfft2(z)[0, :, 1:31, 1:31].abs()
    expected = torch.from_numpy(magnitude.resized(64))[:, 1:31, 1:31]
    ratio = (found / expected).flatten()
    assert float(ratio.std() / ratio.mean()) < 1e-3


def test_pictures_have_colour_and_opacity(lite0, magnitude):
    (found,) = maco.visualize(lite0, [maco.Target(seed=0, class_index=1)], spectrum=magnitude, preset=TINY)
    assert found.rgba.shape == (64, 64, 4)
    assert found.rgba.min() >= 0
    assert found.rgba.max() <= 1
    assert found.rgba[..., 3].max() == pytest.approx(1)


def test_a_crop_of_everything_is_the_picture_and_a_corner_is_the_corner():
    preset = dataclasses.replace(TINY, crop_input=64)
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    whole = crops.cut(pictures, torch.full((2, 1, 2), 0.5), torch.ones(2, 1), preset)
    torch.testing.assert_close(whole, pictures)
    half = dataclasses.replace(preset, crop_input=32)
    corner = crops.cut(pictures, torch.full((2, 1, 2), 0.25), torch.full((2, 1), 0.5), half)
    torch.testing.assert_close(corner, pictures[:, :, :32, :32])
    small = crops.cut(pictures, torch.full((2, 1, 2), 0.5), torch.ones(2, 1), half)
    assert float((small.mean() - pictures.mean()).abs()) < 0.01  # antialiased: every pixel counts


def test_crops_stay_inside_and_the_box_means_what_it_says():
    preset = dataclasses.replace(TINY, crops=2000, crop_input=1, box=(0.3, 0.8), centre_sd=0.5)
    drawn = crops.draw(preset, torch.Generator().manual_seed(0), progress=0.0)
    assert float(drawn.side.min()) >= 0.3
    assert float(drawn.side.max()) <= 0.8
    assert float(drawn.side.max() - drawn.side.min()) > 0.45
    low, high = drawn.centre - drawn.side[:, None] / 2, drawn.centre + drawn.side[:, None] / 2
    assert float(low.min()) >= -1e-6
    assert float(high.max()) <= 1 + 1e-6


def test_noise_fades():
    first, last = (crops.draw(TINY, torch.Generator().manual_seed(0), progress=progress).noise.std() for progress in (0.0, 1.0))
    assert float(first) == pytest.approx(TINY.noise[0], rel=0.05)
    assert float(last) == pytest.approx(TINY.noise[1], rel=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"box": (0.9, 0.5)}, r"A crop box must be \(smallest, largest\)"),
        ({"box": (0.0, 0.5)}, "A crop box must be"),
        ({"box": (0.5, 1.5)}, "A crop box must be"),
        ({"crops": 0}, "at least one crop"),
        ({"steps": 0}, "at least one crop, one step"),
    ],
)
def test_presets_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(AtlasError, match=message):
        dataclasses.replace(TINY, **changes)


def test_targets_the_backbone_does_not_have_are_refused(lite0, magnitude):
    with pytest.raises(AtlasError, match="There is no class 1000: classes are numbered 0 to 999"):
        maco.visualize(lite0, [maco.Target(seed=0, class_index=1000)], spectrum=magnitude, preset=TINY)
    with pytest.raises(AtlasError, match=r"A direction needs 1280 channels, not all zero; found shape \(3,\)"):
        maco.visualize(lite0, [maco.Target(seed=0, direction=np.ones(3, np.float32))], spectrum=magnitude, preset=TINY)
    zero = np.zeros(1280, np.float32)
    with pytest.raises(AtlasError, match="not all zero"):
        maco.visualize(lite0, [maco.Target(seed=0, direction=zero)], spectrum=magnitude, preset=TINY)
