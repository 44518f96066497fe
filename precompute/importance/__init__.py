"""Importance estimators: what a concept does for the logit of a class. Add one: a module with ``estimate``, listed here."""

from precompute.importance import (
    gradient_input,
    hsic,
    integrated_gradients,
    occlusion,
    rise,
    saliency,
    smoothgrad,
    sobol,
)
from precompute.importance.base import AffineHead, ConceptHead, ImportanceMethod, SampledHead

METHODS: dict[str, ImportanceMethod] = {
    "gradient_input": gradient_input,
    "integrated_gradients": integrated_gradients,
    "saliency": saliency,
    "smoothgrad": smoothgrad,
    "occlusion": occlusion,
    "rise": rise,
    "sobol": sobol,
    "hsic": hsic,
}

__all__ = ["METHODS", "AffineHead", "ConceptHead", "ImportanceMethod", "SampledHead"]
