"""One class, from its photos to everything an atlas says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from atlas.schema import (
    FULL_COVERAGE_PHOTOS,
    SHARED,
    AtlasError,
    ClassRecord,
    Curve,
    ImageNetClass,
    Photos,
    Result,
    dominant_concept,
)
from precompute import activations
from precompute.activations import ClassActivations, Decoded
from precompute.analysis import contributions, exemplars, metrics, strategies
from precompute.analysis.contributions import Decomposition
from precompute.config import Config
from precompute.dictionary import Dictionary, codes_of
from precompute.photos import Photo
from precompute.pipeline import assessment, estimators
from precompute.pipeline.context import BuildContext, arrays
from precompute.pipeline.decomposition import DecomposedLogits, explain
from precompute.pipeline.exemplars import Crops, build_exemplars, with_aligned
from precompute.pipeline.shared_view import alignment, also_shared
from precompute.pipeline.visualizations import visualize_concepts
from precompute.visualize import encode

#: A dictionary of k concepts needs this many crops for each of them.
CROPS_A_CONCEPT = 4


def build_class(context: BuildContext, info: ImageNetClass, photos: Sequence[Photo], *, digest: str) -> Result:
    """Compute all that an atlas says of one class.

    Raises:
        AtlasError: none of the photos can be read, or they are too few for the dictionary asked for.
    """
    if not photos:
        record = ClassRecord(info=info, coverage="none", digest=digest, alignment=alignment(context, info))
        return Result(record=record, digest=digest, pictures=visualize_concepts(context, info.wnid, info.class_index, None))
    look = _look(context, info, photos)
    dictionary = _dictionary(context, info, look.activations)
    told = _tell(context, info, look.activations, dictionary)
    own = dictionary is not context.shared
    also = also_shared(context, info, look.activations) if own and context.shared else {}
    assessed = _assess(context, info, look.activations, dictionary, told)
    look = look.without_positions()
    result = _result(context, info, look.activations, dictionary, told, assessed)
    atoms = dictionary.atoms if own else None
    painted = visualize_concepts(context, info.wnid, info.class_index, atoms, look.activations.crops)
    assert result.record is not None
    record = dataclasses.replace(result.record, digest=digest, alignment=alignment(context, info), **also)
    images = dataclasses.replace(
        result.pictures, class_picture=painted.class_picture, concepts=painted.concepts, thumbnails=look.thumbnails(context)
    )
    return dataclasses.replace(result, record=record, digest=digest, pictures=images, skipped=look.skipped)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """One pass over the photos of a class."""

    activations: ClassActivations
    small: dict[str, Image.Image]
    skipped: dict[str, str]

    def without_positions(self) -> _Look:
        """Let go of the largest array, which nothing needs any more once there are codes (and crops to measure on)."""
        acts = self.activations
        if not len(acts.crops):
            return self
        none = np.zeros((len(acts.photos), 0, acts.positions.shape[2]), np.float32)
        return dataclasses.replace(self, activations=dataclasses.replace(acts, positions=none))

    def thumbnails(self, context: BuildContext) -> bytes | None:
        if context.config.publish_photos == "reference":
            return None
        return encode.thumbnail_grid([self.small[p.key] for p in self.activations.photos])


def _look(context: BuildContext, info: ImageNetClass, photos: Sequence[Photo]) -> _Look:
    decoder = context.decoder()
    small: dict[str, Image.Image] = {}

    def decoded(wanted: Sequence[Photo]) -> Iterator[Decoded]:
        for photo, pixels, geometry in decoder(wanted):
            small.setdefault(photo.key, encode.thumbnail(pixels))
            yield photo, pixels, geometry

    context.reporter.stage(info.name, "activations", len(photos) * (1 + len(context.plan.starts)))
    least = 0 if context.config.scope == SHARED else CROPS_A_CONCEPT * context.config.concepts
    acts = activations.of_class(context.extractor, decoded, photos, class_index=info.class_index, least=least)
    if not acts.photos:
        reason = next(iter(decoder.skipped.reasons.values()), "none given")
        raise AtlasError(f"{info.wnid} ({info.name}): none of its {len(photos)} photos can be used (the first: {reason}).")
    return _Look(acts, small, decoder.skipped.reasons)


def own_concepts(config: Config, *, photos: int, crops: int) -> int:
    """Return how many concepts of its own a class of so many photos, of which so many crops are cut, has in the end."""
    lent = config.scope == SHARED or (config.scope == "both" and crops < CROPS_A_CONCEPT * config.concepts)
    return 0 if lent or not photos else config.concepts


def _dictionary(context: BuildContext, info: ImageNetClass, acts: ClassActivations) -> Dictionary:
    """Return the class's own dictionary, or the shared one where that is what explains it."""
    config = context.config
    if context.given and (found := context.given.dictionary(info.wnid, config.dictionary)):
        return found
    enough = len(acts.crops) >= CROPS_A_CONCEPT * config.concepts
    if context.shared and (config.scope == SHARED or not enough or context.given):
        return context.shared
    if not enough:
        raise AtlasError(
            f"{info.wnid} ({info.name}): {len(acts.crops)} crops of its photos are too few for {config.concepts} concepts, at "
            f"least {CROPS_A_CONCEPT * config.concepts} are needed. Add photos, lower --concepts, or use --scope shared."
        )
    context.reporter.stage(info.name, "dictionary", 0)
    return context.fit(acts.crops, config.concepts)


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """What a dictionary says of the photos of a class."""

    photos: Photos  # without strategies and places, which are found later
    explained: DecomposedLogits
    codes: np.ndarray  # (photo, position, concept)


