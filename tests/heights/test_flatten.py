from pathlib import Path

import numpy as np
import pytest
import spiepy
from scipy.ndimage import binary_erosion, gaussian_filter
from spiepy import demo

from napari_stmml import read_mtrx
from napari_stmml.heights.flatten import FLATTEN_METHODS, METHODS, flatten, parse_chain, table
from napari_stmml.heights.missing import fill_nearest
from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.simulate.surfaces import simulate_hexagonal, simulate_si001, with_artefacts

LEVELLING = ["poly_xy", "poly_xy_2", "xy", "peaks", "iterate_mask", "row_mean_and_slope", "facet", "terraces"]
ROWS = ["row_mean", "row_mean_and_slope", "row_median", "median_of_differences"]
REPAIRS = ["scars", "line_jumps", "clip_spikes"]
CHAINS = [*METHODS, "median_of_differences + poly_xy + mask + repeat"]
CHAINS.remove("repeat")  # not on its own
every_chain = pytest.mark.parametrize("method", CHAINS)
every_levelling = pytest.mark.parametrize("method", LEVELLING)
unsettled = pytest.mark.filterwarnings("ignore:iterate_mask did not settle")  # on noise it never does
DEMOS = list(demo.list_demo_files().values())
SPIEPY = {
    "poly_xy": lambda heights, mask=None: spiepy.flatten_poly_xy(heights, mask, 1)[0],
    "poly_xy_2": lambda heights, mask=None: spiepy.flatten_poly_xy(heights, mask, 2)[0],
    "xy": lambda heights, mask=None: spiepy.flatten_xy(heights, mask)[0],
    "peaks": lambda heights, mask=None: spiepy.flatten_by_peaks(heights, mask)[0],
    "iterate_mask": lambda heights, mask=None: spiepy.flatten_by_iterate_mask(heights, master_mask=mask)[0],
}
# In nm. SPIEPy fits on pixel numbers, whose 4th powers cost it digits; ours are scaled to -1..1.
CLOSE = {"poly_xy_2": 1e-7, "peaks": 1e-7}
shared_methods = pytest.mark.parametrize("method", SPIEPY)


def plane(shape=(40, 60), down=0.02, right=-0.05, offset=3.0):
    return np.add.outer(down * np.arange(shape[0]), right * np.arange(shape[1])) + offset


def rows_missing(heights, which):
    holes = heights.copy()
    holes[which] = np.nan
    return holes


def surface(shape=(200, 240), seed=2, **artefacts):
    """Make a rough surface as a microscope records it, without holes."""
    return with_artefacts(simulate_si001(shape, 16.0, seed), **artefacts).heights


def left_out(shape):
    """Make a mask of blocks, bands and an edge, all of 5 px and more, with nothing enclosed."""
    mask = np.zeros(shape, bool)
    mask[20:50, 30:77] = mask[-30:] = mask[:, 100:110] = True
    return mask


# A plane becomes zero; what is missing stays missing


@unsettled
@every_levelling
@pytest.mark.parametrize(
    "which", [slice(0, 0), slice(0, 15), slice(25, 40), slice(18, 21), slice(1, None, 2)]
)
@pytest.mark.parametrize("offset", [3.0, -1e5])
def test_a_tilted_plane_flattens_to_zero_also_where_rows_are_missing(method, which, offset):
    tilted = rows_missing(plane(offset=offset), which)
    flat = flatten(tilted, method)
    assert np.array_equal(np.isnan(flat), np.isnan(tilted))
    assert np.nanmax(np.abs(flat)) < 1e-11 * max(abs(offset), 10)


@unsettled
@every_levelling
def test_a_tilted_plane_flattens_to_zero_around_single_missing_points(rng, method):
    tilted = plane()
    tilted[rng.random(tilted.shape) < 0.2] = np.nan
    flat = flatten(tilted, method)
    assert np.array_equal(np.isnan(flat), np.isnan(tilted))
    assert np.nanmax(np.abs(flat)) < 1e-10


