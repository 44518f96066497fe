"""How many threads sums are split over. The last bits of a sum depend on it, and so do atlases: same number, same bytes."""

from __future__ import annotations

import os

import torch
from threadpoolctl import threadpool_limits

from precompute.config import Config


def pin(threads: int) -> int:
    """Fix the number of threads of torch and of NumPy's BLAS in this process; 0 leaves it. Return torch's number."""
    if threads:
        torch.set_num_threads(threads)
        threadpool_limits(threads)
    return torch.get_num_threads()


def of_worker(config: Config) -> int:
    """Return how many threads a worker has: what the settings say; 0 (as torch has it) for one that has the machine to itself.

    Workers of a cluster share its cores; where nobody says how many there will be, each has one.
    """
    if config.threads or config.engine == "local":
        return config.threads
    workers = config.workers or (torch.cuda.device_count() if config.device != "cpu" else 0)
    return max(1, (os.cpu_count() or 1) // workers) if workers else 1
