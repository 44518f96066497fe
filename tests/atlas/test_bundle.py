from __future__ import annotations

from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs_version

from atlas import bundle
from atlas.schema import AtlasError


def test_the_installed_plotly_has_a_known_bundle() -> None:
    assert get_plotlyjs_version() in bundle.KNOWN


def test_a_wrong_file_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "download", lambda version: b"something else")
    with pytest.raises(AtlasError, match="is not the expected file"):
        bundle.fetch(tmp_path / "vendor" / "x.js", get_plotlyjs_version())
    assert not (tmp_path / "vendor").exists()


def test_the_right_file_is_kept_and_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "KNOWN", {"1": bundle.digest(b"right")})
    monkeypatch.setattr(bundle, "download", lambda version: b"right")
    bundle.fetch(tmp_path / "vendor" / "x.js", "1")
    monkeypatch.setattr(bundle, "download", lambda version: pytest.fail("asked again"))
    bundle.fetch(tmp_path / "vendor" / "x.js", "1")


def test_what_is_unknown_or_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AtlasError, match=r"No digest is known for plotly.js-basic-dist-min 0\.0\.0"):
        bundle.fetch(tmp_path / "x.js", "0.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AtlasError, match="npm is not installed"):
        bundle.download("4.1.1")
