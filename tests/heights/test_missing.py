import numpy as np

from napari_stmml.heights.missing import fill_nearest


def holed(rng, shape=(40, 50)):
    heights = rng.normal(size=shape).astype(np.float32)
    heights[10:14, 20:30] = np.nan
    heights[39, 49] = np.inf
    return heights


def test_missing_heights_are_taken_from_the_nearest_and_all_others_stay(rng):
    heights = holed(rng)
    filled = fill_nearest(heights)
    there = np.isfinite(heights)
    assert filled.dtype == np.float32
    assert np.array_equal(filled[there], heights[there])
    assert np.array_equal(filled[10, 21:29], heights[9, 21:29])
    assert np.array_equal(filled[13, 21:29], heights[14, 21:29])
    assert filled[39, 49] in (heights[38, 49], heights[39, 48])


def test_each_map_of_two_is_filled_from_itself(rng):
    first, second = holed(rng), holed(rng)
    second[0] = np.nan
    assert np.array_equal(
        fill_nearest(np.stack([first, second])), [fill_nearest(first), fill_nearest(second)]
    )


def test_what_is_missing_can_be_said_for_all_maps_alike(rng):
    maps = rng.normal(size=(2, 30, 30))
    missing = np.zeros((30, 30), bool)
    missing[:5] = True
    filled = fill_nearest(maps, missing)
    assert np.array_equal(filled[:, :5], np.repeat(maps[:, 5:6], 5, axis=1))
    assert np.array_equal(filled[:, 5:], maps[:, 5:])


def test_a_whole_map_is_returned_as_it_is_and_an_empty_one_as_zeros(rng):
    whole = rng.normal(size=(5, 5))
    assert fill_nearest(whole) is whole
    assert np.array_equal(fill_nearest(np.full((3, 4), np.nan)), np.zeros((3, 4)))


def test_infinite_heights_are_missing_ones():
    assert np.array_equal(fill_nearest(np.array([[np.inf, 2.0, -np.inf]])), [[2.0, 2.0, 2.0]])
