"""Feature visualization by magnitude-constrained optimisation (MACO), and the Fourier parameterisation to compare it with.

Notation: φ (picture, 3, n, n/2 + 1) phase, all that is optimised; r (3, n, n/2 + 1) magnitude of natural photos, fixed;
M (3, 3) colour matrix. z = irfft2(r · exp(iφ)), standardised; picture = sigmoid(contrast · M z); each step cuts random crops,
adds noise and asks the backbone.
α, the opacity, accumulates |∂objective/∂picture|: where the objective never looked, there is nothing to see.
Source: Fel et al., NeurIPS 2023, "Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization".
"""

from precompute.visualize.optimise import Visualization, visualize
from precompute.visualize.presets import LEARNING_RATES, PRESETS, Preset
from precompute.visualize.ranking import rank_visualizations
from precompute.visualize.target import Target
from precompute.visualize.timing import cost

__all__ = ["LEARNING_RATES", "PRESETS", "Preset", "Target", "Visualization", "cost", "rank_visualizations", "visualize"]
