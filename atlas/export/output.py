"""The folder of a gallery: written beside its place, put there in one step; what no export wrote stays as it is.

Beside ``OUT`` there are, while an export lives and after one was killed, ``.OUT.export`` (who writes, and its identity: see
``claim``), ``.OUT.IDENTITY.new`` (the gallery being written) and, for a moment, ``.OUT.IDENTITY.old`` (the one it replaces, until
what others keep in it has moved on). Nothing else beside it is ever touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from atlas.confined import Kind, Unfit
from atlas.export.claim import take
from atlas.export.own import FOLDERS, is_own, parents, unit
from atlas.export.place import Place
from atlas.export.staged import Staged
from atlas.export.survey import KIND, NOTE, Note, Survey, read_note, survey
from atlas.schema import AtlasError

_FEW = 3  # names that a line tells
_CALLED: dict[Kind, str] = {"file": "a file", "folder": "a folder", "link": "a link", "special": "no regular file"}


class Folder:
    """A gallery being written; use it as a context, then ``publish``.

    Raises:
        AtlasError: the place holds something else, is a link, cannot be written, or another export is writing it.
    """

    def __init__(self, out: Path) -> None:
        self.out = placed(out)
        self._name = self.out.name
        self._opened = ExitStack()
        self._kept: dict[str, str] = {}

    def __enter__(self) -> Self:
        with self._told("choose another OUT"), ExitStack() as opened:
            self._beside = opened.enter_context(Place(self.out.parent, make=True))
            self._refuse_others()
            self._claim = take(self._beside, self._name, self._mend)
            opened.callback(self._claim.close)
            opened.callback(self._leave)
            self._note = self._refuse_others()
            self._found = survey(self._beside, self._name, self._note) if self._there else Survey({}, (), ())
            self._listed = _by_unit((self._note and self._note.files) or {})
            self._refuse_conflicts(FOLDERS, ())
            self._beside.make_new(self._new)
            self.staged = opened.enter_context(Staged(self.staging, self.out))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._opened.close()

    @property
    def staging(self) -> Path:
        """Where the new gallery is being written."""
        return self._beside.path / self._new

    @property
    def files(self) -> dict[str, str]:
        """The files of the new gallery so far, kept ones and new ones, with the digests of their content."""
        return self._kept | self.staged.files

    @property
    def _new(self) -> str:
        return self._called(self._claim.identity, "new")

    @property
    def _old(self) -> str:
        return self._called(self._claim.identity, "old")

    @property
    def _there(self) -> bool:
        return self._beside.kind(self._name) == "folder"

    def _called(self, identity: str, end: str) -> str:
        return f".{self._name}.{identity}.{end}"

    @contextmanager
    def _told(self, then: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise AtlasError(f"{self.out} cannot be written ({error.strerror}): {then}.") from error

    def _refuse_others(self) -> Note | None:
        """Return what the gallery that is there says of itself; None: there is nothing."""
        kind = self._beside.kind(self._name)
        if kind is None:
            return None
        if kind != "folder":
            raise AtlasError(f"{self.out} is {_CALLED[kind]}: OUT needs a folder.")
        note = read_note(self._beside, self._name)
        if note is None and (present := self._beside.entries(self._name)):
            raise AtlasError(f"{self.out} is not empty and not a gallery (it holds {present[0][0]!r}): choose another OUT.")
        return note

    def _refuse_conflicts(self, folders: Iterable[str], files: Iterable[str]) -> None:
        """Refuse what cannot stay beside the new gallery: a folder of its in the place of a file, or the other way round."""
        for wanted, names in (("folder", folders), ("file", files)):
            for name in names:
                kind = self._beside.kind(f"{self._name}/{name}")
                if kind is not None and (kind == "folder") != (wanted == "folder"):
                    where = f"{self.out / name} is {_CALLED[kind]}, where the gallery has a {wanted}"
                    raise AtlasError(f"{where}: move it, or choose another OUT. Nothing was changed.")

    def _mend(self, dead: str) -> None:
        """Finish what a killed export began: bring the old gallery back, or what others kept in it to the new one."""
        old = self._called(dead, "old")
        if self._beside.kind(old) == "folder":
            if self._there and not self._beside.entries(self._name):
                self._beside.remove_empty(self._name)
            if self._beside.kind(self._name) is None:
                self._beside.move(old, self._name)
            else:
                self._refuse_others()
                self._settle(old)
        self._clear(self._called(dead, "new"))

    def _clear(self, staging: str) -> None:
        if self._beside.kind(staging) == "folder":
            self._beside.clear(staging, lambda name: name == NOTE or is_own(name))

    def _leave(self) -> None:
        """Delete what this export has no use for any more; as long as something is to be mended, it says so."""
        with suppress(OSError, Unfit):
            self._clear(self._new)
            if self._beside.kind(self._old) is None:
                self._claim.remove()

    def keep(self, owner: str, digest: str) -> bool:
        """Take the files of an unchanged class over from the gallery that is there; False if one is missing or was changed."""
        if self._note is None or self._note.files is None or self._note.units.get(owner) != digest:
            return False
        listed = self._listed.get(owner, [])
        if not listed or not all(name in self._found.own for name in listed):
            return False
        self._kept.update({name: self._found.own[name] for name in listed})
        return True

    def publish(self, units: dict[str, str], about: dict[str, Any]) -> tuple[str, ...]:
        """Put the new gallery in its place, unless it is there already.

        Args:
            units: wnid, or "shared" → digest of what its pages depend on.
            about: what else the gallery says of itself.

        Returns:
            lines that name what somebody changed or put in the way, and what therefore stayed.
        """
        with self._told("nothing was changed there"):
            files = self.files
            withheld = self._withheld(files)
            listed = {name: files[name] for name in sorted(files.keys() - withheld)}
            spoilt = {unit(name) for name in withheld}
            note = {"kind": KIND, **about, "units": {key: value for key, value in units.items() if key not in spoilt}}
            content = json.dumps(note | {"files": listed}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            changed = self._note is None or self._note.content != content or self._found.own != listed
            if changed:
                self._fill(listed, withheld, content)
                self._swap()
        with self._told("the new gallery is there, and the same command will finish what is left to do"):
            if changed and self._beside.kind(self._old) == "folder":
                self._settle(self._old)
        return _stayed(sorted(withheld), [name for name in self._found.changed if name not in files])

    def _withheld(self, files: Iterable[str]) -> set[str]:
        """Return the files of the new gallery in whose place something else stays."""
        if not self._there:
            return set()
        new = sorted(name for name in files if name not in self._found.own)
        self._refuse_conflicts(sorted({parent for name in files for parent in parents(name)}), new)
        return {name for name in new if self._beside.kind(f"{self._name}/{name}")}

    def _fill(self, listed: Iterable[str], withheld: Iterable[str], note: bytes) -> None:
        """Complete the new gallery: a kept file has two names for a while, and is never written into."""
        for name in withheld:
            if name in self.staged.files:
                self._beside.remove(f"{self._new}/{name}")
        for name in listed:
            if name not in self.staged.files:
                self._beside.share(f"{self._name}/{name}", f"{self._new}/{name}", self._beside)
        self._beside.write(f"{self._new}/{NOTE}", note)

    def _swap(self) -> None:
        """Put the new gallery in the place of the old one, or leave that."""
        if self._there:
            self._beside.move(self._name, self._old)
        try:
            self._beside.move(self._new, self._name)
        except OSError:
            if self._beside.kind(self._old) == "folder":
                self._beside.move(self._old, self._name)
            raise

    def _settle(self, old: str) -> None:
        """Move what is not ours from the gallery that was replaced into the new one, and delete the rest."""
        note, new = read_note(self._beside, old), read_note(self._beside, self._name)
        found = survey(self._beside, old, note)
        listed = (new and new.files) or {}
        for name in (*found.theirs, *found.changed):
            self._carry(old, name, listed)
        if note is not None:
            if strange := [name for name in self._beside.clear(old, found.own.__contains__) if name != f"{old}/{NOTE}"]:
                raise self._stuck(self._beside.path / strange[0], "it has just come")
            self._beside.remove(f"{old}/{NOTE}")
        self._beside.remove_empty(old)

    def _carry(self, old: str, name: str, listed: dict[str, str]) -> None:
        """Move something into the new gallery; of a folder that is there too, what is in it."""
        waiting = [name]
        while waiting:
            name = waiting.pop()
            source, target = f"{old}/{name}", f"{self._name}/{name}"
            kind, there = self._beside.kind(source), self._beside.kind(target)
            if kind == there == "folder":
                waiting.extend(f"{name}/{last}" for last, _ in self._beside.entries(source))
                continue
            ours = there == "file" and kind != "folder" and self._beside.digest(target) == listed.get(name)
            if there is not None and not ours:
                raise self._stuck(self._beside.path / source, "something else is there")
            try:
                self._beside.move(source, target)
            except OSError as error:
                raise self._stuck(self._beside.path / source, str(error.strerror)) from error

    def _stuck(self, path: Path, why: str) -> AtlasError:
        return AtlasError(
            f"{self.out} is there, but {path} could not be moved into it ({why}): move it, and run the same command again."
        )


def placed(out: Path) -> Path:
    """Return where a gallery lies; links on the way to its folder are followed, the folder itself must be none."""
    try:
        whole = out.absolute() if out.absolute().name not in ("", "..") else out.resolve()
        return whole.parent.resolve() / whole.name
    except (OSError, RuntimeError) as error:  # a link that leads back to itself is a RuntimeError, until Python 3.13
        why = error.strerror if isinstance(error, OSError) else "a link leads back to itself"
        raise AtlasError(f"{out} cannot be written ({why}): choose another OUT.") from error


def _by_unit(files: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in files:
        if owner := unit(name):
            found.setdefault(owner, []).append(name)
    return found


def _stayed(withheld: Sequence[str], gone: Sequence[str]) -> tuple[str, ...]:
    """Return what is said of files that stay as somebody left them."""
    lines = []
    if withheld:
        kept, them = ("it was", "it") if len(withheld) == 1 else ("they were", "them")
        lines.append(f"kept as {kept} changed: {_few(withheld)}; delete {them} to have {them} written anew")
    if gone:
        kept, has = ("it was", "this file") if len(gone) == 1 else ("they were", "these files")
        lines.append(f"kept as {kept} changed: {_few(gone)}; the gallery no longer has {has}")
    return tuple(lines)


def _few(names: Sequence[str]) -> str:
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more} more" if more > 0 else "")
