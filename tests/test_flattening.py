import numpy as np
import pytest
import spiepy
from spiepy import demo

from napari_stmml.flattening import FLATTEN_METHODS, flatten
from napari_stmml.preprocess import Preprocessing

FITS = [method for method in FLATTEN_METHODS if method != "none"]
every_fit = pytest.mark.parametrize("method", FITS)
unsettled = pytest.mark.filterwarnings("ignore:iterate_mask did not settle")  # on noise it never does
DEMOS = list(demo.list_demo_files().values())


def plane(shape=(40, 60), down=0.02, right=-0.05, offset=3.0):
    return np.add.outer(down * np.arange(shape[0]), right * np.arange(shape[1])) + offset


def rows_missing(heights, which):
    holes = heights.copy()
    holes[which] = np.nan
    return holes


# Flatten


@unsettled
@every_fit
@pytest.mark.parametrize(
    "which", [slice(0, 0), slice(0, 15), slice(25, 40), slice(18, 21), slice(1, None, 2)]
)
def test_a_tilted_plane_flattens_to_zero_also_where_rows_are_missing(method, which):
    tilted = rows_missing(plane(), which)
    flat = flatten(tilted, method)
    assert np.array_equal(np.isnan(flat), np.isnan(tilted))
    assert np.nanmax(np.abs(flat)) < 1e-10


@unsettled
@every_fit
def test_a_tilted_plane_flattens_to_zero_around_single_missing_points(rng, method):
    tilted = plane()
    tilted[rng.random(tilted.shape) < 0.2] = np.nan
    flat = flatten(tilted, method)
    assert np.array_equal(np.isnan(flat), np.isnan(tilted))
    assert np.nanmax(np.abs(flat)) < 1e-10


@pytest.mark.parametrize("name", DEMOS)
def test_poly_xy_is_spiepys_own(name):
    heights = demo.load_demo_file(name) * 1e9
    assert np.array_equal(flatten(heights, "poly_xy"), spiepy.flatten_poly_xy(heights, deg=1)[0])


@pytest.mark.parametrize("name", DEMOS)
def test_iterate_mask_is_spiepys_own(name):
    heights = demo.load_demo_file(name)[:256, :256] * 1e9
    expected, _, rounds = spiepy.flatten_by_iterate_mask(heights)
    assert rounds > 0
    assert np.array_equal(flatten(heights, "iterate_mask"), expected)


def test_with_missing_rows_the_fit_is_spiepys_over_the_others():
    heights = demo.load_demo_file(DEMOS[0])[:100] * 1e9
    expected, _ = spiepy.flatten_poly_xy(heights, mask=np.zeros(heights.shape, bool), deg=1)
    tall = np.vstack([np.full((30, heights.shape[1]), np.nan), heights])
    np.testing.assert_allclose(flatten(tall)[30:], expected, atol=1e-12)


@unsettled
@every_fit
def test_what_lies_in_the_gaps_has_no_part_in_the_fit(rng, method):
    heights = plane() + rng.normal(0, 0.01, (40, 60))
    missing = rng.random(heights.shape) < 0.1
    flats = [flatten(np.where(missing, gap, heights), method) for gap in (np.nan, np.inf, -np.inf)]
    assert np.array_equal(flats[0], flats[1], equal_nan=True)
    assert np.array_equal(flats[0], flats[2], equal_nan=True)
    assert np.array_equal(np.isnan(flats[0]), missing)


@pytest.mark.parametrize("method", FLATTEN_METHODS)
def test_flattening_leaves_its_input_as_it_was(rng, method):
    heights = rows_missing(plane() + rng.normal(0, 0.01, (40, 60)), slice(0, 3))
    before = heights.copy()
    flatten(heights, method)
    assert np.array_equal(heights, before, equal_nan=True)


def test_none_takes_nothing_out():
    heights = rows_missing(plane(), slice(0, 3))
    assert np.array_equal(flatten(heights, "none"), heights, equal_nan=True)


@every_fit
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 1)])
def test_too_little_for_a_plane_loses_its_mean(rng, method, shape):
    heights = rng.normal(5, 1, shape)
    np.testing.assert_allclose(flatten(heights, method), heights - heights.mean())


def test_a_mask_that_does_not_settle_is_told():
    noise = np.random.default_rng(0).normal(size=(200, 200)) * 1e-13 + plane((200, 200))
    with pytest.warns(UserWarning, match="iterate_mask did not settle within 100 rounds"):
        flatten(noise, "iterate_mask")


def test_nothing_to_flatten_is_refused():
    with pytest.raises(ValueError, match="nothing to flatten: every height is missing"):
        flatten(np.full((4, 4), np.nan))


def test_an_unknown_method_is_refused_with_the_nearest_and_those_there_are():
    sentence = r"flatten_method 'poly_yx' is not known; did you mean 'poly_xy'\? There are: none, poly_xy, "
    with pytest.raises(ValueError, match=sentence):
        flatten(np.zeros((4, 4)), "poly_yx")
    with pytest.raises(ValueError, match=sentence):
        Preprocessing("poly_yx")
