"""Where classes run: in this process, on a ledger without a cluster, and on a real Ray cluster that loses a node."""

from __future__ import annotations

import os
import pickle
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atlas.format import Store, problems
from atlas.schema import AtlasError, ClassRecord, ImageNetClass, Result
from precompute import config
from precompute.engine import ENGINES, Job, Resources, local, ray, scheduler, worker
from precompute.engine.scheduler import LIVES, Scheduler
from precompute.photos import Photo
from precompute.pipeline import BuildContext
from precompute.progress import Silent


def _job(wnid: str) -> Job:
    return Job(ImageNetClass(0, wnid, wnid), (), "d")


def _task(job: Job) -> Result:
    if job.wnid == "odd":
        raise ZeroDivisionError("no photo has any pixels")
    if job.wnid == "poor":
        raise AtlasError("too few photos")
    return Result(ClassRecord(job.info, "none"), digest=job.digest)


def test_a_class_that_fails_is_named_and_the_others_go_on() -> None:
    jobs = [_job(wnid) for wnid in ("a", "odd", "poor", "b")]
    found = dict(local.run(lambda _: _task, jobs, resources=Resources(), reporter=Silent()))
    assert isinstance(found["a"], Result)
    assert isinstance(found["b"], Result)
    assert str(found["odd"]) == "ZeroDivisionError: no photo has any pixels"
    assert str(found["poor"]) == "too few photos"


def test_an_interrupt_is_not_swallowed() -> None:
    def interrupted(job: Job) -> Result:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(local.run(lambda _: interrupted, [_job("a")], resources=Resources(), reporter=Silent()))


@pytest.mark.parametrize("engine", ENGINES)
def test_no_classes_need_no_workers(engine: str) -> None:
    assert list(ENGINES[engine].run(lambda _: _task, [], resources=Resources(), reporter=Silent())) == []


# The ledger: who works on what


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(clock: Clock) -> Scheduler:
    return Scheduler([_job(wnid) for wnid in "abc"], clock=clock)


def _next(book: Scheduler, worker: int) -> str | None:
    job = book.next(worker)
    return job and job.wnid


def test_every_class_is_given_out_once_and_in_order(book: Scheduler) -> None:
    assert [_next(book, i) for i in (1, 2, 3, 4)] == ["a", "b", "c", None]
    assert book.current() == ["a", "b", "c"]
    assert [book.finished(i) for i in (2, 3, 1)] == ["b", "c", "a"]
    assert book.done


def test_the_class_of_a_lost_worker_is_the_next_to_be_given_out(book: Scheduler) -> None:
    assert _next(book, 1) == "a"
    assert book.lost(1) == ("a", False)
    assert book.lost(1) == (None, False)  # it has nothing any more
    assert [_next(book, i) for i in (2, 3)] == ["a", "b"]


def test_a_class_that_costs_too_many_workers_is_given_up(book: Scheduler) -> None:
    for life in range(1, LIVES + 1):
        assert _next(book, life) == "a"
        assert book.lost(life) == ("a", life == LIVES)
    assert [_next(book, 9), book.finished(9), _next(book, 9), book.finished(9)] == ["b", "b", "c", "c"]
    assert book.done


def test_the_class_of_a_straggler_is_given_to_one_other_worker(book: Scheduler, clock: Clock) -> None:
    for i in (1, 2, 3):
        book.next(i)
    clock.now = 20.0
    assert [book.finished(2), book.finished(3)] == ["b", "c"]
    assert _next(book, 2) is None  # slow, but not out of proportion
    clock.now = scheduler.SLOW * 20 + 1
    assert [_next(book, 2), _next(book, 3)] == ["a", None]
    assert [book.finished(2), book.finished(1)] == ["a", None]  # the first result counts
    assert book.done


def test_a_larger_class_may_take_longer(clock: Clock) -> None:
    large = Job(ImageNetClass(0, "large", "large"), (Photo("set/a.jpg", Path("a.jpg"), "large", "fit", 1),) * 990, "d")
    book = Scheduler([large, _job("small")], clock=clock)
    for i in (1, 2):
        book.next(i)
    clock.now = 40.0
    assert book.finished(2) == "small"
    clock.now = 1000.0
    assert _next(book, 2) is None
    clock.now = scheduler.SLOW * 4000 + 1
    assert _next(book, 2) == "large"


def test_a_straggler_that_is_lost_leaves_the_class_to_the_other(book: Scheduler, clock: Clock) -> None:
    for i in (1, 2, 3):
        book.next(i)
    clock.now = 1.0
    assert [book.finished(2), book.finished(3)] == ["b", "c"]
    clock.now = 100.0
    assert _next(book, 2) == "a"
    assert book.lost(1) == ("a", False)
    assert _next(book, 3) is None  # it does not wait again while another worker has it
    assert book.finished(2) == "a"
    assert book.done


