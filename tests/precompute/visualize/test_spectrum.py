from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from atlas.format import data_path
from atlas.schema import AtlasError
from precompute.visualize import spectrum


def _photos(count: int = 8, size: int = 64):
    """Photographs whose spectrum falls off as 1/f, in correlated colours."""
    random = np.random.default_rng(0)
    rows, columns = np.fft.fftfreq(size) * size, np.arange(size // 2 + 1)
    fall = 1 / np.maximum(np.hypot(rows[:, None], columns[None]), 1)
    for _ in range(count):
        phase = np.exp(2j * np.pi * random.random((3, size, size // 2 + 1)))
        grey, red, blue = np.fft.irfft2(fall * phase, s=(size, size))
        rgb = np.stack([grey + 0.3 * red, grey, grey + 0.3 * blue], axis=-1)
        yield (255 * (0.5 + 0.2 * rgb / rgb.std())).clip(0, 255).astype(np.uint8)


def test_a_planted_fall_off_is_measured():
    found = spectrum.compute(_photos(40), ["planted"])
    profile = found.magnitude[0, 0]  # along one axis
    slope = np.polyfit(np.log(np.arange(4, 28)), np.log(profile[4:28]), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.25)
    assert (found.photos, found.photo_sets) == (40, ("planted",))


def test_the_colour_matrix_decorrelates():
    photos = np.stack(list(_photos(20)))
    found = spectrum.compute(iter(photos), ["planted"])
    pixels = photos.reshape(-1, 3) / 255
    apart = (pixels - pixels.mean(axis=0)) @ np.linalg.inv(found.colour).T
    correlation = np.corrcoef(apart.T)
    assert np.abs(correlation - np.eye(3)).max() < 0.05
    assert np.linalg.norm(found.colour, axis=0).max() == pytest.approx(1)


def test_it_survives_the_disk_with_its_provenance(tmp_path: Path):
    found = spectrum.compute(_photos(), ["a", "b"])
    spectrum.write(found, tmp_path / "s.safetensors")
    again = spectrum.load(tmp_path / "s.safetensors")
    assert np.array_equal(again.magnitude, found.magnitude)
    assert (again.photos, again.photo_sets, again.sha256) == (8, ("a", "b"), found.sha256)


def test_resizing_keeps_cycles_a_picture():
    found = spectrum.compute(_photos(), ["planted"])
    assert np.array_equal(found.resized(64), found.magnitude)
    for size in (32, 128):
        resized = found.resized(size)
        assert resized.shape == (3, size, size // 2 + 1)
        assert np.allclose(resized[:, :10, :10], found.magnitude[:, :10, :10], rtol=0.05)
        assert np.isfinite(resized).all()
        assert (resized > 0).all()


def _cycles(size: int):
    """Return the signed row, the column and the distance from the origin of every frequency, in cycles a picture."""
    rows, columns = np.meshgrid(np.fft.fftfreq(size, 1 / size), np.arange(size // 2 + 1), indexing="ij")
    return rows, columns, np.hypot(rows, columns)


def _planted(size: int):
    """Return magnitudes that fall as 1/f, 1/f^1.5 and 1/f², three times as large where the row is positive."""
    rows, _, radius = _cycles(size)
    lopsided = np.where((rows > 0) & (rows < size / 2), 3.0, 1.0)
    return np.stack([lopsided / np.maximum(radius, 1) ** p for p in (1.0, 1.5, 2.0)]).astype(np.float32)


@pytest.mark.parametrize("size", [48, 80, 128, 300])
def test_larger_pictures_fall_on_as_the_photos_did(size: int):
    magnitude = _planted(64)
    magnitude[:, 32], magnitude[:, :, 32] = 1.0, 1.0  # Nyquist's row and column are no guide to what lies beyond
    found = spectrum.Spectrum(magnitude, np.eye(3, dtype=np.float32), 1, ()).resized(size)
    rows, columns, _ = _cycles(size)
    kept = (np.abs(rows) > size / 32) & (np.abs(rows) < size / 2) & (columns < size / 2)  # between rows 0 and ±1 the sides mix
    assert np.allclose(found[:, kept], _planted(size)[:, kept], rtol=0.05)


def test_the_energy_of_larger_pictures_lies_where_that_of_the_photos_does():
    """In every octave, as a share of all energy; and of what the photos cannot know there is less with every octave."""
    found = spectrum.load()

    def bands(size, edges=(0, 1, 2, 4, 8, 16, 32, 64, 112)):
        radius = _cycles(size)[2]
        energy = found.resized(size).astype(float) ** 2
        inside = [energy[:, (radius > a) & (radius <= b)].sum() for a, b in pairwise(edges)]
        return np.array(inside) / energy.sum()

    expected = bands(256)
    for size in (320, 512, 1024):
        assert np.allclose(bands(size), expected, rtol=0.01)
        radius = _cycles(size)[2]
        assert bands(size, (128, 2 * size))[0] < 0.01
        ring = [found.resized(size)[:, (radius > a) & (radius <= 1.1 * a)].mean() for a in (100, 115, 130, 145)]
        assert ring == sorted(ring, reverse=True)


def test_the_shipped_one_is_of_real_photographs_and_small():
    found = spectrum.load()
    said = Path(data_path("data/README.md")).read_text()
    assert f"a mean over {found.photos} photographs" in " ".join(said.split())
    assert data_path(spectrum.SHIPPED).stat().st_size <= 2_000_000
    assert found.magnitude[0, 1, 1] > 20 * found.magnitude[0, 100, 100]  # natural: most energy at low frequencies


def test_no_photos():
    with pytest.raises(AtlasError, match="A spectrum needs photos, and none could be read"):
        spectrum.compute(iter(()), [])


def test_another_colour_space_is_refused(tmp_path: Path):
    arrays = {"magnitude": np.ones((3, 4, 3), np.float32), "colour": np.eye(3, dtype=np.float32)}
    save_file(arrays, tmp_path / "s", metadata={"colour_space": "lab"})
    with pytest.raises(AtlasError, match="taken in the colour space 'lab', MACO works in 'rgb-decorrelated'"):
        spectrum.load(tmp_path / "s")


def test_changed_numbers_are_refused(tmp_path: Path):
    path = tmp_path / "s"
    spectrum.write(spectrum.compute(_photos(), ["a"]), path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(AtlasError, match="has changed since it was written \\(sha256 differs\\)"):
        spectrum.load(path)


@pytest.mark.parametrize("content", [b"", b"something else"])
def test_not_a_spectrum(tmp_path: Path, content):
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(AtlasError, match="is not a magnitude spectrum"):
        spectrum.load(tmp_path / "s")
