"""Networks without a closed form: a vision transformer and a ConvNeXt (random weights), from photos to an atlas."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from atlas.format import Store, problems
from atlas.format.tables import ESTIMATORS
from atlas.schema import AtlasError
from precompute import config, importance
from precompute.commands.build import build_atlas
from precompute.network import backbone
from precompute.progress import Silent

WNID = "n01440764"
NETS = {"vit_tiny_patch16_224": (14, 192), "convnext_atto": (7, 320)}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos") / "set"
    for i in range(4):
        path = root / ("holdout" if i == 0 else "fit") / WNID / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        grid = np.random.default_rng(i).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(grid).resize((256, 256), Image.Resampling.BICUBIC).save(path)
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for name in NETS:
        torch.manual_seed(0)
        torch.save(timm.create_model(name).state_dict(), folder / f"{name}.pth")
    return folder


@pytest.mark.parametrize(
    ("name", "dictionary"),
    [
        ("vit_tiny_patch16_224", "semi_nmf"),
        ("vit_tiny_patch16_224", "pca"),
        ("convnext_atto", "kmeans"),
        ("convnext_atto", "sae"),
    ],
)
def test_a_network_without_a_closed_form_becomes_an_atlas(name, dictionary, photos, weights, tmp_path):
    settings = config.make(
        photos=str(photos),
        out=tmp_path / "atlas",
        backbone=name,
        weights=str(weights / f"{name}.pth"),
        dictionary=dictionary,
        concepts=2,
        pictures="none",
        crop_size=150,
    )
    report = build_atlas(settings, Silent())
    assert report.failed == {}
    assert problems(tmp_path / "atlas") == []
    store = Store(tmp_path / "atlas")
    side, channels = NETS[name]
    assert store.grid == (side, side)
    assert store.atoms(WNID).shape == (2, channels)
    assert store.manifest.backbone["head"] == "not affine"
    found = store.photos(WNID)
    assert found.heat.shape == (4, 2, side, side)
    total = found.contributions.sum(axis=1, dtype=np.float64) + found.bias + found.residual
    np.testing.assert_allclose(total, found.class_logit, atol=1e-4)
    assert store.record(WNID).n_fit == 3  # the holdout split is never fitted
    assert all(tuple(c.estimators) == ESTIMATORS for c in store.concepts(WNID))
    assert store.record(WNID).c_mu_fidelity is not None


@pytest.mark.parametrize("scope", ["class", "shared"])
def test_nmf_refuses_negative_activations_before_any_class_is_built_and_names_the_way_out(photos, weights, scope, tmp_path):
    settings = config.make(
        photos=str(photos),
        out=tmp_path / "a",
        backbone="convnext_atto",
        weights=str(weights / "convnext_atto.pth"),
        concepts=2,
        scope=scope,
    )
    with pytest.raises(AtlasError, match=r"NMF needs non-negative activations, found a minimum of -.*--dictionary semi_nmf"):
        build_atlas(settings, Silent())
    assert not (tmp_path / "a" / "manifest.json").exists()


@pytest.mark.parametrize("name", NETS)
def test_the_head_of_what_was_read_is_the_networks_own_answer(name, weights):
    net = backbone.load(name, weights=str(weights / f"{name}.pth"))
    plain = timm.create_model(name)
    plain.load_state_dict(torch.load(weights / f"{name}.pth", weights_only=True))
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = net.read(x)
        torch.testing.assert_close(found.logits, plain.eval()(x), atol=1e-4, rtol=1e-4)
        prefix = found.prefix if net.has_class_token else None
        torch.testing.assert_close(net.head(found.activations, prefix=prefix), found.logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NETS)
def test_integrated_gradients_are_complete_through_a_normalising_head(name, weights):
    """Contributions sum to F(U) − F(0) of the photo, though nearly all of F happens next to 0."""
    net = backbone.load(name, weights=str(weights / f"{name}.pth"))
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        found = net.read(torch.rand(1, 3, 224, 224, generator=generator))
    atoms, prefix = torch.randn(3, net.channels, generator=generator), found.prefix.clone()

    def logit(u: torch.Tensor) -> torch.Tensor:
        return net.head(u @ atoms, prefix=prefix.expand(len(u), -1, -1) if net.has_class_token else None)[:, 5]

    head = importance.SampledHead(logit)
    codes = 0.2 * torch.rand(1, found.activations.shape[1], 3, generator=generator).numpy()
    phi = importance.METHODS["integrated_gradients"].estimate(codes, head, seed=0)
    assert phi.sum() == pytest.approx(float(head(codes)[0] - head(np.zeros_like(codes))[0]), rel=1e-3)


def test_a_class_token_must_be_given(weights):
    net = backbone.load("vit_tiny_patch16_224", weights=str(weights / "vit_tiny_patch16_224.pth"))
    with pytest.raises(AtlasError, match="reads a class token beside the patches, and none was given"):
        net.head(torch.zeros(1, 196, 192))
