import numpy as np
import pytest

from napari_stmml.heights.ground import coarse_median, ground, ground_below, levelled
from napari_stmml.heights.pyramid import halved


def staircase(shape=(120, 132), at=(40, 90), height=3.0):
    cols = np.arange(shape[1])
    return np.broadcast_to(height * sum((cols >= one).astype(np.float32) for one in at), shape).copy()


def test_a_leaning_staircase_gets_flat_terraces():
    rows, cols = np.indices((120, 132))
    flat = levelled((staircase() + 0.05 * rows - 0.03 * cols).astype(np.float32))
    assert np.ptp(flat[:, 44:86]) < 0.01
    assert abs(float(flat[60, 100] - flat[60, 60])) == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("shape", [(120, 132), (61, 133), (16, 110)])
def test_the_ground_of_a_staircase_is_the_staircase_up_to_a_few_pixels(shape):
    stairs = staircase(shape)
    off = np.abs(ground_below(stairs) - stairs)
    assert off.shape == shape
    assert (off > 0.1).any(0).sum() <= 12


def test_what_stands_at_the_foot_of_a_step_is_not_ground():
    stairs = staircase()
    bumped = stairs.copy()
    bumped[57:63, 26:32] += 1.2
    assert (bumped - ground_below(bumped))[58:62, 27:31].min() > 1.0


def test_the_ground_is_one_of_the_medians_around():
    half = halved(np.random.default_rng(0).normal(size=(64, 80)).astype(np.float32))
    coarse = coarse_median(half)
    found = ground(half, coarse)
    assert found.shape == half.shape
    assert np.isin(found, coarse).all()
    near = coarse.repeat(2, 0).repeat(2, 1)
    assert (np.abs(half - found) <= np.abs(half - near)).all()


def test_the_ground_turns_with_the_map():
    heights = np.random.default_rng(1).normal(size=(64, 80)).astype(np.float32) + staircase((64, 80))
    np.testing.assert_allclose(
        ground_below(np.ascontiguousarray(heights.T)).T, ground_below(heights), atol=1e-5
    )


def test_the_ground_of_many_rows_is_that_of_each_part_of_them():
    heights = np.random.default_rng(2).normal(size=(1300, 40)).astype(np.float32) + staircase(
        (1300, 40), (18,)
    )
    whole = ground_below(heights)
    for top in (0, 400, 740):
        part = ground_below(heights[top : top + 300])
        inner = slice(0 if top == 0 else 40, 260)
        assert np.array_equal(whole[top : top + 300][inner], part[inner])
