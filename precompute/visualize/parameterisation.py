"""Numbers that are optimised → pictures. Two parameterisations behind one Protocol: MACO, and Fourier as its baseline."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from precompute.visualize.presets import Preset
from precompute.visualize.spectrum import Spectrum

_EPS = 1e-6


@runtime_checkable
class Parameterisation(Protocol):
    """A parameterisation of pictures."""

    def initial(self, generator: torch.Generator) -> Tensor:
        """Return the numbers one picture starts from, drawn with its own generator."""
        ...

    def render(self, parameters: Tensor) -> Float[Tensor, "picture 3 size size"]:
        """Return pictures in 0…1 (differentiable); the first axis of the parameters is the picture."""
        ...


class Maco:
    """Phases at a fixed magnitude (Fel et al., NeurIPS 2023).

    Two columns cannot keep it: a real picture has X(−y) = X(y)* at frequencies (y, 0) and (y, n/2), so irfft2 takes half the sum
    of the two phases' coefficients there, which is shorter than either unless they happen to agree.

    Phases are standardised before every use and then given ``phase_sd``, in radians: their mean coefficient is
    E exp(iφ) = exp(−phase_sd²/2) of the magnitude, the same blob at the origin of every picture, which is its corners.
    """

    def __init__(self, spectrum: Spectrum, preset: Preset, device: torch.device) -> None:
        self._size, self._contrast, self._phase_sd, self._device = preset.size, preset.contrast, preset.phase_sd, device
        self._magnitude = torch.from_numpy(spectrum.resized(preset.size)).to(device)
        self._colour = torch.from_numpy(spectrum.colour).to(device)

    def initial(self, generator: torch.Generator) -> Float[Tensor, "3 size half"]:
        """Return random phases."""
        return torch.randn(self._magnitude.shape, generator=generator).to(self._device)

    def render(self, parameters: Float[Tensor, "picture 3 size half"]) -> Float[Tensor, "picture 3 size size"]:
        """Return pictures of these phases."""
        angle = self._phase_sd * _standardised(parameters)
        z = torch.fft.irfft2(
            torch.complex(self._magnitude * angle.cos(), self._magnitude * angle.sin()), s=(self._size, self._size)
        )
        mean = _mean(z)
        deviation = (_mean(z**2) - mean**2).sqrt() + _EPS
        return _coloured(z, self._colour, self._contrast, mean=mean, deviation=deviation)


class Fourier:
    """Free complex coefficients, preconditioned by 1/frequency (Olah et al., Distill 2017, "Feature Visualization")."""

    def __init__(self, spectrum: Spectrum, preset: Preset, device: torch.device) -> None:
        n = preset.size
        self._size, self._contrast, self._device = n, preset.contrast, device
        cycles = n * np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :])  # a picture
        self._scale = torch.from_numpy((n * n / 4 / np.maximum(cycles, 1.0)).astype(np.float32)).to(device)
        self._colour = torch.from_numpy(spectrum.colour).to(device)

    def initial(self, generator: torch.Generator) -> Float[Tensor, "3 size half 2"]:
        """Return small random coefficients: a grey picture."""
        n = self._size
        return (0.01 * torch.randn((3, n, n // 2 + 1, 2), generator=generator)).to(self._device)

    def render(self, parameters: Float[Tensor, "picture 3 size half 2"]) -> Float[Tensor, "picture 3 size size"]:
        """Return pictures of these coefficients."""
        scaled = torch.view_as_complex(parameters.contiguous()) * self._scale
        z = torch.fft.irfft2(scaled, s=(self._size, self._size))
        return _coloured(z, self._colour, self._contrast)


PARAMETERISATIONS: dict[str, type[Maco] | type[Fourier]] = {"maco": Maco, "fourier": Fourier}


def _coloured(
    z: Float[Tensor, "picture 3 size size"],
    colour: Tensor,
    contrast: float,
    *,
    mean: Float[Tensor, "picture 1 1 1"] | None = None,
    deviation: Float[Tensor, "picture 1 1 1"] | None = None,
) -> Float[Tensor, "picture 3 size size"]:
    """Return sigmoid(contrast · M (z − mean) / deviation), the scaling of numbers folded into the matrix."""
    matrix = (contrast * colour).expand(len(z), 3, 3)
    if deviation is not None:
        matrix = matrix / deviation[:, 0]
    shift = torch.zeros(len(z), 3, 1, device=z.device) if mean is None else -matrix.sum(dim=2, keepdim=True) * mean[:, 0]
    return torch.sigmoid(torch.baddbmm(shift, matrix, z.flatten(2))).unflatten(2, z.shape[2:])


def _standardised(values: Float[Tensor, "picture channel height width"]) -> Float[Tensor, "picture channel height width"]:
    centred = values - _mean(values)
    return centred / (_mean(centred**2).sqrt() + _EPS)


def _mean(values: Float[Tensor, "picture channel height width"]) -> Float[Tensor, "picture 1 1 1"]:
    """Average a picture, row by row first.

    So the order of the sums never depends on how many pictures there are, and a batch equals its parts to the last bit: the
    optimisation is chaotic and would not forgive less.
    """
    return values.mean(dim=3, keepdim=True).mean(dim=(1, 2), keepdim=True)
