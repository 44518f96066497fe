"""The app's budgets, measured beside them: a generated atlas of 1000 classes, a real browser, loopback only.

``python -m tests.bench.app [ATLAS]``: an atlas of that size made earlier (``python -m tests.bench._thousand FOLDER``)
saves a minute.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import CDPSession, Page, Request, sync_playwright

from atlas.format import imagenet_classes
from tests.bench import _thousand

WNIDS = [info.wnid for info in imagenet_classes()]
LOAD_CLIENTS, LOAD_SECONDS = 50, 60
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def say(what: str, measured: float, budget: float, unit: str, *, least: bool = False) -> None:
    """Print a measurement beside its budget."""
    met = measured >= budget if least else measured <= budget
    sign = "≥" if least else "≤"
    print(f"  {what:<52} {measured:8.1f} {unit:<5} {sign} {budget:g}  {'met' if met else 'MISSED'}", flush=True)


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return sorted(values)[min(int(len(values) * 0.95), len(values) - 1)]


@contextmanager
def served(atlas: Path) -> Iterator[tuple[int, int, float]]:
    """Serve an atlas with one worker: port, process of the worker, seconds until ready."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "atlas", "serve", str(atlas), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        port = int(server.stdout.readline().split()[4].rstrip("/").rpartition(":")[2])
        ask(http.client.HTTPConnection("127.0.0.1", port), "/ready")
        took = time.perf_counter() - start
        try:
            worker = int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])
            yield port, worker, took
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


