"""The magnitude spectrum of natural photographs, which MACO keeps fixed; with the colour space it was taken in.

Notation: x (height, width, 3) RGB in 0…1; M (3, 3) colour matrix, x − mean = d Mᵀ with d decorrelated;
magnitude (3, n, n/2 + 1) = mean over photos of |rfft2(window · (d − mean d))|. Its scale does not matter.

The window (Hann) is ours: the Fourier transform takes a photo for a tile of an endless pattern, and the jumps between opposite
edges put energy on the two axes that no photo has; pictures made with it look woven.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from atlas.schema import AtlasError
from atlas.store import data_path

COLOUR_SPACE = "rgb-decorrelated"
SHIPPED = "data/spectrum.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A magnitude spectrum and where it came from."""

    magnitude: Float[np.ndarray, "3 height half_width"]
    colour: Float[np.ndarray, "3 3"]  # decorrelated → RGB, largest column norm 1
    photos: int
    photo_sets: tuple[str, ...]

    @property
    def size(self) -> int:
        """Side of the photos it was computed at, in pixels."""
        return int(self.magnitude.shape[1])

    @property
    def sha256(self) -> str:
        """Hash of the numbers themselves."""
        digest = hashlib.sha256()
        for array in (self.magnitude, self.colour):
            digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return digest.hexdigest()

    def resized(self, size: int) -> Float[np.ndarray, "3 size half"]:
        """Return the magnitude for pictures of another side, interpolated between frequencies of equal cycles a picture.

        Frequencies beyond the photos' own continue the fall-off of the last octave.
        """
        n, half = self.size, self.magnitude.shape[2]
        if size == n:
            return self.magnitude
        rows = np.abs(np.fft.fftfreq(size) * size)
        columns = np.arange(size // 2 + 1, dtype=float)
        radius = np.hypot(rows[:, None], columns[None, :])
        beyond = np.maximum(radius / (n / 2), 1.0)
        shrink = 1 / np.maximum(np.maximum(rows[:, None], columns[None, :]) / (half - 1), 1.0)
        at_rows = np.sign(np.fft.fftfreq(size))[:, None] * (rows[:, None] * shrink)
        at_columns = columns[None, :] * shrink
        centred = np.fft.fftshift(self.magnitude, axes=1)
        grid = np.stack([at_columns / (half - 1) * 2 - 1, (at_rows + n // 2) / (n - 1) * 2 - 1], axis=-1)
        sampled = F.grid_sample(
            torch.from_numpy(np.log(centred + 1e-9)[None]).float(), torch.from_numpy(grid[None]).float(), align_corners=True
        )
        return np.asarray(np.exp(sampled[0].numpy()) / beyond, np.float32)


def compute(photos: Iterable[UInt8[np.ndarray, "size size 3"]], photo_sets: Sequence[str]) -> Spectrum:
    """Compute the spectrum of square photos of one size, streamed; the first 256 of them give the colour matrix.

    Raises:
        AtlasError: no photos.
    """
    iterator = iter(photos)
    first = [photo.astype(np.float32) / 255 for photo in islice(iterator, 256)]
    if not first:
        raise AtlasError("A spectrum needs photos, and none could be read: name a folder with --photos DIR.")
    colour, mean = _colour_matrix(np.stack(first))
    unmix = np.linalg.inv(colour).T
    total = np.zeros((3, first[0].shape[0], first[0].shape[1] // 2 + 1))
    count = 0
    window = _hann(first[0].shape[0])[:, None] * _hann(first[0].shape[1])
    for photo in chain(first, (p.astype(np.float32) / 255 for p in iterator)):
        d = ((photo - mean) @ unmix).transpose(2, 0, 1)
        total += np.abs(np.fft.rfft2(window * (d - d.mean(axis=(1, 2), keepdims=True))))
        count += 1
    magnitude = (total / count).astype(np.float32)
    return Spectrum(magnitude / magnitude.max(), colour.astype(np.float32), count, tuple(photo_sets))


def _hann(size: int) -> Float[np.ndarray, " size"]:
    return np.hanning(size + 2)[1:-1]


def _colour_matrix(photos: Float[np.ndarray, "photo height width 3"]) -> tuple[np.ndarray, np.ndarray]:
    pixels = photos[:, ::2, ::2].reshape(-1, 3).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(pixels.T))
    matrix = vectors[:, ::-1] * np.sqrt(values[::-1])
    matrix *= np.where(matrix.sum(axis=0) < 0, -1.0, 1.0)  # eigenvectors have no sign of their own
    return matrix / np.linalg.norm(matrix, axis=0).max(), pixels.mean(axis=0)


def write(spectrum: Spectrum, path: Path) -> None:
    """Write a spectrum with its provenance (safetensors)."""
    provenance = {
        "colour_space": COLOUR_SPACE,
        "photos": str(spectrum.photos),
        "photo_sets": json.dumps(list(spectrum.photo_sets)),
        "sha256": spectrum.sha256,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save({"magnitude": spectrum.magnitude, "colour": spectrum.colour}, metadata=provenance))


def load(path: Path | None = None) -> Spectrum:
    """Read a spectrum; the shipped one by default.

    Raises:
        AtlasError: no such file, not a spectrum, of another colour space, or changed since it was written.
    """
    path = path or data_path(SHIPPED)
    try:
        with safe_open(path, framework="numpy") as file:
            provenance = file.metadata() or {}
            magnitude, colour = file.get_tensor("magnitude"), file.get_tensor("colour")
    except (FileNotFoundError, SafetensorError) as error:
        raise AtlasError(f"{path} is not a magnitude spectrum ({error}): make one with `precompute spectrum`.") from error
    if provenance.get("colour_space") != COLOUR_SPACE:
        raise AtlasError(
            f"{path} was taken in the colour space {provenance.get('colour_space')!r}, MACO works in {COLOUR_SPACE!r}: colours "
            "would come out wrong. Make it again with `precompute spectrum`."
        )
    found = Spectrum(magnitude, colour, int(provenance["photos"]), tuple(json.loads(provenance["photo_sets"])))
    if found.sha256 != provenance.get("sha256"):
        raise AtlasError(f"{path} has changed since it was written (sha256 differs): make it again with `precompute spectrum`.")
    return found
