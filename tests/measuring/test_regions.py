"""Regions in nm: drawn shapes of known size, place, angle and height are measured as they were drawn."""

import numpy as np
import pytest

from napari_stmml.heights.flatten import flatten
from napari_stmml.measuring.measurements import FLATTENED, measure, measure_scan
from napari_stmml.measuring.quantities import QUANTITIES, with_units
from napari_stmml.scan import Scan

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
    one = measure(drawn * np.uint8(2), np.zeros(drawn.shape), size, names=NAMES).regions.iloc[0]
    assert (one.y, one.x) == pytest.approx((9.0, 11.0), abs=0.05)
    assert one.area == pytest.approx(np.pi * 8, rel=0.02)
    assert one.diameter == pytest.approx(32**0.5, rel=0.01)
    assert (one.major, one.minor) == pytest.approx((8.0, 4.0), rel=0.02)
    assert abs((one.orientation - degrees + 90) % 180 - 90) < 1
    assert (one.label, one["name"], one.touches_border) == (2, "holes", False)


def test_apparent_height_is_above_what_lies_around_even_on_another_terrace():
    labels, heights = np.ones((100, 100), np.uint8), np.zeros((100, 100))
    heights[:, 50:] = 0.31
    for col, label, height in ((20, 2, -0.12), (80, 3, 0.2)):
        labels[45:55, col - 5 : col + 5] = label
        heights[45:55, col - 5 : col + 5] += height
    found = measure(labels, heights, (0.1, 0.1), names=NAMES, background=[1])
    assert found.regions.height.tolist() == pytest.approx([-0.12, 0.2])
    assert found.regions.lowest.tolist() == pytest.approx([-0.12, 0.2])


def test_a_neighbouring_region_is_no_background():
    labels, heights = np.ones((60, 60), np.uint8), np.zeros((60, 60))
    labels[25:35, 20:30], labels[25:35, 31:41] = 2, 3
    heights[labels == 2], heights[labels == 3] = 0.1, 5.0
    found = measure(labels, heights, (0.1, 0.1), names=NAMES, background=[1])
    assert found.regions.height[0] == pytest.approx(0.1)


def test_the_core_of_a_structure_of_several_classes_is_measured_from_the_surface_beyond():
    labels, heights = np.ones((120, 120), np.uint8), np.zeros((120, 120))
    rows, cols = np.indices(labels.shape)
    away = np.hypot(rows - 60, cols - 60)
    labels[away < 30], labels[away < 5] = 3, 2
    heights[away < 30], heights[away < 5] = 0.02, -0.1
    found = measure(labels, heights, (0.1, 0.1), names=NAMES, background=[1])
    assert dict(zip(found.regions["name"], found.regions.height.round(9), strict=True)) == {
        "holes": -0.1,
        "bumps": 0.02,
    }


def test_a_map_without_any_background_has_no_heights():
    labels = np.full((60, 60), 3, np.uint8)
    labels[25:35, 25:35] = 2
    found = measure(labels, np.zeros(labels.shape), (0.1, 0.1), names=NAMES)
    assert found.regions.height.isna().all()


def test_distances_counts_coverage_and_densities_follow_from_what_was_drawn():
    labels = np.ones((100, 200), np.uint8)
    for row, col in ((20, 30), (20, 60), (70, 60)):
        labels[row - 2 : row + 3, col - 2 : col + 3] = 2
    found = measure(labels, np.zeros(labels.shape), (0.2, 0.1), names=NAMES, background=[1])
    assert found.regions.nearest.tolist() == pytest.approx([3.0, 3.0, 10.0])
    surface, holes, _ = found.classes.itertuples()
    assert (holes.count, holes.whole) == (3, 3)
    assert found.area == pytest.approx(400)
    frame = 99 * 199 * 0.02  # no region that counts ends on the last px of a row or a column
    assert holes.density == pytest.approx(3 / frame)
    assert holes.density_error == pytest.approx(3**0.5 / frame)
    assert holes.coverage == pytest.approx(75 / 20000)
    assert holes.nearest == pytest.approx(16 / 3)
    assert holes.nearest_random == pytest.approx(0.5 / (3 / frame) ** 0.5)
    assert (surface.count, surface.background) == (0, True)
    assert found.classes.coverage.sum() == pytest.approx(1)


