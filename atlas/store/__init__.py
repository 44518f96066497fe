"""The atlas on disk. The only package that knows file names: read (Store), write (Writer), verify (problems)."""

from atlas.store.files import data_path
from atlas.store.metadata import imagenet_classes
from atlas.store.reader import Store
from atlas.store.verify import problems, tampered, untouched
from atlas.store.writer import Writer

__all__ = ["Store", "Writer", "data_path", "imagenet_classes", "problems", "tampered", "untouched"]
