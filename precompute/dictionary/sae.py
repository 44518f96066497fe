"""Sparse autoencoder: min ‖A − U V‖²_F with U = TopK(ReLU(A E + e)) and unit atoms.

After Makhzani & Frey, *k-Sparse Autoencoders* (ICLR 2014) and Gao et al., *Scaling and Evaluating Sparse Autoencoders*
(2024). Atoms that fall silent are sent where the error is largest, as in Bricken et al., *Towards Monosemanticity* (2023).

Notation: E (p, k) and e (k,) the encoder, V (k, p) the atoms; TopK keeps the ``active`` largest codes of a patch.
Training runs on A / s, s the mean norm of a patch, and encodes A − μ, μ the mean patch: with non-negative activations all
patches point much the same way, and steps along μ would silence every atom at once. At the end both go into e.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from atlas.schema import AtlasError
from precompute.dictionary.base import Dictionary

_STEPS = 1000  # and four more a concept
_BATCH = 256
_TIMED = 30  # steps, to know what one costs
_RATE = 0.1  # of Adam, ÷ √p: a code is a sum over p channels
_REVIVAL = 50  # steps of silence after which an atom is sent elsewhere, in the first 70 % of the training
_MOST_ACTIVE = 32
_BLOCK = 8192


class _Parameters(NamedTuple):
    E: Float[Tensor, "channel concept"]
    e: Float[Tensor, " concept"]
    V: Float[Tensor, "concept channel"]  # of any length; unit where it is used
    mean: Float[Tensor, " channel"]


def fit(
    activations: Float[np.ndarray, "patch channel"],
    *,
    concepts: int,
    seed: int,
    device: str | torch.device = "cpu",
    steps: int | None = None,
) -> Dictionary:
    """Train with Adam on ``device``; a patch uses a quarter of the concepts, at most 32. More concepts than channels are fine.

    ``steps`` shortens the training (1000 steps and four a concept) for whoever only wants to know what a step costs.

    Raises:
        AtlasError: more concepts than patches.
    """
    if concepts > len(activations):
        raise AtlasError(
            f"sae cannot find {concepts} concepts in {len(activations)} patches (at most one a patch). "
            "Add photos, or ask for fewer with --concepts or --shared-concepts."
        )
    active = active_codes(concepts)
    scale = float(np.linalg.norm(activations, axis=1).mean()) or 1.0
    A = torch.as_tensor(activations, dtype=torch.float32, device=device) / scale
    generator = torch.Generator().manual_seed(seed)
    trained = _train(A, concepts=concepts, active=active, steps=steps or _STEPS + 4 * concepts, generator=generator)
    weight = trained.E.half()  # as it is stored: what is published is what was used
    bias = scale * (trained.e - trained.mean @ weight.float())
    encoder = {"weight": weight.cpu().numpy(), "bias": bias.cpu().numpy(), "active": np.array(active)}
    atoms = functional.normalize(trained.V, dim=1).cpu().numpy()
    return Dictionary(method="sae", atoms=atoms, encoder=encoder)


def encode(activations: Float[np.ndarray, "patch channel"], dictionary: Dictionary) -> Float[np.ndarray, "patch concept"]:
    """Return the codes that the trained encoder gives to new activations."""
    return _codes(activations, dictionary.encoder)


def cost(activations: Float[np.ndarray, "patch channel"], *, concepts: int, seed: int, rows: int) -> tuple[float, Dictionary]:
    """Return the seconds of a whole fit to so many patches, from a few steps with fewer; and the dictionary these give."""
    took = []
    for steps in (1, 2, 2 + _TIMED):  # the first run warms up
        start = time.perf_counter()
        found = fit(activations, concepts=min(concepts, len(activations)), seed=seed, steps=steps)
        took.append(time.perf_counter() - start)
    step = max(took[2] - took[1], 0.0) / _TIMED
    start = time.perf_counter()
    encode(activations, found)
    a_row = (time.perf_counter() - start) / len(activations)
    return step * (_STEPS + 4 * concepts) + 2 * rows * a_row, found


def active_codes(concepts: int) -> int:
    """Return how many concepts a patch may use: a quarter of them, at least 1 and at most 32."""
    return min(_MOST_ACTIVE, math.ceil(concepts / 4))


def _codes(activations: Float[np.ndarray, "patch channel"], encoder: dict[str, np.ndarray]) -> Float[np.ndarray, "patch concept"]:
    active, weight = int(encoder["active"]), encoder["weight"].astype(np.float32)
    U = np.zeros((len(activations), len(encoder["bias"])), np.float32)
    for i in range(0, len(activations), _BLOCK):
        dense = np.maximum(activations[i : i + _BLOCK] @ weight + encoder["bias"], 0.0)
        kept = np.argpartition(-dense, active - 1, axis=1)[:, :active]
        np.put_along_axis(U[i : i + _BLOCK], kept, np.take_along_axis(dense, kept, axis=1), axis=1)
    return U


def _train(
    A: Float[Tensor, "patch channel"], *, concepts: int, active: int, steps: int, generator: torch.Generator
) -> _Parameters:
    parameters = _start(A, concepts, generator)
    E, e, V, mean = parameters
    rate = _RATE / math.sqrt(A.shape[1])
    optimiser = torch.optim.Adam([E, e, V], lr=rate)
    fired = torch.zeros(concepts, dtype=torch.bool, device=A.device)
    for step in range(steps):
        batch = A[torch.randint(len(A), (_BATCH,), generator=generator).to(A.device)]
        U = _top(torch.relu((batch - mean) @ E + e), active)
        left = batch - U @ functional.normalize(V, dim=1)
        optimiser.zero_grad()
        torch.autograd.backward(left.square().sum(dim=1).mean())
        optimiser.param_groups[0]["lr"] = rate * min(1.0, 2 * (1 - step / steps))  # constant, then linearly to zero
        optimiser.step()
        fired |= (U > 0).any(dim=0)
        if step % _REVIVAL == _REVIVAL - 1:
            if step < 0.7 * steps:
                _revive(parameters, ~fired, left.detach(), optimiser)
            fired.zero_()
    return _Parameters(*(parameter.detach() for parameter in parameters))


def _start(A: Float[Tensor, "patch channel"], concepts: int, generator: torch.Generator) -> _Parameters:
    """Start the atoms as random patches, a little disturbed, and the encoder as their transpose."""
    rows = torch.randperm(len(A), generator=generator)[:concepts].to(A.device)
    noise = torch.randn(concepts, A.shape[1], generator=generator).to(A.device)
    V = functional.normalize(functional.normalize(A[rows], dim=1) + 0.1 * functional.normalize(noise, dim=1), dim=1)
    mean = A.mean(dim=0)
    return _Parameters(V.T.clone().requires_grad_(), (V @ mean).requires_grad_(), V.requires_grad_(), mean)


@torch.no_grad()
def _revive(
    parameters: _Parameters,
    silent: Bool[Tensor, " concept"],
    left: Float[Tensor, "batch channel"],
    optimiser: torch.optim.Optimizer,
) -> None:
    """Point silent atoms at the patches explained worst, and forget what the optimiser knew of them."""
    places = silent.nonzero()[: len(left), 0]
    worst = functional.normalize(left[left.norm(dim=1).topk(len(places)).indices], dim=1)
    E, e, V, mean = parameters
    E[:, places], e[places], V[places] = worst.T, worst @ mean, worst
    for moment in ("exp_avg", "exp_avg_sq"):
        optimiser.state[E][moment][:, places] = 0.0
        optimiser.state[e][moment][places] = 0.0
        optimiser.state[V][moment][places] = 0.0


def _top(dense: Float[Tensor, "patch concept"], active: int) -> Float[Tensor, "patch concept"]:
    values, places = dense.topk(active, dim=1)
    return torch.zeros_like(dense).scatter(1, places, values)
