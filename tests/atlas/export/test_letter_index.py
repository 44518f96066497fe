from __future__ import annotations

from pathlib import Path

import pytest

from atlas.export import letter_index
from atlas.export.page_writer import Site
from atlas.export.staged import Staged
from atlas.format import Store


@pytest.mark.parametrize(("name", "under"), [("tench", "t"), ("École", "e"), ("3D ball", "d"), ("42", "z")])
def test_a_class_is_listed_under_its_first_letter(name: str, under: str) -> None:
    assert letter_index.letter(name) == under


def test_few_classes_are_listed_on_the_front_page(made_up: Store, tmp_path: Path) -> None:
    site = Site(made_up.root)
    with Staged(tmp_path, tmp_path) as staged:
        assert letter_index.write_names(site, staged) == []
    assert letter_index.listed(site).count("<li>") == 4


def test_many_classes_have_a_page_a_letter(made_up: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letter_index, "FEW", 3)
    site = Site(made_up.root)
    with Staged(tmp_path, tmp_path) as staged:
        assert letter_index.write_names(site, staged) == ["names/c/index.html", "names/g/index.html", "names/t/index.html"]
        assert sorted(staged.files) == ["names/c/index.html", "names/g/index.html", "names/t/index.html"]
    front = letter_index.listed(site)
    assert "<li>" not in front
    assert '<a href="/made-up/names/c">C</a>' in front
    page = (tmp_path / "names/c/index.html").read_text(encoding="utf-8")
    assert page.count('class="class-card"') == 2
    assert 'href="../../class/n02012849/index.html"' in page
