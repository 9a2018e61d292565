"""Regions in nm: drawn shapes of known size, place, angle and height are measured as they were drawn."""

from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.averages import class_average, radial_profile
from napari_stmml.pairdistances import pair_histogram
from napari_stmml.regions import measure

NAMES = {1: "surface", 2: "holes", 3: "bumps"}


def ellipse(shape, size, centre, axes, degrees):
    """Draw an ellipse, everything in nm, angles anticlockwise from x; bool."""
    rows, cols = np.indices(shape)
    x, y = (cols + 0.5) * size[1] - centre[1], -((rows + 0.5) * size[0] - centre[0])
    turn = np.radians(degrees)
    along, across = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    return (2 * along / axes[0]) ** 2 + (2 * across / axes[1]) ** 2 <= 1


@pytest.mark.parametrize("size", [(0.1, 0.1), (0.1, 0.16)])
@pytest.mark.parametrize("degrees", [0, 30, -65, 90])
def test_an_ellipse_has_the_area_axes_angle_and_place_that_it_was_drawn_with(size, degrees):
    drawn = ellipse((200, 180), size, (9.0, 11.0), (8.0, 4.0), degrees)
    one = measure(drawn * np.uint8(2), np.zeros(drawn.shape), size, names=NAMES).regions[0]
    assert (one.y, one.x) == pytest.approx((9.0, 11.0), abs=0.05)
    assert one.area == pytest.approx(np.pi * 8, rel=0.02)
    assert one.diameter == pytest.approx(32**0.5, rel=0.01)
    assert (one.major, one.minor) == pytest.approx((8.0, 4.0), rel=0.02)
    assert abs((one.orientation - degrees + 90) % 180 - 90) < 1
    assert (one.label, one.name, one.touches_border) == (2, "holes", False)


def test_apparent_height_is_above_what_lies_around_even_on_another_terrace():
    labels, heights = np.ones((100, 100), np.uint8), np.zeros((100, 100))
    heights[:, 50:] = 0.31
    for col, label, height in ((20, 2, -0.12), (80, 3, 0.2)):
        labels[45:55, col - 5 : col + 5] = label
        heights[45:55, col - 5 : col + 5] += height
    found = measure(labels, heights, (0.1, 0.1), names=NAMES, background=[1])
    assert [one.height for one in found.regions] == pytest.approx([-0.12, 0.2])
    assert [one.lowest for one in found.regions] == pytest.approx([-0.12, 0.2])


def test_a_neighbouring_region_is_no_background():
    labels, heights = np.ones((60, 60), np.uint8), np.zeros((60, 60))
    labels[25:35, 20:30], labels[25:35, 31:41] = 2, 3
    heights[labels == 2], heights[labels == 3] = 0.1, 5.0
    found = measure(labels, heights, (0.1, 0.1), names=NAMES, background=[1])
    assert found.regions[0].height == pytest.approx(0.1)


def test_the_core_of_a_structure_of_several_classes_is_measured_from_the_surface_beyond():
    labels, heights = np.ones((120, 120), np.uint8), np.zeros((120, 120))
    rows, cols = np.indices(labels.shape)
    away = np.hypot(rows - 60, cols - 60)
    labels[away < 30], labels[away < 5] = 3, 2
    heights[away < 30], heights[away < 5] = 0.02, -0.1
    found = measure(labels, heights, (0.1, 0.1), names=NAMES, background=[1])
    assert {one.name: round(one.height, 9) for one in found.regions} == {"holes": -0.1, "bumps": 0.02}


def test_a_map_without_any_background_has_no_heights():
    labels = np.full((60, 60), 3, np.uint8)
    labels[25:35, 25:35] = 2
    found = measure(labels, np.zeros(labels.shape), (0.1, 0.1), names=NAMES)
    assert all(np.isnan(one.height) for one in found.regions)


def test_distances_counts_coverage_and_densities_follow_from_what_was_drawn():
    labels = np.ones((100, 200), np.uint8)
    for row, col in ((20, 30), (20, 60), (70, 60)):
        labels[row - 2 : row + 3, col - 2 : col + 3] = 2
    found = measure(labels, np.zeros(labels.shape), (0.2, 0.1), names=NAMES, background=[1])
    assert [one.nearest for one in found.regions] == pytest.approx([3.0, 3.0, 10.0])
    surface, holes = found.classes
    assert (holes.count, holes.whole) == (3, 3)
    assert found.scanned == pytest.approx(400)
    assert holes.density == pytest.approx(3 / 400)
    assert holes.density_error == pytest.approx(3**0.5 / 400)
    assert holes.coverage == pytest.approx(75 / 20000)
    assert holes.nearest == pytest.approx(16 / 3)
    assert holes.nearest_random == pytest.approx(0.5 / (3 / 400) ** 0.5)
    assert (surface.count, surface.background) == (0, True)
    assert sum(one.coverage for one in found.classes) == pytest.approx(1)


