"""Points in a plane: a picture counts every point in sight once, a line rings what is inside it."""

import numpy as np
import pytest
from skimage.measure import points_in_poly

from napari_stmml.viewer.explore.points import density, inside, limits_of, on_grid

UNIT = ((0.0, 1.0), (0.0, 1.0))


def star(corners=60):
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = 1 + 0.6 * np.sin(5 * angle)
    return np.c_[radius * np.cos(angle), radius * np.sin(angle)]


def test_inside_agrees_with_scikit_image(rng):
    points = rng.normal(size=(5000, 2))
    np.testing.assert_array_equal(inside(star(), points), points_in_poly(points, star()))


def test_a_line_that_goes_round_twice_rings_what_it_rings_once_and_twice():
    angle = np.linspace(0, 4 * np.pi, 120)
    twice = np.c_[np.cos(angle), np.sin(angle)] * (1 + 0.5 * (angle > 2 * np.pi))[:, None]
    assert inside(twice, np.array([[0.0, 0.0], [0.0, 1.2], [0.0, 2.0]])).tolist() == [True, True, False]


def test_the_way_round_and_the_first_corner_make_no_difference(rng):
    points = rng.normal(size=(500, 2))
    for other in (star()[::-1], np.roll(star(), 7, axis=0)):
        np.testing.assert_array_equal(inside(other, points), inside(star(), points))


@pytest.mark.parametrize("polygon", [np.zeros((0, 2)), np.array([[0.0, 0.0], [1.0, 1.0]])])
def test_fewer_than_three_corners_ring_nothing(polygon):
    assert not inside(polygon, np.array([[0.5, 0.5]])).any()


def test_a_point_that_is_nowhere_is_outside():
    assert inside(star(), np.array([[np.nan, np.nan], [0.0, 0.0]])).tolist() == [False, True]


def test_every_point_in_sight_is_in_the_picture_once(rng):
    points = rng.uniform(-0.5, 1.5, size=(2000, 2)).astype(np.float32)
    points[:10] = np.nan
    flat, seen = on_grid(points, (9, 7), UNIT)
    within = ((points >= 0) & (points < 1)).all(1)
    np.testing.assert_array_equal(seen, np.flatnonzero(within))
    counts = np.bincount(flat, minlength=63).reshape(9, 7)
    expected = np.histogram2d(points[within, 1], points[within, 0], bins=(9, 7), range=[[0, 1], [0, 1]])[0]
    assert np.abs(counts - expected[::-1]).sum() <= 4  # a point on an edge may fall on either side


def test_the_largest_y_is_in_the_first_row():
    assert density(np.array([[0.1, 0.9]]), (2, 2), UNIT).tolist() == [[1, 0], [0, 0]]


def test_density_goes_with_the_logarithm_and_is_0_where_nothing_is():
    points = np.repeat([[0.25, 0.25], [0.75, 0.75]], [7, 1], axis=0)
    found = density(points, (2, 2), UNIT)
    assert found[1, 0] == 1
    assert found[0, 1] == pytest.approx(np.log(2) / np.log(8))
    assert not density(np.zeros((0, 2)), (2, 2), UNIT).any()


def test_limits_leave_out_what_is_very_far_and_keep_a_margin(rng):
    points = rng.uniform(0, 1, size=(10_000, 2))
    points[0], points[1] = (1000, 1000), np.nan
    for low, high in limits_of(points):
        assert -0.2 < low < 0 < 1 < high < 1.2


def test_limits_of_nothing_or_of_one_place_are_never_equal():
    for points in (np.zeros((0, 2)), np.full((3, 2), np.nan), np.ones((4, 2))):
        assert all(low < high for low, high in limits_of(points))
