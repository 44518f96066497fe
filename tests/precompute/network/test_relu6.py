import torch
from torch import nn

from precompute.network.relu6 import InPlaceReLU6, use_in_place_relu6


def test_values_and_gradients_are_those_of_relu6():
    x = torch.tensor([-2.0, -0.0, 0.0, 3.0, 6.0, 7.0], requires_grad=True)
    upstream = torch.arange(1.0, 7.0)
    results = []
    for clip in (nn.ReLU6(), InPlaceReLU6()):
        y = clip(x * 1.0)
        (gradient,) = torch.autograd.grad((y * upstream).sum(), x)
        results.append((y.detach(), gradient))
    torch.testing.assert_close(results[0], results[1])


def test_only_relu6_in_place_is_replaced():
    model = nn.Sequential(nn.ReLU6(inplace=True), nn.Sequential(nn.ReLU(inplace=True), nn.ReLU6(inplace=True)), nn.ReLU6())
    use_in_place_relu6(model)
    kinds = [type(m) for m in model.modules() if not isinstance(m, nn.Sequential)]
    assert kinds == [InPlaceReLU6, nn.ReLU, InPlaceReLU6, nn.ReLU6]


def test_nothing_is_kept_twice_for_the_backward_pass():
    """The clipped output shares its memory with the input: one tensor a layer, not two."""
    x = torch.ones(3, requires_grad=True) * 9.0
    assert InPlaceReLU6()(x).data_ptr() == x.data_ptr()
