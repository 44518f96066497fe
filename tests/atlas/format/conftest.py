"""Tiny results that say in their numbers which version of which class they are, and whose numbers agree."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from atlas.format import Store, Writer, paths, version_1_0
from atlas.format.manifest import sealed
from atlas.schema import (
    CLASS_RANKING,
    FORMAT_VERSION,
    RANDOM_PATCHES,
    ClassRecord,
    Concept,
    Curve,
    Evidence,
    Exemplar,
    ImageNetClass,
    Manifest,
    Neighbour,
    Photos,
    Pictures,
    Result,
    Strategy,
    dominant_concept,
)

TENCH = ImageNetClass(0, "n01440764", "tench")
CRANE = ImageNetClass(134, "n02012849", "crane (bird)")
CHURCH = ImageNetClass(497, "n03028079", "church")
CHANNELS = 4


class Made:
    """Makes results, manifests and atlases."""

    TENCH, CRANE, CHURCH = TENCH, CRANE, CHURCH

    def picture(self, text: str) -> bytes:
        """Return a picture of one colour that tells texts apart."""
        stream = io.BytesIO()
        Image.new("RGB", (8, 8), tuple(hashlib.sha256(text.encode()).digest()[:3])).save(stream, "WEBP", lossless=True)
        return stream.getvalue()

    def photos(self, info: ImageNetClass, version: int, n: int, k: int) -> Photos:
        """Return photos of which each leans on concept i with version + i/8; the first is held out."""
        rng = np.random.default_rng([info.class_index, version])
        split = tuple("fit" if i else "holdout" for i in range(n))
        contributions = np.tile(version + np.arange(k) / 8, (n, 1))
        return worked(info, contributions, residual=np.arange(n) / 4, split=split, rng=rng)

    def of_class(self, info: ImageNetClass, version: int = 1, *, pictures: int = 2, k: int = 2, n: int = 3) -> Result:
        """Return a class with its own dictionary of ``k`` concepts, of which ``pictures`` have a picture."""
        photos = self.photos(info, version, n, k)
        record = ClassRecord(info, "sample", "class", **told(photos), relative_l2=1 / version, groups=3, groups_expected=1.5)
        rank = range(k)[::-1]  # contributions grow
        return Result(
            record=dataclasses.replace(record, digest=f"{info.wnid} version {version}"),
            digest=f"{info.wnid} version {version}",
            concepts=tuple(
                Concept(f"{info.wnid}/{i}", "class", info.wnid, i, **concept_told(photos, i), colour=rank[i]) for i in range(k)
            ),
            photos=photos,
            strategies=(self.strategy(photos, f"of version {version}"),),
            exemplars=(Exemplar(f"{info.wnid}/0", 0, photos.keys[0], (1, 2, 3, 4), version),),
            atoms=np.eye(k, CHANNELS, dtype=np.float16) * version,
            pictures=Pictures(
                class_picture=self.picture(f"class {version}"),
                concepts={i: self.picture(f"concept {i} {version}") for i in range(pictures)},
            ),
            skipped={f"set/{info.wnid}/broken {version}.jpg": "the file is empty"},
        )

    def strategy(self, photos: Photos, name: str) -> Strategy:
        """Return the one strategy of photos that are all alike; the first of them is held out."""
        size = len(photos) - 1
        each = tuple(photos.contributions[0].tolist())
        return Strategy(photos.wnid, 0, name, size, 1.0, each, (size,), 0.75, size_holdout=1, accuracy_holdout=1.0)

    def shared(self, version: int = 1, k: int = 3) -> Result:
        return Result(
            record=None,
            digest=f"shared version {version}",
            concepts=tuple(Concept(f"shared/{i}", "shared", None, i, None, map_x=version) for i in range(k)),
            atoms=np.eye(k, CHANNELS, dtype=np.float16) * version,
            arrays={"offset": np.full(CHANNELS, version, np.float32), "active": np.array(version)},
            pictures=Pictures(concepts={0: self.picture(f"shared {version}")}),
        )

    def by_shared(self, info: ImageNetClass, version: int = 1, *, k: int = 3, n: int = 2) -> Result:
        """Return a class explained by the shared dictionary."""
        own = self.of_class(info, version, k=k, n=n, pictures=0)
        assert own.photos
        assert own.record
        evidence = tuple(Evidence(i, **concept_told(own.photos, i)) for i in reversed(range(k)))
        record = dataclasses.replace(own.record, scope="shared", evidence=evidence)
        return dataclasses.replace(own, record=record, concepts=(), exemplars=(), atoms=None)

    def worked_by_hand(self) -> Result:
        """Return a church with a dictionary of its own, six photos to fit and two held out: all numbers worked by hand."""
        contributions = [[6, 1, 0], [4, 1, 0], [2, 1, -1], [1, 4, 0], [0, 3, 1], [-1, -1, -3], [2, 1, 1], [1, 2, 0]]
        photos = dataclasses.replace(
            worked(
                CHURCH,
                np.array(contributions),
                residual=np.array([1, 0, 2, 1, 2, 6, 0, 1]),
                split=("fit",) * 6 + ("holdout",) * 2,
            ),
            predicted=np.array([497, 497, 134, 497, 0, 497, 497, 134], np.int32),
            correct=np.array([1, 1, 0, 1, 0, 1, 1, 0], bool),
            dominant=np.array([0, 0, 0, 1, 1, -1, 0, 1], np.int32),
            strategy=np.array([0, 0, 0, 1, 1, -1, 0, 1], np.int32),
        )
        record = ClassRecord(
            **{"info": CHURCH, "coverage": "sample", "scope": "class", "n_photos": 8, "n_fit": 4, "n_holdout": 2},
            **{"accuracy_fit": 4 / 6, "accuracy_holdout": 0.5, "class_logit": 5.5, "bias": 0.5, "residual": 2.0},
            **{"explained": 3.875 / 6, "explained_holdout": 0.875, "groups": 2, "groups_expected": 1.25, "digest": "by hand"},
            curves=(
                Curve("contribution", "c_deletion", (1.0, 0.5, 0.25, 0.0), 1.25 / 3),
                Curve(CLASS_RANKING, "c_insertion", (0.0, 0.5, 0.75, 1.0), 1.75 / 3),
                Curve(RANDOM_PATCHES, "c_deletion", (1.0, 0.5, 0.0), 0.5),
            ),
            nearest_classes=(Neighbour(TENCH.wnid, 0.5),),
            evidence=(Evidence(2, 3.0, 0.6, 0.5, 0.7, 0.5, 1.0, 3), Evidence(0, -1.0, -0.2, -0.3, -0.1, 0.0, None, 0)),
            alignment=(0.5, -0.25, 0.125),
        )
        numbers = (
            (2.0, 0.4, 0.35, 0.45, 3 / 6, 2 / 3, 3, 1, 1.0),
            (1.5, 0.3, 0.25, 0.35, 2 / 6, 1 / 2, 2, 1, 0.0),
            (-0.5, -0.1, -0.15, -0.05, 0.0, None, 0, 0, None),
        )
        concepts = tuple(
            Concept(
                *(f"{CHURCH.wnid}/{i}", "class", CHURCH.wnid, i, *row),
                **{"stability": 0.5, "map_x": 1.0, "map_y": 2.0, "colour": i, "estimators": {"sobol": 0.25}},
                aligned=(Neighbour(CHURCH.wnid, 0.5),),
                neighbours=(Neighbour("shared/1", 0.75),),
            )
            for i, row in enumerate(numbers)
        )
        strategies = (
            Strategy(CHURCH.wnid, 0, "towers", 3, 2 / 3, (4.0, 1.0, -1 / 3), (1, 0), 0.75, 1, 1.0, 134, 1),
            Strategy(
                CHURCH.wnid, 1, "naves", 2, 0.5, (0.5, 3.5, 0.5), (3,), 0.75, 1, 0.0, 0, 1
            ),  # 0 and 134 once each: the lower
        )
        crops = [Exemplar(f"{CHURCH.wnid}/0", rank, photos.keys[rank], (0, 0, 96, 96), 3.0 - rank) for rank in range(3)]
        own = {"record": record, "concepts": concepts, "photos": photos, "strategies": strategies, "exemplars": tuple(crops)}
        return Result(digest="by hand", atoms=np.eye(3, CHANNELS, dtype=np.float16), **own)

    def held_out_by_hand(self) -> Result:
        """Return a tench of two photos, both held out, explained by the shared dictionary: worked by hand, too."""
        photos = dataclasses.replace(
            worked(TENCH, np.array([[2, 0, 1], [0, 1, 1]]), residual=np.array([1, 0]), split=("holdout",) * 2),
            predicted=np.array([0, 497], np.int32),
            correct=np.array([True, False]),
            strategy=np.full(2, -1, np.int32),
        )
        record = ClassRecord(
            **{"info": TENCH, "coverage": "sample", "scope": "shared", "n_photos": 2, "n_fit": 0, "n_holdout": 2},
            **{"accuracy_holdout": 0.5, "class_logit": 3.5, "bias": 0.5, "residual": 0.5, "digest": "by hand"},
            explained=0.7,  # above a bias that is not stored: the shared dictionary has an offset
            evidence=(
                Evidence(0, 1.0, 1 / 3, None, None, 0.5, 1.0, 1, 1, 1.0),
                Evidence(2, 1.0, 1 / 3, None, None, 0.0, None, 0, 0, None),
                Evidence(1, 0.5, 1 / 6, None, None, 0.5, 0.0, 1, 1, 0.0),
            ),
        )
        return Result(record=record, digest="by hand", photos=photos)

    def manifest(self, created: str = "then") -> Manifest:
        return Manifest(
            **{"format_version": FORMAT_VERSION, "created": created, "project": {}, "backbone": {"grid": [2, 3]}, "config": {}},
            **{"config_digest": "", "libraries": {}, "classes": {}, "photo_sets": (), "publish_photos": "embed"},
            **{"skipped_photos": {}, "complete": True},
        )

    def refine(
        self, concepts: Sequence[Concept], records: Sequence[ClassRecord], atoms: dict[str, np.ndarray]
    ) -> tuple[list[Concept], list[ClassRecord]]:
        """Complete rows by what only all classes together tell: how many they are, whose atoms are largest, who is first."""
        owners = [name for name in atoms if "." not in name]
        largest = max(owners, key=lambda owner: float(atoms[owner].max())) if owners else "none"
        near = Neighbour(f"{largest}/0", 1 / max(len(records), 1))
        return [dataclasses.replace(c, neighbours=(near,)) for c in concepts], [
            dataclasses.replace(r, nearest_classes=(Neighbour(records[0].info.wnid, near.cosine),)) for r in records
        ]

    def write(self, root: Path, *results: Result, created: str = "then", refined: bool = True) -> Store:
        with Writer(root) as writer:
            for result in results:
                writer.stage(result)
            writer.publish(self.manifest(created), refine=self.refine if refined else None)
        return Store(root)

    def aged(self, root: Path) -> Path:
        """Make an atlas one of format 1.0: its tables lose the columns that 1.1 added, and gain the one it took away."""
        for name in (paths.CLASSES, paths.CONCEPTS, paths.STRATEGIES):
            schema = pa.schema(version_1_0.columns(name))
            rows = [{"accuracy": 0.5, **row} for row in pq.read_table(root / name).to_pylist()]
            groups = range(pq.read_metadata(root / name).num_row_groups)
            counts = [pq.read_metadata(root / name).row_group(i).num_rows for i in groups]
            with pq.ParquetWriter(root / name, schema) as writer:
                for count in counts:
                    writer.write_table(pa.Table.from_pylist(rows[:count], schema))
                    rows = rows[count:]
            self.seal(root, name)
        manifest = json.loads((root / paths.MANIFEST).read_text())
        unsealed = {name: value for name, value in manifest.items() if name != "digest"}  # a digest came with 1.2
        (root / paths.MANIFEST).write_text(json.dumps(unsealed | {"format_version": "1.0"}))
        return root

    def seal(self, root: Path, name: str) -> None:
        """Make the manifest agree with what a file holds now."""
        manifest = json.loads((root / "manifest.json").read_text())
        content = (root / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        (root / "manifest.json").write_bytes(sealed(manifest))

    def content(self, root: Path) -> dict[str, bytes]:
        """Return everything a reader can see of an atlas, file by file."""
        return {name: paths.read_bytes(root, name) for name in (paths.MANIFEST, *Store(root).manifest.files)}


def worked(
    info: ImageNetClass, contributions: np.ndarray, *, residual: np.ndarray, split: tuple[str, ...], rng: Any = None
) -> Photos:
    """Return photos of given contributions, all recognised and of one strategy, in a ring of neighbours; their bias is 0.5."""
    n = len(contributions)
    rng = rng or np.random.default_rng(0)
    logit = contributions.sum(axis=1) + residual + 0.5
    return Photos(
        wnid=info.wnid,
        keys=tuple(f"set/{info.wnid}/{i}.jpg" for i in range(n)),
        split=split,
        predicted=np.full(n, info.class_index, np.int32),
        correct=np.ones(n, bool),
        class_logit=logit.astype(np.float32),
        bias=np.full(n, 0.5, np.float32),
        residual=residual.astype(np.float32),
        codes=abs(contributions).astype(np.float32),
        contributions=contributions.astype(np.float32),
        dominant=dominant_concept(contributions),
        strategy=np.zeros(n, np.int32),
        xy=rng.normal(size=(n, 2)).astype(np.float32),
        neighbours=tuple(tuple(sorted({(i - 1) % n, (i + 1) % n} - {i})) for i in range(n)),
        heat_concepts=np.zeros((n, 1), np.int32),
        heat=rng.integers(0, 256, (n, 1, 2, 3), dtype=np.uint8),
    )


def told(photos: Photos) -> dict[str, Any]:
    """Return what a record says of photos that are all recognised; the first is held out."""
    fit = [float(logit) for logit in photos.class_logit[1:]]
    shares = [1 - float(r) / (float(logit) - 0.5) for r, logit in zip(photos.residual, photos.class_logit, strict=True)]
    return {
        **{"n_photos": len(photos), "n_fit": len(fit), "n_holdout": 1, "accuracy_fit": 1.0, "accuracy_holdout": 1.0},
        **{"class_logit": sum(fit) / len(fit), "bias": 0.5, "residual": float(photos.residual[1:].mean())},
        **{"explained": sum(shares[1:]) / len(fit), "explained_holdout": shares[0]},
    }


def concept_told(photos: Photos, index: int) -> dict[str, Any]:
    """Return what a concept does for photos that lean on it alike; the last concept leads them all."""
    contribution, leads = float(photos.contributions[0, index]), index == photos.contributions.shape[1] - 1
    share = contribution / (sum(float(logit) for logit in photos.class_logit[1:]) / (len(photos) - 1) - 0.5)
    numbers = {"contribution": contribution, "share": share, "share_low": share - 0.125, "share_high": share + 0.125}
    led = {"dominates": len(photos) - 1, "dominates_holdout": 1, "reliability": 1.0, "reliability_holdout": 1.0}
    none = {"dominates": 0, "dominates_holdout": 0, "reliability": None, "reliability_holdout": None}
    return {**numbers, "prevalence": float(leads), **(led if leads else none)}


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def made() -> Made:
    return Made()