@pytest.mark.parametrize("method", ROWS)
def test_a_tilted_plane_aligned_by_rows_and_levelled_is_zero(method):
    tilted = rows_missing(plane(), slice(12, 15))
    assert np.nanmax(np.abs(flatten(tilted, f"{method} + poly_xy"))) < 1e-10


@pytest.mark.parametrize("method", REPAIRS)
def test_a_tilted_plane_needs_no_repair(method):
    tilted = rows_missing(plane((80, 90)), slice(12, 15))
    np.testing.assert_allclose(flatten(tilted, method), tilted, rtol=0, atol=1e-12)


@unsettled
@every_chain
def test_what_lies_in_the_gaps_has_no_part_in_the_fit(rng, method):
    heights = plane() + rng.normal(0, 0.01, (40, 60))
    missing = rng.random(heights.shape) < 0.1
    missing[7] = True
    flats = [flatten(np.where(missing, gap, heights), method) for gap in (np.nan, np.inf, -np.inf)]
    assert np.array_equal(flats[0], flats[1], equal_nan=True)
    assert np.array_equal(flats[0], flats[2], equal_nan=True)
    assert np.array_equal(np.isnan(flats[0]), missing)


@unsettled
@every_chain
def test_rows_not_scanned_change_nothing_for_the_others(method):
    heights = surface((120, 150))
    tall = np.vstack([np.full((30, 150), np.nan), heights, np.full((9, 150), np.nan)])
    flat = flatten(tall, method)
    assert np.array_equal(np.isnan(flat), np.isnan(tall))
    np.testing.assert_allclose(flat[30:150], flatten(heights, method), rtol=0, atol=1e-12)


@unsettled
@every_chain
def test_flattening_leaves_its_input_as_it_was(rng, method):
    heights = rows_missing(plane() + rng.normal(0, 0.01, (40, 60)), slice(0, 3))
    before, mask = heights.copy(), rng.random(heights.shape) < 0.2
    out = mask.copy()
    flat = flatten(heights, method, leave_out=out)
    flat[:] = 7
    assert np.array_equal(heights, before, equal_nan=True)
    assert np.array_equal(out, mask)


@unsettled
@every_chain
def test_an_offset_and_the_unit_change_nothing_but_the_scale(method):
    heights = surface((90, 100))
    flat, in_pm = flatten(heights, method), flatten(heights * 1e3 + 500, method)
    kept = 500 if method in {"none", "mask", *REPAIRS} else 0
    np.testing.assert_allclose((in_pm - kept) / 1e3, flat, rtol=0, atol=1e-9)


@unsettled
@every_chain
def test_whole_numbers_and_single_precision_become_float64(method):
    heights = np.round(surface((60, 70)) * 1000)
    flat = flatten(heights, method)
    for dtype in (np.int32, np.float32):
        again = flatten(heights.astype(dtype), method)
        assert again.dtype == np.float64
        assert np.array_equal(again, flat)


@unsettled
@every_chain
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 1), (2, 2), (3, 2), (2, 3), (3, 3), (4, 4)])
def test_the_smallest_maps_are_flattened_to_something_finite(rng, method, shape):
    heights = rng.normal(5, 1, shape)
    assert np.isfinite(flatten(heights, method)).all()
    heights[0, 0] = np.nan
    if heights.size > 1:
        assert np.isfinite(flatten(heights, method)).sum() == heights.size - 1


@pytest.mark.parametrize("method", ["poly_xy", "poly_xy_2", "iterate_mask", "facet", "terraces"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 1)])
def test_too_little_for_a_plane_loses_its_mean(rng, method, shape):
    heights = rng.normal(5, 1, shape)
    np.testing.assert_allclose(flatten(heights, method), heights - heights.mean())


def test_none_takes_nothing_out():
    heights = rows_missing(plane(), slice(0, 3))
    assert np.array_equal(flatten(heights, "none"), heights, equal_nan=True)


# SPIEPy called by hand


