"""Fetch the small plotly.js at set-up: ``python -m atlas.server.plotly_bundle``.

Optional: without it Dash loads its own, three times as large.

It must be of the very version that plotly's figures are made for, and it is checked against a known digest.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from plotly.offline import get_plotlyjs_version

from atlas.format import data_path
from atlas.schema import AtlasError
from atlas.site.assets import BUNDLE

PACKAGE = "plotly.js-basic-dist-min"
#: plotly.js version → sha256 of its basic bundle, as npm has it.
KNOWN = {"4.1.1": "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"}
_MEMBER = "package/plotly-basic.min.js"
_PATIENCE = 120  # seconds


def fetch(target: Path, version: str) -> None:
    """Put the bundle of a plotly.js version at ``target``.

    Raises:
        AtlasError: the version is unknown, npm is missing or failed, or the file is not the expected one.
    """
    if version not in KNOWN:
        raise AtlasError(
            f"No digest is known for {PACKAGE} {version} (known: {', '.join(KNOWN)}): add it to atlas/server/plotly_bundle.py."
        )
    if target.exists() and digest(target.read_bytes()) == KNOWN[version]:
        return
    content = download(version)
    if digest(content) != KNOWN[version]:
        raise AtlasError(f"{PACKAGE} {version} is not the expected file (sha256 {digest(content)}): it was not kept.")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def download(version: str) -> bytes:
    """Return the bundle out of npm's package."""
    npm = shutil.which("npm")
    if npm is None:
        raise AtlasError("npm is not installed, so the small plotly.js is not fetched; the app works without it.")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"{PACKAGE}@{version}", "--silent"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_PATIENCE)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise AtlasError(f"npm could not fetch {PACKAGE} {version} ({error}); the app works without it.") from error
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            member = archive.extractfile(_MEMBER)
            return member.read() if member else b""


def digest(content: bytes) -> str:
    """Return the sha256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Fetch the bundle that fits the installed plotly; a failure is a line and status 2."""
    target = data_path("assets") / BUNDLE
    try:
        fetch(target, get_plotlyjs_version())
    except AtlasError as error:
        print(f"atlas: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"{target}: plotly.js {get_plotlyjs_version()}, basic bundle")


if __name__ == "__main__":
    main()
