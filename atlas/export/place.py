"""A directory, looked at folder by folder: what others keep in it is never walked through."""

from __future__ import annotations

import os
from hashlib import sha256

from atlas.confined import Directory, Kind

_DIGEST = 16  # hexadecimal digits: to tell a file that somebody changed, not to resist one who wants it taken for ours


class Place(Directory):
    """The directory that a gallery lies in, is written in and leaves."""

    @property
    def handle(self) -> int:
        """The open directory."""
        return self._handle

    def entries(self, name: str) -> list[tuple[str, Kind]]:
        """Return the names in a folder with their kinds, in order; nothing of what is in those.

        Raises:
            FileNotFoundError: there is no such folder.
            Unfit: a link stands in its place, or on the way.
        """
        with self._folder(name) as folder, os.scandir(folder) as found:
            return sorted((entry.name, _kind(entry)) for entry in found)

    def make_new(self, name: str) -> None:
        """Create a folder.

        Raises:
            FileExistsError: something of this name is there.
        """
        with self._parent(name) as (parent, last):
            os.mkdir(last, dir_fd=parent)

    def digest(self, name: str) -> str:
        """Return what tells the content of a file from others."""
        return self.sha256(name)[:_DIGEST]


def digest(content: bytes) -> str:
    """Return what tells a content from others."""
    return sha256(content).hexdigest()[:_DIGEST]


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "special"