@shared_methods
@pytest.mark.parametrize("name", DEMOS)
@pytest.mark.parametrize("masked", [False, True])
def test_methods_of_spiepy_give_its_heights_on_its_own_images(method, name, masked):
    heights = demo.load_demo_file(name)[:256, :256] * 1e9
    mask = left_out(heights.shape) if masked else None
    np.testing.assert_allclose(
        flatten(heights, method, leave_out=mask),
        SPIEPY[method](heights, mask),
        rtol=0,
        atol=CLOSE.get(method, 1e-9),
    )


@shared_methods
@pytest.mark.parametrize("path", ["1_3", "22_4"])
def test_methods_of_spiepy_give_its_heights_on_real_scans(shared_data, method, path):
    (file,) = Path(shared_data, "mtrx").glob(f"*--{path}.Z_mtrx")
    heights = read_mtrx(file)[0].heights[:250, :250]
    np.testing.assert_allclose(
        flatten(heights, method), SPIEPY[method](heights), rtol=0, atol=CLOSE.get(method, 1e-9)
    )


@pytest.mark.parametrize("method", ["poly_xy", "xy", "peaks"])
def test_methods_of_spiepy_give_its_heights_on_large_frames(method):
    heights = surface((700, 800))
    np.testing.assert_allclose(
        flatten(heights, method), SPIEPY[method](heights), rtol=0, atol=CLOSE.get(method, 1e-9)
    )


@pytest.mark.parametrize("name", DEMOS)
def test_the_2nd_order_fits_at_least_as_well_as_spiepys_which_drops_terms_on_large_frames(name):
    heights = demo.load_demo_file(name) * 1e9
    ours, theirs = flatten(heights, "poly_xy_2"), SPIEPY["poly_xy_2"](heights)
    assert np.sqrt((ours**2).mean()) <= np.sqrt((theirs**2).mean()) * (1 + 1e-12)


@pytest.mark.parametrize("shape", [(70, 90), (512, 512)])
def test_the_2nd_order_is_the_least_squares_fit(rng, shape):
    y, x = (np.linspace(-1, 1, n) for n in shape)
    of_y, of_x = (np.polynomial.legendre.legvander(one, 2) for one in (y, x))
    known = of_y @ rng.normal(0, 30, (3, 3)) @ of_x.T
    noise = rng.normal(0, 0.01, shape)
    rest = noise - of_y @ np.linalg.pinv(of_y) @ noise @ np.linalg.pinv(of_x).T @ of_x.T
    np.testing.assert_allclose(flatten(known + noise, "poly_xy_2"), rest, rtol=0, atol=1e-10)


@shared_methods
def test_missing_heights_are_what_spiepy_is_told_to_mask(method):
    heights = demo.load_demo_file(DEMOS[0]) * 1e9
    missing = np.zeros(heights.shape, bool)
    missing[60:90, 40:120] = missing[180:200] = True
    if method == "peaks":  # its filter looks into the gap
        heights = fill_nearest(heights, missing)
    expected = SPIEPY[method](np.where(missing, 0, heights) if method != "peaks" else heights, missing)
    flat = flatten(np.where(missing, np.nan, heights), method)
    np.testing.assert_allclose(flat[~missing], expected[~missing], rtol=0, atol=CLOSE.get(method, 1e-9))


def test_a_mask_that_does_not_settle_is_told():
    noise = np.random.default_rng(1).normal(0, 0.01, (100, 100))
    assert spiepy.flatten_by_iterate_mask(noise)[2] == 0  # no more does SPIEPy's
    with pytest.warns(UserWarning, match="iterate_mask did not settle within 100 rounds"):
        flatten(noise, "iterate_mask")


def test_what_a_frame_of_left_out_pixels_encloses_is_fitted_all_the_same(rng):
    heights = plane() + rng.normal(0, 0.001, (40, 60))
    frame = np.ones(heights.shape, bool)
    frame[1:-1, 1:-1] = False
    wild = np.where(frame, 9.0, heights)
    assert np.abs(flatten(wild, "iterate_mask", leave_out=frame)[~frame]).max() < 0.01


# Left out


