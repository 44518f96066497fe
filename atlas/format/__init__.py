"""The atlas on disk. The only package that knows file names: read (Store), write (Writer), verify (problems)."""

from atlas.format.check import problems, tampered, untouched
from atlas.format.manifest import imagenet_classes
from atlas.format.paths import data_path
from atlas.format.reader import Store
from atlas.format.writer import Writer

__all__ = ["Store", "Writer", "data_path", "imagenet_classes", "problems", "tampered", "untouched"]