def test_what_was_not_scanned_is_no_area_and_its_border_cuts_regions():
    labels, heights = np.full((50, 50), 1, np.uint8), np.zeros((50, 50))
    labels[20:30, 10:16], labels[5:10, 5:10] = 2, 2
    heights[25:] = np.nan
    found = measure(labels, heights, (0.1, 0.1), names=NAMES, background=[1])
    assert found.scanned == pytest.approx(12.5)
    assert [one.touches_border for one in found.regions] == [False, True]
    assert found.classes[1].whole == 1
    assert found.classes[1].area_mean == pytest.approx(0.25)


def test_the_density_of_discs_cut_by_the_frame_is_right_on_average():
    rng, true, found, true_n = np.random.default_rng(0), 0.0012, [], []
    for _ in range(200):
        n = rng.poisson(true * 160 * 160)
        labels = np.zeros((160, 160), np.uint8)
        rows, cols = np.indices(labels.shape)
        placed: list[np.ndarray] = []
        for place in rng.uniform(0, 160, (n, 2)):
            if all(((place - other) ** 2).sum() > 64 for other in placed):  # discs do not touch
                placed.append(place)
        true_n.append(len(placed) / 160**2)
        for row, col in placed:
            labels[(rows - row) ** 2 + (cols - col) ** 2 <= 6] = 2
        inner = labels[30:130, 30:130]
        found.append(measure(inner, np.zeros(inner.shape), None, names=NAMES).classes)
    densities = [classes[0].density if classes else 0 for classes in found]
    assert np.mean(densities) == pytest.approx(np.mean(true_n), rel=0.06)


def test_small_regions_are_noise_where_asked():
    labels = np.zeros((40, 40), np.uint8)
    labels[5, 5], labels[20:30, 20:30] = 2, 2
    assert len(measure(labels, np.zeros(labels.shape), (0.1, 0.1), names=NAMES).regions) == 2
    found = measure(labels, np.zeros(labels.shape), (0.1, 0.1), names=NAMES, min_area=0.05)
    assert len(found.regions) == 1
    np.testing.assert_array_equal(found.numbers > 0, labels * (np.indices(labels.shape)[0] > 10) > 0)


def test_columns_are_named_with_their_units_and_without_a_scale_all_is_in_px():
    labels = np.zeros((40, 40), np.uint8)
    labels[20:30, 20:30] = 2
    known = measure(labels, np.zeros(labels.shape), (0.1, 0.1), names=NAMES)
    unknown = measure(labels, np.zeros(labels.shape), None, names=NAMES)
    assert {"area_nm2", "diameter_nm", "height_nm", "row_px", "orientation_deg"} <= set(
        known.region_columns()
    )
    assert {"density_per_nm2", "density_error_per_nm2", "coverage"} <= set(known.class_columns())
    assert unknown.region_columns()["area_px2"] == [100.0]
    assert unknown.unit == "px"


def test_confidence_is_averaged_over_a_region():
    labels = np.zeros((40, 40), np.uint8)
    labels[20:30, 20:30] = 2
    sure = np.where(np.indices(labels.shape)[1] < 25, 0.5, 1.0)
    one = measure(labels, np.zeros(labels.shape), None, names=NAMES, confidence=sure).regions[0]
    assert one.confidence == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("heights", "why"), [(np.zeros((3, 4)), "do not fit"), (np.full((3, 3), np.nan), "nothing")]
)
def test_what_cannot_be_measured_says_why(heights, why):
    with pytest.raises(ValueError, match=why):
        measure(np.ones((3, 3), np.uint8), heights, None, names=NAMES)


def test_a_map_without_regions_has_none():
    found = measure(np.zeros((9, 9), np.uint8), np.zeros((9, 9)), None, names=NAMES)
    assert (found.regions, found.classes, found.centres(2).shape) == ((), (), (0, 2))