def island(height=0.6, down=0.02, right=-0.05):
    """Make a plane with a round island on a fourth of it, and say where the island is."""
    y, x = np.mgrid[:120, :150]
    there = (y - 40) ** 2 + (x - 50) ** 2 < 40**2
    return plane((120, 150), down, right) + height * there, there


@unsettled
@every_levelling
def test_leaving_out_an_island_makes_levelling_exact(method):
    heights, there = island()
    flat = flatten(heights, method, leave_out=there)
    assert np.abs(flat[~there]).max() < 1e-10
    np.testing.assert_allclose(flat[there], 0.6, atol=1e-10)


@pytest.mark.parametrize("method", ROWS)
def test_leaving_out_an_island_makes_row_offsets_exact(rng, method):
    heights, there = island(down=0.0, right=0.0)
    heights += rng.normal(0, 0.1, (120, 1))
    flat = flatten(heights, f"{method} + poly_xy", leave_out=there)
    assert np.abs(flat[~there]).max() < 1e-10
    np.testing.assert_allclose(flat[there], 0.6, atol=1e-10)


@pytest.mark.parametrize("method", ROWS)
def test_a_row_left_out_altogether_gets_the_offset_between_its_neighbours(method):
    heights = plane()
    out = np.zeros(heights.shape, bool)
    out[10:13] = out[-2:] = True
    wild = np.where(out, heights + 5, heights)
    flat = flatten(wild, method, leave_out=out)
    calm = flatten(heights, method, leave_out=out)
    np.testing.assert_allclose(flat - calm, np.where(out, 5.0, 0.0), atol=1e-12)
    of_row = calm.mean(1)
    assert np.abs(of_row[10:13] - np.linspace(of_row[9], of_row[13], 5)[1:-1]).max() < 1e-10


@every_chain
def test_a_mask_of_another_shape_is_refused(method):
    with pytest.raises(ValueError, match=r"leave_out has the shape \(60, 40\), the heights \(40, 60\)"):
        flatten(plane(), method, leave_out=np.zeros((60, 40), bool))


def test_a_mask_that_leaves_nothing_is_refused():
    holes = rows_missing(plane(), slice(0, 20))
    with pytest.raises(ValueError, match="nothing to flatten by: every height is missing"):
        flatten(holes, leave_out=np.isfinite(holes))


def test_nothing_to_flatten_is_refused():
    with pytest.raises(ValueError, match="nothing to flatten: every height is missing"):
        flatten(np.full((4, 4), np.nan))


# Rows


def lines(shape=(150, 200), sigma=0.1):
    return np.random.default_rng(5).normal(0, sigma, (shape[0], 1))


def rest(method, truth):
    """Return by how much rows are still off one another right of column 160, as a standard deviation."""
    tall = truth > 1
    flat = flatten(flatten(truth + lines(), method), leave_out=tall) - flatten(truth, leave_out=tall)
    return flat[:, 160:].mean(1).std()


@pytest.mark.parametrize("method", ROWS)
def test_row_offsets_are_taken_out(rng, method):
    noise = rng.normal(0, 0.003, (150, 200))
    assert rest(method, noise) < (0.002 if method == "median_of_differences" else 0.0005)


def test_each_rows_mean_or_median_becomes_zero():
    heights = surface((60, 80))
    assert np.abs(flatten(heights, "row_mean").mean(1)).max() < 1e-12
    assert np.abs(flatten(heights, "row_mean_and_slope").mean(1)).max() < 1e-12
    assert np.abs(np.median(flatten(heights, "row_median"), axis=1)).max() < 1e-12
    assert abs(flatten(heights, "median_of_differences").mean()) < 1e-12


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_each_rows_own_slope_is_taken_out(rng, offset):
    slopes = rng.normal(0, 0.01, (50, 1)) * np.arange(70) + offset + lines((50, 70))
    assert np.abs(flatten(slopes, "row_mean_and_slope")).max() < 1e-14 * max(offset, 1e3)


