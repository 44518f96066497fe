"""Where networks of other kinds are cut, and the refusals: before any work, in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn

from atlas.schema import AtlasError
from precompute import config, photos
from precompute.network import backbone
from precompute.network.halves import AUTO, halves_of, logits_of
from precompute.pipeline import BuildContext, require_applicable
from precompute.progress import Silent
from precompute.visualize import spectrum

SWIN = {"depths": (1, 1, 2, 1), "embed_dim": 24, "num_heads": (1, 2, 3, 4)}
KINDS = [
    ("swin_tiny_patch4_window7_224", SWIN, AUTO, AUTO, (7, 7), 192, 0),
    ("swin_tiny_patch4_window7_224", SWIN, "layers.2", "layers.2", (14, 14), 96, 0),
    ("swin_tiny_patch4_window7_224", SWIN, "layers.2.blocks.0", "layers.2.blocks.0", (14, 14), 96, 0),
    ("test_mambaout", {}, AUTO, AUTO, (5, 5), 64, 0),
    ("pit_ti_224", {}, AUTO, "transformers.2.blocks.2", (7, 7), 256, 1),
    ("pit_ti_distilled_224", {}, AUTO, "transformers.2.blocks.2", (7, 7), 256, 2),
    ("deit_tiny_distilled_patch16_224", {"depth": 3}, AUTO, "blocks.1", (14, 14), 192, 2),
    ("cait_xxs24_224", {"depth": 2}, AUTO, "blocks.1", (14, 14), 192, 0),
    ("convit_tiny", {}, AUTO, "blocks.10", (14, 14), 192, 1),
    ("xcit_nano_12_p8_224", {"depth": 2}, AUTO, "cls_attn_blocks.0", (28, 28), 128, 1),
    ("coat_lite_tiny", {}, AUTO, "serial_blocks4.0", (7, 7), 320, 1),
    ("test_vit", {}, AUTO, "blocks.4", (10, 10), 64, 1),
]


def made(name: str, **settings: object) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    model = timm.create_model(name, **settings).eval().requires_grad_(False)
    size = model.pretrained_cfg["input_size"][-1]
    return model, torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("name", "settings", "layer", "where", "grid", "channels", "prefix"), KINDS)
def test_a_network_is_cut_where_its_head_reads_an_image_grid(
    name: str,
    settings: dict[str, object],
    layer: str,
    where: str,
    grid: tuple[int, int],
    channels: int,
    prefix: int,
) -> None:
    model, x = made(name, **settings)
    found = halves_of(model, layer, x[:2])
    assert (found.layer, found.grid, found.channels, found.layout.prefix) == (where, grid, channels, prefix)
    with torch.no_grad():
        positions, before = found.layout.split(found.features(x))  # of another number of images than it was cut with
        assert positions.shape == (3, grid[0] * grid[1], channels)
        logits = logits_of(found.head(found.layout.joined(positions, before, grid)))
        torch.testing.assert_close(logits, model(x), atol=1e-4, rtol=1e-3)
        moved = found.head(found.layout.joined(positions.flip(2), before, grid))
    assert (moved - logits).abs().amax(dim=1).min() > 0  # each image's patches are read


def test_volo_reads_its_patches_beside_the_class_token() -> None:
    model, x = made("volo_d1_224")
    found = halves_of(model, AUTO, x[:2])
    assert (found.layer, found.grid, found.channels, found.layout.prefix) == (AUTO, (14, 14), 384, 1)


def whole(name: str, **settings: object) -> backbone.Backbone:
    model, _ = made(name, **settings)
    return backbone.Backbone(model, name=name, weights={}, layer=AUTO, device=torch.device("cpu"))


def test_a_map_with_channels_last_has_a_closed_form_too() -> None:
    net = whole("swin_tiny_patch4_window7_224", **SWIN)
    weight, bias = net.class_head(5)
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = net.read(x)
        expected = net._model(x)[:, 5]
    closed = found.activations.mean(dim=1) @ torch.from_numpy(weight) + bias
    torch.testing.assert_close(closed, expected, atol=1e-4, rtol=1e-3)
    assert net.describe()["contributions"] == "closed form"


@pytest.mark.parametrize(
    ("name", "settings", "wanted", "fitting"),
    [
        ("swin_tiny_patch4_window7_224", SWIN, 160, 224),  # a map, but of its own size only
        ("test_mambaout", {}, 96, 96),
        ("pit_ti_224", {}, 128, 224),
    ],
)
def test_crops_have_a_size_that_the_network_takes(name: str, settings: dict[str, object], wanted: int, fitting: int) -> None:
    net = whole(name, **settings)
    assert net.fitting(wanted) == fitting
    with torch.inference_mode():
        assert net.features(torch.zeros(1, 3, fitting, fitting)).shape[2] == net.channels


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("crossvit_tiny_240", {}, "its features end in a list of 2, which is no image grid, and no earlier block can be cut at"),
        ("efficientvim_m1", {}, "its features end in a list of 4, which is no image grid, and no earlier block can be cut at"),
        ("tnt_s_legacy_patch16_224", {"depth": 2}, "its head does not read the patches, and no earlier block can be cut at"),
    ],
)
def test_a_network_that_cannot_be_cut_is_refused_in_one_line(name: str, settings: dict[str, object], message: str) -> None:
    model, x = made(name, **settings)
    with pytest.raises(AtlasError, match=f"^This network cannot be explained: {message}. Take another.$"):
        halves_of(model, AUTO, x[:2])


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("blocks.5", "its head does not read the patches"),
        ("norm", "its head does not read the patches"),
        ("head", "its features end in a tensor of 1000, which is no image grid"),
    ],
)
def test_a_named_layer_without_patches_is_refused(layer: str, message: str) -> None:
    model, x = made("test_vit")
    with pytest.raises(AtlasError, match=rf"^The layer '{layer}' cannot be explained: {message}\. Name another layer, or use"):
        halves_of(model, layer, x[:2])


def test_a_head_without_weights_reads_nothing() -> None:
    model, x = made("test_resnet")
    nn.init.zeros_(model.fc.weight)
    with pytest.raises(AtlasError, match="its head does not read the patches"):
        halves_of(model, AUTO, x[:2])


def test_features_of_another_width_than_the_network_states_are_not_its_features() -> None:
    model, x = made("test_resnet")
    assert halves_of(model, AUTO, x[:2]).layer == AUTO
    model.num_features = 7
    assert halves_of(model, AUTO, x[:2]).layer == "layer4.0"


# Numbers


def spoilt(path: Path, kind: str) -> Path:
    """Write weights that are finite and give NaN, or infinity."""
    torch.manual_seed(0)
    model = timm.create_model("test_resnet")
    norm = model.layer4[0].bn2
    if kind == "nan":
        norm.running_var[3] = -1.0
    else:
        norm.weight.data[:] = 1e30  # finite, but not its square
    torch.save(model.state_dict(), path)
    return path


@pytest.mark.parametrize("kind", ["nan", "huge"])
def test_a_network_without_numbers_is_refused_before_any_work(build: Any, tmp_path: Path, kind: str) -> None:
    weights = spoilt(tmp_path / "w.pth", kind)
    ended = build(tmp_path / "a", "--weights", weights)
    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert ended.last.startswith("precompute: The network gives no numbers at layer 'layer4.0.")
    assert not (tmp_path / "a" / "manifest.json").exists()


def test_evaluate_refuses_it_too(command_line: Any, photo_folder: Path, tmp_path: Path) -> None:
    arguments = ("--backbone", "test_resnet", "--weights", spoilt(tmp_path / "w.pth", "nan"), "--dictionary", "kmeans")
    ended = command_line.run("evaluate", "--photos", photo_folder, "--out", tmp_path / "e", *arguments)
    assert ended.status == 2
    assert ended.last.startswith("precompute: The network gives no numbers at layer 'layer4.0.")


def test_a_network_that_gives_numbers_for_noise_but_not_for_photos_is_refused_too(photo_folder: Path, weights: Path) -> None:
    net = backbone.load("test_resnet", weights=str(weights))
    assert net.linear_head is not None
    settings = config.make(photos=str(photo_folder), out=photo_folder / "none", dictionary="kmeans", pictures="none")
    context = BuildContext(config=settings, backbone=net, spectrum=spectrum.load(), reporter=Silent(), workers=1)
    chosen = [p for group in photos.index([str(photo_folder)]).photos.values() for p in group]
    require_applicable(context, chosen)
    net.linear_head.bias[3] = torch.inf
    with pytest.raises(AtlasError, match="The network gives no numbers at layer"):
        require_applicable(context, chosen)