# ---- averages


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
    assert np.nanmax(found.mean) == pytest.approx(0.2, rel=0.02)
    middle = found.mean[found.mean.shape[0] // 2]
    wide = (middle > np.nanmax(middle) / 2).sum() * size[1]
    assert wide == pytest.approx(2.355 * 0.6, abs=size[1])
    assert np.nanmax(found.std) < 0.01


def test_the_radial_profile_of_bumps_is_a_gaussian(bumps):
    heights, centres, size = bumps
    found = radial_profile(heights, centres, size, radius=2.8)
    expected = 0.2 * np.exp(-(found.distance**2) / (2 * 0.6**2))
    there = found.n > 0
    np.testing.assert_allclose(found.mean[there], expected[there], atol=0.012)
    assert found.mean[there][0] == pytest.approx(0.2, rel=0.03)


def test_borders_and_what_was_not_scanned_are_left_out_of_averages(bumps):
    heights, _, size = bumps
    heights = heights.copy()
    heights[:, 60:] = np.nan
    found = class_average(heights, np.array([(30.0, 2.0), (100.0, 30.0)]), size, side=3.0)
    assert set(np.unique(found.n).tolist()) == {1, 2}
    assert np.isfinite(found.mean).all()


@pytest.mark.parametrize("do", [class_average, radial_profile])
def test_nothing_to_average_is_said(do):
    with pytest.raises(ValueError, match="nothing to average"):
        do(
            np.zeros((9, 9)),
            np.zeros((0, 2)),
            (1.0, 1.0),
            **{"side" if do is class_average else "radius": 4.0},
        )


def test_a_cut_out_of_no_pixels_is_refused():
    with pytest.raises(ValueError, match="3 px or more"):
        class_average(np.zeros((9, 9)), np.ones((1, 2)), (1.0, 1.0), side=1.0)


# ---- pairs

SCANNED = np.ones((200, 200), bool)


def test_random_places_lie_within_what_random_placement_gives():
    inside = []
    for seed in range(12):
        places = np.random.default_rng(100 + seed).uniform(0, 20, (80, 2))
        found = pair_histogram(places, SCANNED, (0.1, 0.1), n_bins=15, n_simulations=60, seed=seed)
        inside.append((found.observed >= found.low) & (found.observed <= found.high))
    assert np.mean(inside) > 0.9


def test_a_lattice_shows_its_distance_and_none_shorter():
    places = np.stack(np.meshgrid(np.arange(1, 20, 2.0), np.arange(1, 20, 2.0)), -1).reshape(-1, 2)
    found = pair_histogram(places, SCANNED, (0.1, 0.1), n_bins=20, n_simulations=40)
    assert found.observed[:4].sum() == 0  # up to 2 nm
    assert found.observed[4] > 1.5 * found.high[4]
    assert found.observed[4] == 180


def test_clustered_places_have_too_many_short_distances():
    rng = np.random.default_rng(0)
    places = np.clip(rng.uniform(2, 18, (15, 1, 2)) + rng.normal(0, 0.4, (15, 6, 2)), 0, 20).reshape(-1, 2)
    found = pair_histogram(places, SCANNED, (0.1, 0.1), n_simulations=40)
    assert (found.ratio[:3] > 2).all()


def test_random_places_keep_their_distance_and_lie_where_it_was_scanned():
    scanned = SCANNED.copy()
    scanned[:, 50:] = False
    places = np.random.default_rng(0).uniform(0, 5, (20, 2))
    found = pair_histogram(
        places, scanned, (0.1, 0.1), exclusion=1.0, n_bins=20, n_simulations=20, farthest=10.0
    )
    assert found.random[:2].sum() == 0
    far = pair_histogram(places, scanned, (0.1, 0.1), n_bins=4, farthest=44.0, n_simulations=20)
    assert far.random[2:].sum() == 0  # nothing is farther apart than the part that was scanned


def test_all_pairs_are_counted_once():
    places = np.random.default_rng(0).uniform(0, 20, (30, 2))
    found = pair_histogram(places, SCANNED, (0.1, 0.1), farthest=30.0, n_simulations=3)
    assert found.observed.sum() == 30 * 29 / 2
    assert found.random.sum() == pytest.approx(30 * 29 / 2)


def test_one_place_has_no_distance():
    with pytest.raises(ValueError, match="two regions or more"):
        pair_histogram(np.ones((1, 2)), SCANNED, (0.1, 0.1))


def test_the_same_seed_gives_the_same_simulations():
    places = np.random.default_rng(0).uniform(0, 20, (20, 2))
    one, same = (pair_histogram(places, SCANNED, (0.1, 0.1), n_simulations=5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.random, same.random)
    assert replace(one) is not one
