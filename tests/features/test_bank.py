import numpy as np
import pytest

from napari_stmml.features.bank import BothBiases, bank_of, cell_features, cell_tiles, plane
from napari_stmml.recipe import get_recipe


class Means:
    """A bank that knows of every cell its mean and that of 8 px around it."""

    cell, reach, align, n_features = 2, 8, 4, 2

    def prepare(self, heights):
        return heights[None].astype(np.float32)

    def features(self, channels):
        from scipy.ndimage import uniform_filter

        wide = uniform_filter(channels[0], 17, mode="nearest")
        return np.stack([_halved(channels[0]), _halved(wide)], -1)


def _halved(heights):
    rows, cols = heights.shape
    return heights.reshape(rows // 2, 2, cols // 2, 2).mean((1, 3), dtype=np.float64).astype(np.float32)


def heights(shape=(70, 93), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(64, 64), (70, 93), (16, 200), (129, 66)])
def test_every_cell_has_features_also_where_the_sides_are_odd(shape):
    made = cell_features(Means(), heights(shape))
    assert made.shape == (-(-shape[0] // 2), -(-shape[1] // 2), 2)
    assert np.isfinite(made).all()
    inner = heights(shape)[: shape[0] // 2 * 2, : shape[1] // 2 * 2]
    np.testing.assert_allclose(made[: shape[0] // 2, : shape[1] // 2, 0], _halved(inner), rtol=1e-6)


@pytest.mark.parametrize("tile", [16, 32, 64])
def test_a_map_in_tiles_has_the_very_features_of_the_map_in_one_piece(tile):
    bank, whole = Means(), heights((150, 131))
    tiled, untiled = cell_features(bank, whole, tile=tile), cell_features(bank, whole)
    assert np.array_equal(tiled[..., 0], untiled[..., 0])
    np.testing.assert_allclose(tiled[..., 1], untiled[..., 1], atol=1e-6)


def test_the_filters_have_the_very_same_features_in_tiles():
    bank, whole = bank_of(get_recipe("instant")), heights((700, 650))
    tiled, untiled = cell_features(bank, whole, tile=256), cell_features(bank, whole)
    assert np.array_equal(tiled, untiled)


def test_tiles_cover_every_cell_once():
    seen = np.zeros((75, 66), int)
    for place, _ in cell_tiles(Means(), heights((150, 131)), tile=32):
        seen[place] += 1
    assert (seen == 1).all()


def test_a_tile_that_does_not_fit_the_bank_is_refused():
    with pytest.raises(ValueError, match="tile must be a multiple of 4 px, got 30"):
        next(cell_tiles(Means(), heights(), tile=30))


def test_two_biases_have_the_features_of_both_one_after_the_other():
    first, second = heights(seed=1), heights(seed=2)
    bank = BothBiases(Means())
    both = cell_features(bank, np.stack([first, second]))
    assert bank.n_features == both.shape[-1] == 4
    assert np.array_equal(both[..., :2], cell_features(Means(), first))
    assert np.array_equal(both[..., 2:], cell_features(Means(), second))
    assert np.array_equal(plane(np.stack([first, second])), first)
    assert plane(first) is first


def test_a_recipe_has_its_bank():
    one, both = bank_of(get_recipe("instant")), bank_of(get_recipe("instant-both"))
    assert both.n_features == 2 * one.n_features
    assert (both.cell, both.reach, both.align) == (one.cell, one.reach, one.align)
