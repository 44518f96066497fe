"""The wheel carries what the checkout has, and works without the checkout and without torch."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the unpacked wheel, as pip would lay it out."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = folder.glob("concept_atlas-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def _run(installed: Path, code: str) -> str:
    """Run code that sees the wheel in place of the checkout, and no torch."""
    blocked = "import sys; sys.modules.update(dict.fromkeys(['torch', 'timm', 'sklearn', 'scipy'], None)); "
    command = [sys.executable, "-P", "-c", f"{blocked}sys.path.insert(0, {str(installed)!r}); {code}"]
    done = subprocess.run(command, cwd=installed, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_is_the_wheel_that_is_tested(installed):
    assert _run(installed, "import atlas; print(atlas.__file__)").startswith(str(installed))


def test_the_shipped_files_are_found_and_equal_the_checkout(installed):
    for name in ("data/imagenet_classes.csv", "data/spectrum.safetensors", "assets/atlas.css"):
        found = _run(installed, f"from atlas.format import data_path; print(data_path({name!r}))")
        assert found.startswith(str(installed))
        assert Path(found).read_bytes() == (ROOT / name).read_bytes()


def test_the_app_starts_without_torch(installed):
    assert (
        _run(installed, "from atlas.format import imagenet_classes; import atlas.server.app; print(len(imagenet_classes()))")
        == "1000"
    )


def test_the_atlas_that_ships_is_there_and_opens_without_torch(installed):
    code = "from atlas.__main__ import shipped; from atlas.format import Store; print(shipped(), len(Store(shipped()).records))"
    assert _run(installed, code) == f"{installed}/atlas/_shipped/data/imagenet-lite0 1000"


def test_every_asset_of_the_checkout_is_in_the_wheel(installed):
    tracked = subprocess.run(["git", "ls-files", "assets", "data"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in tracked.stdout.splitlines():
        assert (installed / "atlas" / "_shipped" / name).is_file(), name
