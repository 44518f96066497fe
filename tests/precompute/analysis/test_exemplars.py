import numpy as np

from precompute.analysis.exemplars import choose, photo_heat


def test_the_highest_codes_are_chosen_one_a_photo():
    codes = np.array([[5.0], [4.0], [3.0], [1.0], [0.0]], np.float32)
    photo, number = np.array([0, 0, 1, 2, 3], np.int32), np.array([0, 1, 0, 0, 0], np.int32)
    found = choose(codes, photo, number, count=3)
    assert [(c.photo, c.crop, c.rank, c.code) for c in found] == [(0, 0, 0, 5.0), (1, 0, 1, 3.0), (2, 0, 2, 1.0)]


def test_a_concept_nobody_uses_has_no_exemplar():
    found = choose(np.array([[1.0, 0.0], [2.0, 0.0]], np.float32), np.array([0, 1], np.int32), np.zeros(2, np.int32))
    assert {c.concept for c in found} == {0}


def test_a_crop_that_hardly_has_the_concept_does_not_show_it():
    codes = np.array([[10.0], [2.0], [1.9]], np.float32)
    found = choose(codes, np.arange(3, dtype=np.int32), np.zeros(3, np.int32))
    assert [c.photo for c in found] == [0, 1]


def test_equal_codes_keep_the_order_of_the_photos():
    found = choose(np.ones((4, 1), np.float32), np.arange(4, dtype=np.int32), np.zeros(4, np.int32))
    assert [c.photo for c in found] == [0, 1, 2, 3]


def test_heat_maps_are_of_the_concepts_that_matter_and_reach_their_maximum():
    codes = np.zeros((1, 4, 3), np.float32)
    codes[0, :, 2] = [0, 1, 2, 4]
    codes[0, :, 0] = [1, 1, 1, 1]
    concepts, heat = photo_heat(codes, np.array([[1.0, 0.0, -5.0]], np.float32), (2, 2))
    assert concepts.tolist() == [[2, 0, 1]]
    assert heat[0, 0].tolist() == [[0, 64], [128, 255]]
    assert heat[0, 2].max() == 0  # a concept the photo does not have is dark, not divided by zero
