"""The class logit as a function of codes, and its parts: in closed form for an affine head, else by integrated gradients."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from atlas.schema import ImageNetClass
from precompute import importance
from precompute.activations import ClassActivations
from precompute.analysis import contributions
from precompute.analysis.contributions import Decomposition
from precompute.dictionary import Dictionary
from precompute.importance import AffineHead, ConceptHead, SampledHead
from precompute.network.backbone import Backbone

#: Completeness makes it the estimator that stands in for the closed form: its values sum to F(U) − F(0).
STAND_IN = "integrated_gradients"
#: A head without a closed form is asked some 2400 times a photo, so a few photos speak for the class; where the head reads a
#: class token a block of the network hangs on each question, and fewer do.
SAMPLED_PHOTOS, TOKEN_PHOTOS = 32, 8
_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class DecomposedLogits:
    """The class logit of every photo taken apart, and what estimators need to look at it again."""

    parts: Decomposition
    codes: np.ndarray  # (photo, concept) for an affine head, else (photo, position, concept)
    head: ConceptHead  # of these photos; a class token that it reads stays the photo's own
    bias: np.ndarray  # (photo,) the logit of no activation at all: without the offset of a centred dictionary
    most: int | None = None  # photos that estimators are asked about, at most; None: all

    def among(self, concepts: np.ndarray) -> DecomposedLogits:
        """Return the same photos as if these concepts alone could be taken away: the others stay, and count as residual."""
        whole, contributions = self.parts, self.parts.contributions
        others = contributions.sum(axis=1) - contributions[:, concepts].sum(axis=1)
        parts = Decomposition(contributions[:, concepts], whole.bias, whole.residual + others)
        head = self.head.among(concepts, self.codes)
        return dataclasses.replace(self, parts=parts, codes=self.codes[..., concepts], head=head)

    def of(self, photos: np.ndarray) -> DecomposedLogits:
        """Return some of the photos."""
        return DecomposedLogits(self.parts.of(photos), self.codes[photos], self.head.of(photos), self.bias[photos], self.most)


def explain(
    backbone: Backbone, info: ImageNetClass, acts: ClassActivations, dictionary: Dictionary, codes: np.ndarray, *, seed: int
) -> DecomposedLogits:
    """Take the class logits apart; ``codes`` are those at positions (photo, position, concept)."""
    if backbone.linear_head is not None:
        weight, bias = backbone.class_head(info.class_index)
        mean = codes.mean(axis=1)
        parts = contributions.decompose(
            mean, dictionary.atoms, weight=weight, bias=bias, class_logit=acts.class_logit, offset=dictionary.offset
        )
        constant = bias + (0.0 if dictionary.offset is None else float(dictionary.offset @ weight))
        head = AffineHead(slope=dictionary.atoms @ weight, constant=constant)
        return DecomposedLogits(parts, mean, head, np.full(len(mean), bias, np.float32))
    return _sampled(backbone, info, acts, dictionary, codes, seed=seed)


def reached(
    backbone: Backbone, info: ImageNetClass, acts: ClassActivations, dictionary: Dictionary, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return F(U) and F(0) of every photo, for any head: what a dictionary makes of its logit, and what is there without it."""
    head = _head(backbone, info, acts, dictionary)
    return head(codes), head(np.zeros_like(codes))


def _head(backbone: Backbone, info: ImageNetClass, acts: ClassActivations, dictionary: Dictionary) -> SampledHead:
    tokens = (torch.from_numpy(acts.prefix).to(backbone.device),) if backbone.has_class_token else ()
    return SampledHead(_function(backbone, info, dictionary), device=str(backbone.device), batch=_BATCH, beside=tokens)


def _sampled(
    backbone: Backbone, info: ImageNetClass, acts: ClassActivations, dictionary: Dictionary, codes: np.ndarray, *, seed: int
) -> DecomposedLogits:
    head = _head(backbone, info, acts, dictionary)
    phi = importance.METHODS[STAND_IN].estimate(codes, head, seed=seed)
    parts = contributions.complete(phi, without=head(np.zeros_like(codes)), class_logit=acts.class_logit)
    plain = dataclasses.replace(dictionary, offset=None)
    bias = dataclasses.replace(head, function=_function(backbone, info, plain))(np.zeros_like(codes))
    most = TOKEN_PHOTOS if backbone.has_class_token else SAMPLED_PHOTOS
    return DecomposedLogits(parts, codes, head, bias.astype(np.float32), most)


def _function(backbone: Backbone, info: ImageNetClass, dictionary: Dictionary) -> Callable[..., Tensor]:
    """Return F(U) = head(U V + offset)[class], the photo's class token beside it where the head reads one."""
    atoms = torch.from_numpy(dictionary.atoms).to(backbone.device)
    offset = 0.0 if dictionary.offset is None else torch.from_numpy(np.asarray(dictionary.offset, np.float32)).to(backbone.device)

    def logit(codes: Tensor, prefix: Tensor | None = None) -> Tensor:
        return backbone.head(codes @ atoms + offset, prefix=prefix)[:, info.class_index]

    return logit
