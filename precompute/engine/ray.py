"""Run classes on a Ray cluster: actors that hold the backbone, one a GPU or ``--workers`` on CPUs, one class each at a time.

Workers compute and return; only the driver, which consumes what is yielded here, writes the atlas. A worker that is lost is
replaced and its class starts again elsewhere; a class that takes far longer than the others is given to a second worker too, and
the first to finish counts: results depend on nothing but the class.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from atlas.schema import AtlasError
from precompute import provenance
from precompute.engine.base import Job, MakeTask, Outcome, Resources
from precompute.engine.ray_worker import News, RayWorker
from precompute.engine.scheduler import LIVES, Scheduler
from precompute.progress import Reporter

#: Seconds without any worker before a build gives up; workers import torch and load the backbone from slow disks too.
START_LIMIT = 300.0
#: Results on their way to the driver; each is a few megabytes.
_OBJECT_STORE = 500_000_000
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run(make_task: MakeTask, jobs: Sequence[Job], *, resources: Resources, reporter: Reporter) -> Generator[Outcome]:
    """Yield every class's result, or the error that kept it from one, as they finish.

    Raises:
        AtlasError: Ray is missing, no cluster answers, or no worker can start there.
    """
    if not jobs:
        return
    # Ray prints unasked, also while it shuts down: nothing of it may come between the lines of a build.
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), _cluster(resources) as ray:
        crew = _WorkerPool(ray, make_task, jobs, resources=resources, reporter=reporter)
        try:
            yield from crew.outcomes()
        finally:
            crew.dismiss()


@contextmanager
def _cluster(resources: Resources) -> Iterator[Any]:
    """Connect to the cluster, or start one on this machine; leave one that was there as it is."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise AtlasError("--engine ray needs Ray, which is missing: pip install concept-atlas[ray].") from error
    if ray.is_initialized():
        yield ray
        return
    address = resources.address or os.environ.get("RAY_ADDRESS", "local")
    here = {
        "num_cpus": max(os.cpu_count() or 1, resources.workers),
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE,
    }
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, **(here if address == "local" else {}))
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise AtlasError(
            f"No Ray cluster answers at {address} ({str(error).splitlines()[0]}): start one with `ray start --head`, or leave "
            "out --ray-address to use this machine."
        ) from error
    signal.signal(signal.SIGTERM, on_term)  # Ray puts its own there, which would end the build without a word
    try:
        yield ray
    finally:
        ray.shutdown()