def test_a_task_that_travels_leaves_the_backbone_behind(tmp_path: Path) -> None:
    settings = config.make(photos=("sample:",), out=tmp_path)
    here = object.__new__(BuildContext)  # even an empty one could not be pickled; a loaded backbone should not be
    sent = worker.MakeTask(here, settings, None, "0" * 64, 1)
    assert pickle.loads(pickle.dumps(sent)) == worker.MakeTask(None, settings, None, "0" * 64, 1)


def test_a_worker_that_cannot_see_the_photos_says_so(tmp_path: Path) -> None:
    settings = config.make(photos=(str(tmp_path / "elsewhere"),), out=tmp_path)
    with pytest.raises(AtlasError, match=r"it does not see the photos in .*elsewhere: mount them there"):
        worker.MakeTask(None, settings, None, "0" * 64, 1)(Silent())


def test_a_worker_with_other_weights_refuses(tmp_path: Path, made: Any, weights: Path) -> None:
    settings = config.make(photos=("sample:",), out=tmp_path, backbone=made.BACKBONE, weights=str(weights), device="cpu")
    with pytest.raises(AtlasError, match="has other weights"):
        worker.MakeTask(None, settings, None, "0" * 64, 1)(Silent())


class _Hearing(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


class _Killer:
    def kill(self, actor: object) -> None:
        pass


def test_a_worker_that_is_unfit_is_let_go_unless_it_is_the_last() -> None:
    crew: Any = object.__new__(ray._WorkerPool)
    crew._ray, crew._reporter, crew._workers, crew._wanted = _Killer(), _Hearing(), {1: "a", 2: "b"}, 2
    crew._welcome(1, AtlasError("A worker on there has torch 1.0, the driver another."))
    assert (crew._workers, crew._wanted) == ({2: "b"}, 1)
    assert crew._reporter.said == ["A worker on there has torch 1.0, the driver another. The build goes on without it."]
    with pytest.raises(AtlasError, match=r"has torch 1\.0"):
        crew._welcome(2, AtlasError("A worker on there has torch 1.0, the driver another."))


def test_why_a_worker_was_lost_is_said() -> None:
    told = Exception("anything")
    told.cause = ModuleNotFoundError("No module named 'precompute'\nand more")  # type: ignore[attr-defined]
    assert ray._reason(told) == "ModuleNotFoundError: No module named 'precompute'"
    assert ray._reason(Exception("the actor died unexpectedly")) == "its process was ended"
    assert ray._reason(Exception("The actor died because its node died")) == "its machine is gone"
    assert ray._reason(MemoryError("MemoryError: no")) == "out of memory"


# A real cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start a Ray cluster of two machines (here: two nodes of one CPU each); only the first holds the driver."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[3])
    utils = pytest.importorskip("ray.cluster_utils")
    small = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
    started = utils.Cluster(initialize_head=True, head_node_args=small)
    started.add_node(num_cpus=1, object_store_memory=80_000_000)
    yield started
    started.shutdown()


def test_a_cluster_that_loses_a_node_builds_the_same_atlas(build: Any, made: Any, cluster: Any, tmp_path: Path) -> None:
    here = tmp_path / "here"
    assert build(here, "--threads", 1).status == 0
    out = tmp_path / "there"
    running = build.start(out, "--threads", 1, "--engine", "ray", "--ray-address", cluster.address, "--json")
    running.wait_for('"stage": "n01440764, n02102040"', seconds=200)  # both nodes are at work
    cluster.remove_node(cluster.list_all_nodes()[1], allow_graceful=False)
    ended = running.end()
    assert ended.status == 0, ended.err
    assert ended.err == ""
    lost = rf"lost a worker on {re.escape(socket.gethostname())} \([a-z ]+\); n\d+ starts again"
    assert [bool(re.fullmatch(lost, message)) for message in ended.messages[:-1]] == [True], ended.messages
    assert made.content(out) == made.content(here)
    assert problems(out) == []
    assert Store(out).manifest.complete


def test_a_cluster_paints_the_same_pictures_and_shares_the_same_dictionary(
    build: Any, made: Any, cluster: Any, tmp_path: Path
) -> None:
    flags = ("--threads", 1, "--scope", "both", "--shared-concepts", 5, "--pictures", "quick")
    assert build(tmp_path / "here", *flags).status == 0
    there = build(tmp_path / "there", *flags, "--engine", "ray", "--ray-address", cluster.address)
    assert there.status == 0, there.err
    assert made.content(tmp_path / "there") == made.content(tmp_path / "here")
