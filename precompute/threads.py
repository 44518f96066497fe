"""How many threads sums are split over. The last bits of a sum depend on it, and so do atlases: same number, same bytes."""

from __future__ import annotations

import torch
from threadpoolctl import threadpool_limits


def pin(threads: int) -> int:
    """Fix the number of threads of torch and of NumPy's BLAS in this process; 0 leaves it. Return torch's number."""
    if threads:
        torch.set_num_threads(threads)
        threadpool_limits(threads)
    return torch.get_num_threads()
