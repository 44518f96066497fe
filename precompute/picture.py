"""One feature visualization, to a file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import Progress

from atlas.schema import AtlasError, ImageNetClass
from atlas.store import Store, imagenet_classes
from precompute import backbone as backbones
from precompute import maco, spectrum
from precompute.maco import PRESETS, Target


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to picture: a class, or a concept of an atlas."""

    of_class: str | None
    atlas: Path | None
    concept: str | None
    preset: str
    seed: int
    raw: bool


def write(wanted: Wanted, out: Path, *, backbone: str, weights: str, device: str) -> int:
    """Make the picture and write it (PNG or WebP, with transparency unless ``raw``); print what it reached.

    Raises:
        AtlasError: nothing or two things to picture, an unknown class, concept or preset, another kind of file.
    """
    if out.suffix.lower() not in {".png", ".webp"}:
        raise AtlasError(f"--out must end in .png or .webp, found {out.name!r}.")
    if wanted.preset not in PRESETS:
        raise AtlasError(f"--preset must be one of {', '.join(PRESETS)}, found {wanted.preset!r}.")
    if (wanted.of_class is None) == (wanted.concept is None):
        raise AtlasError("Name one thing to picture: --class NAME, or --atlas ATLAS --concept ID.")
    if wanted.of_class is not None:
        info = find_class(wanted.of_class)
        target, what, unit = Target(wanted.seed, class_index=info.class_index), f"{info.name} ({info.wnid})", "logit"
    else:
        if wanted.atlas is None:
            raise AtlasError("--concept needs --atlas: the atlas that holds it.")
        store = Store(wanted.atlas)
        backbone = store.manifest.backbone["name"]
        target, what, unit = Target(wanted.seed, direction=_atom(store, wanted.concept or "")), str(wanted.concept), "cosine"
    model = backbones.load(backbone, weights=weights, device=device)
    preset = PRESETS[wanted.preset]
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=preset.steps)
        (made,) = maco.visualize(
            model, [target], spectrum=spectrum.load(), preset=preset, on_step=lambda count: bar.advance(task, count)
        )
    _save(made.rgba, out, raw=wanted.raw)
    print(f"{out}: {what}, {unit} {made.objective:.2f} on the whole picture")
    return 0


def find_class(name: str) -> ImageNetClass:
    """Return a class by wnid, name or synonym (any case).

    Raises:
        AtlasError: no class, or several, by that name.
    """
    key = name.strip().casefold()
    classes = imagenet_classes()
    exact = [c for c in classes if key in {c.wnid, c.name.casefold()}]
    found = exact or [c for c in classes if key in {s.casefold() for s in c.synonyms} or key == c.name.casefold().split(" (")[0]]
    if len(found) == 1:
        return found[0]
    if found:
        raise AtlasError(f"{len(found)} classes are called {name!r}: " + ", ".join(f"{c.name} is {c.wnid}" for c in found) + ".")
    near = [c.name for c in classes if key in c.name.casefold()][:5]
    raise AtlasError(f"No ImageNet class is called {name!r}." + (f" Did you mean {', '.join(near)}?" if near else ""))


def _atom(store: Store, concept_id: str) -> np.ndarray:
    owner, _, number = concept_id.rpartition("/")
    atoms = store.atoms(owner)
    if not number.isdecimal() or int(number) >= len(atoms):
        raise AtlasError(f"The atlas {store.name} holds no concept {concept_id!r}: {owner} has concepts 0 to {len(atoms) - 1}.")
    return np.asarray(atoms[int(number)])


def _save(rgba: np.ndarray, out: Path, *, raw: bool) -> None:
    pixels = (np.clip(rgba[..., :3] if raw else rgba, 0, 1) * 255).round().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG" if out.suffix.lower() == ".png" else "WEBP", quality=90)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(buffer.getvalue())
    except OSError as error:
        raise AtlasError(f"{out} cannot be written ({error.strerror}).") from error
