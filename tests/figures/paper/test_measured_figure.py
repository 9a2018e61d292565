"""The figure of what was measured: its texts, numbers and outlines are those of the tables."""

import numpy as np
import pytest

from napari_stmml.colours import as_rgb
from napari_stmml.figures.paper import measured_figure as module
from napari_stmml.figures.paper.measured_figure import MOST_CLASSES, MOST_NUMBERS, save_picture
from napari_stmml.io.label_tiff import LabelMap
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
    centres = [*[(r, c) for r in (30, 80, 130) for c in (30, 80, 130)][:8], (158, 80)]
    for row, col in centres:
        inside = np.hypot(rows - row, cols - col) <= 5
        labels[inside], heights[inside] = 2, -0.1
    inside = np.hypot(rows - 130, cols - 130) <= 8
    labels[inside], heights[inside] = 3, 0.2
    scan = Scan(heights, SIZE, "forward/up", bias=-1.7, setpoint=0.05, source="x/s--1_3.Z_mtrx")
    return labels, scan


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Return a function that measures and draws as `stmml measure` does; it returns figure and numbers."""

    def drawn_(labels, scan, names, background=(), min_area=0.0):
        found = measure(
            labels, scan.heights, scan.pixel_size, names=names, background=background, min_area=min_area
        )
        labels = LabelMap(labels, scan.pixel_size, names, {1: "#808080", 2: "#ff0000", 3: "#00ff00"})
        figures = []

        def keep(figure, path, dpi):
            figures.append(figure)
            return path

        monkeypatch.setattr(module, "save_figure", keep)
        save_picture(tmp_path / "a.png", scan, labels, found, class_details(found))
        return figures[0], found

    return drawn_


def texts(figure):
    return [text.get_text() for text in figure.texts]


def numbers(figure):
    return {text.get_text(): text.xy for text in figure.axes[0].texts if text.get_text().isdecimal()}


def test_the_picture_says_what_was_scanned_and_what_each_class_counts(drawn, surface):
    figure, _ = drawn(*surface, NAMES, [1])
    said = texts(figure)
    assert "16 × 16 nm, −1.7 V, 50 pA" in said
    assert {"holes A/B: 9 regions, 8 averaged", "bump: 1 region"} <= set(said)
    assert said[said.index("holes A/B") :][1] == "8"  # n, as the density: one is cut by the bottom edge
    assert said[said.index("surface") :][2] == "background"
    assert "regions that the bottom or right edge cuts are not counted" in " ".join(said)


def test_each_region_bears_the_number_that_it_has_in_the_table(drawn, surface):
    figure, found = drawn(*surface, NAMES, [1])
    assert set(numbers(figure)) == {str(one.number) for one in found.regions.itertuples()}
    bump = next(one for one in found.regions.itertuples() if one.name == "bump")
    assert numbers(figure)[str(bump.number)] == pytest.approx((bump.x + 0.8, bump.y))  # its rightmost px


def test_of_very_many_regions_the_numbers_would_hide_the_picture(drawn):
    labels = np.zeros((90, 90), np.uint8)
    labels[::4, ::4] = 1
    figure, found = drawn(labels, Scan(np.zeros(labels.shape), None), {1: "dots"})
    assert len(found.regions) > MOST_NUMBERS
    assert not numbers(figure)


@pytest.mark.parametrize(("min_area", "seen"), [(0.0, {"#ff0000", "#00ff00"}), (1.5, {"#00ff00"})])
def test_outlines_lie_around_the_regions_that_are_measured_in_the_colours_of_their_classes(
    drawn, surface, min_area, seen
):
    figure, _ = drawn(*surface, NAMES, [1], min_area)
    outlines = {
        tuple(round(255 * part) for part in one.get_edgecolor()[0][:3]): one
        for one in figure.axes[0].collections
    }
    assert set(outlines) == set(map(as_rgb, seen))
    corners = outlines[as_rgb("#00ff00")].get_paths()[0].vertices
    np.testing.assert_allclose(corners.min(0), 12.25, atol=0.06)  # px 122 to 138 of 0.1 nm, half a px beyond
    np.testing.assert_allclose(corners.max(0), 13.85, atol=0.06)


def test_of_many_classes_the_most_frequent_are_plotted(drawn):
    labels = np.zeros((90, 90), np.uint8)
    for i in range(8):
        for j in range(i + 1):
            labels[10 * i + 2 : 10 * i + 6, 10 * j + 2 : 10 * j + 6] = i + 1
    figure, _ = drawn(labels, Scan(np.zeros(labels.shape), None), {i: f"kind {i}" for i in range(1, 9)})
    plotted = [text for text in texts(figure) if text.endswith((" regions", " region"))]
    assert len(plotted) == MOST_CLASSES
    assert plotted[0] == "kind 8: 8 regions"
    assert {f"kind {i}" for i in range(1, 9)} <= set(texts(figure))  # of all there are numbers


def test_a_map_without_structures_is_a_picture_of_the_scan(drawn, surface):
    figure, _ = drawn(*surface, NAMES, [1, 2, 3])
    assert len(figure.axes) == 2
