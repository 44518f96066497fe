"""What every importance estimator offers, and what it explains: the class logit as a function of the codes.

Notation: u (photo, concept) spatial means of the codes, or U (photo, position, concept) the codes themselves;
F(U) = head(U V)[class] the class logit; m (design, concept) masks: u ⊙ m scales every concept of a photo, at all its
positions, by its entry of a mask; φ (photo, concept) the importance of each concept for each photo, in logits unless a
method says otherwise.
An estimator is a module with one function, ``estimate``; the modules are listed in ``precompute.importance.METHODS``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class AffineHead:
    """A class logit that is affine in the mean codes: F(u) = Σ_i ū_i slope_i + constant.

    A linear classifier after mean pooling is such a head: slope_i = V_i · w_c, constant = b_c (+ offset · w_c where A was
    centred). Codes at positions are averaged.
    """

    slope: Float[np.ndarray, " concept"]
    constant: float

    def contributions(self, codes: Float[np.ndarray, "photo *position concept"]) -> Float[np.ndarray, "photo concept"]:
        """Return ū_i slope_i, in logits: with the constant they sum to F."""
        phi: np.ndarray = codes.mean(axis=_positions(codes), dtype=np.float64) * self.slope
        return phi

    def __call__(self, codes: Float[np.ndarray, "photo *position concept"]) -> Float[np.ndarray, " photo"]:
        """Return F of each photo."""
        logits: np.ndarray = self.contributions(codes).sum(axis=1) + self.constant
        return logits

    def masked(
        self, codes: Float[np.ndarray, "photo *position concept"], masks: Float[np.ndarray, "*own design concept"]
    ) -> Float[np.ndarray, "photo design"]:
        """Return F(u ⊙ m) of each photo under each mask; masks (photo, design, concept) give each photo its own."""
        phi = self.contributions(codes)
        logits: np.ndarray = phi @ masks.T if masks.ndim == 2 else (masks @ phi[:, :, None])[..., 0]
        return logits + self.constant

    def of(self, photos: Int[np.ndarray, " chosen"]) -> AffineHead:
        """Return the head of some photos: the same for every photo."""
        return self

    def among(self, concepts: Int[np.ndarray, " chosen"], codes: Float[np.ndarray, "photo *position concept"]) -> AffineHead:
        """Return the logit as a function of some concepts; what the others add to all logits of a photo alike is left out."""
        return AffineHead(self.slope[concepts], self.constant)


@dataclass(frozen=True, slots=True, eq=False)
class SampledHead:
    """Any class logit: a function of torch codes (batch, *position, concept) → (batch,), evaluated ``batch`` photos at a time.

    Where the logit of a photo reads more than its codes (a class token), ``beside`` holds that: tensors of a row a photo, whose
    rows the function is given after the codes. They stay as they are while codes are masked, moved or differentiated.
    """

    function: Callable[..., Tensor]
    device: str | torch.device = "cpu"
    batch: int = 1024
    beside: tuple[Tensor, ...] = ()

    def __call__(self, codes: Float[np.ndarray, "photo *position concept"]) -> Float[np.ndarray, " photo"]:
        """Return F of each photo."""
        return self.masked(codes, np.ones((1, codes.shape[-1])))[:, 0]

    def gradient(self, codes: Float[np.ndarray, "photo *position concept"]) -> Float[np.ndarray, "photo *position concept"]:
        """Return ∂F/∂U, in logits per unit of code."""
        self._require(len(codes))
        slopes = np.zeros(codes.shape)
        for i in range(0, len(codes), self.batch):
            with torch.enable_grad():
                U = self._tensor(codes[i : i + self.batch]).requires_grad_()
                F = self.function(U, *(rows[i : i + self.batch] for rows in self.beside)).sum()
            if F.requires_grad:  # else the logit ignores its codes
                (slope,) = torch.autograd.grad(F, U, allow_unused=True, materialize_grads=True)
                slopes[i : i + self.batch] = slope.cpu().numpy()
        return slopes

    def masked(
        self, codes: Float[np.ndarray, "photo *position concept"], masks: Float[np.ndarray, "*own design concept"]
    ) -> Float[np.ndarray, "photo design"]:
        """Return F(u ⊙ m) of each photo under each mask; masks (photo, design, concept) give each photo its own."""
        self._require(len(codes))
        photos, designs = len(codes), masks.shape[-2]
        U, m = self._tensor(codes), self._tensor(masks).reshape(-1, *(1,) * (codes.ndim - 2), masks.shape[-1])
        own = masks.ndim == 3
        logits = []
        for pair in torch.split(torch.arange(photos * designs, device=self.device), self.batch):
            photo, mask = pair // designs, pair if own else pair % designs
            with torch.no_grad():
                logits.append(self.function(U[photo] * m[mask], *(rows[photo] for rows in self.beside)))
        return torch.cat(logits).double().cpu().numpy().reshape(photos, designs)

    def of(self, photos: Int[np.ndarray, " chosen"]) -> SampledHead:
        """Return the head of some photos, in that order; a photo may be named more than once."""
        chosen = torch.as_tensor(photos, device=self.device)
        return dataclasses.replace(self, beside=tuple(rows[chosen] for rows in self.beside))

    def among(self, concepts: Int[np.ndarray, " chosen"], codes: Float[np.ndarray, "photo *position concept"]) -> SampledHead:
        """Return the logit as a function of some concepts, the others held at their ``codes``."""
        places = torch.as_tensor(concepts, device=self.device)

        def function(some: Tensor, whole: Tensor, *beside: Tensor) -> Tensor:
            return self.function(whole.index_copy(-1, places, some), *beside)

        return dataclasses.replace(self, function=function, beside=(self._tensor(codes), *self.beside))

    def _require(self, photos: int) -> None:
        if any(len(rows) != photos for rows in self.beside):
            raise ValueError(f"This head speaks of {len(self.beside[0])} photos, found codes of {photos}: take head.of(photos).")

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=self.device)


ConceptHead = AffineHead | SampledHead


@runtime_checkable
class ImportanceMethod(Protocol):
    """An importance estimator: a module of this package."""

    def estimate(
        self, codes: Float[np.ndarray, "photo *position concept"], head: ConceptHead, *, seed: int
    ) -> Float[np.ndarray, "photo concept"]:
        """Return φ: in closed form where the head is affine, else from samples drawn with ``seed``, the same for every photo."""


def over_positions(values: Float[np.ndarray, "photo *position concept"]) -> Float[np.ndarray, "photo concept"]:
    """Sum signed values over the positions of a photo.

    The sum of ∂F/∂U is the slope along the mean code ū, so a head after mean pooling gets what it would get from ū alone.
    """
    total: np.ndarray = values.sum(axis=_positions(values))
    return total


def _positions(values: np.ndarray) -> tuple[int, ...]:
    return tuple(range(1, values.ndim - 1))
