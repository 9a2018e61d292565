import numpy as np
import pytest

from napari_stmml.heights.resample import MOST_PIXELS, MOST_UPSAMPLING, resample, to_own_pixels


def rows_missing(heights, which):
    holes = heights.copy()
    holes[which] = np.nan
    return holes


# Resample


@pytest.mark.parametrize(
    ("shape", "pixel_size", "density", "expected"),
    [
        ((500, 500), (0.04, 0.04), 15.0, (300, 300)),
        ((249, 249), (0.1, 0.1), 15.0, (374, 374)),  # 24.9 nm, not 24 or 25
        ((100, 200), (0.1, 0.05), 10.0, (100, 100)),  # non-square pixels of a square frame
        ((10, 10), (0.01, 0.01), 1.0, (1, 1)),
    ],
)
def test_a_resampled_scan_has_the_density_along_both_axes(shape, pixel_size, density, expected):
    assert resample(np.zeros(shape), pixel_size, density).shape == expected


def test_a_round_bump_in_oblong_pixels_is_round_after_resampling():
    y, x = (np.arange(60) + 0.5)[:, None] * 0.1 - 3, (np.arange(120) + 0.5)[None] * 0.05 - 3
    round_ = resample(np.exp(-(x**2 + y**2)), (0.1, 0.05), 10.0)
    np.testing.assert_allclose(round_, round_.T, atol=0.01)


@pytest.mark.parametrize("density", [3.0, 10.0, 15.0, 40.0])
def test_a_constant_stays_constant(density):
    resampled = resample(np.full((50, 70), 1.25), (0.1, 0.1), density)
    np.testing.assert_allclose(resampled, 1.25, rtol=1e-12)


@pytest.mark.parametrize("density", [2.0, 5.0, 15.0, 25.0])
def test_the_mean_height_is_kept(density):
    y, x = np.mgrid[:60, :80] * 0.1
    heights = 1 + 0.5 * np.sin(2 * np.pi * x / 4) * np.cos(2 * np.pi * y / 3)
    assert resample(heights, (0.1, 0.1), density).mean() == pytest.approx(heights.mean(), abs=0.003)


@pytest.mark.parametrize("factor", [1.5, 2.0, 3.7])
def test_a_sine_stays_smooth_when_sampled_finer(factor):
    n, period = 60, 20.0
    sine = np.tile(np.sin(2 * np.pi * (np.arange(n) + 0.5) / period), (n, 1))
    fine = resample(sine, (1.0, 1.0), factor)
    at = (np.arange(fine.shape[1]) + 0.5) * n / fine.shape[1]
    inside = (at > 2) & (at < n - 2)
    bound = (2 * np.pi / period) ** 2 / 8  # of a straight line between neighbours, one pixel apart
    assert np.abs(fine - np.sin(2 * np.pi * at / period))[:, inside].max() < bound / 2
    steps = np.abs(np.diff(sine)).max()
    assert np.abs(np.diff(fine[:, inside])).max() < 1.01 * steps * n / fine.shape[1]  # no blocks


@pytest.mark.parametrize(("factor", "shape"), [(-2.0, (20, 40)), (-0.5, (5, 10))])
def test_a_negative_density_is_a_multiple_of_each_scans_own(factor, shape):
    for pixel_size in ((0.1, 0.1), (0.3, 0.7), None):
        assert resample(np.zeros((10, 20)), pixel_size, factor).shape == shape


def test_what_is_finer_than_the_new_pixels_is_smoothed_away(rng):
    noise = rng.normal(size=(200, 200))
    assert resample(noise, (0.1, 0.1), 2.0).std() < 0.4


@pytest.mark.parametrize("density", [2.0, 3.0, 7.3, 10.0, 15.0, 39.0])
@pytest.mark.parametrize("row", [0, 17, 18, 30, 59])
def test_a_new_pixel_is_nan_where_it_covers_a_missing_one(density, row):
    heights = rows_missing(np.ones((60, 60)), row)
    heights[:, 41] = np.nan
    resampled = resample(heights, (0.1, 0.1), density)
    edges = np.arange(len(resampled) + 1) * 60 / len(resampled)
    covers = [(edges[:-1] < at + 1 - 1e-9) & (edges[1:] > at + 1e-9) for at in (row, 41)]
    assert np.isnan(resampled[np.logical_or.outer(*covers)]).all()
    np.testing.assert_allclose(resampled[np.isfinite(resampled)], 1.0)
    assert np.isnan(resampled).mean() < 0.2


def test_an_unknown_scale_or_density_keeps_the_pixels(rng):
    heights = rng.normal(size=(7, 9))
    assert np.array_equal(resample(heights, None, 15.0), heights)
    assert np.array_equal(resample(heights, (0.1, 0.1), None), heights)
    assert np.array_equal(resample(heights, (0.1, 0.1), 10.0), heights)


def test_a_scan_too_coarse_is_refused():
    resample(np.zeros((10, 10)), (0.5, 0.25), MOST_UPSAMPLING * 2)
    with pytest.raises(ValueError, match=r"has 2 px/nm and 8.1 px/nm are asked for: more than 4 times finer"):
        resample(np.zeros((10, 10)), (0.5, 0.25), 8.1)


def test_a_scan_too_large_is_refused_before_memory_is_taken():
    huge = np.broadcast_to(0.0, (10, MOST_PIXELS))
    with pytest.raises(ValueError, match=f"20 x {2 * MOST_PIXELS} px at 20 px/nm, over {MOST_PIXELS} a side"):
        resample(huge, (0.1, 0.1), 20.0)


# Back


@pytest.mark.parametrize("shape", [(30, 40), (60, 80), (15, 20), (37, 91), (300, 11)])
def test_a_label_map_keeps_its_labels_and_their_places_on_other_pixels(rng, shape):
    labels = np.repeat(np.repeat(rng.integers(0, 5, (3, 4)), 10, axis=0), 10, axis=1).astype(np.uint8)
    own = to_own_pixels(labels, shape)
    assert (own.shape, own.dtype) == (shape, np.uint8)
    assert set(np.unique(own)) == set(np.unique(labels))
    rows, cols = np.arange(1, 6, 2) * shape[0] // 6, np.arange(1, 8, 2) * shape[1] // 8
    assert np.array_equal(own[np.ix_(rows, cols)], labels[5::10, 5::10])


def test_a_label_map_on_its_own_pixels_stays_as_it_is(rng):
    labels = rng.integers(0, 9, (7, 5))
    assert np.array_equal(to_own_pixels(labels, (7, 5)), labels)
    twice = np.repeat(np.repeat(labels, 2, axis=0), 2, axis=1)
    assert np.array_equal(to_own_pixels(twice, (7, 5)), labels)
    assert np.array_equal(to_own_pixels(labels, (14, 10)), twice)


@pytest.mark.parametrize("shape", [(20, 4), (4, 20)])
def test_no_side_of_the_frame_is_favoured(shape):
    labels = np.arange(81).reshape(9, 9)
    turned = to_own_pixels(labels[::-1, ::-1], shape)
    assert np.array_equal(turned, to_own_pixels(labels, shape)[::-1, ::-1])
