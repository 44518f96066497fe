from __future__ import annotations

import numpy as np

from atlas.format import Store
from atlas.site.components.concept_spread import ranked, spread
from atlas.site.context import Album
from atlas.site.pages.class_page import class_view


def test_quantiles_go_from_the_largest_code_to_the_smallest() -> None:
    codes = np.array([0.1, 0.9, 0.5, 0.3, 0.7, 0.0])
    assert ranked(codes, 1.0, 2) == [1, 4]
    assert ranked(codes, 0.5, 2) == [2, 3]
    assert ranked(codes, 0.0, 2) == [0, 5]


def test_a_class_of_few_photos_shows_no_spread(made_up: Store) -> None:
    assert spread(class_view(Album(made_up), "n02123045"), 0) is None


def test_every_quantile_links_to_its_photos(made_up: Store) -> None:
    shown = str(spread(class_view(Album(made_up), "n03445777"), 3))
    assert shown.count("?photo=") == 15
