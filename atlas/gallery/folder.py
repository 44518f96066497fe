"""The folder of a gallery: written beside its place, put there in one step; nothing else is ever overwritten."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from atlas.schema import AtlasError

NOTE = "gallery.json"
_KIND = "concept-atlas gallery"

#: What a gallery consists of; anything else in its folder (a CNAME, a .git) was put there by somebody and stays.
OWN = (
    *("index.html", "404.html", "robots.txt", "sitemap.xml", ".nojekyll", NOTE),
    *("assets", "class", "shared", "pictures", "data", "method", "manifest", "map", "names"),
)


class Folder:
    """A gallery being written; use it as a context, then ``publish``.

    Raises:
        AtlasError: the place holds something else, cannot be written, or another export is writing it.
    """

    def __init__(self, out: Path) -> None:
        self.out = out.absolute()
        self.staging = self.out.with_name(f".{self.out.name}.new")
        self._aside = self.out.with_name(f".{self.out.name}.old")
        self._lock = -1

    def __enter__(self) -> Self:
        try:
            self._take_lock()
            self._recover()
            self.digests = self._read_note()
        except OSError as error:
            self._release()
            raise AtlasError(f"{self.out} cannot be written ({error.strerror}): choose another OUT.") from error
        except AtlasError:
            self._release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._release()

    def _take_lock(self) -> None:
        self.staging.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.staging, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            self._lock = -1
            raise AtlasError(f"{self.out} is being written by another export: wait for it, or choose another OUT.") from error

    def _recover(self) -> None:
        """Clear what a killed export left; put the old gallery back if it was killed between the two renames."""
        if self._aside.exists() and not self.out.exists():
            self._aside.rename(self.out)
        self._drop_old()
        for leftover in self.staging.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def _drop_old(self) -> None:
        """Delete the gallery that was replaced, after what others put into it has moved on."""
        if not self._aside.exists():
            return
        for stranger in self._aside.iterdir():
            if stranger.name in OWN or (self.out / stranger.name).exists():
                continue
            try:
                stranger.rename(self.out / stranger.name)
            except OSError as error:
                raise AtlasError(
                    f"{self.out} is there, but {stranger} could not be moved into it ({error.strerror}): move it, and delete "
                    f"{self._aside}."
                ) from error
        shutil.rmtree(self._aside)

    def _release(self) -> None:
        if self._lock < 0:
            return
        os.close(self._lock)
        self._lock = -1
        shutil.rmtree(self.staging, ignore_errors=True)

    def _read_note(self) -> dict[str, str]:
        """Return unit → digest of the gallery that is there; empty where there is none."""
        if not self.out.exists():
            return {}
        if not self.out.is_dir():
            raise AtlasError(f"{self.out} is a file: OUT needs a folder.")
        present = sorted(path.name for path in self.out.iterdir())
        try:
            note: Any = json.loads((self.out / NOTE).read_text(encoding="utf-8"))
            if note["kind"] == _KIND:
                return {str(unit): str(digest) for unit, digest in note["units"].items()}
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            pass
        if present:
            raise AtlasError(f"{self.out} is not empty and not a gallery (it holds {present[0]!r}): choose another OUT.")
        return {}

    def keep(self, paths: list[str]) -> bool:
        """Take unchanged files over from the gallery that is there; False if one is missing."""
        if not all((self.out / path).exists() for path in paths):
            return False
        for path in paths:
            source, target = self.out / path, self.staging / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, copy_function=_linked)
            else:
                _linked(str(source), str(target))
        return True

    def publish(self, units: dict[str, str], about: dict[str, Any]) -> None:
        """Put the new gallery in its place."""
        note = {"kind": _KIND, **about, "units": units}
        (self.staging / NOTE).write_text(json.dumps(note, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if self.out.exists():
            self.out.rename(self._aside)
        self.staging.rename(self.out)
        os.close(self._lock)
        self._lock = -1
        self._drop_old()


def _linked(source: str, target: str) -> str:
    """Give a file a second name; a gallery's files are never changed in place, so that both may share it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
