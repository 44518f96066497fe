"""Dictionaries and pictures of an atlas that is there, used again: the same concepts, told from other photos or measured anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from atlas.format import Store, paths
from atlas.schema import SHARED, AtlasError, Pictures
from precompute.config import Config
from precompute.dictionary import Dictionary
from precompute.network.backbone import Backbone


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """The dictionaries of an atlas, by owner, and where its pictures are."""

    store: Store
    arrays: dict[str, np.ndarray]

    def dictionary(self, owner: str, method: str) -> Dictionary | None:
        """Return the dictionary of a class, or the shared one, as it is stored; None where there is none."""
        if owner not in self.arrays:
            return None
        beside = {name.split(".", 1)[1]: array for name, array in self.arrays.items() if name.startswith(f"{owner}.")}
        atoms = self.arrays[owner].astype(np.float32)
        return Dictionary(method, atoms, offset=beside.pop("offset", None), encoder=beside)

    def pictures(self, owner: str) -> Pictures:
        """Return the feature visualizations of a class and its concepts, or of the shared ones."""
        concepts = range(len(self.arrays.get(owner, ())))
        found = {i: data for i in concepts if (data := self._read(owner, "concept", i)) is not None}
        return Pictures(class_picture=None if owner == SHARED else self._read(owner, "class"), concepts=found)

    def _read(self, owner: str, kind: paths.Kind, index: int | None = None) -> bytes | None:
        name = self.store.picture(owner, kind, index)
        return None if name is None else self.store.picture_path(name).read_bytes()


def given(config: Config, backbone: Backbone) -> Given | None:
    """Open the atlas whose dictionaries the settings name; None where they name none.

    Raises:
        AtlasError: it is no atlas, is damaged, or speaks of another network, layer or dictionary method.
    """
    if not config.dictionaries:
        return None
    store = Store(Path(config.dictionaries))
    here, there = backbone.describe(), store.manifest.backbone
    asked, made = config.settings(), store.manifest.config
    differing = [
        *(f"{name}: {there.get(name)} there, {here[name]} here" for name in ("name", "layer") if there.get(name) != here[name]),
        *(["other weights"] if there.get("weights", {}).get("sha256") != backbone.weights["sha256"] else []),
        *(
            f"{name}: {made.get(name)} there, {asked[name]} here"
            for name in ("dictionary", "shared_dictionary", "crop_size", "crop_input")
            if made.get(name) != asked[name]
        ),
    ]
    if differing:
        raise AtlasError(f"The dictionaries of {config.dictionaries} cannot be used again here ({'; '.join(differing)}).")
    path = paths.locate(store.root, paths.DICTIONARIES)
    try:
        return Given(store, dict(load_file(path)))
    except (OSError, SafetensorError) as error:
        raise AtlasError(f"{path} cannot be read ({error}): run `atlas check {store.root}`.") from error
