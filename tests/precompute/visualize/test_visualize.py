import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from atlas.schema import AtlasError
from precompute import visualize
from precompute.network import backbone
from precompute.visualize import crops, spectrum
from precompute.visualize.opacity import opacity
from precompute.visualize.optimise import _flat
from precompute.visualize.parameterisation import Maco

TINY = visualize.Preset(size=64, crop_input=64, steps=6, crops=2, box=(0.6, 1.0))


@pytest.fixture(scope="module")
def lite0():
    return backbone.load("tf_efficientnet_lite0")


@pytest.fixture(scope="module")
def magnitude():
    return spectrum.load()


def _logits(net, made):
    """Return what a network says of a whole picture, resized to its input with torch's antialiasing."""
    x = torch.from_numpy(made.rgba[..., :3].copy()).permute(2, 0, 1)[None]
    x = F.interpolate(x, size=(net.preprocessing.input_size,) * 2, mode="bilinear", antialias=True)
    with torch.inference_mode():
        return net.logits(net.normalise_unit(x))[1][0].numpy()


def _targets(net):
    random = np.random.default_rng(0)
    atom = np.abs(random.normal(size=net.channels)).astype(np.float32)
    return [
        visualize.Target(seed=1, class_index=967),
        visualize.Target(seed=2, direction=atom),
        visualize.Target(seed=3, class_index=574),
    ]


def test_a_batch_of_eight_equals_eight_singles(lite0, magnitude):
    targets = _targets(lite0) + [visualize.Target(seed=10 + i, class_index=100 * i) for i in range(5)]
    together = visualize.visualize(lite0, targets, spectrum=magnitude, preset=TINY)
    for target, found in zip(targets, together, strict=True):
        (alone,) = visualize.visualize(lite0, [target], spectrum=magnitude, preset=TINY)
        np.testing.assert_allclose(alone.rgba, found.rgba, atol=1e-4)
        assert alone.objective == pytest.approx(found.objective, rel=1e-3, abs=1e-3)


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(lite0, magnitude):
    first, again, other = (
        visualize.visualize(lite0, [visualize.Target(seed=seed, class_index=967)], spectrum=magnitude, preset=TINY)[0].rgba
        for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 0.05


@pytest.mark.slow
def test_it_excites_what_it_was_asked_to(lite0, magnitude):
    """A quick picture of a class is that class to the network, and a direction is approached."""
    weight, _ = lite0.class_head(985)
    atom = np.clip(weight, 0, None)
    preset = dataclasses.replace(visualize.PRESETS["quick"], steps=32)
    targets = [visualize.Target(seed=0, class_index=574), visualize.Target(seed=0, direction=atom)]
    golf_ball, direction = visualize.visualize(lite0, targets, spectrum=magnitude, preset=preset)
    untrained = visualize.visualize(lite0, targets, spectrum=magnitude, preset=dataclasses.replace(preset, steps=1))
    assert direction.objective > untrained[1].objective + 0.2  # cosine
    pixels = Image.fromarray((golf_ball.rgba[..., :3] * 255).astype(np.uint8)).resize((224, 224))
    x = lite0.normalise(torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None])
    with torch.inference_mode():
        assert int(lite0.logits(x)[1].argmax()) == 574


@pytest.mark.slow
def test_a_full_picture_of_a_flamingo_is_one_to_a_network_that_never_saw_it(lite0, magnitude):
    (made,) = visualize.visualize(
        lite0, [visualize.Target(seed=0, class_index=130)], spectrum=magnitude, preset=visualize.PRESETS["full"]
    )
    assert float(_logits(lite0, made)[130]) > 20
    assert int(_logits(backbone.load("tf_efficientnet_lite2"), made).argmax()) == 130


def test_only_the_phase_is_optimised(lite0, magnitude):
    """Before the colours and the sigmoid, the picture's magnitude spectrum is the one that was given."""
    preset = dataclasses.replace(TINY, contrast=0.5)  # far from the ends of the sigmoid, which rounds there
    parameterisation = Maco(magnitude, preset, torch.device("cpu"))
    phase = torch.randn(1, 3, 64, 33, generator=torch.Generator().manual_seed(0))
    picture = parameterisation.render(phase)
    mixed = torch.logit(picture) / preset.contrast
    z = torch.einsum("rc,pchw->prhw", torch.linalg.inv(torch.from_numpy(magnitude.colour)), mixed)
    found = torch.fft.rfft2(z)[0, :, 1:31, 1:31].abs()
    expected = torch.from_numpy(magnitude.resized(64))[:, 1:31, 1:31]
    ratio = (found / expected).flatten()
    assert float(ratio.std() / ratio.mean()) < 1e-3


