import numpy as np
import pytest
import spiepy

from napari_stmml.heights.prepare import (
    MOST_PIXELS,
    MOST_UPSAMPLING,
    NORMALISATIONS,
    NotUsable,
    Preprocessing,
    normalise,
    resample,
    to_own_pixels,
)
from napari_stmml.scan import Scan

SEEDS = ["none", "poly_xy", "iterate_mask"]  # methods of the seed


def plane(shape=(40, 60), down=0.02, right=-0.05, offset=3.0):
    return np.add.outer(down * np.arange(shape[0]), right * np.arange(shape[1])) + offset


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


@pytest.mark.parametrize("density", [0.0, -0.01, 0.001, np.nan, np.inf, -np.inf])
def test_an_impossible_density_is_refused(density):
    with pytest.raises(ValueError, match=f"pixel_density must be at least 0.01 px/nm, or .*, got {density}"):
        Preprocessing(pixel_density=density)


# Normalise


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 0.0), (1e-9, 0.0), (50.0, -1000.0)])
def test_heights_are_stretched_from_0_to_1_in_proportion(rng, factor, offset):
    heights = rows_missing(rng.normal(size=(9, 9)), 4)
    stretched = normalise(heights * factor + offset)
    assert stretched.dtype == np.float32
    assert (np.nanmin(stretched), np.nanmax(stretched)) == (0, 1)
    np.testing.assert_allclose(stretched, normalise(heights), atol=1e-6)


@pytest.mark.parametrize("tilt", [0.0, 5.0])
def test_on_the_fixed_scale_1_is_1_nm_whatever_else_is_on_the_scan(rng, tilt):
    heights = rng.normal(0, 0.02, (50, 50)) + tilt
    tall = heights.copy()
    tall[3, 3] += 2.0
    plain, with_tall = (normalise(map_, "fixed", 1e9) for map_ in (heights, tall))
    others = np.ones(heights.shape, bool)
    others[3, 3] = False
    np.testing.assert_allclose(plain[others], with_tall[others], atol=2e-3)
    assert with_tall[3, 3] == 1
    np.testing.assert_allclose(plain, heights - np.median(heights) + 0.5, atol=1e-6)
    np.testing.assert_allclose(normalise(heights, "fixed", 2e9) - 0.5, 2 * (plain - 0.5), atol=1e-6)


def test_robust_normalisation_takes_no_notice_of_one_spike(rng):
    heights = rng.normal(size=(60, 60))
    spiked = heights.copy()
    spiked[5, 5] = 1000.0
    difference = np.abs(normalise(spiked, "robust") - normalise(heights, "robust"))
    assert np.delete(difference.ravel(), 5 * 60 + 5).max() < 0.02
    assert normalise(spiked, "image").mean() < 0.01


def test_in_nm_the_heights_are_above_the_median_and_nothing_is_cut_off(rng):
    heights = rows_missing(7 + rng.normal(size=(30, 30)), 4)
    in_nm = normalise(heights, "nm")
    assert in_nm.dtype == np.float32
    np.testing.assert_allclose(in_nm, heights - np.nanmedian(heights), atol=1e-6)


@pytest.mark.parametrize("how", sorted(set(NORMALISATIONS) - {"nm"}))
def test_every_other_normalisation_ends_within_0_and_1(rng, how):
    heights = rows_missing(rng.normal(size=(30, 30)), 4)
    inside = normalise(heights, how)
    assert (np.nanmin(inside), np.nanmax(inside)) >= (0, 0)
    assert np.nanmax(inside) <= 1
    assert np.array_equal(np.isnan(inside), np.isnan(heights))


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(ValueError, match="normalisation must be one of image, fixed, robust, nm, got 'log'"):
        Preprocessing(normalisation="log")


def test_a_scan_over_a_limit_can_be_forced_and_else_says_which_limit_it_was():
    scan = Scan(np.random.default_rng(0).normal(size=(12, 12)), (1.0, 1.0))
    preparing = Preprocessing(pixel_density=10.0)
    with pytest.raises(NotUsable) as refused:
        preparing.apply(scan)
    assert refused.value.reason == "coarser than 1/4 of pixel_density"
    assert preparing.apply(scan, force=True).shape == (120, 120)
    with pytest.raises(NotUsable) as refused:
        Preprocessing(pixel_density=3.0, pixel_limit=30).apply(scan)
    assert refused.value.reason == "over pixel_limit 30"


