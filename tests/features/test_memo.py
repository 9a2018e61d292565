"""What was made of the last maps is not made again, and of no other map."""

import numpy as np

from napari_stmml.features.memo import forget, recently


def counting():
    calls = []

    def make(heights):
        calls.append(heights.shape)
        return 2 * heights

    return make, calls


def test_the_same_heights_are_worked_on_once_whatever_array_they_are_in():
    make, calls = counting()
    heights = np.random.default_rng(0).normal(size=(20, 30))
    first = recently(make, heights, of="test")
    np.testing.assert_array_equal(recently(make, heights.copy(), of="test"), 2 * heights)
    assert len(calls) == 1
    assert not first.flags.writeable


def test_another_map_shape_type_or_purpose_is_worked_on_itself():
    make, calls = counting()
    heights = np.zeros((20, 30))
    recently(make, heights, of="shape")
    assert recently(make, heights.reshape(30, 20), of="shape").shape == (30, 20)
    assert recently(make, heights.astype(np.float32), of="shape").dtype == np.float32
    changed = heights.copy()
    changed[3, 4] = 1
    assert recently(make, changed, of="shape")[3, 4] == 2
    recently(make, changed, of="other")
    assert len(calls) == 5


def test_what_was_forgotten_is_made_again():
    make, calls = counting()
    for _ in range(2):
        recently(make, np.ones((4, 4)), of="forgotten")
        forget()
    assert len(calls) == 2


def test_few_are_kept_and_large_ones_not_at_all():
    make, calls = counting()
    for value in (0.0, 1.0, 2.0, 0.0):
        recently(make, np.full((5, 5), value), of="few")
    assert len(calls) == 4
    large = np.zeros((1300, 1300), np.float32)
    for _ in range(2):
        recently(make, large, of="few")
    assert len(calls) == 6
