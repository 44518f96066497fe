"""How much of the logit the atlas that ships explains on photos it was not fitted on, and whether its order can be believed.

Of every class with a dictionary of its own and held-out photos: explained is 1 − |residual| ÷ |logit − bias| of a photo (its
median, and the share of the photos of which at least four fifths are), by the class's own dictionary and by the shared one,
beside random dictionaries of both sizes (patches of the same photos as atoms, codes by non-negative least squares). Curves are
over the same photos, beside a random order. Photos: BENCH_PHOTOS, folders with a folder a wnid.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load_file

from atlas.__main__ import shipped
from atlas.format import Store, paths
from atlas.schema import SHARED, ClassRecord
from precompute import activations, config, photos
from precompute.activations import ClassActivations
from precompute.analysis import contributions
from precompute.dictionary import METHODS, Dictionary, nonnegative
from precompute.network import backbone
from precompute.photos import Photo
from precompute.pipeline import BuildContext, estimators
from precompute.pipeline.decomposition import explain
from precompute.progress import Silent
from precompute.visualize import spectrum

MOSTLY = 0.8


@dataclass(frozen=True, slots=True)
class Row:
    """What one dictionary does for one class."""

    k: int
    explained: np.ndarray  # (photo,)
    deletion: tuple[float, float] | None = None  # area, and that of a random order
    insertion: tuple[float, float] | None = None


def main() -> None:
    """Print a line a class and dictionary, and the medians."""
    sources = [f for f in os.environ.get("BENCH_PHOTOS", "").split(":") if f]
    if not sources:
        raise SystemExit("BENCH_PHOTOS names no folder of photos (a folder a wnid).")
    store, index = Store(shipped()), photos.index(sources)
    said = {k: v for k, v in store.manifest.config.items() if k != "format"}
    settings = config.make(None, photos=sources, out="bench", **said)
    context = BuildContext(settings, backbone.load(settings.backbone), spectrum.load(), Silent(), workers=os.cpu_count() or 1)
    arrays = load_file(paths.locate(store.root, paths.DICTIONARIES))
    found: dict[str, list[Row]] = {}
    for record in store.records.values():
        held = [p for p in index.photos.get(record.info.wnid, ()) if p.split == "holdout"]
        if record.scope == "class" and held:
            print(f"{record.info.name}: {len(held)} held-out photos")
            for name, row in _rows(context, record, arrays, held):
                found.setdefault(name, []).append(row)
                print(f"  {name:14s} {_line([row])}", flush=True)
    print(f"all {len(next(iter(found.values()), []))} classes")
    for name, rows in found.items():
        print(f"  {name:14s} {_line(rows)}")


def _rows(
    context: BuildContext, record: ClassRecord, arrays: dict[str, np.ndarray], held: Sequence[Photo]
) -> Iterator[tuple[str, Row]]:
    info = record.info
    acts = activations.of_class(context.extractor, context.decoder(), held, class_index=info.class_index, least=0)
    patches = acts.positions.reshape(-1, acts.positions.shape[2])
    random = np.random.default_rng(0)
    for owner, method in ((info.wnid, context.config.dictionary), (SHARED, context.config.shared_dictionary)):
        dictionary = _dictionary(arrays, owner, method)
        k = len(dictionary.atoms)
        name = "own" if owner != SHARED else "shared"
        yield name, _judged(context, record, acts, dictionary, METHODS[method].encode(patches, dictionary))
        chance = patches[random.choice(len(patches), k, replace=len(patches) < k)]
        chance = chance / np.maximum(np.linalg.norm(chance, axis=1, keepdims=True), 1e-12)
        yield (
            f"random for {name}",
            _judged(context, record, acts, Dictionary("nmf", chance), nonnegative.solve(patches, chance)),
        )


def _dictionary(arrays: dict[str, np.ndarray], owner: str, method: str) -> Dictionary:
    """Return a dictionary as it is stored."""
    beside = {name.split(".", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{owner}.")}
    atoms = arrays[owner].astype(np.float32)
    return Dictionary(method, atoms, offset=beside.pop("offset", None), encoder=beside)


def _judged(context: BuildContext, record: ClassRecord, acts: ClassActivations, dictionary: Dictionary, codes: np.ndarray) -> Row:
    n, positions, _ = acts.positions.shape
    explained = explain(context.backbone, record.info, acts, dictionary, codes.reshape(n, positions, -1), seed=0)
    shares = contributions.explained(explained.parts.residual, acts.class_logit, explained.bias)
    concepts = contributions.concepts_of_class(
        record.info.wnid,
        [explained.parts],
        correct=acts.predicted == record.info.class_index,
        basis=np.ones(n, bool),
        seed=0,
    )
    leading = estimators.leading(concepts, context.config.concepts)  # the same number of concepts of either dictionary
    among = explained.among(np.array([c.index for c in leading]))
    _, faithful = estimators.estimated(leading, among, np.ones(n, bool), basis=np.ones(n, bool), seed=0)
    area = {(c.method, c.measure): c.auc for c in faithful["curves"]}
    pairs = {m: (area[("contribution", m)], area[("random", m)]) for m in ("c_deletion", "c_insertion") if area}
    return Row(len(dictionary.atoms), shares, pairs.get("c_deletion"), pairs.get("c_insertion"))


def _line(rows: Sequence[Row]) -> str:
    shares = np.concatenate([row.explained[~np.isnan(row.explained)] for row in rows])
    curves = []
    for name, pairs in (("C-Deletion", [r.deletion for r in rows]), ("C-Insertion", [r.insertion for r in rows])):
        known = np.array([pair for pair in pairs if pair is not None])
        if len(known):
            curves.append(f"{name} {known[:, 0].mean():.2f} (random {known[:, 1].mean():.2f})")
    return (
        f"k = {rows[0].k:4d}: explained {np.median(shares):.2f}, at least {MOSTLY:.0%} of {np.mean(shares >= MOSTLY):.0%} of the "
        f"photos; {', '.join(curves)}"
    )


if __name__ == "__main__":
    main()