def test_tall_adsorbates_drag_the_row_means_and_not_the_medians(rng):
    truth = rng.normal(0, 0.003, (150, 200))
    y, x = np.mgrid[:150, :200]
    for at in ((40, 60), (90, 140), (120, 30)):
        truth += 2.0 * (((y - at[0]) ** 2 + (x - at[1]) ** 2) < 12**2)
    dragged = {method: rest(method, truth) for method in ROWS}
    assert dragged["row_mean"] > 0.05
    assert dragged["row_median"] < 0.001
    assert dragged["median_of_differences"] < 0.005


def test_the_median_of_differences_keeps_a_step_that_covers_whole_rows_in_part(rng):
    y, x = np.mgrid[:150, :200]
    truth = 0.136 * (x > y + 20) + rng.normal(0, 0.002, (150, 200))
    kept = flatten(truth + lines(), "median_of_differences + terraces")
    dragged = flatten(truth + lines(), "row_median + terraces")
    upper, lower = binary_erosion(x > y + 20, iterations=8), binary_erosion(x < y + 20, iterations=8)
    assert kept[upper].mean() - kept[lower].mean() == pytest.approx(0.136, abs=0.015)
    assert dragged[lower].std() > 3 * kept[lower].std()


def test_the_median_of_differences_leaves_a_tilt_to_a_levelling_method():
    heights = plane(offset=0.0)
    np.testing.assert_allclose(
        flatten(heights, "median_of_differences"), heights - heights.mean(), atol=1e-12
    )


def test_rows_with_no_pixel_above_another_are_joined_by_their_medians():
    heights = lines((4, 8)) + np.zeros((4, 8))
    out = np.zeros(heights.shape, bool)
    out[::2, :4] = out[1::2, 4:] = True
    assert np.ptp(flatten(heights, "median_of_differences + poly_xy", leave_out=out)) < np.ptp(heights)
    assert np.isfinite(flatten(np.where(out, np.nan, heights), "median_of_differences")).sum() == 16


# Steps


def stepped(seed, noise_nm=0.003):
    """Make Si(001) with a step, tilted; return it, the bare truth, and both terraces without their rims."""
    bare = simulate_si001((300, 300), 20.0, seed, step_edge=True)
    recorded = with_artefacts(bare, bow_nm=0, line_noise_nm=0, noise_nm=noise_nm, seed=seed)
    smooth = simulate_si001((300, 300), 20.0, seed, step_edge=True, corrugation_nm=0)
    upper = gaussian_filter(smooth.heights, 3) > -0.068
    free = bare.labels == 0
    upper, lower = (binary_erosion(one, iterations=15) & free for one in (upper, ~upper))
    return recorded.heights, bare.heights, upper, lower


def tilt(heights):
    """Return the slope of a map as nm over the whole frame."""
    return np.hypot(*(np.ptp(np.polyval(np.polyfit(np.arange(len(m)), m, 1), [0, len(m)]))
                      for m in (heights.mean(0), heights.mean(1))))  # fmt: skip


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize(
    ("method", "step_nm", "tilt_nm"), [("facet", 0.012, 0.02), ("terraces", 0.003, 0.005)]
)
def test_a_step_stays_a_step_between_flat_terraces(method, step_nm, tilt_nm, seed):
    recorded, bare, upper, lower = stepped(seed)
    flat = flatten(recorded, method)
    true = bare[upper].mean() - bare[lower].mean()
    assert flat[upper].mean() - flat[lower].mean() == pytest.approx(true, abs=step_nm)
    assert tilt(flat - bare) < tilt_nm
    bent = flatten(recorded, "poly_xy")
    assert bent[upper].mean() - bent[lower].mean() < 0.5 * true
    assert tilt(bent - bare) > 0.15


def test_the_largest_terrace_lies_at_zero():
    y, x = np.mgrid[:200, :240]
    heights = plane((200, 240)) + 0.3 * (x > 80) + 0.3 * (x + y > 370)
    flat = flatten(heights, "terraces")
    for there, height in ((x < 60, -0.3), ((x > 100) & (x + y < 350), 0.0), (x + y > 390, 0.3)):
        np.testing.assert_allclose(flat[there], height, atol=1e-6)


