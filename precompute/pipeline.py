"""From photographs to a result: composition only. Every step is a stage module; nothing is computed here.

One class: photos → activations A → dictionary V → codes U → contributions φ → concepts, exemplars, strategies → pictures.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from atlas.schema import (
    FULL_COVERAGE_PHOTOS,
    SHARED,
    AtlasError,
    ClassRecord,
    Concept,
    Evidence,
    Exemplar,
    ImageNetClass,
    Photos,
    Pictures,
    Result,
    dominant_concept,
)
from atlas.store import imagenet_classes
from precompute import activations, contributions, exemplars, maco, metrics, pictures, relations, strategy
from precompute.activations import ClassActivations, CropPlan, Decoded, Extractor
from precompute.backbone import Backbone
from precompute.config import Config
from precompute.dictionary import METHODS, Dictionary
from precompute.photos import Decoder, Geometry, Photo, as_input, read
from precompute.progress import Reporter
from precompute.spectrum import Spectrum

#: A dictionary of k concepts needs this many crops for each of them.
CROPS_A_CONCEPT = 4


@dataclass(frozen=True, slots=True, eq=False)
class Workshop:
    """Everything the stages need, loaded once."""

    config: Config
    backbone: Backbone
    spectrum: Spectrum
    reporter: Reporter
    workers: int
    shared: Dictionary | None = None

    @property
    def plan(self) -> CropPlan:
        """The crops cut from every fitted photo."""
        size = self.backbone.preprocessing.input_size
        return CropPlan.of(input_size=size, side=min(self.config.crop_size, size), resized=self.config.crop_input or size)

    @property
    def extractor(self) -> Extractor:
        """Runs images through the backbone and reports them."""
        return Extractor(self.backbone, self.plan, batch=self.config.batch, done=self.reporter.advance)

    def decoder(self) -> Decoder:
        """Decode photos as the backbone was trained to see them."""
        p = self.backbone.preprocessing
        return Decoder(p.input_size, p.crop_pct, p.interpolation, workers=self.workers)


def digest(workshop: Workshop, owner: str, photos: Sequence[Photo], shared_digest: str = "") -> str:
    """Return the hash of everything a result depends on: if it is unchanged, the result need not be computed again."""
    seen = [
        owner,
        workshop.config.settings(),
        workshop.backbone.weights["sha256"],
        workshop.spectrum.sha256 if workshop.config.pictures != "none" else "",
        [(p.key, p.bytes, p.split) for p in photos],
        shared_digest,
    ]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]


def build_class(workshop: Workshop, info: ImageNetClass, photos: Sequence[Photo], *, digest: str) -> Result:
    """Compute all that an atlas says of one class.

    Raises:
        AtlasError: none of the photos can be read, or they are too few for the dictionary asked for.
    """
    if not photos:
        return _without_photos(workshop, info, digest)
    found = _look(workshop, info, photos)
    acts = found.activations
    dictionary = _fit(workshop, info, acts)
    own = dictionary is not workshop.shared
    weight, bias = workshop.backbone.class_head(info.class_index)
    n, positions, channels = acts.positions.shape
    U = METHODS[dictionary.method].encode(acts.positions.reshape(-1, channels), dictionary).reshape(n, positions, -1)
    codes = U.mean(axis=1)
    parts = contributions.decompose(
        codes, dictionary.atoms, weight=weight, bias=bias, class_logit=acts.class_logit, offset=dictionary.offset
    )
    dominant, correct = dominant_concept(parts.contributions), acts.predicted == info.class_index
    concepts = contributions.concepts_of_class(
        info.wnid, parts.contributions, dominant=dominant, correct=correct, seed=workshop.config.seed
    )
    graph = strategy.find(
        info.wnid, parts.contributions, correct=correct, seed=workshop.config.seed, layout=workshop.config.layout
    )
    heat_concepts, heat = exemplars.photo_heat(U, parts.contributions, workshop.backbone.grid)
    described = Photos(
        wnid=info.wnid,
        keys=tuple(p.key for p in acts.photos),
        split=tuple(p.split for p in acts.photos),
        predicted=acts.predicted,
        correct=correct,
        class_logit=acts.class_logit,
        bias=parts.bias,
        residual=parts.residual,
        codes=codes,
        contributions=parts.contributions,
        dominant=dominant,
        strategy=graph.membership,
        xy=graph.xy,
        neighbours=graph.neighbours,
        heat_concepts=heat_concepts,
        heat=heat,
    )
    record = _record(workshop, info, acts, described, dictionary, concepts, digest)
    shown, images = _exemplars(workshop, info.wnid, acts, dictionary) if own else ((), Pictures())
    painted = _paint(workshop, info.wnid, info.class_index, dictionary.atoms if own else None)
    return Result(
        record=record,
        digest=digest,
        concepts=_aligned(workshop, concepts, dictionary.atoms) if own else (),
        photos=described,
        strategies=graph.strategies,
        exemplars=shown,
        atoms=dictionary.atoms.astype(np.float16) if own else None,
        arrays=_arrays(dictionary) if own else {},
        pictures=dataclasses.replace(
            images, class_picture=painted.class_picture, concepts=painted.concepts, thumbnails=found.thumbnails(workshop)
        ),
        skipped=found.skipped,
    )


def build_shared(workshop: Workshop, photos: Sequence[Photo], *, digest: str) -> Result:
    """Fit one dictionary on the photos of every class, and show its concepts.

    Raises:
        AtlasError: fewer crops than concepts.
    """
    fit = [p for p in photos if p.split == "fit"]
    decoder, extractor = workshop.decoder(), workshop.extractor
    workshop.reporter.stage(SHARED, "activations", len(fit) * len(workshop.plan.starts))
    A, used, geometry, which = activations.of_all(extractor, decoder(fit), n_photos=len(fit))
    workshop.reporter.stage(SHARED, "dictionary", 0)
    dictionary = _rounded(
        METHODS[workshop.config.dictionary].fit(A, concepts=workshop.config.shared_concepts, seed=workshop.config.seed)
    )
    codes = METHODS[dictionary.method].encode(A, dictionary)
    source = _Crops(used, geometry, which[:, 0], which[:, 1])
    shown, images = _show(workshop, SHARED, source, codes, dictionary)
    concepts = [Concept(f"{SHARED}/{i}", "shared", None, i, contribution=None, colour=i) for i in range(len(dictionary.atoms))]
    painted = _paint(workshop, SHARED, None, dictionary.atoms)
    return Result(
        record=None,
        digest=digest,
        concepts=_aligned(workshop, concepts, dictionary.atoms),
        exemplars=shown,
        atoms=dictionary.atoms.astype(np.float16),
        arrays=_arrays(dictionary),
        pictures=dataclasses.replace(images, concepts=painted.concepts),
        skipped=decoder.skipped.reasons,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """One pass over the photos of a class."""

    activations: ClassActivations
    small: dict[str, Image.Image]
    skipped: dict[str, str]

    def thumbnails(self, workshop: Workshop) -> bytes | None:
        if workshop.config.publish_photos == "reference":
            return None
        return pictures.thumbnail_grid([self.small[p.key] for p in self.activations.photos])


def _look(workshop: Workshop, info: ImageNetClass, photos: Sequence[Photo]) -> _Look:
    decoder = workshop.decoder()
    small: dict[str, Image.Image] = {}

    def decoded(wanted: Sequence[Photo]) -> Iterator[Decoded]:
        for photo, pixels, geometry in decoder(wanted):
            small.setdefault(photo.key, pictures.thumbnail(pixels))
            yield photo, pixels, geometry

    workshop.reporter.stage(info.name, "activations", len(photos) * (1 + len(workshop.plan.starts)))
    least = CROPS_A_CONCEPT * workshop.config.concepts if workshop.config.scope != SHARED else 0
    acts = activations.of_class(workshop.extractor, decoded, photos, class_index=info.class_index, least=least)
    if not acts.photos:
        reason = next(iter(decoder.skipped.reasons.values()), "none given")
        raise AtlasError(f"{info.wnid} ({info.name}): none of its {len(photos)} photos can be used (the first: {reason}).")
    return _Look(acts, small, decoder.skipped.reasons)


def _fit(workshop: Workshop, info: ImageNetClass, acts: ClassActivations) -> Dictionary:
    """Return the class's own dictionary, or the shared one where it has none of its own."""
    config = workshop.config
    if config.scope == SHARED or (workshop.shared and len(acts.crops) < CROPS_A_CONCEPT * config.concepts):
        assert workshop.shared is not None
        return workshop.shared
    if len(acts.crops) < CROPS_A_CONCEPT * config.concepts:
        raise AtlasError(
            f"{info.wnid} ({info.name}): {len(acts.crops)} crops of its photos are too few for {config.concepts} concepts, at least "
            f"{CROPS_A_CONCEPT * config.concepts} are needed. Add photos, lower --concepts, or use --scope shared."
        )
    workshop.reporter.stage(info.name, "dictionary", 0)
    return _rounded(METHODS[config.dictionary].fit(acts.crops, concepts=config.concepts, seed=config.seed))


