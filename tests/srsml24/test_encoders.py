import numpy as np
import pytest

from napari_stmml.heights.windows import WindowGrid
from napari_stmml.srsml24.encoders import DenseWindowEncoder, WindowEncoder
from napari_stmml.srsml24.unet import Autoencoder, build_autoencoder
from napari_stmml.srsml24.window_stream import WindowStream, store_map

HEIGHTS = np.random.default_rng(0).random((70, 93), dtype=np.float32)


@pytest.fixture(scope="module")
def network():
    return Autoencoder.from_network(build_autoencoder(16))


def gathered(encoder, wanted):
    """Put the features that are wanted where they belong, NaN elsewhere."""
    found = np.full((*wanted.shape, encoder.n_features), np.nan, np.float32)
    for place, some in encoder.encode(HEIGHTS, wanted):
        found[place] = some
    return found


@pytest.mark.parametrize("pitch", [4, 3, 8])
@pytest.mark.parametrize("kind", [WindowEncoder, DenseWindowEncoder])
def test_windows_that_are_wanted_have_the_features_that_they_have_among_all(network, kind, pitch):
    encoder = kind(network, WindowGrid(16, 16)).at_pitch(pitch)
    wanted = np.random.default_rng(1).random(encoder.grid.shape(HEIGHTS.shape)) < 0.3
    every, some = gathered(encoder, np.ones_like(wanted)), gathered(encoder, wanted)
    assert np.isfinite(every).all()
    np.testing.assert_allclose(some[wanted], every[wanted], rtol=1e-4, atol=1e-5)
    assert np.isnan(some[~wanted]).all()


def test_the_nearest_centre_is_found_without_features_as_with_them(network):
    encoder = DenseWindowEncoder(network, WindowGrid(16, 4))
    wanted = np.ones(encoder.grid.shape(HEIGHTS.shape), bool)
    made = gathered(encoder, wanted)
    centres = made.reshape(-1, made.shape[2])[[3, 100, 250]]
    found = np.full(wanted.shape, -1)
    for place, index, _ in encoder.nearest(HEIGHTS, centres, np.arange(3), wanted):
        found[place] = index
    assert np.array_equal(found, ((made[:, :, None] - centres) ** 2).sum(3).argmin(2))


def test_a_sample_that_one_map_fills_takes_nothing_of_the_others(network, tmp_path):
    encoder = DenseWindowEncoder(network, WindowGrid(16, 8))
    maps = [store_map(tmp_path / f"{number}.npy", HEIGHTS, encoder.grid) for number in range(3)]
    made = list(encoder.batches(WindowStream(maps, encoder.grid, limit=5), 4, seed=0))
    assert [len(batch) for batch in made] == [4, 1]
