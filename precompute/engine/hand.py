"""What runs inside a worker process of a cluster: one task, made once, and an ear for the driver's questions."""

from __future__ import annotations

import socket
import time

from atlas.schema import AtlasError, Result
from precompute import provenance
from precompute.engine.base import Job, MakeTask, Task, attempt
from precompute.progress import Tally
from precompute.threads import pin

#: Seconds between two answers to "how far are you?".
_NEWS = 0.5


class Hand:
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

    def build(self, job: Job) -> tuple[Result | AtlasError, int]:
        """Return one class, or its error, and how many images this worker has put through the backbone."""
        assert self._task is not None
        return attempt(self._task, job), self._tally.images

    def news(self) -> int:
        """Return, a moment later, how many images this worker has put through the backbone."""
        time.sleep(_NEWS)
        return self._tally.images
