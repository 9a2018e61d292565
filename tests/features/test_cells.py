import numpy as np
import pytest

from napari_stmml.features.cells import CellEncoder
from napari_stmml.features.filters import FilterFeatures
from tests.conftest import features_of


class Means:
    """Features of a cell: its mean, and that of 8 px around it."""

    cell, reach, align, n_features = 2, 8, 4, 2

    def channels(self, heights):
        return heights[None].astype(np.float32)

    def features(self, channels):
        from scipy.ndimage import uniform_filter

        wide = uniform_filter(channels[0], 17, mode="nearest")
        return np.stack([_halved(channels[0]), _halved(wide)], -1)

    def arrays(self):
        return {}


def _halved(heights):
    rows, cols = heights.shape
    return heights.reshape(rows // 2, 2, cols // 2, 2).mean((1, 3), dtype=np.float64).astype(np.float32)


def heights(shape=(70, 93), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(64, 64), (70, 93), (16, 200), (129, 66)])
def test_every_cell_has_features_also_where_the_sides_are_odd(shape):
    made = features_of(CellEncoder(Means()), heights(shape))
    assert made.shape == (-(-shape[0] // 2), -(-shape[1] // 2), 2)
    assert np.isfinite(made).all()
    inner = heights(shape)[: shape[0] // 2 * 2, : shape[1] // 2 * 2]
    np.testing.assert_allclose(made[: shape[0] // 2, : shape[1] // 2, 0], _halved(inner), rtol=1e-6)


@pytest.mark.parametrize("tile", [16, 32, 64])
def test_a_map_in_tiles_has_the_features_of_the_map_in_one_piece(tile):
    whole = heights((150, 131))
    tiled, untiled = (
        features_of(CellEncoder(Means(), tile=tile), whole),
        features_of(CellEncoder(Means()), whole),
    )
    assert np.array_equal(tiled[..., 0], untiled[..., 0])
    np.testing.assert_allclose(tiled[..., 1], untiled[..., 1], atol=1e-6)


def test_the_filters_have_the_very_same_features_in_tiles():
    whole = heights((700, 650))
    tiled = features_of(CellEncoder(FilterFeatures(), tile=256), whole)
    assert np.array_equal(tiled, features_of(CellEncoder(FilterFeatures()), whole))


def test_tiles_cover_every_cell_once():
    seen = np.zeros((75, 66), int)
    for place, _ in CellEncoder(Means(), tile=32).encode(heights((150, 131))):
        seen[place] += 1
    assert (seen == 1).all()


def test_a_tile_that_does_not_fit_the_features_is_refused():
    with pytest.raises(ValueError, match="tile must be a multiple of 4 px, got 30"):
        CellEncoder(Means(), tile=30)


@pytest.mark.parametrize("both", [False, True])
def test_missing_heights_are_taken_from_the_nearest_and_the_others_stay(both):
    holed = heights()
    holed[10:14, 20:30] = np.nan
    given = np.stack([holed, holed]) if both else holed
    for whole in CellEncoder(Means(), both).channels(given):
        assert np.isfinite(whole).all()
        there = np.isfinite(holed)
        assert np.array_equal(whole[there], holed[there])


def test_two_biases_have_the_features_of_both_one_after_the_other():
    first, second = heights(seed=1), heights(seed=2)
    one, two = CellEncoder(Means()), CellEncoder(Means(), both_biases=True)
    both = features_of(two, np.stack([first, second]))
    assert two.n_features == both.shape[-1] == 4
    assert two.grid == one.grid
    assert np.array_equal(both[..., :2], features_of(one, first))
    assert np.array_equal(both[..., 2:], features_of(one, second))