def _rounded(dictionary: Dictionary) -> Dictionary:
    """Round atoms as they are stored, so that what is published is what was used."""
    return dataclasses.replace(dictionary, atoms=dictionary.atoms.astype(np.float16).astype(np.float32))


def _arrays(dictionary: Dictionary) -> dict[str, np.ndarray]:
    return dictionary.encoder | ({} if dictionary.offset is None else {"offset": dictionary.offset})


def _record(
    workshop: Workshop,
    info: ImageNetClass,
    acts: ClassActivations,
    photos: Photos,
    dictionary: Dictionary,
    concepts: Sequence[Concept],
    digest: str,
) -> ClassRecord:
    own = dictionary is not workshop.shared
    A = acts.crops if len(acts.crops) else acts.positions.reshape(-1, acts.positions.shape[2])
    U = METHODS[dictionary.method].encode(A, dictionary)
    held = np.array([split == "holdout" for split in photos.split])
    evidence_of = np.abs(photos.class_logit - photos.bias)
    return ClassRecord(
        info=info,
        coverage="full" if len(photos) >= FULL_COVERAGE_PHOTOS else "sample",
        scope="class" if own else "shared",
        n_photos=len(photos),
        n_fit=int(acts.fitted.sum()),
        n_holdout=int(held.sum()),
        accuracy=float(photos.correct.mean()),
        accuracy_holdout=float(photos.correct[held].mean()) if held.any() else None,
        class_logit=float(photos.class_logit.mean()),
        bias=float(photos.bias.mean()),
        residual=float(photos.residual.mean()),
        explained=float((1 - np.abs(photos.residual) / np.maximum(evidence_of, 1e-6)).mean()),
        relative_l2=metrics.relative_l2(A, U, dictionary.atoms, offset=dictionary.offset),
        sparsity=metrics.sparsity(U),
        hoyer=metrics.hoyer(U),
        evidence=() if own else _evidence(concepts, workshop.config.concepts),
        digest=digest,
    )