def _corners(pictures):
    """Return the share of the energy of decorrelated pictures (picture, 3, n, n) that lies in a 64th of their area."""
    energy = ((pictures - pictures.mean(dim=(2, 3), keepdim=True)) ** 2).sum(dim=(0, 1))
    k = len(energy) // 16
    around_origin = energy.roll((k, k), dims=(0, 1))[: 2 * k, : 2 * k]
    return float(around_origin.sum() / energy.sum())


@pytest.mark.parametrize(("phase_sd", "mean_coefficient", "corners"), [(1.0, 0.607, 0.34), (2.0, 0.135, 0.03)])
def test_phases_of_a_larger_deviation_leave_no_blob_in_the_corners(magnitude, phase_sd, mean_coefficient, corners):
    """E exp(iφ) = exp(−sd²/2), the same in every picture: what pictures of many seeds have in common."""
    preset = dataclasses.replace(TINY, size=256, contrast=0.05, phase_sd=phase_sd)
    parameterisation = Maco(magnitude, preset, torch.device("cpu"))
    pictures = parameterisation.render(
        torch.stack([parameterisation.initial(torch.Generator().manual_seed(seed)) for seed in range(16)])
    )
    z = torch.einsum("rc,pchw->prhw", torch.linalg.inv(torch.from_numpy(magnitude.colour)), torch.logit(pictures) / 0.05)
    assert _corners(z) == pytest.approx(corners, rel=0.2)
    common, each = torch.fft.rfft2(z.mean(dim=0))[:, 1:100, 1:100], torch.fft.rfft2(z)[:, :, 1:100, 1:100]
    assert float(common.real.sum() / each.abs().mean(dim=0).sum()) == pytest.approx(mean_coefficient, abs=0.01)


def test_pictures_of_every_preset_start_without_a_blob_in_the_corners(magnitude):
    for preset in visualize.PRESETS.values():
        parameterisation = Maco(magnitude, dataclasses.replace(preset, contrast=0.05), torch.device("cpu"))
        pictures = parameterisation.render(parameterisation.initial(torch.Generator().manual_seed(0))[None])
        z = torch.einsum("rc,pchw->prhw", torch.linalg.inv(torch.from_numpy(magnitude.colour)), torch.logit(pictures) / 0.05)
        assert _corners(z) < 0.1


def test_pictures_have_colour_and_opacity(lite0, magnitude):
    (found,) = visualize.visualize(lite0, [visualize.Target(seed=0, class_index=1)], spectrum=magnitude, preset=TINY)
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


def _looked_at(look, pictures):
    """Return what a way of cutting shows, and the gradient it sends back to the pictures."""
    leaf = pictures.clone().requires_grad_()
    found = look(leaf)
    (found * torch.arange(found.numel()).reshape(found.shape).sin()).sum().backward()
    return found.detach(), leaf.grad


@pytest.mark.parametrize(("size", "side"), [(48, 48), (48, 20), (64, 24), (30, 50)])
def test_a_whole_picture_is_resized_as_torch_resizes_it_with_antialiasing(size, side):
    pictures = torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    preset = dataclasses.replace(TINY, crop_input=side)
    ours = _looked_at(lambda x: crops.cut(x, torch.full((3, 1, 2), 0.5), torch.ones(3, 1), preset), pictures)
    torchs = _looked_at(lambda x: F.interpolate(x, size=(side, side), mode="bilinear", antialias=True), pictures)
    torch.testing.assert_close(ours, torchs, atol=1e-5, rtol=1e-5)