@pytest.mark.parametrize("method", ["facet", "terraces"])
def test_a_surface_without_a_step_is_levelled_as_by_a_plane(method):
    heights = with_artefacts(simulate_hexagonal((256, 256), 20.0, 3), bow_nm=0).heights
    assert tilt(flatten(heights, method) - flatten(heights, "poly_xy")) < 0.02


# Chains


def test_a_chain_is_its_methods_one_after_the_other():
    heights = surface((90, 100), tilt_nm=2)
    for first, second in (("row_median", "poly_xy"), ("poly_xy", "row_median"), ("scars", "facet")):
        step_by_step = flatten(flatten(heights, first), second)
        assert np.array_equal(flatten(heights, f"{first} + {second}"), step_by_step)
        assert np.array_equal(flatten(heights, [first, second]), step_by_step)
    there, back = flatten(heights, "row_median + poly_xy_2"), flatten(heights, "poly_xy_2 + row_median")
    assert not np.allclose(there, back)


def test_repeat_does_the_methods_before_the_last_mask_again():
    heights = surface((90, 100))
    long = flatten(heights, "row_median + poly_xy + mask + row_median + poly_xy")
    assert np.array_equal(flatten(heights, "row_median + poly_xy + mask + repeat"), long)
    longer = flatten(
        heights, "row_median + mask + row_median + poly_xy + mask + row_median + row_median + poly_xy"
    )
    shorter = flatten(heights, "row_median + mask + repeat + poly_xy + mask + repeat")
    np.testing.assert_allclose(shorter, longer, atol=1e-3)


def test_a_second_round_with_a_mask_is_better_where_clusters_are_tall(rng):
    truth = rng.normal(0, 0.003, (150, 200))
    y, x = np.mgrid[:150, :200]
    for at in ((20, 60), (70, 170), (30, 30), (50, 110)):
        truth += 1.5 * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * 7**2))
    heights = truth + plane((150, 200)) + lines(sigma=0.02)
    ground = truth < 0.02
    for chain in ("poly_xy", "row_mean + poly_xy", "row_median + poly_xy", "median_of_differences + poly_xy"):
        once, twice = (flatten(heights, one)[ground].std() for one in (chain, f"{chain} + mask + repeat"))
        assert twice < 0.5 * once, chain


def test_a_mask_leaves_out_what_is_left_out_already():
    heights, there = island()
    flat = flatten(heights, "poly_xy + mask + repeat", leave_out=there)
    assert np.abs(flat[~there]).max() < 1e-10


@pytest.mark.parametrize("chain", ["repeat", "poly_xy + repeat", "mask + repeat", "mask + poly_xy + repeat"])
def test_repeat_without_a_method_and_a_mask_before_it_is_refused(chain):
    sentence = "'repeat' does the methods before 'mask' once more, so a method and then 'mask' have to come"
    with pytest.raises(ValueError, match=sentence):
        parse_chain(chain)


def test_a_chain_of_nothing_is_refused():
    with pytest.raises(ValueError, match="names no method; 'none' leaves the heights as they are"):
        parse_chain(())


def test_an_unknown_method_is_refused_with_the_nearest_and_those_there_are():
    sentence = r"flatten_method 'poly_yx' is not known; did you mean 'poly_xy'\? There are: none, poly_xy, "
    with pytest.raises(ValueError, match=sentence):
        flatten(np.zeros((4, 4)), "poly_yx")
    with pytest.raises(ValueError, match=sentence):
        Preprocessing("poly_yx")


# The table


def test_each_method_has_one_name_and_one_line_of_help():
    for name, method in METHODS.items():
        assert name == method.name
        assert FLATTEN_METHODS[name] == method.help
        assert "\n" not in method.help
        assert (method.function is None) == (name in {"mask", "repeat"})


def test_the_page_on_flattening_holds_the_table_of_methods():
    page = Path(__file__).parents[2] / "docs" / "flattening.md"
    assert table() in page.read_text("utf-8")
