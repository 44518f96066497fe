"""The magnitude spectrum of natural photographs, which MACO keeps fixed; with the colour space it was taken in.

Notation: x (height, width, 3) RGB in 0…1; M (3, 3) colour matrix, x − mean = d Mᵀ with d decorrelated;
magnitude (3, n, n/2 + 1) = mean over photos of |rfft2(window · (d − mean d))|. Its scale does not matter. Frequencies are in
cycles a picture: a row and a column of the magnitude.

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
from jaxtyping import Float, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from atlas.format import data_path
from atlas.schema import AtlasError

COLOUR_SPACE = "rgb-decorrelated"
SHIPPED = "data/spectrum.safetensors"
_TRUSTED = 7 / 8  # of the largest frequency: where larger pictures go on from


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
        """Return the magnitude for pictures of another side: that of equal cycles a picture.

        Beyond the frequencies that can be trusted it goes on along the ray from the origin, falling as it falls over the last
        octave, each channel at its own pace. The last few are not trusted: sharpening and the coarse colours of JPEG files end
        there.
        """
        n = self.size
        if size == n:
            return self.magnitude
        rows, columns = np.fft.fftfreq(size, 1 / size), np.fft.rfftfreq(size, 1 / size)
        last = _TRUSTED * (n // 2)
        beyond = np.maximum(np.maximum(np.abs(rows)[:, None], columns) / last, 1.0)  # how far along the ray
        # By rows −n/2 … n/2: the first, Nyquist's, is the last as well.
        logarithm = np.log(np.fft.fftshift(self.magnitude, axes=1) + 1e-9)
        logarithm = np.concatenate([logarithm, logarithm[:, :1]], axis=1)
        found = _bilinear(logarithm, rows[:, None] / beyond + n // 2, columns / beyond)
        return np.asarray(np.exp(found - _fall(self.magnitude, last)[:, None, None] * np.log(beyond)), np.float32)


def _bilinear(
    values: Float[np.ndarray, "3 height width"], row: Float[np.ndarray, "size half"], column: Float[np.ndarray, "size half"]
) -> Float[np.ndarray, "3 size half"]:
    """Interpolate between pixels; beyond the border, its value: zeros would be a magnitude of 1, as large as any."""
    row, column = (np.clip(at, 0, length - 1) for at, length in zip((row, column), values.shape[1:], strict=True))
    top, left = (np.minimum(at.astype(int), length - 2) for at, length in zip((row, column), values.shape[1:], strict=True))
    down, right = row - top, column - left
    above = values[:, top, left] * (1 - right) + values[:, top, left + 1] * right
    below = values[:, top + 1, left] * (1 - right) + values[:, top + 1, left + 1] * right
    return above * (1 - down) + below * down


def _fall(magnitude: Float[np.ndarray, "channel height half_width"], last: float) -> Float[np.ndarray, " channel"]:
    """Return the exponent p of 1/fᵖ over the octave that ends at ``last`` cycles, by least squares of the logarithms."""
    n = magnitude.shape[1]
    radius = np.hypot(np.fft.fftfreq(n, 1 / n)[:, None], np.arange(magnitude.shape[2]))
    octave = (radius >= last / 2) & (radius <= last)
    x = np.log(radius[octave])
    return -np.polyfit(x, np.log(magnitude[:, octave] + 1e-9).T, 1)[0]


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
