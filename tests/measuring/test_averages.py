"""Class averages and profiles: bumps that were drawn are given back, in height and in width."""

import numpy as np
import pytest

from napari_stmml.measuring.averages import class_average, radial_profile


@pytest.fixture(params=[(0.1, 0.1), (0.1, 0.15)])
def bumps(request):
    """Draw Gaussian bumps of height 0.2 nm and standard deviation 0.6 nm at places between pixels."""
    size, rng = request.param, np.random.default_rng(1)
    y, x = np.indices((240, 240)) * np.array(size)[:, None, None]
    heights = 0.05 + np.zeros(y.shape)
    centres = np.array([(r, c) for r in range(30, 240, 60) for c in range(30, 240, 60)]) + rng.uniform(
        -3, 3, (16, 2)
    )
    for row, col in centres:
        heights += 0.2 * np.exp(-((y - row * size[0]) ** 2 + (x - col * size[1]) ** 2) / (2 * 0.6**2))
    return heights, centres, size


def test_the_average_of_equal_bumps_is_that_bump(bumps):
    heights, centres, size = bumps
    found = class_average(heights, centres, size, side=5.0)
    assert np.nanmax(found) == pytest.approx(0.2, rel=0.02)
    middle = found[found.shape[0] // 2]
    wide = (middle > np.nanmax(middle) / 2).sum() * size[1]
    assert wide == pytest.approx(2.355 * 0.6, abs=size[1])


@pytest.mark.parametrize("size", [(0.1, 0.1), (0.1, 0.13)])
def test_bumps_two_pixels_wide_keep_their_height(size):
    rng, wide = np.random.default_rng(0), 2 * max(size)
    y, x = np.indices((200, 200)) * np.array(size)[:, None, None]
    centres = np.array([(r, c) for r in range(20, 200, 40) for c in range(20, 200, 40)], float)
    centres += rng.uniform(-1, 1, centres.shape)
    heights = np.zeros(y.shape)
    for row, col in centres:
        heights -= 0.2 * np.exp(-((y - row * size[0]) ** 2 + (x - col * size[1]) ** 2) / (2 * wide**2))
    average = class_average(heights, centres, size, side=2.6)
    assert np.nanmin(average) == pytest.approx(-0.2, rel=0.01)
    profile = radial_profile(heights, centres, size, radius=1.3)
    there = profile.n > 0
    expected = -0.2 * np.exp(-(profile.radius**2) / (2 * wide**2))
    np.testing.assert_allclose(profile["profile"][there], expected[there], atol=0.003)


def test_mean_and_spread_are_those_of_the_single_structures():
    heights = np.zeros((40, 100))
    centres = np.array([(20.0, 15.0), (20.0, 50.0), (20.0, 85.0)])
    for (row, col), high in zip(centres.astype(int), (0.1, 0.2, 0.6), strict=True):
        heights[row, col] = high
    found = class_average(heights, centres, (1.0, 1.0), side=10.0)
    assert found[5, 5] == pytest.approx(0.3)
    profile = radial_profile(heights, centres, (1.0, 1.0), radius=5.0)
    assert profile["profile"][0] == pytest.approx(0.3)
    assert profile["std"][0] == pytest.approx(np.std([0.1, 0.2, 0.6], ddof=1))
    assert (profile.n == 3).all()


def test_a_place_where_nothing_is_known_adds_nothing():
    heights = np.zeros((60, 60))
    heights[:, 30:] = np.nan
    found = class_average(heights, np.array([(30.0, 55.0)]), (1.0, 1.0), side=10.0)
    assert np.isnan(found).all()


def test_the_radial_profile_of_bumps_is_a_gaussian(bumps):
    heights, centres, size = bumps
    found = radial_profile(heights, centres, size, radius=2.8)
    expected = 0.2 * np.exp(-(found.radius**2) / (2 * 0.6**2))
    there = found.n > 0
    np.testing.assert_allclose(found["profile"][there], expected[there], atol=0.012)
    assert found["profile"][0] == pytest.approx(0.2, rel=0.03)


def test_borders_and_what_was_not_scanned_are_left_out_of_averages(bumps):
    heights, _, size = bumps
    heights = heights.copy()
    heights[:, 60:] = np.nan
    centres = np.array([(30.0, 2.0), (100.0, 30.0)])
    both, inner = (class_average(heights, some, size, side=3.0) for some in (centres, centres[1:]))
    beyond = both.shape[1] // 2 - 2  # px left of the border around the first centre
    np.testing.assert_allclose(both[:, :beyond], inner[:, :beyond])
    assert np.isfinite(both).all()
    assert not np.allclose(both[:, beyond:], inner[:, beyond:])


@pytest.mark.parametrize("do", [class_average, radial_profile])
def test_nothing_to_average_is_said(do):
    with pytest.raises(ValueError, match="nothing to average"):
        do(
            np.zeros((9, 9)),
            np.zeros((0, 2)),
            (1.0, 1.0),
            **{"side" if do is class_average else "radius": 4.0},
        )


@pytest.mark.parametrize("side", [1.0, -4.0, np.nan])
def test_a_cut_out_of_no_pixels_is_refused(side):
    with pytest.raises(ValueError, match="3 px or more"):
        class_average(np.zeros((9, 9)), np.ones((1, 2)), (1.0, 1.0), side=side)


@pytest.mark.parametrize("how", [{"radius": 0.0}, {"radius": np.nan}, {"radius": 4.0, "step": 0.0}])
def test_a_profile_of_no_length_is_refused(how):
    with pytest.raises(ValueError, match="must be above 0"):
        radial_profile(np.zeros((9, 9)), np.ones((1, 2)), (1.0, 1.0), **how)


@pytest.mark.parametrize("pixel", [0.001, 0.05, 0.1, 0.13, 1 / 7, 0.37, 1.0, 33.0])
def test_a_profile_of_any_length_at_any_pixel_size_has_a_ring_for_each_pixel(pixel):
    flat = np.zeros((64, 64))
    for centre in ((31.0, 31.0), (31.5, 31.0), (31.5, 31.5)):
        for n in np.arange(1, 32, 0.5):
            found = radial_profile(flat, np.array([centre, centre]), (pixel, pixel), radius=n * pixel)
            assert abs(len(found) - int(n)) <= (n == int(n))  # 3 px may be 2.9999 px
            assert set(found.n) <= {0, 2}
            assert not found["profile"].any()