def test_what_was_not_scanned_is_no_area_and_its_border_cuts_regions():
    labels, heights = np.full((50, 50), 1, np.uint8), np.zeros((50, 50))
    labels[20:30, 10:16], labels[5:10, 5:10] = 2, 2
    heights[25:] = np.nan
    found = measure(labels, heights, (0.1, 0.1), names=NAMES, background=[1])
    assert found.area == pytest.approx(12.5)
    assert found.regions.touches_border.tolist() == [False, True]
    assert found.classes.whole[1] == 1
    assert found.classes.area_mean[1] == pytest.approx(0.25)


def discs(side, n, radius, seed=0):
    """Draw discs that do not touch; labels and how many there are."""
    rng, labels, placed = np.random.default_rng(seed), np.zeros((side, side), np.uint8), np.empty((0, 2))
    rows, cols = np.indices((2 * radius + 1, 2 * radius + 1)) - radius
    round_ = np.hypot(rows, cols) <= radius
    for place in rng.integers(radius, side - radius, (n, 2)):
        if not len(placed) or np.hypot(*(placed - place).T).min() > 2 * radius + 2:
            placed = np.vstack([placed, place])
            labels[place[0] + rows[round_], place[1] + cols[round_]] = 2
    return labels, len(placed)


@pytest.mark.parametrize("radius", [1, 4])
def test_in_frames_laid_side_by_side_each_region_counts_once(radius):
    labels, n = discs(781, 1500, radius)
    counted = 0.0
    for row in range(0, 780, 78):  # a region may end on all but the last of 79 px
        for col in range(0, 780, 78):
            part = labels[row : row + 79, col : col + 79]
            counted += measure(part, np.zeros(part.shape), None, names=NAMES).classes.density.sum() * 78 * 78
    assert counted == pytest.approx(n, rel=0.01)  # a region may touch four frames and end in none of them


def test_a_region_that_an_unfinished_line_cuts_does_not_count_and_a_hole_in_a_region_cuts_nothing():
    labels, heights = np.zeros((50, 50), np.uint8), np.zeros((50, 50))
    labels[20:40, 30:40] = labels[5:10, 5:10] = 2
    heights[31:], heights[30, 25:], heights[7, 7] = np.nan, np.nan, np.nan
    (one,) = measure(labels, heights, (1.0, 1.0), names={2: "holes"}).classes.itertuples()
    assert one.count == 2
    frame = 30 * 50 + 25 - 1 - (25 + 25 + 30 + 1 - 2)  # without holes and last px of columns and rows
    assert one.density == pytest.approx(1 / frame)


def test_objects_that_touch_are_two_regions_and_an_object_in_two_pieces_is_one():
    labels, objects = np.zeros((20, 30), int), np.zeros((20, 30), int)
    for number, box in enumerate((np.s_[5:10, 4:8], np.s_[5:10, 8:12], np.s_[14:16, 4:6]), 1):
        labels[box], objects[box] = 3, number
    labels[14:16, 8:10], objects[14:16, 8:10] = 3, 3
    labels[2:4, 20:23] = 5
    found = measure(labels, np.zeros(labels.shape), (0.5, 0.5), names={3: "adatom"}, objects=objects)
    assert found.regions.label.tolist() == [3, 3, 3, 5]
    assert found.regions.area.tolist() == [5, 5, 2, 1.5]
    assert np.array_equal(found.numbers, np.where(labels == 5, 4, objects))
    assert found.classes["count"].tolist() == [3, 1]
    joined = measure(labels, np.zeros(labels.shape), (0.5, 0.5), names={3: "adatom"})
    assert joined.classes["count"].tolist() == [3, 1]  # two that touch, and two pieces


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
    of_regions, of_classes = (with_units(one, "nm") for one in (known.regions, known.classes))
    assert {"area_nm2", "diameter_nm", "height_nm", "row_px", "orientation_deg"} <= set(of_regions)
    assert {"density_per_nm2", "density_error_per_nm2", "coverage"} <= set(of_classes)
    assert set(QUANTITIES) >= {*known.regions, *known.classes}
    assert with_units(unknown.regions, unknown.unit).area_px2.tolist() == [100.0]
    assert unknown.unit == "px"