class _WorkerPool:
    """The workers of one build."""

    def __init__(self, ray: Any, make_task: MakeTask, jobs: Sequence[Job], *, resources: Resources, reporter: Reporter) -> None:
        self._ray, self._site, self._reporter = ray, resources, reporter
        self._ledger = Scheduler(jobs, clock=time.monotonic)
        self._make_task = ray.put(make_task)
        self._wanted, self._needs = self._room()
        self._wanted = min(self._wanted, len(jobs))
        self._workers: dict[int, Any] = {}
        self._hosts: dict[int, str] = {}  # of the workers that are ready
        self._heard: dict[int, tuple[int, int]] = {}  # images and messages that were passed on, of every worker
        self._refs: dict[Any, tuple[int, str]] = {}  # what is awaited: of which worker, and what it is
        self._hired = self._false_starts = 0
        self._none_since = time.monotonic()

    def _room(self) -> tuple[int, dict[str, float]]:
        """Return how many workers to start, and what each asks the cluster for."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        gpus = 0 if self._site.device == "cpu" else int(sum(node.get("GPU", 0) for node in nodes))
        cpus = sum(node.get("CPU", 0) for node in nodes)
        largest = max((node.get("CPU", 0) for node in nodes), default=1)
        if not gpus and self._site.device.startswith("cuda"):
            raise AtlasError("The Ray cluster has no GPU: use --device auto or cpu.")
        workers = self._site.workers or gpus or max(1, int(cpus // self._site.threads))
        share = min(cpus / workers, largest, self._site.threads)
        return workers, {"num_cpus": share if share < 1 else int(share), "num_gpus": 1 if gpus else 0}

    def outcomes(self) -> Iterator[Outcome]:
        while not self._ledger.done:
            while len(self._workers) < self._wanted:
                self._hire()
            arrived, _ = self._ray.wait(list(self._refs), num_returns=1, timeout=1.0)
            for ref in arrived:
                yield from self._arrived(ref)
            for worker in self._hosts:
                self._give(worker)
            if self._hosts:
                self._none_since = time.monotonic()
            elif time.monotonic() - self._none_since > START_LIMIT:
                raise AtlasError(
                    f"No worker could start in {START_LIMIT:.0f} s: each asks for {self._needs['num_cpus']} CPUs and "
                    f"{self._needs['num_gpus']} GPUs, the cluster has {self._ray.cluster_resources()}. The same command resumes."
                )

    def _arrived(self, ref: Any) -> Iterator[Outcome]:
        worker, kind = self._refs.pop(ref, (None, ""))
        if worker is None:  # of a worker that was lost meanwhile
            return
        try:
            value = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            yield from self._lose(worker, error)
            return
        if kind == "ready":
            self._welcome(worker, value)
        elif kind == "news":
            self._count(worker, value)
            self._await(worker, "news")
        else:
            outcome, news = value
            self._count(worker, news)
            wnid = self._ledger.finished(worker)
            self._give(worker)  # before the result is staged: nobody waits for the disk
            if wnid:
                self._false_starts = 0
                yield wnid, outcome

    def _hire(self) -> None:
        self._hired += 1
        threads = self._site.threads
        variables = {name: str(threads) for name in _THREADS}
        actor = self._ray.remote(concurrency_groups={"news": 1})(RayWorker)
        actor = actor.options(**self._needs, max_restarts=0, runtime_env={"env_vars": variables})
        self._workers[self._hired] = actor.remote(self._make_task, threads, provenance.libraries())
        self._await(self._hired, "ready")

    def _await(self, worker: int, method: str, *arguments: object) -> None:
        call = getattr(self._workers[worker], method)
        if method == "news":
            call = call.options(concurrency_group="news")
        self._refs[call.remote(*arguments)] = worker, method

    def _welcome(self, worker: int, answer: str | AtlasError) -> None:
        if isinstance(answer, AtlasError):
            self._do_without(worker, answer)
            return
        self._hosts[worker], self._heard[worker] = answer, (0, 0)
        self._await(worker, "news")

    def _do_without(self, worker: int, why: AtlasError) -> None:
        """Let a worker go that is unfit; where none is left, that is what is wrong."""
        self._ray.kill(self._workers.pop(worker))
        self._wanted -= 1
        if not self._workers:
            raise why
        self._reporter.say(f"{why} The build goes on without it.")

    def _give(self, worker: int) -> None:
        if any(owner == worker and kind == "build" for owner, kind in self._refs.values()):
            return
        if job := self._ledger.next(worker):
            self._await(worker, "build", job)
            at_work, workers = self._ledger.current(), len(self._hosts)
            some = ", ".join(at_work[:3]) + ("…" if at_work[3:] else "")
            self._reporter.stage(f"{workers} worker{'s' if workers > 1 else ''}", some, 0)

    def _count(self, worker: int, news: News) -> None:
        (images, messages), (counted, said) = news, self._heard[worker]
        if images > counted:
            self._reporter.advance(images - counted)
        for message in messages[said:]:
            self._reporter.say(message)
        self._heard[worker] = max(images, counted), max(len(messages), said)

    def _lose(self, worker: int, error: Exception) -> Iterator[Outcome]:
        """Take a lost worker off the list; its class waits again, unless it has cost too many workers."""
        host = self._hosts.pop(worker, None)
        self._ray.kill(self._workers.pop(worker))
        self._refs = {ref: entry for ref, entry in self._refs.items() if entry[0] != worker}
        wnid, given_up = self._ledger.lost(worker)
        reason = _reason(error)
        if host is None:
            self._false_starts += 1
            if self._false_starts >= LIVES * self._wanted:
                raise AtlasError(f"Workers are lost before they can start ({reason}). The same command resumes.")
            return
        again = f"; {wnid} starts again" if wnid and not given_up else ""
        self._reporter.say(f"lost a worker on {host} ({reason}){again}")
        if wnid and given_up:
            yield wnid, AtlasError(f"{wnid} has cost {LIVES} workers their lives (the last: {reason}).")

    def dismiss(self) -> None:
        """End every worker."""
        for actor in self._workers.values():
            self._ray.kill(actor)


def _reason(error: Exception) -> str:
    text, kind = str(error).lower(), type(error).__name__
    if "OutOfMemory" in kind or "memoryerror" in text:
        return "out of memory"
    if "node died" in text or "node was terminated" in text:
        return "its machine is gone"
    if cause := getattr(error, "cause", None):  # it lives, and could not do as it was told
        return f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else 'no more is known'}"
    return "its process was ended"