def _evidence(concepts: Sequence[Concept], count: int) -> tuple[Evidence, ...]:
    """Return what the shared concepts with the largest contributions do for this class."""
    leading = sorted(concepts, key=lambda c: (-abs(c.contribution or 0.0), c.index))[:count]
    names = [f.name for f in dataclasses.fields(Evidence)]
    return tuple(Evidence(**{name: getattr(c, name) for name in names}) for c in leading)


def _aligned(workshop: Workshop, concepts: Sequence[Concept], atoms: np.ndarray) -> tuple[Concept, ...]:
    head = workshop.backbone.linear_head
    if head is None:
        return tuple(concepts)
    found = relations.aligned_classes(atoms, head.weight.cpu().numpy(), [c.wnid for c in imagenet_classes()])
    return tuple(dataclasses.replace(c, aligned=near) for c, near in zip(concepts, found, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class _Crops:
    """Where rows of activations come from."""

    photos: Sequence[Photo]
    geometry: Sequence[Geometry]
    photo: np.ndarray
    number: np.ndarray


def _exemplars(
    workshop: Workshop, owner: str, acts: ClassActivations, dictionary: Dictionary
) -> tuple[tuple[Exemplar, ...], Pictures]:
    codes = METHODS[dictionary.method].encode(acts.crops, dictionary)
    return _show(workshop, owner, _Crops(acts.photos, acts.geometry, acts.crop_photo, acts.crop_number), codes, dictionary)


def _show(
    workshop: Workshop, owner: str, source: _Crops, codes: np.ndarray, dictionary: Dictionary
) -> tuple[tuple[Exemplar, ...], Pictures]:
    """Choose exemplars; draw their heat maps, and the crops themselves if photos may be published."""
    chosen = exemplars.choose(codes, source.photo, source.number)
    plan = workshop.plan
    boxes = [source.geometry[c.photo].box(*plan.starts[c.crop], plan.side) for c in chosen]
    shown = tuple(
        Exemplar(f"{owner}/{c.concept}", c.rank, source.photos[c.photo].key, box, c.code)
        for c, box in zip(chosen, boxes, strict=True)
    )
    workshop.reporter.stage(owner, "exemplars", len(chosen))
    cut = _crop_of(workshop)
    with ThreadPoolExecutor(workshop.workers) as pool:
        crops = list(pool.map(lambda c, box: cut(source.photos[c.photo], c.crop, box), chosen, boxes))
    heat = _heat(workshop, [pixels for pixels, _ in crops], chosen, dictionary)
    by_concept: dict[int, list[int]] = {}
    for i, choice in enumerate(chosen):
        by_concept.setdefault(choice.concept, []).append(i)
    return shown, Pictures(
        heat={concept: pictures.heat_strip(heat[rows]) for concept, rows in by_concept.items()},
        exemplars={
            concept: pictures.strip([crops[i][1] for i in rows])
            for concept, rows in by_concept.items()
            if workshop.config.publish_photos == "embed"
        },
    )


def _crop_of(workshop: Workshop) -> Callable[[Photo, int, tuple[int, int, int, int]], tuple[np.ndarray, Image.Image]]:
    """Return a function that cuts one crop twice: as the network's input, and from the original for people."""
    p, plan = workshop.backbone.preprocessing, workshop.plan

    def cut(photo: Photo, number: int, box: tuple[int, int, int, int]) -> tuple[np.ndarray, Image.Image]:
        original = read(photo.path)
        pixels, _ = as_input(original, size=p.input_size, crop_pct=p.crop_pct, interpolation=p.interpolation)
        x, y = plan.starts[number]
        left, top, width, height = box
        return pixels[y : y + plan.side, x : x + plan.side], original.crop((left, top, left + width, top + height))

    return cut


def _heat(
    workshop: Workshop, pixels: Sequence[np.ndarray], chosen: Sequence[exemplars.Choice], dictionary: Dictionary
) -> np.ndarray:
    """Return the codes of each crop's own concept at every position (crop, height, width)."""
    if not chosen:
        return np.zeros((0, 1, 1), np.float32)
    maps = workshop.extractor.crop_maps(np.stack(pixels))
    crops, height, width, channels = maps.shape
    codes = METHODS[dictionary.method].encode(maps.reshape(-1, channels), dictionary)
    concept = np.array([c.concept for c in chosen])
    return codes.reshape(crops, height * width, -1)[np.arange(crops), :, concept].reshape(crops, height, width)


def _paint(workshop: Workshop, owner: str, class_index: int | None, atoms: np.ndarray | None) -> Pictures:
    """Make the feature visualizations of a class and its concepts."""
    if workshop.config.pictures == "none":
        return Pictures()
    seed = workshop.config.seed
    targets = [maco.Target(_picture_seed(seed, owner, -1), class_index=class_index)] if class_index is not None else []
    targets += [
        maco.Target(_picture_seed(seed, owner, i), direction=atom) for i, atom in enumerate(atoms if atoms is not None else ())
    ]
    preset = maco.PRESETS[workshop.config.pictures]
    workshop.reporter.stage(owner, "pictures", len(targets) * preset.steps * preset.crops)
    painted: list[bytes] = []
    for start in range(0, len(targets), workshop.config.picture_batch):
        batch = maco.visualize(
            workshop.backbone,
            targets[start : start + workshop.config.picture_batch],
            spectrum=workshop.spectrum,
            preset=preset,
            on_step=lambda count: workshop.reporter.advance(count * preset.crops),
        )
        painted += [pictures.encode_rgba(v.rgba) for v in batch]
    class_picture = painted.pop(0) if class_index is not None else None
    return Pictures(class_picture=class_picture, concepts=dict(enumerate(painted)))


def _picture_seed(seed: int, owner: str, index: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{owner}/{index}".encode()).digest()[:4], "big")


def _without_photos(workshop: Workshop, info: ImageNetClass, digest: str) -> Result:
    """Return what the weights alone tell of a class: its picture."""
    painted = _paint(workshop, info.wnid, info.class_index, None)
    return Result(record=ClassRecord(info=info, coverage="none", digest=digest), digest=digest, pictures=painted)
