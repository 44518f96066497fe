"""Who works on which class: what waits, what runs where, what was lost, who straggles. Knows neither cluster nor clock."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from statistics import median

from precompute.engine.base import Job

#: A class that has cost so many workers their lives is given up.
LIVES = 3
#: A class that takes so many times as long as the others (for its size) is given to a second worker, when one is idle.
SLOW = 3.0
#: … but never before so many seconds.
PATIENCE = 30.0


class Scheduler:
    """The classes of one build and the workers on them; a worker has one class at a time."""

    def __init__(self, jobs: Sequence[Job], *, clock: Callable[[], float]) -> None:
        self._jobs = {job.wnid: job for job in jobs}
        self._waiting = deque(self._jobs)
        self._at_work: dict[int, tuple[str, float]] = {}  # worker → class, since when
        self._open = set(self._jobs)
        self._losses: Counter[str] = Counter()
        self._paces: list[float] = []  # seconds ÷ size, of every finished class
        self._clock = clock

    @property
    def done(self) -> bool:
        """Whether every class has an outcome."""
        return not self._open

    def current(self) -> list[str]:
        """Return the classes at work."""
        return sorted({wnid for wnid, _ in self._at_work.values()})

    def next(self, worker: int) -> Job | None:
        """Give an idle worker a class: the first that waits, else that of a straggler, else none."""
        wnid = self._waiting.popleft() if self._waiting else self._straggler()
        if wnid is None:
            return None
        self._at_work[worker] = wnid, self._clock()
        return self._jobs[wnid]

    def _straggler(self) -> str | None:
        now = self._clock()
        copies = Counter(wnid for wnid, _ in self._at_work.values())
        for wnid, since in sorted(self._at_work.values(), key=lambda entry: entry[1]):
            patience = max(PATIENCE, SLOW * self._jobs[wnid].size * median(self._paces)) if self._paces else float("inf")
            if wnid in self._open and copies[wnid] == 1 and now - since > patience:
                return wnid
        return None

    def finished(self, worker: int) -> str | None:
        """Note that a worker is done; return its class, or None if another worker was faster."""
        wnid, since = self._at_work.pop(worker)
        if wnid not in self._open:
            return None
        self._open.discard(wnid)
        self._paces.append((self._clock() - since) / self._jobs[wnid].size)
        return wnid

    def lost(self, worker: int) -> tuple[str | None, bool]:
        """Note that a worker is gone; return the class it leaves behind, if any, and whether that is given up."""
        wnid, _ = self._at_work.pop(worker, (None, 0.0))
        if wnid is None or wnid not in self._open:
            return None, False
        self._losses[wnid] += 1
        if self._losses[wnid] >= LIVES:
            self._open.discard(wnid)
            return wnid, True
        if all(other != wnid for other, _ in self._at_work.values()):
            self._waiting.appendleft(wnid)
        return wnid, False