def _tell(context: BuildContext, info: ImageNetClass, acts: ClassActivations, dictionary: Dictionary) -> _Told:
    """Take every photo's logit apart."""
    context.reporter.stage(info.name, "importance", 0)
    n, positions, channels = acts.positions.shape
    U = codes_of(acts.positions.reshape(-1, channels), dictionary).reshape(n, positions, -1)
    explained = explain(context.backbone, info, acts, dictionary, U, seed=context.config.seed)
    parts = explained.parts
    heat_concepts, heat = exemplars.photo_heat(U, parts.contributions, context.backbone.grid)
    none = np.zeros(n, np.int32)
    photos = Photos(
        wnid=info.wnid,
        keys=tuple(p.key for p in acts.photos),
        split=tuple(p.split for p in acts.photos),
        predicted=acts.predicted,
        correct=acts.predicted == info.class_index,
        class_logit=acts.class_logit,
        bias=parts.bias,
        residual=parts.residual,
        codes=U.mean(axis=1),
        contributions=parts.contributions,
        dominant=dominant_concept(parts.contributions),
        strategy=none,
        xy=np.zeros((n, 2), np.float32),
        neighbours=((),) * n,
        heat_concepts=heat_concepts,
        heat=heat,
    )
    return _Told(photos, explained, U)


@dataclass(frozen=True, slots=True, eq=False)
class _Assessed:
    """What can only be said while the activations at positions are there."""

    accounts: tuple[Decomposition, ...]  # of the dictionary, and of its refits
    stability: np.ndarray | None  # (concept,)
    measures: dict[str, Any]  # columns of a class record
    curves: tuple[Curve, ...]  # of random patches


def _assess(context: BuildContext, info: ImageNetClass, acts: ClassActivations, dictionary: Dictionary, told: _Told) -> _Assessed:
    """Measure the dictionary; one of the class's own is fitted again, and compared with random patches."""
    photos, explained = told.photos, told.explained
    known, held = assessment.explained(explained, acts, photos.basis)
    measures: dict[str, Any] = {
        **{"explained": known, "explained_holdout": known if _held(photos).all() else held},
        **assessment.of_crops(acts, dictionary, context),
        **assessment.of_photos(acts, dictionary, told.codes, photos.basis),
    }
    if dictionary is context.shared:
        return _Assessed((explained.parts,), None, measures, ())
    again = assessment.refitted(acts, dictionary, context)
    accounts = assessment.accounts(context, info, acts, dictionary, again)
    judges = ~photos.basis if not photos.basis.all() else photos.basis
    chance = assessment.by_chance(context, info, acts, len(dictionary.atoms), judges=judges)
    curves = chance.pop("curves", ())
    stable = again.stability(dictionary)
    measures |= {
        "refits": len(accounts),
        "stability": stable.overall if stable else None,
        "stability_halves": metrics.likeness([half.atoms for half in again.halves]),
        **chance,
    }
    return _Assessed((explained.parts, *accounts), stable.concepts if stable else None, measures, curves)