def memory(process: int) -> tuple[float, float]:
    """Return the megabytes of a process: its proportional share, and all that is resident."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    found = {line.split()[0]: int(line.split()[1]) / 1000 for line in lines[1:]}
    return found["Pss:"], found["Rss:"]


def processor(process: int) -> float:
    """Return the seconds of processor time that a process has used: unlike the clock's, they mean the same on a busy machine."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(connection: http.client.HTTPConnection, path: str, body: str | None = None) -> bytes:
    """Send a request; anything but 200 is an error."""
    headers = {"Accept-Encoding": "br", "Content-Type": "application/json"}
    connection.request("POST" if body else "GET", path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return content


def callback(atlas: str, wnid: str) -> str:
    """Return the request for the strategy graph of a class."""
    value = f"/{atlas}/class/{wnid}"
    return json.dumps(
        {
            "output": "graph.children",
            "outputs": {"id": "graph", "property": "children"},
            "inputs": [{"id": "location", "property": "pathname", "value": value}],
            "changedPropIds": ["location.pathname"],
        }
    )


def many(port: int, clients: int, work: Callable[[http.client.HTTPConnection, random.Random], list[float]]) -> list[float]:
    """Let some clients work at once; return all their milliseconds."""
    with ThreadPoolExecutor(clients) as pool:
        jobs = [
            pool.submit(work, http.client.HTTPConnection("127.0.0.1", port, timeout=30), random.Random(i)) for i in range(clients)
        ]
        return [value for job in jobs for value in job.result()]


def timed(connection: http.client.HTTPConnection, path: str, body: str | None = None) -> float:
    """Return the milliseconds of a request."""
    start = time.perf_counter()
    ask(connection, path, body)
    return (time.perf_counter() - start) * 1000


def callbacks(port: int, atlas: str, worker: int) -> None:
    """Measure the graph's callback: classes met before, and classes never asked for."""

    def warm(connection: http.client.HTTPConnection, chance: random.Random) -> list[float]:
        return [timed(connection, "/_dash-update-component", callback(atlas, chance.choice(WNIDS[:20]))) for _ in range(40)]

    def fresh(connection: http.client.HTTPConnection, chance: random.Random) -> list[float]:
        return [timed(connection, "/_dash-update-component", callback(atlas, chance.choice(WNIDS))) for _ in range(40)]

    many(port, 8, warm)
    for name, work in (("20 classes", warm), ("any class", fresh)):
        before = processor(worker)
        times = many(port, 8, work)
        say(f"callback at 8 clients, {name}, p95", p95(times), 50, "ms")
        print(f"  {'its processor time, mean':<52} {(processor(worker) - before) / len(times) * 1000:8.1f} ms")


def load(port: int, atlas: str, worker: int) -> None:
    """Let 50 readers browse for a minute; memory must stay flat, and no answer may fail."""
    before, end = memory(worker)[0], time.perf_counter() + LOAD_SECONDS
    failed: list[str] = []

    def browse(connection: http.client.HTTPConnection, chance: random.Random) -> list[float]:
        times: list[float] = []
        while time.perf_counter() < end:
            wnid = chance.choice(WNIDS)
            paths = (f"/{atlas}/class/{wnid}", f"/{atlas}/photos/{wnid}.json", f"/{atlas}/class/{wnid}/3", f"/{atlas}/")
            try:
                times.append(timed(connection, chance.choice(paths)))
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                failed.append(str(error))
                connection.close()
            time.sleep(chance.uniform(0, 1))
        return times

    times = many(port, LOAD_CLIENTS, browse)
    middle = sorted(times)[len(times) // 2]
    print(f"  {LOAD_CLIENTS} clients for {LOAD_SECONDS} s: {len(times)} answers, p50 {middle:.0f} ms, p95 {p95(times):.0f} ms")
    say("answers that failed", len(failed), 0, "")
    say("growth of the worker's memory", memory(worker)[0] - before, 15, "MB")


def load_page(page: Page, address: str) -> tuple[float, int, float]:
    """Open a class page: kilobytes received without pictures, requests, milliseconds until its graph is drawn."""
    sizes: list[float] = []

    def finished(request: Request) -> None:
        if request.resource_type != "image":
            sizes.append(max(request.sizes()["responseBodySize"], 0) / 1000)

    page.on("requestfinished", finished)
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(".points path.point.c-0")
    page.wait_for_selector(".waterfall")
    took = (time.perf_counter() - start) * 1000
    page.wait_for_load_state("networkidle")
    page.remove_listener("requestfinished", finished)
    return sum(sizes), len(sizes), took


SELECT = """async () => {
  const times = [], buttons = [...document.querySelectorAll(".bars:not([hidden]) [data-concept]")];
  for (let i = 0; i < 60; i++) {
    const start = performance.now();
    buttons[i % buttons.length].click();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push(performance.now() - start);
  }
  return times;
}"""
FRAMES = """() => { const times = [];
  for (let i = 0; i < 120; i++) {
    const start = performance.now();
    window.atlas.map.zoom(i % 2 ? 1.02 : 1 / 1.02);
    window.atlas.map.frame();
    times.push(performance.now() - start);
  }
  return times; }"""


def busy(metrics: CDPSession) -> float:
    """Return the milliseconds of processor time that the page has used."""
    found = metrics.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in found if one["name"] == "TaskDuration") * 1000


def browser(port: int, atlas: str) -> None:
    """Measure what a reader's browser sees."""
    base = f"http://127.0.0.1:{port}/{atlas}"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1480, "height": 900})
        size, requests, took = load_page(page, f"{base}/class/{WNIDS[574]}")
        say("cold load of a class page, without pictures", size, 800, "KB")
        say("its requests", requests, 45, "")
        say("first class page usable", took, 2000, "ms")
        say("warm load of another class", load_page(page, f"{base}/class/{WNIDS[575]}")[0], 40, "KB")
        metrics = page.context.new_cdp_session(page)
        metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = busy(metrics)
        times = page.evaluate(SELECT)
        say("selection → every linked view, p95", p95(times), 100, "ms")
        print(f"  {'its processor time, mean':<52} {(busy(metrics) - before) / len(times):8.1f} ms")
        page.goto(f"{base}/map")
        page.wait_for_selector("#chosen li")
        say("map of 10,000 concepts, time of a frame, p95", p95(page.evaluate(FRAMES)), 1000 / 60, "ms")
        chromium.close()


def main(given: str | None = None) -> None:
    """Print every measurement beside its budget."""
    with tempfile.TemporaryDirectory() as folder:
        atlas = Path(given) if given else _thousand.write(Path(folder) / "thousand-generated")
        print(
            f"{atlas.name}: 1000 classes, 10,000 concepts, all made up; load of the machine {os.getloadavg()[0]:.1f}", flush=True
        )
        with served(atlas) as (port, worker, ready):
            say("ready", ready * 1000, 2000, "ms")
            callbacks(port, atlas.name, worker)
            browser(port, atlas.name)
            load(port, atlas.name, worker)
            share, resident = memory(worker)
            say("memory of a worker (its share of shared pages)", share, 150, "MB")
            print(f"  all that is resident in it {resident:30.1f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
