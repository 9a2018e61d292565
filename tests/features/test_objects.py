from dataclasses import replace

import numpy as np
import pytest

from benchmarks.foreign.surfaces import foreign_surface
from benchmarks.quality.metrics import best_classes, pooled, scores
from benchmarks.structures.surfaces import EASY
from napari_stmml import Scan, train_classifier
from napari_stmml.features.filters import FilterFeatures
from napari_stmml.features.objects import N_OBJECT, ObjectEncoder, objects_on_cells
from napari_stmml.recipe import get_recipe

PIXEL = 0.08
FILTERS = FilterFeatures().n_features


def encoded(heights, pixel_nm=PIXEL, **more):
    encoder = ObjectEncoder(pixel_nm=pixel_nm, **more)
    found = np.empty((*encoder.grid.shape(heights.shape), encoder.n_features), np.float32)
    for place, some in encoder.encode(heights.astype(np.float32)):
        found[place] = some
    return found


@pytest.fixture(scope="module")
def surface():
    return foreign_surface("metal", 5, settings=replace(EASY, size_nm=26.0, pixel_nm=PIXEL))


@pytest.fixture(scope="module")
def heights(surface):
    return surface.scan.heights


@pytest.fixture(scope="module")
def features(heights):
    return encoded(heights)


def test_all_cells_of_an_object_have_the_same_features_and_the_others_those_of_filters(heights, features):
    found = objects_on_cells(heights, PIXEL, 2)
    assert found.numbers.max() > 15
    for number in range(1, found.numbers.max() + 1):
        own = features[found.numbers == number]
        assert (own == own[0]).all()
        assert (own[:, : FILTERS + 1] == 0).all()
        assert own[0, -1] == 1
    between = found.numbers == 0
    assert (features[between][:, -N_OBJECT:] == 0).all()
    plain = np.zeros_like(features[..., :FILTERS])
    for place, some in ObjectEncoder(pixel_nm=PIXEL).filters(heights):
        plain[place] = some
    assert np.array_equal(features[between][:, :FILTERS], plain[between])


def test_objects_are_where_the_surface_has_them(surface, heights):
    cells = objects_on_cells(heights, PIXEL, 2).numbers > 0
    rows, cols = cells.shape
    truth = surface.labels[: 2 * rows : 2, : 2 * cols : 2][:rows, :cols] > 0
    assert (cells & truth).sum() / (cells | truth).sum() > 0.75


def test_turning_a_surface_changes_no_feature_of_an_object(heights, features):
    even = heights[:324, :324]
    turned = np.rot90(encoded(np.rot90(even).copy()), -1)
    both = (turned[..., -1] == 1) & (encoded(even)[..., -1] == 1)
    off = np.abs(turned[both] - encoded(even)[both])[:, -N_OBJECT:]
    assert both.sum() > 200
    assert np.quantile(off, 0.9) < 0.05


def test_pieces_of_a_large_map_have_the_objects_of_the_whole(heights):
    whole = objects_on_cells(heights, PIXEL, 2)
    pieces = objects_on_cells(heights, PIXEL, 2, piece=160)
    agree = (whole.numbers > 0) == (pieces.numbers > 0)
    assert agree.mean() > 0.99
    assert len(pieces.table) == pieces.numbers.max() + 1
    cut = [np.unique(pieces.numbers[whole.numbers == n]) for n in range(1, whole.numbers.max() + 1)]
    assert np.mean([len(one[one > 0]) == 1 for one in cut]) > 0.9


def test_a_crowd_of_grains_is_surface_and_not_objects():
    rng = np.random.default_rng(0)
    rows, cols = np.indices((320, 320))
    heights = rng.normal(0, 0.003, rows.shape)
    for row in range(100, 180, 9):
        for col in range(100, 180, 9):
            at = np.array([row, col]) + rng.uniform(-3, 3, 2)
            heights += rng.uniform(0.08, 0.2) * np.exp(-((rows - at[0]) ** 2 + (cols - at[1]) ** 2) / 18)
    heights += 0.15 * np.exp(-((rows - 250) ** 2 + (cols - 60) ** 2) / 18)
    found = objects_on_cells(heights, 0.1, 2).numbers > 0
    assert found[124:126, 29:31].all()
    assert found[55:85, 55:85].mean() < 0.2


@pytest.mark.parametrize("heights", [np.zeros((16, 16)), np.zeros((64, 80)), np.eye(40)])
@pytest.mark.parametrize("pixel", [0.001, 0.1, 100.0])
def test_maps_without_objects_have_filters_alone(heights, pixel):
    found = encoded(heights, pixel)
    assert np.isfinite(found).all()
    assert found.shape == (-(-heights.shape[0] // 2), -(-heights.shape[1] // 2), FILTERS + 1 + N_OBJECT)


def test_missing_heights_are_no_objects(heights):
    partial = heights.copy()
    partial[200:] = np.nan
    assert np.isfinite(encoded(partial)).all()


def test_both_biases_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="both_biases needs features"):
        get_recipe("objects", both_biases=True)


def test_objects_of_another_generator_are_told_apart_better_than_by_filters_alone():
    make = {"settings": replace(EASY, size_nm=26.0, pixel_nm=PIXEL)}
    training = [foreign_surface("rows", seed, **make).scan for seed in (0, 1)]
    test = foreign_surface("rows", 50, **make)
    reached = {}
    for name in ("instant", "objects"):
        recipe = get_recipe(name, pixel_density=1 / PIXEL)
        found = train_classifier(training, recipe=recipe).predict(test.scan)
        table = pooled([found], [test.labels], len(test.classes))
        reached[name] = scores(table, best_classes(table)).macro_f1
    assert reached["objects"] > 0.7
    assert reached["objects"] > reached["instant"] + 0.1


def test_a_scan_without_scale_is_labelled_too(heights):
    scan = Scan(heights, None)
    model = train_classifier([scan], recipe="objects", n_clusters=6)
    assert set(np.unique(model.predict(scan))) <= set(range(1, 7))
