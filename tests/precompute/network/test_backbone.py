"""The backbone on its real ImageNet weights and real photographs, and the refusals."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from atlas.format import imagenet_classes
from atlas.schema import AtlasError
from precompute import photos
from precompute.network import backbone, weights


@pytest.fixture(scope="module")
def lite0():
    return backbone.load("tf_efficientnet_lite0")


@pytest.fixture(scope="module")
def sample(lite0):
    """The 20 sample photos as input, and their class indices."""
    found = [photo for group in photos.index([photos.SAMPLE]).photos.values() for photo in group]
    decoder = photos.Decoder(lite0.preprocessing.as_input)
    pixels = np.stack([image for _, image, _ in decoder(found)])
    index = {c.wnid: c.class_index for c in imagenet_classes()}
    return torch.from_numpy(pixels).permute(0, 3, 1, 2), np.array([index[photo.wnid] for photo in found])


def test_the_packaged_weights_classify_real_photos(lite0, sample):
    images, truth = sample
    with torch.inference_mode():
        _, logits = lite0.logits(lite0.normalise(images))
    top = logits.argsort(dim=1, descending=True).numpy()
    assert (top[:, 0] == truth).mean() >= 0.8
    assert (top[:, :5] == truth[:, None]).any(axis=1).mean() >= 0.95


def test_folding_and_cutting_change_no_logit_of_a_real_photo(lite0, sample):
    plain = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    model, _ = weights.with_weights("tf_efficientnet_lite0", "package")
    plain.load_state_dict(model.state_dict())
    x = lite0.normalise(sample[0][:4])
    with torch.inference_mode():
        expected = plain.eval()(x)
        A, logits = lite0.logits(x)
        torch.testing.assert_close(logits, expected, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(lite0.head(A), logits)
    assert A.shape == (4, 49, 1280)
    assert A.min() >= 0
    assert lite0.folded == sum(isinstance(m, torch.nn.BatchNorm2d) for m in plain.modules())


def test_it_knows_that_its_head_is_affine_after_mean_pooling(lite0):
    weight, bias = lite0.class_head(967)
    A = torch.rand(3, 49, 1280, generator=torch.Generator().manual_seed(0))
    expected = A.mean(dim=1).numpy() @ weight + bias
    np.testing.assert_allclose(lite0.head(A)[:, 967].numpy(), expected, rtol=1e-4)
    assert lite0.describe()["head"] == "affine after mean pooling"


def test_a_normalised_head_is_known_not_to_be_affine():
    convnext = backbone.load("convnext_atto", weights="random")
    assert convnext.linear_head is None
    with pytest.raises(AtlasError, match="not affine after mean pooling, so contributions have no closed form there"):
        convnext.class_head(0)


def test_a_vision_transformer_is_cut_at_patch_tokens():
    vit = backbone.load("vit_tiny_patch16_224", weights="random")
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        A, logits = vit.logits(x)
    assert A.shape == (2, 196, 192)
    assert logits.shape == (2, 1000)
    assert vit.layer == "blocks.10"  # after the last block the class token reads no patch any more
    with pytest.raises(AtlasError, match="reads a class token beside the patches"):
        vit.head(A)


def test_activations_are_differentiable(lite0):
    x = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)).requires_grad_()
    lite0.features(x).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_weights_from_files_of_both_kinds_are_the_same(tmp_path: Path):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state = timm.create_model("test_resnet").state_dict()
    torch.save(state, tmp_path / "w.pth")
    save_file(state, tmp_path / "w.safetensors")
    x = torch.rand(1, 3, 160, 160)
    first, second = (backbone.load("test_resnet", weights=str(tmp_path / name)) for name in ("w.pth", "w.safetensors"))
    with torch.inference_mode():
        assert torch.equal(first.logits(x)[1], second.logits(x)[1])
    assert first.weights["source"] == "file w.pth"
    assert len(first.weights["sha256"]) == 64


class _Malicious:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps(_Malicious()), "files that would execute code are refused"),
        (b"not weights", "is not a plain state dict"),
        (b"", "is not a plain state dict"),
    ],
)
def test_a_file_that_is_no_state_dict_is_refused(tmp_path: Path, capsys, content, message):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(AtlasError, match=message):
        backbone.load("test_resnet", weights=str(path))
    assert "executed" not in capsys.readouterr().out


def test_weights_of_another_shape_are_refused(tmp_path: Path):
    torch.save(timm.create_model("test_efficientnet").state_dict(), tmp_path / "w.pth")
    with pytest.raises(AtlasError, match=r"w\.pth does not fit the backbone"):
        backbone.load("test_resnet", weights=str(tmp_path / "w.pth"))


def test_changed_packaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch):
    packaged = weights.PACKAGES["tf_efficientnet_lite0"]
    other = weights._Packaged(packaged.package, packaged.file, "0" * 64)
    monkeypatch.setitem(weights.PACKAGES, "tf_efficientnet_lite0", other)
    with pytest.raises(AtlasError, match="is not the expected one \\(sha256 differs\\): reinstall it"):
        backbone.load("tf_efficientnet_lite0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "no_such_net"}, r"timm knows no backbone 'no_such_net'\.$"),
        ({"name": "ResNet50"}, r"timm knows no backbone 'ResNet50'\. Did you mean resnet50, "),
        ({"name": "resnet_18"}, r"timm knows no backbone 'resnet_18'\. Did you mean resnet18, "),
        ({"name": "resnet18"}, "No installed package carries weights for resnet18 .*use --weights hub or FILE"),
        ({"name": "resnet18", "weights": "missing.pth"}, r"There is no weights file missing\.pth"),
        ({"name": "test_resnet", "weights": "random", "device": "cuda:7"}, "The device 'cuda:7' cannot be used here"),
        ({"name": "test_resnet", "weights": "random", "device": "toaster"}, "The device 'toaster' cannot be used here"),
        ({"name": "vit_small_patch14_dinov2", "weights": "random"}, "has 0 outputs; an atlas describes"),
    ],
)
def test_what_cannot_be_loaded_says_why(arguments, message):
    with pytest.raises(AtlasError, match=message):
        backbone.load(**arguments)
