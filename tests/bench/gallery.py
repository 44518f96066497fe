"""The gallery's budgets, measured beside them: the atlas that ships and a generated one, a real browser, a folder and loopback.

``python -m tests.bench.gallery [ATLAS]``: a generated atlas made earlier (``python -m tests.bench._thousand FOLDER``) saves
minutes; it has ten concepts and 200 photos in each of 1000 classes, which is more than any resources needs to hold 200 MB.
Time of the export is that of the processors, halved: what two of them would need with nobody else about.
"""

from __future__ import annotations

import functools
import gzip
import http.server
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, Response, sync_playwright

from atlas.export import export
from tests.bench import _thousand
from tests.bench.app import FLAGS, FRAMES, SELECT, p95, say

CORES = 2
SHIPPED = Path(__file__).parents[2] / "data" / "imagenet-lite0"
FULL, SAMPLE = "class/n03445777/", "class/n02123045/"
_NEEDED = re.compile(r'<(?:script src|link rel="stylesheet" href)="([^"?]+)')
_QUIET = re.compile(r"<noscript>.*?</noscript>", re.DOTALL)


def written(atlas: Path, out: Path) -> None:
    """Measure an export, the folder it leaves, and a second export that has nothing to do."""
    before, start = _processors(), time.perf_counter()
    done = export(atlas, out, base_url="https://example.org/atlas/", workers=CORES)
    wall, processors = time.perf_counter() - start, _processors() - before
    print(f"  {done.pages} pages; {processors:.0f} s of processors, {wall:.0f} s by the clock of a machine that others use too")
    say(f"export on {CORES} cores", processors / CORES, 60, "s")
    before = _processors()
    again = export(atlas, out, base_url="https://example.org/atlas/", workers=CORES)
    print(f"  again: {again.written} classes written, {again.kept} kept, {_processors() - before:.1f} s of processors")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    say("the resources", size / 1e6, 200, "MB")
    most = max((len(re.findall(r"<a\b", path.read_text(encoding="utf-8"))), path) for path in out.rglob("*.html"))
    say(f"links on the page with the most ({most[1].relative_to(out).parent})", most[0], 999, "")


def _processors() -> float:
    """Return the seconds that this process and those it started have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def weight(root: Path, page: str) -> float:
    """Return the kilobytes of a page, compressed: itself, sheets, scripts, data; no pictures."""
    path = root / page / "index.html"
    text = _QUIET.sub("", path.read_text(encoding="utf-8"))
    files = {path, *(path.parent / name for name in _NEEDED.findall(text))}
    return sum(len(gzip.compress(file.read_bytes())) for file in files) / 1000


def weights(root: Path, name: str) -> None:
    """Measure every kind of page."""
    kinds = {"home": "", "class page": FULL, "class page, one photo": SAMPLE, "concept page": f"{FULL}3", "map table": "map/1/"}
    for kind, page in kinds.items():
        if (root / page / "index.html").exists():
            say(f"{name}: {kind}, without pictures", weight(root, page), 60, "KB")
    print(f"  {name}: map with all its points {weight(root, 'map/'):.1f} KB")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve a folder as any web host would."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def above_the_fold(page: Page, address: str) -> float:
    """Return the kilobytes of the pictures that arrive before anybody scrolls."""
    sizes: list[int] = []

    def came(response: Response) -> None:
        if response.request.resource_type == "image":
            sizes.append(int(response.headers.get("content-length", "0")))

    page.on("response", came)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.remove_listener("response", came)
    return sum(sizes) / 1000


def usable(page: Page, address: str) -> float:
    """Return the milliseconds until a class page can be used."""
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(".points path.point.c-0")
    page.wait_for_selector(".waterfall button")
    return (time.perf_counter() - start) * 1000


def browser(root: Path) -> None:
    """Measure what a reader's browser sees."""
    folder = f"file://{root}/"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1480, "height": 900})
        usable(page, f"{folder}{FULL}index.html")
        times = [usable(page, f"{folder}{FULL}index.html") for _ in range(5)]
        say("class page usable from a folder, median of 5", sorted(times)[2], 1000, "ms")
        say("selection → every linked view, p95", p95(page.evaluate(SELECT)), 50, "ms")
        page.goto(f"{folder}map/index.html")
        page.wait_for_selector("#chosen li")
        n = page.evaluate("window.atlasData.map.x.length")
        say(f"map of {n} concepts, time of a frame, p95", p95(page.evaluate(FRAMES)), 1000 / 60, "ms")
        with served(root) as address:
            for kind, path in (("home", ""), ("class page", FULL), ("class page, one photo", SAMPLE)):
                say(
                    f"{kind} with pictures, before scrolling",
                    above_the_fold(page, address + path) + weight(root, path),
                    300,
                    "KB",
                )
        chromium.close()


def main(given: str = "") -> None:
    """Print every measurement beside its budget."""
    with tempfile.TemporaryDirectory() as folder:
        atlases = {
            "the atlas that ships": lambda: SHIPPED,
            "generated": lambda: Path(given or _thousand.write(Path(folder) / "made")),
        }
        for i, (name, atlas) in enumerate(atlases.items()):
            where = atlas()
            print(f"1000 classes, {name}; load of the machine {os.getloadavg()[0]:.1f}", flush=True)
            out = Path(folder) / f"resources-{i}"
            written(where, out)
            weights(out, name)
            browser(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
