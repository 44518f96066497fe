"""Run classes one after the other in this process."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from precompute.engine.base import Job, MakeTask, Outcome, Resources, attempt
from precompute.progress import Reporter


def run(make_task: MakeTask, jobs: Sequence[Job], *, resources: Resources, reporter: Reporter) -> Generator[Outcome]:
    """Yield every class's result, or the error that kept it from one, in order."""
    task = make_task(reporter)
    for job in jobs:
        yield job.wnid, attempt(task, job)
