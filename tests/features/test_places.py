from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.features.bank import bank_of, cell_features
from napari_stmml.features.places import place_features
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.recipe import Recipe, get_recipe
from napari_stmml.srsml24.unet import Autoencoder, build_autoencoder

WINDOWS = Recipe(pixel_density=8.0, window_size=16, window_pitch=8, predict_window_pitch=4)
HEIGHTS = np.random.default_rng(0).random((70, 93), dtype=np.float32)


@pytest.fixture(scope="module")
def network():
    return Autoencoder.from_network(build_autoencoder(16))


def gathered(recipe, encoder, grid, wanted):
    """Put the features that are wanted where they belong, NaN elsewhere."""
    found = np.full((*wanted.shape, encoder.n_features), np.nan, np.float32)
    for place, some in place_features(recipe, encoder, HEIGHTS, grid, wanted):
        found[place] = some
    found[~wanted] = np.nan
    return found


@pytest.mark.parametrize("pitch", [4, 3, 8])
@pytest.mark.parametrize("features", ["windows", "dense windows"])
def test_windows_that_are_wanted_have_the_features_that_they_have_among_all(network, features, pitch):
    recipe, grid = replace(WINDOWS, features=features), WindowGrid(16, pitch)
    wanted = np.random.default_rng(1).random(grid.shape(HEIGHTS.shape)) < 0.3
    every = gathered(recipe, network, grid, np.ones_like(wanted))
    some = gathered(recipe, network, grid, wanted)
    assert np.isfinite(every).all()
    np.testing.assert_allclose(some[wanted], every[wanted], rtol=1e-4, atol=1e-5)
    assert np.isnan(some[~wanted]).all()


def test_dense_features_are_those_that_labels_are_made_of(network):
    recipe, grid = replace(WINDOWS, features="dense windows"), WINDOWS.prediction_grid
    made = gathered(recipe, network, grid, np.ones(grid.shape(HEIGHTS.shape), bool))
    centres = made.reshape(-1, made.shape[2])[[3, 100, 250]]
    from napari_stmml.srsml24.dense_unet import label_windows

    labels, _ = label_windows(network.dense_encoder, HEIGHTS, grid, centres)
    nearest = ((made[:, :, None] - centres) ** 2).sum(3).argmin(2)
    assert np.array_equal(labels, nearest + 1)


def test_cells_come_whole():
    recipe = get_recipe("instant")
    bank, grid = bank_of(recipe), recipe.prediction_grid
    found = gathered(recipe, bank, grid, np.ones(grid.shape(HEIGHTS.shape), bool))
    expected = cell_features(bank, HEIGHTS)
    assert np.array_equal(found[: expected.shape[0], : expected.shape[1]], expected)
