from pathlib import Path

import numpy as np
import pytest
import torch

from precompute.activations import CropPlan, Extractor, of_all, of_class
from precompute.network import backbone
from precompute.photos import Geometry, Photo


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return backbone.load("test_resnet", weights="random")


@pytest.fixture
def extractor(net):
    return Extractor(net, CropPlan.of(input_size=160, side=64, resized=96), batch=4, done=lambda images: None)


def _decoded(count: int, split: str = "fit"):
    random = np.random.default_rng(0)
    for i in range(count):
        pixels = random.integers(0, 256, (160, 160, 3), dtype=np.uint8)
        yield Photo(f"set/n0/{split}{i:03d}.png", Path(f"{i}.png"), "n0", split, 1), pixels, Geometry((160, 160))


@pytest.mark.parametrize(("size", "side"), [(224, 96), (224, 64), (160, 96), (224, 224), (100, 99)])
def test_crops_cover_the_input_edge_to_edge_with_steps_of_at_most_four_fifths(size, side):
    plan = CropPlan.of(input_size=size, side=side, resized=side)
    xs = sorted({x for x, _ in plan.starts})
    assert xs[0] == 0
    assert xs[-1] == size - side
    assert max(np.diff(xs), default=0) <= 0.8 * side + 1
    assert plan.starts == tuple((x, y) for y in xs for x in xs)


def test_a_crop_shows_the_pixels_it_names():
    plan = CropPlan.of(input_size=160, side=64, resized=64)
    image = torch.arange(160 * 160).reshape(1, 1, 160, 160).remainder(251).to(torch.uint8).expand(1, 3, -1, -1)
    crops = plan.cut(image)
    for crop, (x, y) in zip(crops, plan.starts, strict=True):
        assert torch.equal((crop * 255).round().to(torch.uint8), image[0, :, y : y + 64, x : x + 64])


def test_rows_are_the_spatial_means_of_the_crops(net, extractor):
    (_, pixels, _), *_ = _decoded(1)
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    rows = extractor.crops(image)
    crops = [c[None].contiguous(memory_format=torch.channels_last) for c in extractor.plan.cut(image)]
    alone = [net.features(net.normalise_unit(crop)).mean(dim=1) for crop in crops]
    np.testing.assert_allclose(rows, torch.cat(alone).numpy(), atol=1e-4)


def test_only_recognised_photos_of_the_fit_split_are_fitted(net, extractor):
    photos = [*_decoded(12), *_decoded(12, "holdout")]
    predicted = of_class(extractor, lambda wanted: photos, [], class_index=0, least=0).predicted
    common = int(np.bincount(predicted).argmax())
    found = of_class(extractor, lambda wanted: photos, [], class_index=common, least=0)
    split = np.array([photo.split for photo, *_ in photos])
    assert np.array_equal(found.fitted, (predicted == common) & (split == "fit"))
    assert len(found.crops) == found.fitted.sum() * len(extractor.plan.starts)
    assert not set(found.crop_photo) & set(np.flatnonzero(split == "holdout"))


def test_a_class_that_is_never_recognised_is_fitted_on_its_fit_split(extractor):
    photos = [*_decoded(6), *_decoded(3, "holdout")]
    by_key = {photo.key: item for item in photos for photo in item[:1] if photo.split == "fit"}
    never = next(c for c in range(1000) if c not in of_class(extractor, lambda w: photos, [], class_index=0, least=0).predicted)

    def decoded(wanted):
        return [by_key[photo.key] for photo in wanted] if wanted else photos

    found = of_class(extractor, decoded, [], class_index=never, least=10)
    assert found.fitted.tolist() == [True] * 6 + [False] * 3


def test_batches_equal_their_parts(net):
    plan = CropPlan.of(input_size=160, side=64, resized=96)
    photos = list(_decoded(7))
    results = [
        of_class(Extractor(net, plan, batch=batch, done=lambda n: None), lambda w: photos, [], class_index=0, least=0)
        for batch in (2, 7)
    ]
    np.testing.assert_allclose(results[0].positions, results[1].positions, atol=1e-4)
    np.testing.assert_allclose(results[0].class_logit, results[1].class_logit, atol=1e-4)


def test_every_image_is_reported(net):
    seen: list[int] = []
    plan = CropPlan.of(input_size=160, side=64, resized=96)
    of_all(Extractor(net, plan, batch=4, done=seen.append), _decoded(5), n_photos=5)
    assert sum(seen) == 5 * len(plan.starts)


def test_many_photos_give_the_shared_dictionary_fewer_crops_each(extractor):
    crops = len(extractor.plan.starts)
    A, photos, _, which = of_all(extractor, _decoded(6), n_photos=6, rows=12)
    assert len(photos) == 6
    assert len(A) == 12 < 6 * crops
    assert np.bincount(which[:, 0]).tolist() == [2] * 6
    assert len(set(which[:, 1])) > 2  # not always the same corner


def test_crops_that_the_shared_dictionary_does_not_take_are_not_computed(net):
    plan, seen = CropPlan.of(input_size=160, side=64, resized=96), []
    whole, _, _, all_of_them = of_all(Extractor(net, plan, batch=4, done=lambda n: None), _decoded(6), n_photos=6)
    A, _, _, which = of_all(Extractor(net, plan, batch=4, done=seen.append), _decoded(6), n_photos=6, rows=12)
    assert sum(seen) == len(A) == 12
    rows = [all_of_them.tolist().index(row) for row in which.tolist()]
    np.testing.assert_allclose(A, whole[rows], atol=1e-4)
