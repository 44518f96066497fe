"""Where classes run. Add an engine: a module with ``run``, listed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from atlas.schema import AtlasError, Result
from precompute.engine import local

Task = Callable[[str], Result]
Outcome = tuple[str, Result | AtlasError]


@runtime_checkable
class Engine(Protocol):
    """A place to run classes."""

    def run(self, make_task: Callable[[], Task], wnids: Sequence[str]) -> Iterator[Outcome]:
        """Yield every class's result, or the error that kept it from one, as they finish.

        ``make_task`` is called once a worker: it loads what every class needs.
        """


ENGINES: dict[str, Engine] = {"local": local}

__all__ = ["ENGINES", "Engine", "Outcome", "Task"]
