from __future__ import annotations

import pytest

from atlas.format import Store
from atlas.site.components.photo_panel import columns_of, photo_data
from atlas.site.context import Album
from atlas.site.pages.class_page import class_view


@pytest.mark.parametrize("wnid", ["n03445777", "n02123045"])
def test_bias_contributions_others_and_residual_add_up_to_the_logit(made_up: Store, wnid: str) -> None:
    data = photo_data(class_view(Album(made_up), wnid))
    for i in range(data["n"]):
        total = data["bias"][i] + sum(data["contributions"][i]) + data["others"][i] + data["residual"][i]
        assert total == pytest.approx(data["logit"][i], abs=0.02)


def test_a_shared_dictionary_shows_its_first_concepts_and_sums_up_the_rest(made_up: Store) -> None:
    data = photo_data(class_view(Album(made_up), "n02123045"))
    assert (len(data["concepts"]), data["rest"]) == (8, 16)


def test_a_class_without_photos_has_no_data(made_up: Store) -> None:
    assert photo_data(class_view(Album(made_up), "n02012849")) == {"n": 0}


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (7, 7), (20, 20), (21, 20), (25, 20), (60, 20), (300, 20), (60, 8)])
def test_columns_are_read_from_the_size_of_the_sheet(n: int, columns: int) -> None:
    assert columns_of(n, columns * 96, -(-n // columns) * 96) == columns
