"""Generated atlases of 1000 classes: every number and picture in them is made up; only their size is real.

``python -m tests.bench._thousand FOLDER [mixed]``
"""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from atlas.format import Writer, imagenet_classes
from atlas.schema import SHARED, ClassRecord, Concept, ImageNetClass, Neighbour, Pictures, Result

SHARED_CONCEPTS, WITH_PHOTOS, EVIDENCE = 512, 35, 10


def generated() -> ModuleType:
    """Return the module that makes the atlases of the tests."""
    spec = importlib.util.spec_from_file_location("generated", Path(__file__).parents[1] / "atlas" / "generated.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(root: Path) -> Path:
    """Write an atlas of 1000 classes with ten concepts each; its photos are part of it."""
    made = generated()
    pictures = made.class_pictures(published=True)
    return _written(root, made, (_full(made, i, pictures, shared=False) for i in range(1000)), publish="embed")


def write_mixed(root: Path) -> Path:
    """Write an atlas like the one that ships: most classes rest on one photo or none and on shared concepts; photos withheld."""
    made = generated()
    pictures = made.class_pictures(published=False)
    return _written(root, made, _mixed(made, pictures), publish="reference")


def _written(root: Path, made: ModuleType, results: Iterator[Result], *, publish: str) -> Path:
    with Writer(root) as writer:
        for result in results:
            writer.stage(result)
        classes = {info.wnid: "complete" for info in imagenet_classes()}
        writer.publish(dataclasses.replace(made.manifest(publish=publish), classes=classes))
    return root


def _mixed(made: ModuleType, pictures: Pictures) -> Iterator[Result]:
    portrait = Pictures(class_picture=pictures.class_picture)
    yield _shared(made)
    for i, info in enumerate(imagenet_classes()):
        if i % (1000 // WITH_PHOTOS) == 0:
            yield _full(made, i, pictures, shared=True)
        elif i % 5 == 0:
            known: dict[str, Any] = {"nearest_classes": _near(i), "alignment": _alignment(i), "digest": "generated"}
            record = ClassRecord(info=info, coverage="none", **known)
            yield Result(record=record, digest="generated", pictures=portrait)
        else:
            yield _sample(made, info, portrait)


def _full(made: ModuleType, i: int, pictures: Pictures, *, shared: bool) -> Result:
    infos = imagenet_classes()
    result: Result = made.full_class(infos[i], seed=i, pictures=pictures)
    other = infos[(i + 1) % len(infos)].wnid
    near = tuple(Neighbour(f"{other}/{j}", 0.7 - j / 50) for j in range(4))
    assert result.record
    told: dict[str, Any] = {} if shared else {"evidence": (), "explained_shared": None}
    record = dataclasses.replace(result.record, alignment=_alignment(i, shared), **told)
    return dataclasses.replace(
        result, record=record, concepts=tuple(dataclasses.replace(c, neighbours=near) for c in result.concepts)
    )


def _sample(made: ModuleType, info: ImageNetClass, pictures: Pictures) -> Result:
    photos = made.photos_of(info.wnid, info.class_index, 1, SHARED_CONCEPTS, info.class_index)
    evidence = made.shared_evidence(photos, EVIDENCE, estimators=False)
    known: dict[str, Any] = {**made.measured(photos), "evidence": evidence, "digest": "generated"}
    known |= {"nearest_classes": _near(info.class_index), "alignment": _alignment(info.class_index)}
    record = ClassRecord(info=info, coverage="sample", scope="shared", **known)
    return Result(record=record, digest="generated", photos=photos, pictures=pictures)


def _alignment(i: int, shared: bool = True) -> tuple[float, ...]:
    cosines = np.random.default_rng(i).normal(0, 0.1, SHARED_CONCEPTS if shared else 0)
    return tuple(cosines.round(4).tolist())


def _near(i: int) -> tuple[Neighbour, ...]:
    infos = imagenet_classes()
    return tuple(Neighbour(infos[(i + step) % len(infos)].wnid, 0.9 - step / 20) for step in range(1, 6))


def _shared(made: ModuleType) -> Result:
    infos = imagenet_classes()
    concepts = tuple(
        Concept(
            f"{SHARED}/{i}", SHARED, None, i, None, colour=i, stability=0.8,
            aligned=tuple(Neighbour(infos[(2 * i + step) % 1000].wnid, 0.5 - step / 20) for step in range(5)),
            **made.place(i, i),
        )
        for i in range(SHARED_CONCEPTS)
    )  # fmt: skip
    blobs = [made.blob(i, 96) for i in range(16)]
    pictures = Pictures(concepts={i: blobs[i % 16] for i in range(SHARED_CONCEPTS)})
    atoms = np.eye(SHARED_CONCEPTS, dtype=np.float16)
    return Result(record=None, digest="generated-shared", concepts=concepts, atoms=atoms, pictures=pictures)


if __name__ == "__main__":
    print((write_mixed if sys.argv[2:] == ["mixed"] else write)(Path(sys.argv[1])))
