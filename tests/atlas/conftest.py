"""Fixtures of the torch-free part: a generated atlas and an app that shows it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from flask.testing import FlaskClient

from atlas.format import Store
from atlas.server.app import create_app


@pytest.fixture(scope="session")
def generated() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated", Path(__file__).with_name("generated.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made_up(generated: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(generated.write(tmp_path_factory.mktemp("atlases") / "made-up"))


@pytest.fixture(scope="session")
def withheld(generated: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(generated.write(tmp_path_factory.mktemp("atlases") / "withheld", published=False))


@pytest.fixture
def client(made_up: Store, withheld: Store) -> Iterator[FlaskClient]:
    with create_app([made_up, withheld]).server.test_client() as client:
        yield client
