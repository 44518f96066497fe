"""Feature visualizations to a file: one, a contact sheet of several, or the making of one as an animation."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from atlas.format import Store, imagenet_classes
from atlas.schema import AtlasError, ImageNetClass
from precompute import photos, visualize
from precompute.network import backbone as backbones
from precompute.network.backbone import LAST, Backbone
from precompute.visualize import LEARNING_RATES, PRESETS, Preset, Target, Visualization, contact_sheet, spectrum
from precompute.visualize.plausibility import Plausibility

_PHOTOS = 500  # real ones, at most, to compare with
_FRAMES = 40  # of an animation


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to picture, and how."""

    classes: tuple[str, ...] = ()  # names or wnids
    atlas: Path | None = None  # that holds the concepts
    concepts: tuple[str, ...] = ()
    channels: tuple[int, ...] = ()
    layer: str | None = None  # of the channels; None: the backbone's last feature map
    preset: str = "fine"
    size: int | None = None  # side in pixels; None: the preset's
    parameterisation: str = "maco"
    seed: int = 0
    seeds: int = 1  # pictures a target, the best first
    spectrum: Path | None = None
    photos: tuple[str, ...] = ()  # real photos, for plausibility
    raw: bool = False
    sheet: bool = False
    animate: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Named:
    name: str
    target: Target


def write(wanted: Wanted, out: Path, *, backbone: str, weights: str, device: str) -> int:
    """Make the pictures and write one file; print what each reached.

    One target gives its best picture (PNG or WebP, with transparency unless ``raw``), or its making as an animation (WebP);
    several, or ``sheet``, give a contact sheet: a row a target, its seeds side by side.

    Returns:
        0; 3 if a picture failed.

    Raises:
        AtlasError: nothing to picture, an unknown class, concept, channel, layer or preset, settings that make no sense, another
            kind of file.
    """
    preset = _preset(wanted, out)
    store = Store(wanted.atlas) if wanted.atlas else None
    if store is not None:
        backbone = store.manifest.backbone["name"]
    named = _named(wanted, store)
    model = backbones.load(backbone, weights=weights, device=device)
    magnitude, plausibility = spectrum.load(wanted.spectrum), _plausibility(wanted, model)
    frames: list[np.ndarray] = []
    targets = [dataclasses.replace(n.target, seed=wanted.seed + i) for n in named for i in range(wanted.seeds)]
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{len(targets)} pictures", total=preset.steps * len(targets))
        made = visualize.visualize(
            model,
            targets,
            spectrum=magnitude,
            preset=preset,
            on_step=lambda count: bar.advance(task, count),
            on_picture=_recorder(frames, preset.steps) if wanted.animate else None,
        )
    rows = [visualize.rank_visualizations(made[i : i + wanted.seeds], plausibility) for i in range(0, len(made), wanted.seeds)]
    _save(_encoded(wanted, named, rows, frames, out), out)
    print(f"{out}: {out.stat().st_size / 1024:.0f} KB")
    for n, row in zip(named, rows, strict=True):
        for found in row:
            print(f"  {n.name}: {_said(n.target, found, plausibility)}")
    return 3 if any(found.failed for found in made) else 0


def _preset(wanted: Wanted, out: Path) -> Preset:
    """Return the preset with what was asked to be different, once everything else makes sense too."""
    if out.suffix.lower() not in {".png", ".webp"}:
        raise AtlasError(f"--out must end in .png or .webp, found {out.name!r}.")
    if wanted.preset not in PRESETS:
        raise AtlasError(f"--preset must be one of {', '.join(PRESETS)}, found {wanted.preset!r}.")
    if wanted.parameterisation not in LEARNING_RATES:
        raise AtlasError(f"--parameterisation must be one of {', '.join(LEARNING_RATES)}, found {wanted.parameterisation!r}.")
    count = len(wanted.classes) + len(wanted.concepts) + len(wanted.channels)
    if not count:
        raise AtlasError("Name something to picture: --class NAME, --atlas ATLAS --concept ID, or --channel NUMBER.")
    if wanted.concepts and wanted.atlas is None:
        raise AtlasError("--concept needs --atlas: the atlas that holds it.")
    if wanted.seeds < 1:
        raise AtlasError(f"--seeds must be at least 1, found {wanted.seeds}.")
    if wanted.animate and (count > 1 or wanted.seeds > 1 or wanted.sheet or out.suffix.lower() != ".webp"):
        raise AtlasError("--animate shows how one picture of one target is made, and writes a .webp.")
    preset = PRESETS[wanted.preset].with_parameterisation(wanted.parameterisation)
    return preset if wanted.size is None else dataclasses.replace(preset, size=wanted.size)


