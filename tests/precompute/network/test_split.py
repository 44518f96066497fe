import pytest
import timm
import torch

from atlas.schema import AtlasError
from precompute.network.split import split_at


@pytest.mark.parametrize(
    ("name", "layer", "size"),
    [
        ("test_resnet", "layer3", 96),
        ("test_efficientnet", "blocks.1", 96),
        ("vit_tiny_patch16_224", "blocks.5", 224),
        ("convnext_atto", "stages.2", 96),
    ],
)
def test_the_two_halves_are_the_whole(name, layer, size):
    torch.manual_seed(0)
    model = timm.create_model(name).eval().requires_grad_(False)
    x = torch.randn(2, 3, size, size)
    features, head = split_at(model, layer, x)
    torch.testing.assert_close(head(features(x)), model(x))


def test_a_layer_inside_a_skip_connection_is_refused():
    model = timm.create_model("resnet18").eval()
    with pytest.raises(AtlasError, match=r"A connection bypasses the layer 'layer3\.0\.conv1': cut where a whole block ends"):
        split_at(model, "layer3.0.conv1", torch.zeros(1, 3, 64, 64))


def test_an_unknown_layer_is_answered_with_the_parts_there_are():
    model = timm.create_model("resnet18").eval()
    with pytest.raises(AtlasError, match=r"no layer 'layer9'. Its parts are conv1, .*layer4.*; name one, or a part of one"):
        split_at(model, "layer9", torch.zeros(1, 3, 64, 64))
