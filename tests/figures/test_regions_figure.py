"""The figure of what was measured: its texts, numbers and outlines are those of the tables."""

import numpy as np
import pytest

from napari_stmml.colours import as_rgb
from napari_stmml.figures.drawing import save_figure
from napari_stmml.figures.regions_figure import MOST_CLASSES, MOST_NUMBERS, class_sentence, regions_figure
from napari_stmml.measuring.class_details import class_details
from napari_stmml.measuring.measurements import measure
from napari_stmml.scan import Scan

NAMES = {1: "surface", 2: "holes A/B", 3: "bump"}
SIZE = (0.1, 0.1)


@pytest.fixture
def surface():
    """Draw 9 holes of 0.1 nm, one of them cut by the frame, and one bump of 0.2 nm; labels and scan."""
    labels, heights = np.ones((160, 160), np.uint8), np.zeros((160, 160))
    rows, cols = np.indices(labels.shape)
    centres = [*[(r, c) for r in (30, 80, 130) for c in (30, 80, 130)][:8], (80, 1)]
    for row, col in centres:
        inside = np.hypot(rows - row, cols - col) <= 5
        labels[inside], heights[inside] = 2, -0.1
    inside = np.hypot(rows - 130, cols - 130) <= 8
    labels[inside], heights[inside] = 3, 0.2
    scan = Scan(heights, SIZE, "forward/up", bias=-1.7, setpoint=0.05, source="x/s--1_3.Z_mtrx")
    return labels, scan


@pytest.fixture
def found(surface):
    labels, scan = surface
    return measure(labels, scan.heights, SIZE, names=NAMES, background=[1])


@pytest.fixture
def figure(surface, found):
    _, scan = surface
    colours = {1: "#808080", 2: "#ff0000", 3: "#00ff00"}
    details = class_details(found)
    return regions_figure(scan, found, details, colours)


def texts(figure):
    return "\n".join(
        [*(text.get_text() for text in figure.texts), *(axes.get_title(loc="left") for axes in figure.axes)]
    )


def test_the_picture_says_what_was_scanned_and_what_each_class_counts(figure):
    said = texts(figure)
    assert "1_3 Z forward/up -1.7 V (s)\n16 x 16 nm, -1.7 V, 50 pA" in said
    assert "surface: background, 9" in said
    assert "holes A/B: 9 regions" in said
    assert "holes A/B: 9 regions, 8 averaged" in said
    assert "bump: 1 region," in said
    assert "■ bump: 1 region\n" in f"{said}\n"


def test_each_region_bears_the_number_that_it_has_in_the_table(figure, found):
    axes = next(one for one in figure.axes if one.get_xlabel() == "x (nm)")
    numbers = {text.get_text(): text.xy for text in axes.texts}
    assert set(numbers) == {str(one.number) for one in found.regions.itertuples()}
    bump = next(one for one in found.regions.itertuples() if one.name == "bump")
    assert numbers[str(bump.number)] == pytest.approx((bump.x + 0.8, bump.y))  # its rightmost px


def test_of_very_many_regions_the_numbers_would_hide_the_picture():
    labels = np.zeros((90, 90), np.uint8)
    labels[::4, ::4] = 1
    found = measure(labels, np.zeros(labels.shape), None, names={1: "dots"})
    figure = regions_figure(Scan(np.zeros(labels.shape), None), found, (), {})
    assert len(found.regions) > MOST_NUMBERS
    assert not figure.axes[0].texts


def test_outlines_lie_around_the_regions_in_the_colours_of_their_classes(figure):
    axes = next(one for one in figure.axes if one.get_xlabel() == "x (nm)")
    outlines = {
        tuple(round(255 * part) for part in one.get_edgecolor()[0][:3]): one for one in axes.collections
    }
    assert set(outlines) == {as_rgb("#ff0000"), as_rgb("#00ff00")}
    corners = outlines[as_rgb("#00ff00")].get_paths()[0].vertices
    np.testing.assert_allclose(corners.min(0), 12.25, atol=0.06)  # px 122 to 138 of 0.1 nm, half a px beyond
    np.testing.assert_allclose(corners.max(0), 13.85, atol=0.06)


def test_of_many_classes_the_most_frequent_are_plotted(tmp_path):
    labels = np.zeros((90, 90), np.uint8)
    for i in range(8):
        for j in range(i + 1):
            labels[10 * i + 2 : 10 * i + 6, 10 * j + 2 : 10 * j + 6] = i + 1
    names = {i: f"kind {i}" for i in range(1, 9)}
    scan = Scan(np.zeros(labels.shape), None)
    found = measure(labels, scan.heights, None, names=names)
    details = class_details(found)
    figure = regions_figure(scan, found, details, {})
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert len(titles) == MOST_CLASSES
    assert titles[0] == "■ kind 8: 8 regions"
    assert "outlined only: 2 more" in texts(figure)
    assert save_figure(figure, tmp_path / "a.png").stat().st_size > 1000


def test_a_map_without_structures_is_a_picture_of_the_scan(surface):
    labels, scan = surface
    found = measure(labels, scan.heights, SIZE, names=NAMES, background=[1, 2, 3])
    figure = regions_figure(scan, found, (), {})
    assert len(figure.axes) == 2


def test_what_is_not_known_of_a_class_is_not_said(found):
    *_, bump = found.classes.itertuples()
    assert class_sentence(bump, "nm").endswith("height 0.2 nm")  # of one region there is no spread
    assert class_sentence(bump._replace(height_mean=float("nan")), "nm").endswith("% of the area")
