"""The class logit as a function of codes, and its parts: in closed form for an affine head, else by integrated gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atlas.schema import ImageNetClass
from precompute import contributions, importance
from precompute.activations import ClassActivations
from precompute.backbone import Backbone
from precompute.contributions import Decomposition
from precompute.dictionary import Dictionary
from precompute.importance import AffineHead, ConceptHead, SampledHead

#: Completeness makes it the estimator that stands in for the closed form: its values sum to F(U) − F(0).
STAND_IN = "integrated_gradients"


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """The class logit of every photo taken apart, and what estimators need to look at it again."""

    parts: Decomposition
    codes: np.ndarray  # (photo, concept) for an affine head, else (photo, position, concept)
    head: ConceptHead | None  # None: each photo has a head of its own (it reads the photo's class token)


def explain(
    backbone: Backbone, info: ImageNetClass, acts: ClassActivations, dictionary: Dictionary, codes: np.ndarray, *, seed: int
) -> Explained:
    """Take the class logits apart; ``codes`` are those at positions (photo, position, concept)."""
    if backbone.linear_head is not None:
        weight, bias = backbone.class_head(info.class_index)
        mean = codes.mean(axis=1)
        parts = contributions.decompose(
            mean, dictionary.atoms, weight=weight, bias=bias, class_logit=acts.class_logit, offset=dictionary.offset
        )
        constant = bias + (0.0 if dictionary.offset is None else float(dictionary.offset @ weight))
        return Explained(parts, mean, AffineHead(slope=dictionary.atoms @ weight, constant=constant))
    if not backbone.has_class_token:
        head = SampledHead(_function(backbone, info, dictionary, None), device=str(backbone.device), batch=64)
        return Explained(_integrated(codes, head, acts.class_logit, seed=seed), codes, head)
    rows = [
        _integrated(codes[i : i + 1], _own_head(backbone, info, acts, dictionary, i), acts.class_logit[i : i + 1], seed=seed)
        for i in range(len(codes))
    ]
    joined = (np.concatenate([getattr(row, name) for row in rows]) for name in ("contributions", "bias", "residual"))
    return Explained(Decomposition(*joined), codes, None)


def _own_head(backbone: Backbone, info: ImageNetClass, acts: ClassActivations, dictionary: Dictionary, photo: int) -> SampledHead:
    prefix = torch.from_numpy(acts.prefix[photo : photo + 1]).to(backbone.device)
    return SampledHead(_function(backbone, info, dictionary, prefix), device=str(backbone.device), batch=64)


def _function(
    backbone: Backbone, info: ImageNetClass, dictionary: Dictionary, prefix: Tensor | None
) -> Callable[[Tensor], Tensor]:
    """Return F(U) = head(U V + offset)[class]."""
    atoms = torch.from_numpy(dictionary.atoms).to(backbone.device)
    offset = 0.0 if dictionary.offset is None else torch.from_numpy(np.asarray(dictionary.offset, np.float32)).to(backbone.device)

    def logit(codes: Tensor) -> Tensor:
        tokens = None if prefix is None else prefix.expand(len(codes), -1, -1)
        return backbone.head(codes @ atoms + offset, prefix=tokens)[:, info.class_index]

    return logit


def _integrated(codes: np.ndarray, head: SampledHead, class_logit: np.ndarray, *, seed: int) -> Decomposition:
    phi = importance.METHODS[STAND_IN].estimate(codes, head, seed=seed)
    return contributions.complete(phi, without=head(np.zeros_like(codes)), class_logit=class_logit)