def test_crops_that_are_enlarged_are_bilinear_samples():
    """Forwards and backwards, also where crops touch the border."""
    pictures = torch.rand(3, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    preset = dataclasses.replace(TINY, crop_input=50, crops=4)
    drawn = [crops.draw(preset, torch.Generator().manual_seed(i), progress=0.0) for i in range(3)]
    centre, side = torch.stack([d.centre for d in drawn]), torch.stack([d.side for d in drawn])

    def sampled(x):
        at = 2 * (centre[..., None] + side[..., None, None] * ((torch.arange(50) + 0.5) / 50 - 0.5)) - 1  # picture, crop, axis
        grid = torch.stack([at[:, :, 0, None, :].expand(3, 4, 50, 50), at[:, :, 1, :, None].expand(3, 4, 50, 50)], dim=-1)
        found = F.grid_sample(x.repeat_interleave(4, 0), grid.flatten(0, 1), padding_mode="border", align_corners=False)
        return found

    ours = _looked_at(lambda x: crops.cut(x, centre, side, preset), pictures)
    torch.testing.assert_close(ours, _looked_at(sampled, pictures), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("side", [1.0, 0.8])
def test_a_fine_checkerboard_cut_down_is_grey_and_not_a_pattern(side):
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * torch.ones(1, 3, 1, 1)
    preset = dataclasses.replace(TINY, crop_input=24)
    found = crops.cut(board, torch.full((1, 2, 2), 0.5), torch.full((1, 2), side), preset)
    assert float(found.mean()) == pytest.approx(0.5, abs=0.002)
    assert float(found.std()) < 0.01  # 0.15 where a pixel of the crop looks at four of the picture alone


def test_an_objective_is_that_of_the_picture_resized_with_antialiasing(lite0, magnitude):
    preset = dataclasses.replace(TINY, size=512, steps=2)
    (made,) = visualize.visualize(lite0, [visualize.Target(seed=0, class_index=130)], spectrum=magnitude, preset=preset)
    assert made.objective == pytest.approx(_logits(lite0, made)[130], abs=2e-3)


def test_crops_stay_inside_and_the_box_means_what_it_says():
    preset = dataclasses.replace(TINY, crops=2000, crop_input=1, box=(0.3, 0.8), centre_sd=0.5)
    drawn = crops.draw(preset, torch.Generator().manual_seed(0), progress=0.0)
    assert float(drawn.side.min()) == pytest.approx(0.3, abs=0.002)
    assert float(drawn.side.max()) == pytest.approx(0.8, abs=0.002)
    assert float(drawn.side.mean()) == pytest.approx(0.55, abs=0.02)
    low, high = drawn.centre - drawn.side[:, None] / 2, drawn.centre + drawn.side[:, None] / 2
    assert float(low.min()) >= -1e-6
    assert float(high.max()) <= 1 + 1e-6


def test_noise_fades():
    fading = dataclasses.replace(TINY, noise=(0.4, 0.1))
    first, last = (crops.draw(fading, torch.Generator().manual_seed(0), progress=at).noise.std() for at in (0.0, 1.0))
    assert float(first) == pytest.approx(0.4, rel=0.05)
    assert float(last) == pytest.approx(0.1, rel=0.05)


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
        visualize.visualize(lite0, [visualize.Target(seed=0, class_index=1000)], spectrum=magnitude, preset=TINY)
    with pytest.raises(AtlasError, match=r"A direction needs 1280 channels, not all zero; found shape \(3,\)"):
        visualize.visualize(lite0, [visualize.Target(seed=0, direction=np.ones(3, np.float32))], spectrum=magnitude, preset=TINY)
    zero = np.zeros(1280, np.float32)
    with pytest.raises(AtlasError, match="not all zero"):
        visualize.visualize(lite0, [visualize.Target(seed=0, direction=zero)], spectrum=magnitude, preset=TINY)


def test_channels_and_other_layers_are_targets_too(lite0, magnitude):
    preset = dataclasses.replace(TINY, steps=60)
    targets = [
        visualize.Target(seed=0, channel=5, layer="blocks.3"),
        visualize.Target(seed=0, channel=5),
        visualize.Target(seed=0, class_index=3),
        visualize.Target(seed=0, direction=np.ones(24, np.float32), layer="blocks.1"),
    ]
    assert [t.unit for t in targets] == ["mean activation", "mean activation", "logit", "cosine"]
    made = visualize.visualize(lite0, targets, spectrum=magnitude, preset=preset)
    start = visualize.visualize(lite0, targets, spectrum=magnitude, preset=dataclasses.replace(preset, steps=1))
    assert [v.activation.shape for v in made] == [(80,), (1280,), (1280,), (24,)]
    assert all(later.objective > first.objective for later, first in zip(made, start, strict=True))


def test_a_batch_over_several_layers_equals_its_parts(lite0, magnitude):
    targets = [visualize.Target(seed=0, channel=5, layer="blocks.3"), visualize.Target(seed=1, class_index=3)]
    together = visualize.visualize(lite0, targets, spectrum=magnitude, preset=TINY)
    alone = [visualize.visualize(lite0, [target], spectrum=magnitude, preset=TINY)[0] for target in targets]
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a.rgba, b.rgba, atol=1e-4)


def test_more_pictures_than_fit_in_one_pass_equal_their_parts(lite0, magnitude):
    preset = dataclasses.replace(TINY, crop_input=128, crops=20, steps=2)
    targets = [visualize.Target(seed=seed, class_index=3) for seed in range(3)]
    together = visualize.visualize(lite0, targets, spectrum=magnitude, preset=preset)
    (alone,) = visualize.visualize(lite0, targets[2:], spectrum=magnitude, preset=preset)
    assert np.array_equal(together[2].rgba, alone.rgba)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"channel": 1280}, "There is no channel 1280: the layer has channels 0 to 1279"),
        ({"channel": 80, "layer": "blocks.3"}, "There is no channel 80: the layer has channels 0 to 79"),
        ({"channel": 1, "layer": "block"}, "The backbone has no layer 'block'. Its parts are conv_stem"),
        ({"channel": 1, "layer": "classifier"}, "The layer 'classifier' gives no feature map and no tokens"),
        ({"direction": np.ones(1280, np.float32), "layer": "blocks.3"}, "A direction needs 80 channels"),
    ],
)
def test_channels_and_layers_that_are_not_there(lite0, magnitude, wrong, message):
    with pytest.raises(AtlasError, match=message):
        visualize.visualize(lite0, [visualize.Target(seed=0, **wrong)], spectrum=magnitude, preset=TINY)


