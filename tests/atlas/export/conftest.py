"""A gallery of the generated atlas, and a reader of its pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.export import export
from atlas.format import Store

BASE = "https://example.org/atlases/made-up/"


@pytest.fixture(scope="session")
def gallery(made_up: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("galleries") / "made-up"
    export(made_up.root, out, base_url=BASE.rstrip("/"))
    return out


@pytest.fixture(scope="session")
def withheld_gallery(withheld: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("galleries") / "withheld"
    export(withheld.root, out)
    return out