def _named(wanted: Wanted, store: Store | None) -> list[_Named]:
    found = []
    for name in wanted.classes:
        info = find_class(name)
        found.append(_Named(f"{info.name} ({info.wnid})", Target(0, class_index=info.class_index)))
    for concept in wanted.concepts:
        assert store is not None
        layer = store.manifest.backbone.get("layer")
        at = None if layer == LAST else layer
        found.append(_Named(_title(concept), Target(0, direction=_atom(store, concept), layer=at)))
    for channel in wanted.channels:
        at_layer = f" of {wanted.layer}" if wanted.layer else ""
        found.append(_Named(f"channel {channel}{at_layer}", Target(0, channel=channel, layer=wanted.layer)))
    return found


def _plausibility(wanted: Wanted, model: Backbone) -> Plausibility | None:
    """Compare with the activations of real photos, if any were named."""
    if not wanted.photos:
        return None
    index = photos.index(list(wanted.photos))
    fit = photos.shuffled([p for group in index.photos.values() for p in group if p.split == "fit"])[:_PHOTOS]
    decoder = photos.Decoder(model.preprocessing.as_input)
    rows = []
    with torch.inference_mode():
        for _, pixels, _ in decoder(fit):
            x = model.normalise(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])
            rows.append(model.features(x).mean(dim=1).cpu().numpy())
    return Plausibility(np.concatenate(rows) if rows else np.zeros((0, model.channels)))


def _recorder(frames: list[np.ndarray], steps: int) -> Callable[[int, torch.Tensor], None]:
    """Return what keeps about ``_FRAMES`` of the pictures of an optimisation; more of the beginning, where more happens."""
    wanted = {round(steps * (i / _FRAMES) ** 1.5) for i in range(_FRAMES)}

    def keep(step: int, pictures: torch.Tensor) -> None:
        if step in wanted:
            frames.append(pictures[0].permute(1, 2, 0).cpu().numpy())

    return keep


def _encoded(
    wanted: Wanted, named: Sequence[_Named], rows: Sequence[Sequence[Visualization]], frames: Sequence[np.ndarray], out: Path
) -> bytes:
    if wanted.animate:
        return contact_sheet.animation([*frames, rows[0][0].rgba[..., :3]])
    bands = 3 if wanted.raw else 4
    if len(rows) == 1 and not wanted.sheet:
        image = contact_sheet.to_image(rows[0][0].rgba[..., :bands])
    else:
        tiles = [
            [contact_sheet.Tile(found.rgba[..., :bands], n.name, _said(n.target, found, None)) for found in row]
            for n, row in zip(named, rows, strict=True)
        ]
        if wanted.seeds == 1:  # no seeds side by side: fill the page instead
            flat = [row[0] for row in tiles]
            across = math.ceil(math.sqrt(len(flat)))
            tiles = [flat[i : i + across] for i in range(0, len(flat), across)]
        image = contact_sheet.contact_sheet(tiles)
    buffer = io.BytesIO()
    image.save(buffer, "PNG" if out.suffix.lower() == ".png" else "WEBP", quality=90)
    return buffer.getvalue()


def _said(target: Target, found: Visualization, plausibility: Plausibility | None) -> str:
    if found.failed:
        return f"failed: {found.failed}"
    said = f"{target.unit} {found.objective:.2f}"
    return said + (f", plausibility {plausibility(found.activation):.2f}" if plausibility else "")


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


def _title(concept_id: str) -> str:
    """Return what a concept is called on a sheet: church, concept 3 (n03028079/3)."""
    owner, _, number = concept_id.rpartition("/")
    name = next((c.name for c in imagenet_classes() if c.wnid == owner), owner)
    return f"{name}, concept {number} ({concept_id})"


def _atom(store: Store, concept_id: str) -> np.ndarray:
    owner, _, number = concept_id.rpartition("/")
    atoms = store.atoms(owner)
    if not number.isdecimal() or int(number) >= len(atoms):
        raise AtlasError(f"The atlas {store.name} holds no concept {concept_id!r}: {owner} has concepts 0 to {len(atoms) - 1}.")
    return np.asarray(atoms[int(number)])


def _save(data: bytes, out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(data)
    except OSError as error:
        raise AtlasError(f"{out} cannot be written ({error.strerror}).") from error
