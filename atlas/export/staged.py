"""A gallery being written: every file of it goes through here, and is remembered by what it holds."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from atlas.export.own import is_own
from atlas.export.place import Place, digest
from atlas.schema import AtlasError


class Staged:
    """The folder a gallery is written into; use it as a context.

    Args:
        path: of the folder.
        out: where the gallery will lie, for what is said when it cannot be written.
    """

    def __init__(self, path: Path, out: Path) -> None:
        self.files: dict[str, str] = {}  # name → digest of its content
        self._out = out
        self._place = Place(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._place.close()

    def save(self, name: str, content: str | bytes) -> None:
        """Write a file of the gallery.

        Raises:
            AtlasError: a gallery has no file of this name, whatever the atlas may call its classes, or it cannot be written.
        """
        if not is_own(name):
            raise AtlasError(f"The atlas asks for a file {name!r}, and no gallery has one: run `atlas check` on it.")
        written = content.encode() if isinstance(content, str) else content
        try:
            self._place.write(name, written)
        except OSError as error:
            raise AtlasError(f"{self._out} cannot be written ({error.strerror}): nothing was changed there.") from error
        self.files[name] = digest(written)