@pytest.mark.parametrize("wrong", [{}, {"channel": 1, "class_index": 2}])
def test_a_picture_has_one_target(wrong):
    with pytest.raises(AtlasError, match="one target: a class, a direction or a channel"):
        visualize.Target(seed=0, **wrong)


def test_a_picture_whose_objective_is_no_number_is_reported_and_the_batch_goes_on(lite0, magnitude):
    endless = np.ones(lite0.channels, np.float32)
    endless[0] = np.inf
    good = visualize.Target(seed=1, class_index=967)
    told = []
    broken, fine = visualize.visualize(
        lite0, [visualize.Target(seed=0, direction=endless), good], spectrum=magnitude, preset=TINY, on_step=told.append
    )
    assert broken.failed == "its objective was no number at step 1 of 6"
    assert np.isfinite(broken.rgba).all()
    assert not fine.failed
    assert sum(told) == 2 * TINY.steps
    (alone,) = visualize.visualize(lite0, [good], spectrum=magnitude, preset=TINY)
    assert np.array_equal(fine.rgba, alone.rgba)


def test_a_flat_objective_ends_a_picture(lite0, magnitude):
    still = dataclasses.replace(TINY, steps=9, patience=2, noise=(0.0, 0.0), box=(1.0, 1.0), learning_rate=1e-12)
    told = []
    targets = [visualize.Target(seed=0, class_index=967), visualize.Target(seed=0, channel=4)]
    made = visualize.visualize(lite0, targets, spectrum=magnitude, preset=still, on_step=told.append)
    assert [v.steps for v in made] == [4, 4]
    assert sum(told) == 2 * still.steps
    moving = dataclasses.replace(still, learning_rate=1.0)
    assert visualize.visualize(lite0, targets[:1], spectrum=magnitude, preset=moving)[0].steps > 4


@pytest.mark.parametrize(
    ("history", "patience", "flat"),
    [([1.0, 2.0, 3.0, 4.0], 2, False), ([1.0, 4.0, 3.0, 2.0], 2, True), ([4.0, 3.0, 2.0], 2, False), ([1.0, 1.0], 0, False)],
)
def test_flat_means_that_the_last_steps_were_no_better_than_those_before(history, patience, flat):
    assert _flat(history, patience) is flat


