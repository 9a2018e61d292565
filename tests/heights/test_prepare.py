import numpy as np
import pytest
import spiepy

from napari_stmml.heights.prepare import NORMALISATIONS, Preprocessing, normalise
from napari_stmml.heights.resample import resample
from napari_stmml.scan import NotUsable, Scan

SRSML24 = ["none", "poly_xy", "iterate_mask"]  # its flatten methods


def plane(shape=(40, 60), down=0.02, right=-0.05, offset=3.0):
    return np.add.outer(down * np.arange(shape[0]), right * np.arange(shape[1])) + offset


def rows_missing(heights, which):
    holes = heights.copy()
    holes[which] = np.nan
    return holes


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


@pytest.mark.parametrize("method", SRSML24)
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
@pytest.mark.parametrize("method", SRSML24)
@pytest.mark.parametrize("height", [0.0, 0.1, -1e5])
def test_a_constant_scan_is_refused(density, method, height):
    scan = Scan(rows_missing(np.full((60, 60), height), slice(0, 9)), (0.1, 0.1))
    with pytest.raises(ValueError, match="constant"):
        Preprocessing(method, density).apply(scan)


@pytest.mark.parametrize("method", SRSML24[1:])
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
