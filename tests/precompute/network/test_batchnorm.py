import pytest
import timm
import torch
from torch import nn

from precompute.network.batchnorm import fold_batch_norm


def _trained_looking(model: nn.Module) -> nn.Module:
    """Give every BatchNorm statistics that matter; fresh ones are the identity."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            around = {module.running_mean: -0.5, module.running_var: 0.5, module.weight: 0.5, module.bias: -0.5}
            for values, low in around.items():
                values.data = low + torch.rand(values.shape, generator=generator)
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize(("name", "kept"), [("test_resnet", 0), ("test_efficientnet", 0), ("resnet18", 0)])
def test_every_batch_norm_after_a_convolution_is_folded_and_the_answer_stays(name, kept):
    model = _trained_looking(timm.create_model(name))
    x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before = model(x)
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    folded = fold_batch_norm(model, x)
    assert folded == norms - kept
    assert sum(isinstance(m, nn.BatchNorm2d) for m in model.modules()) == kept
    with torch.inference_mode():
        torch.testing.assert_close(model(x), before, rtol=1e-3, atol=1e-3 * float(before.abs().max()))


def test_a_norm_that_does_not_follow_a_convolution_is_left_alone():
    model = _trained_looking(nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)))
    x = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    before = model(x)
    assert fold_batch_norm(model, x) == 0
    assert torch.equal(model(x), before)


def test_a_convolution_used_twice_is_left_alone():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.one, self.two = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.BatchNorm2d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.two(self.conv(self.one(self.conv(x))))

    model = _trained_looking(Twice())
    x = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    before = model(x)
    assert fold_batch_norm(model, x) == 0
    assert torch.equal(model(x), before)
