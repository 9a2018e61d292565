from pathlib import Path

import matplotlib.colors
import numpy as np
import pytest
from PIL import Image

from napari_stmml.export import caption, colour_labels, labels_figure, loss_figure, save_figure
from napari_stmml.labelmap import LabelMap
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


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({}, "40 x 10 nm"),
        ({"bias": 2.0}, "40 x 10 nm, 2 V"),
        ({"setpoint": 0.0035}, "40 x 10 nm, 3.5 pA"),
        ({"bias": -0.123456, "setpoint": 1.0}, "40 x 10 nm, -0.1235 V, 1000 pA"),
        ({"pixel_size": None}, "80 x 20 px"),
    ],
)
def test_a_caption_says_what_is_known(known, text):
    assert caption(Scan(np.zeros((20, 80)), **{"pixel_size": (0.5, 0.5), **known})) == text


def test_a_pixel_has_its_classs_colour_and_is_white_where_unlabelled(labels):
    painted = colour_labels(labels)
    assert painted.shape == (20, 80, 3)
    assert {tuple(colour) for colour in painted[:5].reshape(-1, 3)} == {(1, 1, 1)}
    assert {tuple(colour) for colour in painted[5:, :40].reshape(-1, 3)} == {(1, 0, 0)}
    assert {tuple(colour) for colour in painted[5:, 40:60].reshape(-1, 3)} == {(0, 0, 1)}


def test_a_class_without_a_colour_is_grey():
    painted = colour_labels(
        LabelMap(np.array([[0, 1, 2]]), colours={2: "#00ff00", 0: "#123456", 9: "#000000"})
    )
    assert painted[0, 0].tolist() == [1, 1, 1]
    assert len(set(painted[0, 1])) == 1
    assert painted[0, 2].tolist() == [0, 1, 0]


def test_a_figure_shows_scan_and_labels_side_by_side_top_row_up_in_nanometres(scan, labels):
    left, right = labels_figure(scan, labels).axes[:2]
    for axes in (left, right):
        assert axes.images[0].get_extent() == [0, 40.0, 10.0, 0]
        assert axes.get_xlabel() == "nm"
    seen = axes_heights(left)
    assert np.array_equal(np.isfinite(seen), np.isfinite(scan.heights))
    assert np.nanmean(seen[0]) > np.nanmean(seen[1:])
    assert np.array_equal(np.asarray(right.images[0].get_array()), colour_labels(labels))
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


def test_a_loss_plot_holds_the_losses_on_a_logarithmic_axis(tmp_path):
    figure, draw = loss_figure("#101010", "#eeeeee")
    (axes,) = figure.axes
    assert [len(line.get_xdata()) for line in axes.lines] == [0, 0]
    for n in (2, 3):  # drawing again replaces what was there
        training, validation = [(i / 4, 0.1 / (i + 1)) for i in range(n)], [(1, 0.05)]
        draw(training, validation)
        assert [line.get_xydata().tolist() for line in axes.lines] == [
            [list(point) for point in training],
            [list(point) for point in validation],
        ]
    assert axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]
    assert axes.xaxis.label.get_color() == "#eeeeee"
    assert matplotlib.colors.to_hex(figure.get_facecolor()) == "#101010"
    draw([(1, 0.5)], [])
    assert [len(line.get_xdata()) for line in axes.lines] == [1, 0]
    assert Path(save_figure(figure, tmp_path / "loss.png")).exists()
