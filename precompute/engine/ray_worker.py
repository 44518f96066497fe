"""What runs inside a worker process of a cluster: one task, made once, and an ear for the driver's questions."""

from __future__ import annotations

import socket
import time

import torch

from atlas.schema import AtlasError, Result
from precompute import provenance
from precompute.engine.base import Job, MakeTask, Task, attempt
from precompute.engine.threads import pin
from precompute.progress import Tally

#: How many images a worker has put through the backbone, and what it has said, from its start.
News = tuple[int, list[str]]

#: Seconds between two answers to "how far are you?".
_NEWS = 0.5


class RayWorker:
    """One worker: loads what every class needs, then builds class after class."""

    def __init__(self, make_task: MakeTask, threads: int, libraries: dict[str, str]) -> None:
        self._make_task, self._threads, self._libraries = make_task, threads, libraries
        self._tally = Tally()
        self._task: Task | None = None

    def ready(self) -> str | AtlasError:
        """Load; return the host's name, or why this worker cannot work."""
        host = socket.gethostname()
        here = provenance.libraries()
        if differing := [f"{name} {here.get(name)}" for name, version in self._libraries.items() if here.get(name) != version]:
            return AtlasError(f"A worker on {host} has {', '.join(differing)}, the driver another: their numbers would differ.")
        pin(self._threads)
        try:
            self._task = self._make_task(self._tally)
        except AtlasError as error:
            return AtlasError(f"A worker on {host} cannot work: {error}")
        return host

    def build(self, job: Job) -> tuple[Result | AtlasError, News]:
        """Return one class, or its error, and the news.

        Raises:
            MemoryError: this machine has no memory left; a fresh worker, perhaps elsewhere, may do better.
        """
        assert self._task is not None
        outcome = attempt(self._task, job)
        if isinstance(outcome, AtlasError) and _out_of_memory(outcome.__cause__):
            raise MemoryError(str(outcome))
        return outcome, (self._tally.images, list(self._tally.messages))

    def news(self) -> News:
        """Return, a moment later, what this worker has done so far."""
        time.sleep(_NEWS)
        return self._tally.images, list(self._tally.messages)


def _out_of_memory(error: BaseException | None) -> bool:
    said = ("allocate memory", "bad_alloc", "could not create a primitive")  # torch, C++, oneDNN
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in str(error) for words in said)