def _result(
    context: BuildContext,
    info: ImageNetClass,
    acts: ClassActivations,
    dictionary: Dictionary,
    told: _Told,
    assessed: _Assessed,
) -> Result:
    """Return concepts, strategies, exemplars and the record; what the shared dictionary already shows is not repeated."""
    photos, explained, seed, wnid = told.photos, told.explained, context.config.seed, info.wnid
    graph = strategies.find(
        wnid,
        photos.contributions,
        fit=~_held(photos),
        predicted=photos.predicted,
        class_index=info.class_index,
        seed=seed,
        layout=context.config.layout,
    )
    photos = dataclasses.replace(photos, strategy=graph.membership, xy=graph.xy, neighbours=graph.neighbours)
    concepts = contributions.concepts_of_class(wnid, assessed.accounts, correct=photos.correct, basis=photos.basis, seed=seed)
    held = _held(photos)
    if held.all():  # the photos that means are over are held out themselves
        concepts = tuple(
            dataclasses.replace(c, dominates_holdout=c.dominates, reliability_holdout=c.reliability) for c in concepts
        )
    record = dataclasses.replace(
        _record(info, acts, photos), groups=graph.groups, groups_expected=graph.groups_expected, **assessed.measures
    )
    if dictionary is context.shared:  # estimators and curves speak of the concepts that are shown
        leading = estimators.leading(concepts, context.config.concepts)
        among = explained.among(np.array([c.index for c in leading]))
        leading, faithful = estimators.estimated(leading, among, held, basis=photos.basis, seed=seed)
        record = dataclasses.replace(record, scope="shared", evidence=estimators.as_evidence(leading), **faithful)
        return Result(record=record, digest="", photos=photos, strategies=graph.strategies)
    concepts, faithful = estimators.estimated(concepts, explained, held, basis=photos.basis, seed=seed)
    faithful["curves"] += assessed.curves
    if assessed.stability is not None:
        concepts = tuple(dataclasses.replace(c, stability=float(assessed.stability[c.index])) for c in concepts)
    source = Crops(acts.photos, acts.geometry, acts.crop_photo, acts.crop_number)
    shown, images = build_exemplars(context, wnid, source, codes_of(acts.crops, dictionary), dictionary)
    return Result(
        record=dataclasses.replace(record, scope="class", **faithful),
        digest="",
        concepts=with_aligned(context, concepts, dictionary.atoms),
        photos=photos,
        strategies=graph.strategies,
        exemplars=shown,
        atoms=dictionary.atoms.astype(np.float16),
        arrays=arrays(dictionary),
        pictures=images,
    )


def _held(photos: Photos) -> np.ndarray:
    """Return which photos are held out: (n,) bool."""
    return np.array([split == "holdout" for split in photos.split], bool)


def _record(info: ImageNetClass, acts: ClassActivations, photos: Photos) -> ClassRecord:
    """Return the record of a class, without what its dictionary adds to it."""
    basis = photos.basis
    held = _held(photos)
    return ClassRecord(
        info=info,
        coverage="full" if len(photos) >= FULL_COVERAGE_PHOTOS else "sample",
        n_photos=len(photos),
        n_fit=int(acts.fitted.sum()),
        n_holdout=int(held.sum()),
        accuracy_fit=float(photos.correct[~held].mean()) if not held.all() else None,
        accuracy_holdout=float(photos.correct[held].mean()) if held.any() else None,
        class_logit=float(photos.class_logit[basis].mean(dtype=np.float64)),
        bias=float(photos.bias[basis].mean(dtype=np.float64)),
        residual=float(photos.residual[basis].mean(dtype=np.float64)),
    )
