"""A generated atlas of 1000 classes and 10,000 concepts: every number and picture in it is made up; only its size is real."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from atlas.schema import Neighbour
from atlas.store import Writer, imagenet_classes


def generated() -> ModuleType:
    """Return the module that makes the atlases of the tests."""
    spec = importlib.util.spec_from_file_location("generated", Path(__file__).parents[1] / "atlas" / "generated.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(root: Path) -> Path:
    """Write the atlas to a folder; its photos are withheld, as those of a public one would be."""
    made = generated()
    infos = imagenet_classes()
    pictures = made.class_pictures(published=True)
    with Writer(root) as writer:
        for i, info in enumerate(infos):
            result = made.full_class(info, seed=i, pictures=pictures)
            other = infos[(i + 1) % len(infos)].wnid
            concepts = tuple(
                dataclasses.replace(c, neighbours=tuple(Neighbour(f"{other}/{j}", 0.7 - j / 50) for j in range(4)))
                for c in result.concepts
            )
            writer.stage(dataclasses.replace(result, concepts=concepts))
        classes = {info.wnid: "complete" for info in infos}
        writer.publish(dataclasses.replace(made.manifest(), classes=classes))
    return root


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