def test_the_fourier_parameterisation_is_behind_the_same_call(lite0, magnitude):
    preset = dataclasses.replace(TINY, steps=16).with_parameterisation("fourier")
    (made,) = visualize.visualize(lite0, [visualize.Target(seed=0, class_index=574)], spectrum=magnitude, preset=preset)
    first = dataclasses.replace(preset, steps=1)
    (start,) = visualize.visualize(lite0, [visualize.Target(seed=0, class_index=574)], spectrum=magnitude, preset=first)
    assert made.objective > start.objective + 1
    assert np.abs(start.rgba[..., :3] - 0.5).max() < 0.3  # it starts from grey


def test_pictures_may_be_large_but_not_odd(lite0, magnitude):
    preset = dataclasses.replace(TINY, size=1024, steps=1, crops=1)
    (made,) = visualize.visualize(lite0, [visualize.Target(seed=0, class_index=1)], spectrum=magnitude, preset=preset)
    assert made.rgba.shape == (1024, 1024, 4)
    for size in (2050, 65):
        with pytest.raises(AtlasError, match="even number of pixels up to 2048"):
            dataclasses.replace(TINY, size=size)


def test_nothing_shows_in_the_corners_nor_at_the_border_and_specks_are_gone():
    seen = torch.rand(2, 112, 112, generator=torch.Generator().manual_seed(0)) * 0.01
    seen[:, 40:70, 40:70] += 1.0
    seen[:, 90, 20] = 3.0  # a speck
    found = opacity(seen)
    border = torch.cat([found[:, 0].flatten(), found[:, -1].flatten(), found[:, :, 0].flatten(), found[:, :, -1].flatten()])
    assert float(border.max()) < 0.01
    assert float(found[:, 50:60, 50:60].min()) == 1
    assert float(found[:, 85:95, 15:25].max()) < 0.1
    torch.testing.assert_close(opacity(seen[1:]), found[1:])


def test_the_best_comes_first_and_plausibility_weighs_in():
    def picture(objective, real, failed=""):
        return visualize.Visualization(np.zeros((2, 2, 4)), objective, np.array([real]), 1, failed)

    made = [picture(3.0, 0.5), picture(2.0, 1.0), picture(9.0, 1.0, "no number")]
    assert visualize.rank_visualizations(made) == [made[0], made[1], made[2]]
    assert visualize.rank_visualizations(made, lambda activation: float(activation[0])) == [made[1], made[0], made[2]]
    below = [picture(-2.0, 1.0), picture(-1.0, 0.1)]
    assert visualize.rank_visualizations(below, lambda activation: float(activation[0])) == below[::-1]


def test_pictures_can_be_watched(lite0, magnitude):
    seen = []
    visualize.visualize(
        lite0,
        [visualize.Target(seed=0, class_index=1)],
        spectrum=magnitude,
        preset=TINY,
        on_picture=lambda step, pictures: seen.append((step, tuple(pictures.shape))),
    )
    assert seen == [(step, (1, 3, 64, 64)) for step in range(TINY.steps)]


@pytest.mark.parametrize("name", ["test_vit2", "test_convnext"])
def test_other_networks_have_pictures_too(magnitude, name):
    """Crops for patch tokens, and activations of either sign."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = backbone.load(name, weights="random")
    preset = dataclasses.replace(TINY, steps=40)  # of crops that the transformer could not take
    direction = np.random.default_rng(0).normal(size=net.channels).astype(np.float32)
    targets = [
        visualize.Target(seed=0, direction=direction),
        visualize.Target(seed=1, class_index=9),
        visualize.Target(seed=2, channel=3),
    ]
    made = visualize.visualize(net, targets, spectrum=magnitude, preset=preset)
    start = visualize.visualize(net, targets, spectrum=magnitude, preset=dataclasses.replace(preset, steps=1))
    assert sum(v.objective for v in made) > sum(v.objective for v in start)
    for target, together in zip(targets, made, strict=True):
        (alone,) = visualize.visualize(net, [target], spectrum=magnitude, preset=preset)
        np.testing.assert_allclose(alone.rgba, together.rgba, atol=1e-4)


def test_the_cost_of_a_picture_grows_with_its_steps(lite0, magnitude):
    few, many = (
        visualize.cost(lite0, dataclasses.replace(TINY, steps=steps), spectrum=magnitude, batch=2)[0] for steps in (2, 2000)
    )
    assert 0 < few < many / 10
