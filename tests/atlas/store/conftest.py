"""Tiny results that say in their numbers which version of which class they are."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from atlas.schema import (
    ClassRecord,
    Concept,
    Evidence,
    Exemplar,
    ImageNetClass,
    Manifest,
    Neighbour,
    Photos,
    Pictures,
    Result,
    Strategy,
)
from atlas.store import Store, Writer, files

TENCH = ImageNetClass(0, "n01440764", "tench")
CRANE = ImageNetClass(134, "n02012849", "crane (bird)")
CHURCH = ImageNetClass(497, "n03028079", "church")
CHANNELS = 4


class Made:
    """Makes results, manifests and atlases."""

    TENCH, CRANE, CHURCH = TENCH, CRANE, CHURCH

    def photos(self, info: ImageNetClass, version: int, n: int, k: int) -> Photos:
        rng = np.random.default_rng([info.class_index, version])
        contributions = rng.normal(size=(n, k)).astype(np.float32)
        bias, residual = np.full(n, 0.5, np.float32), rng.normal(size=n).astype(np.float32)
        return Photos(
            wnid=info.wnid,
            keys=tuple(f"set/{info.wnid}/{i}.jpg" for i in range(n)),
            split=tuple("fit" if i else "holdout" for i in range(n)),
            predicted=np.full(n, info.class_index, np.int32),
            correct=np.ones(n, bool),
            class_logit=contributions.sum(axis=1) + bias + residual,
            bias=bias,
            residual=residual,
            codes=abs(contributions),
            contributions=contributions,
            dominant=contributions.argmax(axis=1).astype(np.int32),
            strategy=np.zeros(n, np.int32),
            xy=rng.normal(size=(n, 2)).astype(np.float32),
            neighbours=tuple((i,) for i in range(n)),
            heat_concepts=np.zeros((n, 1), np.int32),
            heat=rng.integers(0, 256, (n, 1, 2, 3), dtype=np.uint8),
        )

    def of_class(self, info: ImageNetClass, version: int = 1, *, pictures: int = 2, k: int = 2, n: int = 3) -> Result:
        """Return a class with its own dictionary of ``k`` concepts, of which ``pictures`` have a picture."""
        photos = self.photos(info, version, n, k)
        return Result(
            record=ClassRecord(info, "sample", "class", n, accuracy=1 / version, digest=f"{info.wnid} version {version}"),
            digest=f"{info.wnid} version {version}",
            concepts=tuple(Concept(f"{info.wnid}/{i}", "class", info.wnid, i, version + i / 8) for i in range(k)),
            photos=photos,
            strategies=(Strategy(info.wnid, 0, f"of version {version}", n, 1.0, (0.0,) * k, (0,)),),
            exemplars=(Exemplar(f"{info.wnid}/0", 0, photos.keys[0], (1, 2, 3, 4), version),),
            atoms=np.eye(k, CHANNELS, dtype=np.float16) * version,
            pictures=Pictures(
                class_picture=f"class {version}".encode(),
                concepts={i: f"concept {i} {version}".encode() for i in range(pictures)},
            ),
            skipped={f"set/{info.wnid}/broken {version}.jpg": "the file is empty"},
        )

    def shared(self, version: int = 1, k: int = 3) -> Result:
        return Result(
            record=None,
            digest=f"shared version {version}",
            concepts=tuple(Concept(f"shared/{i}", "shared", None, i, None, map_x=version) for i in range(k)),
            atoms=np.eye(k, CHANNELS, dtype=np.float16) * version,
            arrays={"offset": np.full(CHANNELS, version, np.float32), "active": np.array(version)},
            pictures=Pictures(concepts={0: f"shared {version}".encode()}),
        )

    def by_shared(self, info: ImageNetClass, version: int = 1, *, k: int = 3, n: int = 2) -> Result:
        """Return a class explained by the shared dictionary."""
        own = self.of_class(info, version, k=k, n=n, pictures=0)
        evidence = tuple(Evidence(i, 3.0 - i, 0.5, None, None, 1 / k, None) for i in range(k))
        assert own.record
        record = dataclasses.replace(own.record, scope="shared", evidence=evidence)
        return dataclasses.replace(own, record=record, concepts=(), exemplars=(), atoms=None)

    def manifest(self, created: str = "then") -> Manifest:
        return Manifest(
            **{"format_version": "1.0", "created": created, "project": {}, "backbone": {"grid": [2, 3]}, "config": {}},
            **{"config_digest": "", "libraries": {}, "classes": {}, "photo_sets": (), "publish_photos": "embed"},
            **{"skipped_photos": {}, "complete": True},
        )

    def refine(
        self, concepts: Sequence[Concept], records: Sequence[ClassRecord], atoms: dict[str, np.ndarray]
    ) -> tuple[list[Concept], list[ClassRecord]]:
        """Complete rows by what only all classes together tell: how many they are, and whose atoms are largest."""
        owners = [name for name in atoms if "." not in name]
        largest = max(owners, key=lambda owner: float(atoms[owner].max())) if owners else "none"
        near = (Neighbour(f"{largest}/0", len(records)),)
        return [dataclasses.replace(c, neighbours=near) for c in concepts], [
            dataclasses.replace(r, nearest_classes=near) for r in records
        ]

    def write(self, root: Path, *results: Result, created: str = "then") -> Store:
        with Writer(root) as writer:
            for result in results:
                writer.stage(result)
            writer.publish(self.manifest(created), refine=self.refine)
        return Store(root)

    def content(self, root: Path) -> dict[str, bytes]:
        """Return everything a reader can see of an atlas, file by file."""
        return {name: files.read_bytes(root, name) for name in (files.MANIFEST, *Store(root).manifest.files)}


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def made() -> Made:
    return Made()
