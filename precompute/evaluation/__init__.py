"""The papers' tables for a backbone and classes: which dictionary, which estimator, how far above chance.

Fel et al., *A Holistic Approach …* (NeurIPS 2023). A cell is one class × dictionary × number of concepts; the tables are means
over classes. Fitted on recognised photos of the fit split, judged on holdout photos.
"""

from precompute.evaluation.cell import Cell
from precompute.evaluation.request import Request, make
from precompute.evaluation.run import Evaluation, evaluate

__all__ = ["Cell", "Evaluation", "Request", "evaluate", "make"]
