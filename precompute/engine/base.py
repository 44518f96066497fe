"""What an engine is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from atlas.schema import AtlasError, ImageNetClass, Result
from precompute.photos import Photo
from precompute.progress import Reporter


@dataclass(frozen=True, slots=True)
class Job:
    """One class to build; everything in it can travel to another machine."""

    info: ImageNetClass
    photos: tuple[Photo, ...]
    digest: str

    @property
    def wnid(self) -> str:
        """The class."""
        return self.info.wnid

    @property
    def size(self) -> int:
        """How long it takes, roughly, beside other classes."""
        return len(self.photos) + 10  # a picture and a fit cost something without photos too


@dataclass(frozen=True, slots=True)
class Resources:
    """Where classes run, with how many hands."""

    workers: int = 0  # 0: as many as there is room for
    threads: int = 1  # of every worker: the sums, and so the last bits, depend on it
    device: str = "auto"
    address: str = ""  # of a cluster; empty: this machine


Task = Callable[[Job], Result]
MakeTask = Callable[[Reporter], Task]
Outcome = tuple[str, Result | AtlasError]


@runtime_checkable
class Engine(Protocol):
    """A place to run classes."""

    def run(self, make_task: MakeTask, jobs: Sequence[Job], *, resources: Resources, reporter: Reporter) -> Generator[Outcome]:
        """Yield every class's result, or the error that kept it from one, as they finish.

        ``make_task`` is called once a worker: it loads what every class needs. An engine that runs elsewhere pickles it.

        Raises:
            AtlasError: there is no such place, or no worker can start there.
        """


def attempt(task: Task, job: Job) -> Result | AtlasError:
    """Build one class; one odd class must not end a build of a thousand: its error is named, and the build goes on."""
    try:
        return task(job)
    except AtlasError as error:
        return error
    except Exception as error:
        named = AtlasError(f"{type(error).__name__}: {error}")
        named.__cause__ = error
        return named
