"""A generated atlas: every photo and picture in it is made up, so that tests know the truth.

What can be counted or averaged over photos is: shares, rates, groups and curves fit the arrays of ``photos_of``.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from atlas.format import Writer
from atlas.schema import (
    CLASS_RANKING,
    FORMAT_VERSION,
    RANDOM,
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
    PhotoSet,
    Pictures,
    Result,
    Strategy,
    dominant_concept,
)

FULL = ImageNetClass(574, "n03445777", "golf ball", ("golfball",), "a small hard ball used in playing golf", ("artifact", "ball"))
SAMPLE = ImageNetClass(281, "n02123045", "tabby", ("tabby cat",), "a cat with a grey or tawny coat", ("animal", "cat"))
EMPTY = ImageNetClass(134, "n02012849", "crane (bird)", (), "large long-necked wading bird", ("animal", "bird"))
OTHER_CRANE = ImageNetClass(517, "n03126707", "crane (machine)", (), "lifts and moves heavy objects", ("artifact", "machine"))
K, N, SHARED_K, GRID, TILE = 10, 60, 24, 7, 48
LED_BY_NONE = 57  # a photo whose logit no concept raises
REFITS = 5


def webp(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "WEBP", quality=60)
    return stream.getvalue()


def blob(seed: int, side: int = 128) -> bytes:
    """Return a round coloured RGBA picture that fades out."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    red, green, blue = colorsys.hsv_to_rgb(seed * 0.381 % 1, 0.6, 0.8)
    ripple = 0.75 + 0.25 * np.sin(9 * x + seed) * np.cos(7 * y - seed)
    alpha = np.clip(1.2 - np.hypot(x, y) * 1.2, 0, 1)
    return webp(Image.fromarray((np.stack([red * ripple, green * ripple, blue * ripple, alpha], -1) * 255).astype(np.uint8)))