def test_confidence_is_averaged_over_a_region():
    labels = np.zeros((40, 40), np.uint8)
    labels[20:30, 20:30] = 2
    sure = np.where(np.indices(labels.shape)[1] < 25, 0.5, 1.0)
    one = measure(labels, np.zeros(labels.shape), None, names=NAMES, confidence=sure).regions.iloc[0]
    assert one.confidence == pytest.approx(0.75)
    partly = np.where(np.indices(labels.shape)[1] < 25, np.nan, sure)
    assert measure(labels, sure, None, names=NAMES, confidence=partly).regions.confidence[0] == 1
    nowhere = measure(labels, sure, None, names=NAMES, confidence=np.full(labels.shape, np.nan))
    assert np.isnan(nowhere.regions.confidence[0])


@pytest.mark.parametrize(
    ("heights", "why"), [(np.zeros((3, 4)), "do not fit"), (np.full((3, 3), np.nan), "nothing")]
)
def test_what_cannot_be_measured_says_why(heights, why):
    with pytest.raises(ValueError, match=why):
        measure(np.ones((3, 3), np.uint8), heights, None, names=NAMES)


@pytest.mark.parametrize("labels", [np.ones(9, np.uint8), np.ones((9, 9)), np.full((9, 9), -1)])
def test_labels_that_are_no_map_of_whole_numbers_are_refused(labels):
    with pytest.raises(ValueError, match="map of whole numbers"):
        measure(labels, np.zeros(labels.shape), None, names=NAMES)


@pytest.mark.parametrize("size", [(0.0, 0.1), (0.1, -0.1), (np.nan, 0.1), (0.1, np.inf)])
def test_a_pixel_without_a_size_is_refused(size):
    with pytest.raises(ValueError, match="more than 0 nm"):
        measure(np.ones((9, 9), np.uint8), np.zeros((9, 9)), size, names=NAMES)


@pytest.mark.parametrize("least", [-1.0, np.nan, np.inf])
def test_a_least_area_that_is_none_is_refused(least):
    with pytest.raises(ValueError, match="least area"):
        measure(np.ones((9, 9), np.uint8), np.zeros((9, 9)), None, names=NAMES, min_area=least)


def test_a_scan_of_one_line_has_no_density():
    (one,) = measure(np.ones((1, 9), np.uint8), np.zeros((1, 9)), None, names={}).classes.itertuples()
    assert np.isnan([one.density, one.density_error, one.nearest_random]).all()


def test_a_map_without_regions_has_none():
    found = measure(np.zeros((9, 9), np.uint8), np.zeros((9, 9)), None, names=NAMES)
    assert (len(found.regions), found.classes["count"].tolist()) == (0, [0, 0, 0])


def test_a_scan_is_flattened_before_it_is_measured_and_steps_stay():
    rows, cols = np.indices((80, 80))
    labels, heights = np.ones((80, 80), np.uint8), 0.01 * rows + 0.02 * cols + 0.31 * (rows > 40)
    labels[10:16, 10:16] = 2
    heights[10:16, 10:16] += 0.2
    scan = Scan(heights, (0.1, 0.1), unit="nm")
    found = measure_scan(labels, scan, names=NAMES, background=[1])
    np.testing.assert_array_equal(found.heights, flatten(heights, FLATTENED))
    assert found.regions.height[0] == pytest.approx(0.2, abs=0.02)


def test_currents_are_no_heights():
    scan = Scan(np.zeros((9, 9)), None, channel="I", unit="nA")
    with pytest.raises(ValueError, match="channel I is in nA: there are no heights in nm"):
        measure_scan(np.ones((9, 9), np.uint8), scan, names=NAMES)
