"""The papers' tables for a backbone and classes: which dictionary, which estimator, how far above chance.

Fel et al., *A Holistic Approach …* (NeurIPS 2023). A cell is one class × dictionary × number of concepts; the tables are means
over classes. Fitted on recognised photos of the fit split, judged on holdout photos.
"""

from precompute.commands.evaluate.cell import Cell
from precompute.commands.evaluate.request import Request, make
from precompute.commands.evaluate.run import Evaluation, evaluate

__all__ = ["Cell", "Evaluation", "Request", "evaluate", "make"]
