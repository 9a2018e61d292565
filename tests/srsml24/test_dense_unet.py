import numpy as np
import pytest

from napari_stmml.heights.windows import WindowGrid
from napari_stmml.srsml24.dense_unet import blocks, dense_features, label_tiles
from napari_stmml.srsml24.unet import Autoencoder, build_autoencoder


@pytest.fixture(scope="module")
def autoencoder():
    return Autoencoder.from_network(build_autoencoder(32, seed=0))


@pytest.fixture(scope="module")
def encode(autoencoder):
    return autoencoder.dense_encoder


@pytest.fixture
def heights(rng):
    return rng.random((101, 118), dtype=np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


class Heights:
    """An encoder whose features can be checked by hand: a cell's first pixel, and the one before."""

    stride, reach, n_features = 8, 1, 3

    def __init__(self):
        self.shapes = []

    def __call__(self, heights, pitch):
        self.shapes.append(heights.shape)
        n = 8 // pitch
        assert heights.dtype == np.float32
        rows, cols = ((length - 10 + pitch) // pitch for length in heights.shape)
        assert (rows % n, cols % n) == (0, 0)
        out = np.empty((n, n, rows // n, cols // n, 3), np.float32)
        for a in range(n):
            for b in range(n):
                one = heights[1 + pitch * a :: 8, 1 + pitch * b :: 8][: rows // n, : cols // n]
                before = heights[pitch * a :: 8, pitch * b :: 8][: rows // n, : cols // n]
                out[a, b] = np.stack([one, before, np.sin(9 * one)], -1)
        return out


def label_windows(encode, heights, grid, centres, **how):
    """Put the labels of all complete windows together: centre i is label i + 1."""
    complete = grid.complete(heights)
    labels, margin = np.zeros(complete.shape, int), np.full(complete.shape, np.nan, np.float32)
    for place, nearest, sure in label_tiles(encode, heights, grid, centres, wanted=complete, **how):
        labels[place], margin[place] = nearest + 1, sure
    labels[~complete], margin[~complete] = 0, np.nan
    return labels, margin


def nearest_by_hand(windows, centres):
    """Nearest centre and margin in double precision, from differences."""
    distances = np.square(windows[:, None].astype(float) - centres[None]).sum(2)
    first, second = np.sort(distances, axis=1)[:, :2].T
    return distances.argmin(1), 1 - first / second


@pytest.mark.parametrize("pitch", [1, 2, 4, 8])
def test_dense_features_are_those_of_the_encoder_run_at_every_offset(autoencoder, encode, heights, pitch):
    import keras

    x = source = keras.Input((None, None, 1))
    for name in ("conv1", "pool1", "conv2", "pool2", "conv3", "pool3", "bottleneck"):
        x = autoencoder.network.get_layer(name)(x)
    padded = keras.Model(source, x)
    features = dense_features(encode, heights, pitch)
    assert features.dtype == np.float32
    assert features.shape == ((101 - 8) // pitch + 1, (118 - 8) // pitch + 1, 256)
    for a, b in {(0, 0), (8 - pitch, 0), (pitch % 8, 8 - pitch)}:
        shifted = np.asarray(padded(heights[None, a:, b:, None], training=False))[0]
        dense = features[a // pitch :: 8 // pitch, b // pitch :: 8 // pitch]
        # Two cells from the edges on, the zeros that the network pads with are out of sight.
        np.testing.assert_allclose(
            dense[2:-2, 2:-2], shifted[2 : len(dense) - 2, 2 : dense.shape[1] - 2], atol=1e-6
        )


def test_the_cell_of_a_feature_starts_at_pitch_times_its_index_and_edges_are_mirrored(heights):
    features = dense_features(Heights(), heights, 2)
    np.testing.assert_array_equal(features[..., 0], heights[:94:2, :111:2])
    np.testing.assert_array_equal(features[1:, 1:, 1], heights[1:93:2, 1:110:2])
    np.testing.assert_array_equal(features[0, 1:, 1], heights[1, 1:110:2])


def test_a_feature_sees_as_far_as_the_encoder_says_and_no_farther(encode, rng):
    heights = rng.random((104, 104), dtype=np.float32)
    before = dense_features(encode, heights, 8)[6, 6]
    seen = np.zeros(heights.shape, bool)
    seen[48 - encode.reach : 56 + encode.reach, 48 - encode.reach : 56 + encode.reach] = True
    outside = np.where(seen, heights, rng.random(heights.shape, dtype=np.float32))
    np.testing.assert_array_equal(dense_features(encode, outside, 8)[6, 6], before)
    for corner in (48 - encode.reach, 55 + encode.reach):
        inside = heights.copy()
        inside[corner, corner] += 100
        assert not np.array_equal(dense_features(encode, inside, 8)[6, 6], before)


@pytest.mark.parametrize("pitch", [2, 8])
def test_a_map_in_tiles_has_the_features_of_the_whole(encode, heights, pitch):
    whole, tiled = dense_features(encode, heights, pitch), dense_features(encode, heights, pitch, tile=5)
    np.testing.assert_allclose(tiled, whole, atol=1e-6)


def test_tiles_cover_every_window_once_and_have_one_shape(heights):
    encode, grid = Heights(), WindowGrid(8, 2)
    seen = np.zeros(grid.shape((100, 118)), int)
    for place, nearest, _ in label_tiles(encode, heights[:100], grid, np.eye(3), tile=20):
        seen[place] += 1
        assert nearest.shape == seen[place].shape
    assert (seen == 1).all()
    assert len(set(encode.shapes)) == 1


@pytest.mark.parametrize("pitch", [2, 3, 8, 12])
def test_labels_in_tiles_are_those_of_the_whole(encode, heights, rng, pitch):
    grid = WindowGrid(32, pitch)
    centres = dense_features(encode, rng.random((48, 48), dtype=np.float32), 8)[1:5, 1:5].reshape(16, 256)
    centres = np.concatenate([np.tile(centres[:5], 16), np.tile(centres[5:10], 16)])
    labels, margin = label_windows(encode, heights, grid, centres)
    assert labels.shape == margin.shape == grid.shape(heights.shape)
    assert margin.dtype == np.float32
    assert len(np.unique(labels)) > 1
    assert labels.all()
    again, sure = label_windows(encode, heights, grid, centres, tile=1)
    np.testing.assert_array_equal(again, labels)
    np.testing.assert_allclose(sure, margin, atol=1e-6)


def test_blocks_are_the_cells_of_every_window(heights):
    features = dense_features(Heights(), heights, 2)
    cells = blocks(features, 2, 32)
    assert cells.shape == (*WindowGrid(32, 2).shape((100, 118)), 4, 4, 3)
    np.testing.assert_array_equal(cells[3, 5], features[3:19:4, 5:21:4])


@pytest.mark.parametrize("flatten", [True, False])
@pytest.mark.parametrize("window", [8, 24, 32])
def test_labels_are_the_nearest_centres_of_explicit_blocks(encode, heights, rng, flatten, window):
    grid, cells = WindowGrid(window, 2), window // 8
    cut = heights[:100]  # no flush row
    windows = blocks(dense_features(encode, cut, 2), 2, window)
    shape = windows.shape[:2]
    windows = windows.reshape(*shape, -1) if flatten else windows.mean((2, 3))
    windows = windows.reshape(shape[0] * shape[1], -1)
    centres = windows[rng.choice(len(windows), 6, replace=False)] + rng.normal(0, 1e-3, windows.shape[1])
    labels, margin = label_windows(encode, cut, grid, centres.astype(np.float32))
    nearest, sure = nearest_by_hand(windows, centres)
    assert cells * cells * 256 == windows.shape[1] or not flatten
    np.testing.assert_array_equal(labels.ravel(), nearest + 1)
    np.testing.assert_allclose(margin.ravel(), sure, atol=2e-4)


def test_the_last_windows_flush_with_the_edge_are_encoded_at_their_own_place(encode, rng):
    heights = rng.random((71, 67), dtype=np.float32)
    grid = WindowGrid(32, 4)
    windows = blocks(dense_features(encode, heights, 1), 1, 32)
    starts = np.ix_(grid.starts(71), grid.starts(67))
    assert (grid.starts(71)[-1], grid.starts(67)[-1]) == (39, 35)
    windows = windows[starts].reshape(-1, 4096)
    centres = windows[rng.choice(len(windows), 6, replace=False)]
    labels, margin = label_windows(encode, heights, grid, centres)
    nearest, sure = nearest_by_hand(windows, centres)
    np.testing.assert_array_equal(labels.ravel(), nearest + 1)
    np.testing.assert_allclose(margin.ravel(), sure, atol=2e-4)


def test_what_all_centres_share_costs_no_digits():
    """Features of 100 that differ by 0.01: float32 squares of them would be off by more than that."""
    heights = np.full((8, 8), 100, np.float32)
    heights[0, 0] = 100.01

    class Far(Heights):
        def __call__(self, heights, pitch):
            return super().__call__(heights, pitch)[..., :1].repeat(3, -1)

    centres = np.array([[100.0] * 3, [100.02] * 3, [100.013] * 3])
    _, margin = label_windows(Far(), heights, WindowGrid(8, 8), centres)
    assert margin[0, 0] == pytest.approx(1 - 0.003**2 / 0.01**2, abs=0.01)


def test_a_window_with_a_missing_pixel_has_no_label_and_the_others_have(encode, heights, rng):
    heights[40:50, 60] = np.nan
    heights[90:] = np.nan
    grid = WindowGrid(32, 2)
    centres = rng.random((3, 256), dtype=np.float32)
    labels, margin = label_windows(encode, heights, grid, centres)
    np.testing.assert_array_equal(labels > 0, grid.complete(heights))
    np.testing.assert_array_equal(np.isnan(margin), labels == 0)
    assert np.isfinite(dense_features(encode, heights, 8)).all()


def test_nothing_that_was_scanned_gives_no_label_and_no_work(heights):
    encode = Heights()
    labels, margin = label_windows(encode, heights * np.nan, WindowGrid(32, 8), np.eye(3))
    assert not labels.any()
    assert np.isnan(margin).all()
    assert not encode.shapes


def test_tiles_without_a_complete_window_are_not_encoded(heights):
    encode = Heights()
    heights[:, 50:] = np.nan
    label_windows(encode, heights[:96, :112], WindowGrid(32, 8), np.eye(3), tile=8)
    some = len(encode.shapes)
    label_windows(encode, np.nan_to_num(heights[:96, :112]), WindowGrid(32, 8), np.eye(3), tile=8)
    assert 0 < some < len(encode.shapes) - some


def test_a_map_smaller_than_a_window_has_no_labels():
    assert label_windows(Heights(), np.ones((20, 90)), WindowGrid(32, 2), np.eye(3))[0].shape == (0, 30)
    assert dense_features(Heights(), np.ones((7, 9)), 1).shape == (0, 2, 3)


def test_a_pitch_window_or_centre_that_does_not_fit_is_refused(encode, heights):
    with pytest.raises(ValueError, match="pitch must divide 8 px"):
        dense_features(encode, heights, 3)
    with pytest.raises(ValueError, match=r"pitch must be 1, 2, 4 or 8 px, got 3"):
        encode(heights, 3)
    with pytest.raises(ValueError, match="multiple of 8 px, got 20"):
        list(label_tiles(encode, heights, WindowGrid(20, 2), np.eye(256)))
    with pytest.raises(ValueError, match=r"256 features \(means\) or 4096 \(flattened\), got 7"):
        label_windows(encode, heights, WindowGrid(32, 2), np.ones((2, 7)))
    with pytest.raises(ValueError, match="at least 2 centres"):
        label_windows(encode, heights, WindowGrid(32, 2), np.ones((1, 256)))
