"""The figure of a scan beside its labels: its place in nm, its legend, nothing cut off."""

import matplotlib.colors
import numpy as np
import pytest
from PIL import Image

from napari_stmml.colours import paint_classes
from napari_stmml.figures.drawing import MOST_SHOWN, save_figure
from napari_stmml.figures.labels_figure import MOST_IN_STRIP, labels_figure
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan


@pytest.fixture
def scan(rng):
    """Lay a bright top row on a tilted plane, 40 x 10 nm; the lowest rows are not scanned."""
    heights = np.add.outer(np.arange(20) * 0.1, np.arange(80) * 0.05) + rng.normal(0, 0.01, (20, 80))
    heights[0] += 1
    heights[15:] = np.nan
    return Scan(heights, (0.5, 0.5), "forward/up", bias=-1.7, setpoint=0.05, source="a--1_3.Z_mtrx")


@pytest.fixture
def labels():
    map_ = np.zeros((20, 80), int)
    map_[5:, :40], map_[5:, 40:60] = 1, 7
    return LabelMap(map_, names={1: "row", 2: "not there"}, colours={1: "#ff0000", 7: "#0000ff80"})


def test_a_figure_shows_scan_and_labels_side_by_side_top_row_up_in_nanometres(scan, labels):
    left, right = labels_figure(scan, labels).axes[:2]
    for axes in (left, right):
        assert axes.images[0].get_extent() == [0, 40.0, 10.0, 0]
        assert axes.get_xlabel() == "nm"
    seen = axes_heights(left)
    assert np.array_equal(np.isfinite(seen), np.isfinite(scan.heights))
    assert np.nanmean(seen[0]) > np.nanmean(seen[1:])
    assert np.array_equal(
        np.asarray(right.images[0].get_array()), paint_classes(labels.labels, labels.colours)
    )
    assert left.get_title() == "1_3 Z forward/up -1.7 V (a)\n40 x 10 nm, -1.7 V, 50 pA"


def axes_heights(axes):
    return np.ma.filled(axes.images[0].get_array(), np.nan)


def test_the_scan_is_shown_flat_and_outliers_do_not_darken_it(scan, labels):
    heights = scan.heights.copy()
    heights[7, 7] = 1000
    left = labels_figure(Scan(heights, (0.5, 0.5)), labels).axes[0]
    low, high = left.images[0].get_clim()
    assert high - low < 100
    tilted = axes_heights(labels_figure(scan, labels).axes[0])[1:15]
    assert abs(np.polyfit(np.arange(80), tilted.mean(axis=0), 1)[0]) < 0.001


def test_the_legend_names_the_classes_that_are_there(scan, labels):
    figure = labels_figure(scan, labels)
    legend = figure.axes[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["row", "7"]
    faces = [matplotlib.colors.to_hex(patch.get_facecolor()) for patch in legend.get_patches()]
    assert faces == ["#ff0000", "#0000ff"]
    assert figure.axes[1].get_title() == "2 classes, white: unlabelled"


def test_a_map_without_labels_and_a_scan_without_scale_are_drawn_too(scan, tmp_path):
    figure = labels_figure(Scan(scan.heights, None), LabelMap(np.zeros((20, 80), int)))
    assert figure.axes[1].get_legend() is None
    assert figure.axes[0].get_xlabel() == "px"
    assert figure.axes[0].images[0].get_extent() == [0, 80, 20, 0]
    assert save_figure(figure, tmp_path / "a.png").stat().st_size > 1000


def test_a_saved_figure_is_a_png_of_its_size(scan, labels, tmp_path):
    path = save_figure(labels_figure(scan, labels), tmp_path / "new" / "a.png")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size[0] == 12 * 110
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]


@pytest.mark.parametrize(("shape", "size"), [((10, 400), (5, 200.0)), ((400, 100), (200.0, 50.0))])
@pytest.mark.parametrize("n", [1, 39, 120])
def test_nothing_of_a_figure_is_cut_off_whatever_the_frame_and_the_classes(shape, size, n):
    labels = np.resize(np.arange(n + 1), shape)
    names = {i: f"a class with a name of some length {i}" for i in range(1, n + 1)}
    figure = labels_figure(Scan(np.zeros(shape), (0.5, 0.5)), LabelMap(labels, names=names))
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box = figure.get_tightbbox(canvas.get_renderer())
    wide, high = figure.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= wide
    assert box.y1 <= high


def test_a_great_map_is_thinned_out_in_its_place():
    shape = (3 * MOST_SHOWN, 2 * MOST_SHOWN)
    heights = np.zeros(shape)
    heights[: shape[0] // 2] = 1
    left, right = labels_figure(Scan(heights, (0.1, 0.1)), LabelMap(heights.astype(int))).axes[:2]
    for axes in (left, right):
        assert axes.images[0].get_extent() == [0, shape[1] * 0.1, shape[0] * 0.1, 0]
        assert max(axes.images[0].get_array().shape[:2]) <= MOST_SHOWN
    assert np.asarray(right.images[0].get_array())[0, 0].tolist() == [0x8C] * 3


def test_a_scan_without_a_height_is_drawn_all_the_same(tmp_path):
    figure = labels_figure(Scan(np.full((20, 30), np.nan), (1, 1)), LabelMap(np.zeros((20, 30), int)))
    assert save_figure(figure, tmp_path / "a.png").exists()


def test_typical_places_of_the_classes_that_are_there_stand_below_the_maps(scan, labels, tmp_path):
    exemplars = np.zeros((7, 2, 8, 8), np.float16)
    exemplars[6, 0, :4] = np.nan  # the first that no edge cuts is shown
    exemplars[6, 1] = 1
    figure = labels_figure(scan, labels, exemplars)
    strip = np.asarray(figure.axes[-1].images[0].get_array())
    assert strip.shape == (14, MOST_IN_STRIP * 18, 4)
    assert (strip[0, :14, :3] == [255, 0, 0]).all()  # class 1
    assert (strip[3:11, 3:11, :3] == 0).all()
    assert (strip[0, 18:32, :3] == [0, 0, 255]).all()  # class 7; class 2 is not there
    assert (strip[3:11, 21:29] == 255).all()
    assert (strip[:, 36:] == 255).all()
    assert save_figure(figure, tmp_path / "a.png").exists()
    plain = labels_figure(scan, LabelMap(np.zeros((20, 80), int)), exemplars)
    assert len(plain.axes) == len(labels_figure(scan, labels).axes)