def tiles(n: int, columns: int, seed: int = 0) -> bytes:
    sheet = Image.new("RGB", (columns * TILE, -(-n // columns) * TILE))
    draw = ImageDraw.Draw(sheet)
    for i in range(n):
        x, y = i % columns * TILE, i // columns * TILE
        rgb = tuple(int(255 * v) for v in colorsys.hsv_to_rgb((i * 0.17 + seed * 0.1) % 1, 0.4, 0.8))
        draw.rectangle((x, y, x + TILE - 1, y + TILE - 1), fill=rgb)
        draw.ellipse((x + 8, y + 8, x + TILE - 8, y + TILE - 8), outline="black", width=2)
        draw.text((x + 17, y + 17), str(i), fill="black")
    return webp(sheet)


def heat_row(n: int) -> bytes:
    y, x = np.mgrid[-1 : 1 : TILE * 1j, -1 : 1 : TILE * 1j]
    one = np.clip(1 - np.hypot(x, y), 0, 1)
    glow = np.empty((TILE, TILE * n, 4), np.uint8)
    glow[..., :3], glow[..., 3] = (255, 138, 0), np.tile(one, n) * 220
    return webp(Image.fromarray(glow))


def photos_of(wnid: str, class_index: int, n: int, k: int, seed: int) -> Photos:
    rng = np.random.default_rng(seed)
    group = np.arange(n) % 4
    means = np.linspace(2.5, -0.1, k) / 2
    contributions = rng.normal(means, 0.25, (n, k))
    contributions[np.arange(n), group % k] += 3
    if n > LED_BY_NONE:
        contributions[LED_BY_NONE] = -np.abs(contributions[LED_BY_NONE])
    correct = (np.arange(n) % 7 != 3) if n > 1 else np.array([True])
    bias, residual = np.full(n, 0.04), rng.normal(1.2, 0.3, n)
    angle = group * np.pi / 2
    xy = np.stack([np.cos(angle), np.sin(angle)], 1) * 5 + rng.normal(0, 1, (n, 2))
    heat_concepts = np.argsort(-np.abs(contributions), axis=1)[:, :3]
    return Photos(
        wnid=wnid,
        keys=tuple(f"made-up/{wnid}/photo_{i:03d}.jpg" for i in range(n)),
        split=tuple("holdout" if i % 5 == 4 else "fit" for i in range(n)),
        predicted=np.where(correct, class_index, 281).astype(np.int32),
        correct=correct,
        class_logit=(contributions.sum(1) + bias + residual).astype(np.float32),
        bias=bias.astype(np.float32),
        residual=residual.astype(np.float32),
        codes=np.abs(contributions).astype(np.float32),
        contributions=contributions.astype(np.float32),
        dominant=dominant_concept(contributions),
        strategy=np.where((np.arange(n) % 11 == 10) | (np.arange(n) == LED_BY_NONE) | (n < 12), -1, group).astype(np.int32),
        xy=xy.astype(np.float32),
        neighbours=tuple(tuple(j for j in (i - 4, i + 4) if 0 <= j < n) for i in range(n)),
        heat_concepts=heat_concepts.astype(np.int32),
        heat=rng.integers(0, 255, (n, 3, GRID, GRID), dtype=np.uint8),
    )


def full_class(info: ImageNetClass = FULL, *, published: bool = True, seed: int = 0, pictures: Pictures | None = None) -> Result:
    photos = photos_of(info.wnid, info.class_index, N, K, seed)
    record = ClassRecord(
        **{"info": info, "coverage": "full", "scope": "class", **measured(photos), **_made_up(), "alignment": alignment(4)},
        evidence=tuple(_evidence(photos, i, 3.0 - i) for i in range(3)),
        curves=tuple(curves()),
        digest=f"generated-{info.wnid}",
    )
    rank = {int(i): r for r, i in enumerate(np.argsort(-np.abs(fit_mean(photos, photos.contributions))))}
    return Result(
        record=record,
        digest=f"generated-{info.wnid}",
        concepts=tuple(_concept(info, photos, i, rank[i]) for i in range(K)),
        photos=photos,
        strategies=tuple(_strategy(photos, s) for s in range(4)),
        exemplars=tuple(
            Exemplar(f"{info.wnid}/{i}", rank, photos.keys[(i * 5 + rank) % N], (8, 8, 80, 80), 3.0 - rank * 0.2)
            for i in range(K)
            for rank in range(6)
        ),
        atoms=np.eye(K, 32, dtype=np.float16),
        pictures=pictures or class_pictures(published=published),
    )


def held(photos: Photos) -> np.ndarray:
    """Return which photos are held out: (n,) bool."""
    return np.array([part == "holdout" for part in photos.split], bool)


def fit_mean(photos: Photos, values: np.ndarray) -> np.ndarray:
    """Return the mean over the photos that are not held out."""
    return np.asarray(values[~held(photos)].astype(np.float64).mean(0))


def accuracy(correct: np.ndarray) -> float | None:
    """Return the share of photos that are right; None of none."""
    return float(correct.mean()) if len(correct) else None


def above(photos: Photos) -> float:
    """Return how far the mean logit of a class lies above its bias."""
    return float(fit_mean(photos, photos.class_logit) - fit_mean(photos, photos.bias))


def measured(photos: Photos) -> dict[str, Any]:
    """Return what of a class follows from its photos."""
    holdout = held(photos)
    told = 1 - np.abs(photos.residual) / np.abs(photos.class_logit - photos.bias)
    explained = told.clip(0).astype(np.float64)
    return {
        **{"n_photos": len(photos), "n_fit": int((~holdout).sum()), "n_holdout": int(holdout.sum())},
        "accuracy_fit": accuracy(photos.correct[~holdout]),
        "accuracy_holdout": accuracy(photos.correct[holdout]),
        **{name: float(fit_mean(photos, getattr(photos, name))) for name in ("class_logit", "bias", "residual")},
        "explained": float(explained[~holdout].mean()),
        "explained_holdout": float(explained[holdout].mean()) if holdout.any() else None,
    }


def _made_up() -> dict[str, Any]:
    """Return what photos alone do not tell."""
    return {
        **{"explained_random": 0.35, "explained_shared": 0.8, "relative_l2": 0.31, "relative_l2_random": 0.58},
        **{"relative_l2_positions": 0.52, "relative_l2_means": 0.4, "sparsity": 0.36, "hoyer": 0.57},
        **{"stability": 0.82, "stability_halves": 0.71, "stability_random": 0.5, "fid": 0.2, "fid_random": 0.33},
        **{"ood": 0.77, "ood_random": 0.92, "agreement": 0.97, "refits": REFITS, "groups": 4, "groups_expected": 1.2},
    }


def curves() -> Iterable[Curve]:
    """Return curves of both measures; what is gained as concepts are put in mirrors what is lost as they are taken away."""
    step = np.linspace(0, 1, K + 1)
    shapes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "contribution": lambda x: (1 - x) ** 3.0,
        CLASS_RANKING: lambda x: (1 - x) ** 2.5,
        RANDOM: lambda x: 1 - x,
        RANDOM_PATCHES: lambda x: (1 - x) ** 1.3,
    }
    for method, left in shapes.items():
        for measure, values in (("c_deletion", left(step)), ("c_insertion", 1 - left(step))):
            auc = float((values[1:] + values[:-1]).mean() / 2)
            yield Curve(method, measure, tuple(values.tolist()), auc)  # type: ignore[arg-type]


def leading(photos: Photos, index: int) -> dict[str, Any]:
    """Return how often a concept leads, and how often the network is right then, apart for held-out photos."""
    here, holdout = photos.dominant == index, held(photos)
    return {
        "dominates": int((here & ~holdout).sum()),
        "dominates_holdout": int((here & holdout).sum()),
        "prevalence": float((here & ~holdout).sum() / (~holdout).sum()),
        "reliability": accuracy(photos.correct[here & ~holdout]),
        "reliability_holdout": accuracy(photos.correct[here & holdout]),
    }


def _evidence(photos: Photos, index: int, contribution: float) -> Evidence:
    """Return what a shared concept does for a class with concepts of its own; none leads there."""
    share = contribution / above(photos)
    return Evidence(index, contribution, share, share - 0.02, share + 0.02, 0.0, None, 0, 0)


def class_pictures(*, published: bool = True) -> Pictures:
    return Pictures(
        class_picture=blob(99),
        concepts={i: blob(i) for i in range(K)},
        exemplars={i: tiles(6, 6, i) for i in range(K)} if published else {},
        heat={i: heat_row(6) for i in range(K)} if published else {},
        thumbnails=tiles(N, 8) if published else None,
    )


def place(class_index: int, i: int) -> dict[str, float]:
    """Return where a concept lies on the map: around its class, which lies on a spiral."""
    angle, radius = class_index * 2.39996, (class_index + 20) ** 0.5
    return {
        "map_x": radius * float(np.cos(angle)) + 0.6 * float(np.cos(i * 0.63)),
        "map_y": radius * float(np.sin(angle)) + 0.6 * float(np.sin(i * 0.63)),
    }


def _concept(info: ImageNetClass, photos: Photos, i: int, rank: int) -> Concept:
    contribution = float(fit_mean(photos, photos.contributions[:, i]))
    share = contribution / above(photos)
    return Concept(
        **{"concept_id": f"{info.wnid}/{i}", "scope": "class", "wnid": info.wnid, "index": i, "colour": rank},
        **{"contribution": contribution, "share": share, "share_low": share - 0.03, "share_high": share + 0.03},
        **leading(photos, i),
        stability=0.95 - i * 0.05,
        estimators={"gradient_input": contribution * 0.9, "sobol": max(0.3 - i * 0.04, 0.0)},
        aligned=(Neighbour(info.wnid, 0.61), Neighbour(SAMPLE.wnid, 0.4), Neighbour("n02799071", 0.33)),
        neighbours=(Neighbour("shared/2", 0.71), Neighbour("shared/3", 0.65, background=True)),
        **place(info.class_index, i),
    )


def _strategy(photos: Photos, index: int) -> Strategy:
    of, holdout = photos.strategy == index, held(photos)
    own = np.flatnonzero(of & ~holdout)
    middle = photos.contributions[own].astype(np.float64).mean(0)
    near = own[np.argsort(((photos.contributions[own] - middle) ** 2).sum(1), kind="stable")]
    wrong = photos.predicted[of & ~photos.correct]
    return Strategy(
        **{"wnid": photos.wnid, "index": index, "name": f"mostly concept {index}", "size": len(own)},
        accuracy=float(photos.correct[own].mean()),
        contributions=tuple(middle.tolist()),
        medoids=tuple(near[:3].tolist()),
        recurrence=0.9 - index / 20,
        size_holdout=int((of & holdout).sum()),
        accuracy_holdout=accuracy(photos.correct[of & holdout]),
        mistake=int(np.bincount(wrong).argmax()) if len(wrong) else None,
        mistakes=int(np.bincount(wrong).max()) if len(wrong) else 0,
    )


def shared_evidence(photos: Photos, most: int, estimators: bool = True) -> tuple[Evidence, ...]:
    """Return the shared concepts that count most for a class explained with them, by |contribution|."""
    mean = fit_mean(photos, photos.contributions)
    return tuple(
        Evidence(
            **{"index": int(i), "contribution": float(mean[i]), "share": float(mean[i]) / above(photos)},
            **{"share_low": None, "share_high": None, **leading(photos, int(i))},
            estimators={"gradient_input": float(mean[i]) * 0.9, "sobol": rank * 0.05} if estimators else {},
        )
        for rank, i in enumerate(np.argsort(-np.abs(mean))[:most])
    )


def sample_class() -> Result:
    """Return a class that rests on one photo and is explained with shared concepts."""
    photos = photos_of(SAMPLE.wnid, SAMPLE.class_index, 1, SHARED_K, 5)
    return Result(
        record=ClassRecord(
            **{"info": SAMPLE, "coverage": "sample", "scope": "shared", **measured(photos), "digest": "generated-tabby"},
            **{"evidence": shared_evidence(photos, 8), "alignment": alignment(7)},
            nearest_classes=(Neighbour(FULL.wnid, 0.62), Neighbour(EMPTY.wnid, 0.41)),
        ),
        digest="generated-tabby",
        photos=photos,
        pictures=Pictures(class_picture=blob(50), thumbnails=tiles(1, 1)),
    )


def alignment(best: int) -> tuple[float, ...]:
    """Return cosines of a class with every shared concept, the highest at ``best``; half of them negative."""
    return tuple(round(0.5 - abs(i - best) / SHARED_K, 4) for i in range(SHARED_K))


def _aligned(i: int) -> tuple[Neighbour, ...]:
    return (Neighbour(SAMPLE.wnid, 0.5), *([Neighbour(EMPTY.wnid, 0.3 + i / 100)] if i < 3 else []))


def shared_dictionary() -> Result:
    photo = f"made-up/{SAMPLE.wnid}/photo_000.jpg"
    concepts = tuple(
        Concept(f"shared/{i}", "shared", None, i, None, aligned=_aligned(i), colour=i, **place(i, i))  # type: ignore[arg-type]
        for i in range(SHARED_K)
    )
    return Result(
        record=None,
        digest="generated-shared",
        concepts=concepts,
        exemplars=tuple(Exemplar(f"shared/{i}", 0, photo, (0, 0, 64, 64), 1.0) for i in range(SHARED_K)),
        atoms=np.eye(SHARED_K, 32, dtype=np.float16),
        pictures=Pictures(concepts={i: blob(i + 20, 96) for i in range(SHARED_K)}, exemplars={0: tiles(4, 4)}),
    )


def manifest(*, publish: str = "embed") -> Manifest:
    return Manifest(
        **{
            "format_version": FORMAT_VERSION,
            "created": "2026-01-01T00:00:00Z",
            "project": {"name": "concept-atlas", "version": "0"},
        },
        backbone={"name": "made_up_net", "layer": "last", "grid": [GRID, GRID]},
        config={"seed": 0, "note": "generated for tests"},
        config_digest="0" * 16,
        libraries={"numpy": "2"},
        classes={info.wnid: "complete" for info in (FULL, SAMPLE, EMPTY, OTHER_CRANE)},
        photo_sets=(PhotoSet("made-up", N + 1, "none: generated", "nobody"),),
        publish_photos=publish,  # type: ignore[arg-type]
        skipped_photos={},
        complete=True,
    )


def write(root: Path, *, published: bool = True) -> Path:
    """Write the generated atlas to a folder; ``published=False`` withholds the photos."""
    with Writer(root) as writer:
        for result in (full_class(published=published), sample_class(), shared_dictionary(), *map(_empty, (EMPTY, OTHER_CRANE))):
            writer.stage(result)
        writer.publish(manifest(publish="embed" if published else "reference"))
    return root


def _empty(info: ImageNetClass) -> Result:
    pictures = Pictures(class_picture=blob(info.class_index)) if info is EMPTY else Pictures()
    record = ClassRecord(info=info, coverage="none", digest="generated", alignment=alignment(2) if info is EMPTY else ())
    return Result(record=record, digest="generated", pictures=pictures)


if __name__ == "__main__":
    import sys

    print(write(Path(sys.argv[1]), published="--withheld" not in sys.argv))
