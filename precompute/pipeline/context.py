"""What every class is built with, loaded once; and the identity of what is built."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from precompute.activations import CropPlan, Extractor
from precompute.config import Config
from precompute.dictionary import METHODS, Dictionary, DictionaryMethod
from precompute.network.backbone import Backbone
from precompute.photos import Decoder, Photo
from precompute.pipeline.given import Given
from precompute.progress import Reporter
from precompute.visualize.spectrum import Spectrum


@dataclass(frozen=True, slots=True, eq=False)
class BuildContext:
    """Settings, backbone, spectrum, the dictionaries that are used again, and the shared one once there is one."""

    config: Config
    backbone: Backbone
    spectrum: Spectrum
    reporter: Reporter
    workers: int
    shared: Dictionary | None = None
    given: Given | None = None

    @property
    def plan(self) -> CropPlan:
        """The crops cut from every fitted photo."""
        size = self.backbone.preprocessing.input_size
        resized = self.backbone.fitting(self.config.crop_input or size)
        return CropPlan.of(input_size=size, side=min(self.config.crop_size, size), resized=resized)

    @property
    def extractor(self) -> Extractor:
        """Runs images through the backbone and reports them."""
        return Extractor(self.backbone, self.plan, batch=self.config.batch, done=self.reporter.advance)

    @property
    def method(self) -> DictionaryMethod:
        """The dictionary method."""
        return METHODS[self.config.dictionary]

    def decoder(self) -> Decoder:
        """Decode photos as the backbone was trained to see them."""
        return Decoder(self.backbone.preprocessing.as_input, workers=self.workers)

    @property
    def shared_method(self) -> DictionaryMethod:
        """The method of the shared dictionary."""
        return METHODS[self.config.shared_dictionary or self.config.dictionary]

    def fit(self, activations: np.ndarray, concepts: int, *, method: DictionaryMethod | None = None) -> Dictionary:
        """Fit a dictionary, its atoms rounded as they are stored: what is published is what was used."""
        with threadpool_limits(1):  # matrices of a class are small: threads would only wait for each other
            found = (method or self.method).fit(activations, concepts=concepts, seed=self.config.seed)
        return dataclasses.replace(found, atoms=found.atoms.astype(np.float16).astype(np.float32))


def digest(context: BuildContext, owner: str, photos: Sequence[Photo], shared_digest: str = "") -> str:
    """Return the hash of everything a result depends on: while it is unchanged, the result need not be computed again."""
    seen = [
        owner,
        context.config.settings(),
        context.backbone.weights["sha256"],
        context.spectrum.sha256 if context.config.pictures != "none" else "",
        [(p.key, p.bytes, p.split) for p in photos],
        shared_digest,
    ]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]


def arrays(dictionary: Dictionary) -> dict[str, np.ndarray]:
    """Return what encoding needs beside the atoms, by name."""
    return dictionary.encoder | ({} if dictionary.offset is None else {"offset": dictionary.offset})


def reconstruct(codes: np.ndarray, dictionary: Dictionary) -> np.ndarray:
    """Return U V (+ offset)."""
    found = codes @ dictionary.atoms
    return found if dictionary.offset is None else found + dictionary.offset