def test_a_map_without_heights_or_of_one_height_cannot_be_stretched():
    with pytest.raises(ValueError, match="every height is missing"):
        normalise(np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match=r"the map is constant \(2.5 everywhere\)"):
        normalise(rows_missing(np.full((3, 3), 2.5), 1))


# All together


@pytest.mark.parametrize("method", SEEDS)
def test_a_prepared_scan_is_resampled_then_flattened_then_normalised(rng, method):
    y, x = np.mgrid[:60, :80]
    heights = plane((60, 80)) + 0.1 * np.sin(x / 3) * np.sin(y / 4) + rng.normal(0, 0.01, (60, 80))
    prepared = Preprocessing(method, 5.0).apply(Scan(heights, (0.1, 0.1)))
    by_hand = resample(heights, (0.1, 0.1), 5.0)
    if method == "poly_xy":
        by_hand = spiepy.flatten_poly_xy(by_hand, deg=1)[0]
    elif method == "iterate_mask":
        by_hand = spiepy.flatten_by_iterate_mask(by_hand)[0]
    by_hand = (by_hand - by_hand.min()) / (by_hand.max() - by_hand.min())
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, by_hand, atol=1e-6)


@pytest.mark.parametrize("density", [4.0, 6.67, 10.0, 15.0, 26.0])
def test_spikes_jumps_and_scars_are_repaired_on_the_lines_that_were_recorded(rng, density):
    y, x = np.mgrid[:100, :100] * 0.15
    clean = 0.05 * np.sin(2 * np.pi * x / 0.77) * np.sin(2 * np.pi * y / 0.77) + 0.1 * x
    bad = clean + rng.normal(0, 0.001, clean.shape)
    bad[rng.integers(5, 95, 12), rng.integers(5, 95, 12)] += 2.0
    bad[40] += 0.5
    bad[61, 20:70] += 0.4
    preparing = Preprocessing("line_jumps + scars + clip_spikes + poly_xy", density)
    left = preparing.flat(Scan(bad, (0.15, 0.15))) - preparing.flat(Scan(clean, (0.15, 0.15)))
    assert np.abs(left).max() < 0.05  # the lattice, which a repaired spike may miss; spikes were 2


def test_a_scan_without_scale_is_prepared_on_its_own_pixels(rng):
    heights = rng.normal(size=(30, 40))
    heights[3, 4] = np.inf
    prepared = Preprocessing().apply(Scan(heights, None))
    assert prepared.shape == (30, 40)
    assert np.argwhere(np.isnan(prepared)).tolist() == [[3, 4]]


@pytest.mark.parametrize("density", [None, 7.0, 10.0, 15.0])
@pytest.mark.parametrize("method", SEEDS)
@pytest.mark.parametrize("height", [0.0, 0.1, -1e5])
def test_a_constant_scan_is_refused(density, method, height):
    scan = Scan(rows_missing(np.full((60, 60), height), slice(0, 9)), (0.1, 0.1))
    with pytest.raises(ValueError, match="constant"):
        Preprocessing(method, density).apply(scan)


@pytest.mark.parametrize("method", SEEDS[1:])
@pytest.mark.parametrize("density", [None, 7.0, 10.0, 15.0])
@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_plain_tilted_plane_is_refused(method, density, offset, dtype):
    scan = Scan(plane((60, 80), offset=offset).astype(dtype), (0.1, 0.1))
    with pytest.raises(ValueError, match="constant or a plain plane: there is nothing to see"):
        Preprocessing(method, density).apply(scan)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_faint_lattice_far_from_zero_is_not_taken_for_a_plane(dtype):
    x = np.arange(80)
    heights = plane((60, 80), offset=200.0) + 0.001 * np.sin(x / 3)
    prepared = Preprocessing().apply(Scan(heights.astype(dtype), (0.1, 0.1)))
    assert np.ptp(prepared) == 1


def test_a_scan_of_nothing_is_refused():
    with pytest.raises(ValueError, match="every height is missing"):
        Preprocessing().apply(Scan(np.full((60, 60), np.nan), (0.1, 0.1)))


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
