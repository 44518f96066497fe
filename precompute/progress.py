"""Tell how far a long computation is: bars for people, one JSON record a line for machines."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

#: What a file name may hold and a terminal would obey: line breaks, escapes.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@runtime_checkable
class Reporter(Protocol):
    """Hears what a build is doing. Work is counted in images put through the backbone."""

    def begin(self, owners: int, images: int) -> None:
        """So many classes (and dictionaries), so many images in all, are expected."""

    def stage(self, owner: str, name: str, images: int) -> None:
        """A stage of a class begins, of about so many images."""

    def advance(self, images: int) -> None:
        """So many images are done."""

    def finish(self, owner: str, outcome: str) -> None:
        """A class is finished: "complete", or why not."""

    def say(self, message: str) -> None:
        """Something worth a line."""

    def close(self) -> None:
        """The build has ended."""


@runtime_checkable
class Writable(Protocol):
    """Where lines go: standard output, a file, a buffer."""

    def write(self, text: str, /) -> object:
        """Write text."""

    def flush(self) -> object:
        """Hand it on."""


class Silent:
    """Say nothing."""

    def begin(self, owners: int, images: int) -> None: ...  # noqa: D102
    def stage(self, owner: str, name: str, images: int) -> None: ...  # noqa: D102
    def advance(self, images: int) -> None: ...  # noqa: D102
    def finish(self, owner: str, outcome: str) -> None: ...  # noqa: D102
    def say(self, message: str) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Tally(Silent):
    """Count images and keep messages: a worker elsewhere, whose driver asks how far it is."""

    def __init__(self) -> None:
        self.images = 0
        self.messages: list[str] = []

    def advance(self, images: int) -> None:  # noqa: D102
        self.images += images

    def say(self, message: str) -> None:  # noqa: D102
        self.messages.append(message)


class Lines:
    """One JSON record a line; a progress record at most twice a second."""

    def __init__(self, stream: Writable = sys.stdout) -> None:
        self._stream = stream
        self._start = self._last = time.monotonic()
        self._owners = self._finished = self._expected = self._done = 0

    def _write(self, event: str, **values: object) -> None:
        record = {"event": event, "seconds": round(time.monotonic() - self._start, 2), **values}
        print(json.dumps(record), file=self._stream, flush=True)

    def begin(self, owners: int, images: int) -> None:  # noqa: D102
        self._owners, self._expected = owners, images
        self._write("begin", classes=owners, images=images)

    def stage(self, owner: str, name: str, images: int) -> None:  # noqa: D102
        self._write("stage", owner=owner, stage=name, images=images)

    def advance(self, images: int) -> None:  # noqa: D102
        self._done += images
        now = time.monotonic()
        if now - self._last >= 0.5:
            self._last = now
            rate = self._done / (now - self._start)
            left = max(self._expected - self._done, 0) / rate if rate else None
            self._write("progress", images=self._done, images_per_second=round(rate, 2), seconds_left=left and round(left, 1))

    def finish(self, owner: str, outcome: str) -> None:  # noqa: D102
        self._finished += 1
        self._write("finish", owner=owner, outcome=outcome, finished=self._finished, classes=self._owners)

    def say(self, message: str) -> None:  # noqa: D102
        self._write("message", message=message)

    def close(self) -> None:  # noqa: D102
        self._write("end", images=self._done)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f}/s" if task.speed else "", style="progress.data.speed")


class Bars:
    """Two bars in a terminal: the whole build with the time left, and the stage at hand with its rate."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            console=console,
            refresh_per_second=4,
        )
        self._whole = self._progress.add_task("images in all", total=None)
        self._stage = self._progress.add_task("starting", total=None)
        self._owners = self._finished = 0

    def begin(self, owners: int, images: int) -> None:  # noqa: D102
        self._owners = owners
        self._progress.update(self._whole, total=images, description=f"0 of {owners} classes")
        self._progress.start()

    def stage(self, owner: str, name: str, images: int) -> None:  # noqa: D102
        self._progress.reset(self._stage, total=images or None, description=f"{owner}: {name}")

    def advance(self, images: int) -> None:  # noqa: D102
        self._progress.advance(self._stage, images)
        self._progress.advance(self._whole, images)

    def finish(self, owner: str, outcome: str) -> None:  # noqa: D102
        self._finished += 1
        self._progress.update(self._whole, description=f"{self._finished} of {self._owners} classes")
        self.say(f"{owner}: {outcome}")

    def say(self, message: str) -> None:  # noqa: D102
        text = _CONTROL.sub(lambda found: repr(found[0])[1:-1], message)
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:  # noqa: D102
        self._progress.stop()
