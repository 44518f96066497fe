from __future__ import annotations

from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs_version

from atlas.schema import AtlasError
from atlas.server import plotly_bundle


def test_the_installed_plotly_has_a_known_bundle() -> None:
    assert get_plotlyjs_version() in plotly_bundle.KNOWN


def test_a_wrong_file_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly_bundle, "download", lambda version: b"something else")
    with pytest.raises(AtlasError, match="is not the expected file"):
        plotly_bundle.fetch(tmp_path / "vendor" / "x.js", get_plotlyjs_version())
    assert not (tmp_path / "vendor").exists()


def test_the_right_file_is_kept_and_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly_bundle, "KNOWN", {"1": plotly_bundle.digest(b"right")})
    monkeypatch.setattr(plotly_bundle, "download", lambda version: b"right")
    plotly_bundle.fetch(tmp_path / "vendor" / "x.js", "1")
    monkeypatch.setattr(plotly_bundle, "download", lambda version: pytest.fail("asked again"))
    plotly_bundle.fetch(tmp_path / "vendor" / "x.js", "1")


def test_what_is_unknown_or_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AtlasError, match=r"No digest is known for plotly.js-basic-dist-min 0\.0\.0"):
        plotly_bundle.fetch(tmp_path / "x.js", "0.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AtlasError, match="npm is not installed"):
        plotly_bundle.download("4.1.1")
