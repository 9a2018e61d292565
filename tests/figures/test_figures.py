from dataclasses import replace
from pathlib import Path

import matplotlib.colors
import numpy as np
import pytest
from PIL import Image

from napari_stmml import train_classifier
from napari_stmml.classes import Classes
from napari_stmml.colours import NOT_SCANNED, paint_classes
from napari_stmml.figures.figures import (
    MOST_IN_STRIP,
    MOST_ROWS,
    MOST_SHOWN,
    caption,
    cluster_shares,
    colour_table,
    convergence_figure,
    exemplar_pictures,
    exemplars_figure,
    exemplars_side,
    font_file,
    history_figure,
    labels_figure,
    loss_figure,
    proposal_figure,
    save_figure,
    share_text,
)
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan
from napari_stmml.simulate.surfaces import simulate_si001


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


def test_a_history_shows_both_losses_on_a_logarithmic_axis(tmp_path):
    history = [{"epoch": i + 1, "loss": 0.1 / (i + 1), "mse": 1.0, "mae": 1.0} for i in range(3)]
    history[2]["val_loss"] = 0.5
    (axes,) = history_figure(history).axes
    assert axes.get_yscale() == "log"
    training, validation = axes.lines
    assert training.get_xydata() == pytest.approx(np.array([[1, 0.1], [2, 0.05], [3, 0.1 / 3]]))
    assert validation.get_xydata().tolist() == [[3, 0.5]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]


@pytest.mark.parametrize(
    "history", [[], [{"epoch": 1}], [{"loss": 0.0}], [{"epoch": 1, "loss": float("nan")}]]
)
def test_a_history_of_nothing_is_an_empty_plot(history, tmp_path):
    assert save_figure(history_figure(history), tmp_path / "a.png").exists()


def test_a_convergence_shows_inertia_against_windows_seen(tmp_path):
    figure = convergence_figure([180.0, 175.0], [512, 1024])
    assert figure.axes[0].lines[0].get_xydata().tolist() == [[512, 180], [1024, 175]]
    assert save_figure(convergence_figure([], []), tmp_path / "a.png").exists()


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.JPEG", "JPEG")])
def test_a_figure_is_written_as_its_name_ends(name, kind, tmp_path):
    with Image.open(save_figure(convergence_figure([1.0], [1]), tmp_path / name)) as image:
        assert image.format == kind


def test_a_figure_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"written as \.png, \.jpg, \.jpeg, not as a\.svg"):
        save_figure(convergence_figure([1.0], [1]), tmp_path / "a.svg")
    assert not list(tmp_path.iterdir())


def test_a_colour_table_has_256_colours_from_first_to_last():
    assert colour_table("stm").shape == colour_table("viridis").shape == (256, 3)
    assert colour_table("stm")[[0, -1]].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert colour_table("gray")[[0, -1]].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert colour_table("gray").dtype == np.uint8


def test_matplotlibs_typeface_is_found_or_none(monkeypatch, tmp_path):
    assert font_file(bold=True).name == "DejaVuSans-Bold.ttf"
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    assert font_file() is None


@pytest.fixture(scope="module")
def classifier():
    """Cluster a simulated scan into three."""
    heights = simulate_si001((96, 96), 9.6, seed=1).heights
    return train_classifier([Scan(heights, (0.1, 0.1))], recipe="instant", n_clusters=3)


def test_exemplars_are_painted_on_one_scale_of_heights():
    exemplars = np.full((2, 3, 8, 8), np.nan, np.float16)
    exemplars[0, :2], exemplars[1, 0] = 0.0, 0.5
    exemplars[0, 1, :4] = np.nan  # cut by the edge of a map
    painted = exemplar_pictures(exemplars)
    assert painted.shape == (2, 3, 8, 8, 4)
    assert (painted[0, 0] == [0, 0, 0, 255]).all()
    assert (painted[1, 0] == 255).all()
    assert (painted[0, 1, :4, :, :3] == np.rint(255 * np.array(NOT_SCANNED))).all()
    assert (painted[0, 1, ..., 3] == 255).all()
    assert not painted[0, 2, ..., 3].any()
    assert not painted[1, 1:, ..., 3].any()


def test_a_figure_of_clusters_has_a_row_each_with_colour_name_share_and_windows(classifier):
    named = replace(classifier, classes=Classes.plain(("rows", "x" * 60, "holes")))
    figure = exemplars_figure(named)
    axes, bar = figure.axes
    shares = [share_text(share) for share in cluster_shares(classifier)]
    texts = [text.get_text() for text in axes.texts]
    assert texts[::2] == ["rows", "x" * 21 + "…", "holes"]
    assert texts[1::2] == shares
    faces = [matplotlib.colors.to_hex(patch.get_facecolor()) for patch in axes.patches]
    assert faces == list(classifier.class_colours)
    n, side = classifier.exemplars.shape[1:3]
    mosaic = np.asarray(axes.images[0].get_array())
    assert mosaic.shape == (3 * (side + 4), n * (side + 4), 4)
    first = exemplar_pictures(classifier.exemplars)[0, 0]
    assert np.array_equal(mosaic[2 : side + 2, 2 : side + 2], first)
    assert figure.texts[0].get_text().endswith("a picture is 3.2 nm wide")
    assert bar.get_ylabel() == "nm"


def test_a_figure_of_clusters_names_them_as_the_classes_that_they_are_now(classifier):
    edited = replace(classifier, classes=classifier.classes.merged([2], into=1).deleted(3))
    axes = exemplars_figure(edited).axes[0]
    assert [text.get_text() for text in axes.texts][::2] == ["cluster 1", "cluster 1", "deleted"]


@pytest.mark.parametrize("rows", [1, 3, MOST_ROWS + 5])
def test_nothing_of_a_figure_of_clusters_is_cut_off(classifier, rows):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    many = replace(
        classifier,
        clusters=type(classifier.clusters).plain(np.eye(max(rows, 2), classifier.clusters.n_features)),
        classes=Classes.plain([f"a class with a name of some length {i}" for i in range(max(rows, 2))]),
        exemplars=np.resize(classifier.exemplars, (max(rows, 2), *classifier.exemplars.shape[1:])),
    )
    figure = exemplars_figure(many)
    assert ("5 more are not shown" in figure.texts[0].get_text()) == (rows > MOST_ROWS)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box = figure.get_tightbbox(canvas.get_renderer())
    wide, high = figure.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= wide
    assert box.y1 <= high


def test_a_model_that_kept_no_windows_has_no_figure_of_them(classifier):
    with pytest.raises(ValueError, match="recipe instant keeps no windows"):
        exemplars_figure(replace(classifier, exemplars=None))


def test_the_side_of_an_exemplar_is_in_nm_where_there_is_a_density(classifier):
    assert exemplars_side(classifier) == "3.2 nm"
    for recipe in ({"resample": False}, {"pixel_density": -1.0}):
        other = replace(classifier, recipe=replace(classifier.recipe, **recipe))
        assert exemplars_side(other) == "48 px"


def test_shares_of_clusters_are_of_one_whole_or_not_known(classifier):
    assert sum(cluster_shares(classifier)) == pytest.approx(1)
    assert np.isnan(cluster_shares(replace(classifier, training={}))).all()


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


def test_a_proposal_is_drawn_with_a_line_at_what_is_proposed():
    figure, draw = proposal_figure("#101010", "#eeeeee")
    (axes,) = figure.axes
    for curve, proposed in (([(2, 0.1), (4, 0.3)], 4), ([(2, 0.1), (8, 0.4), (9, 0.2)], 8)):
        draw(curve, proposed)
        line, mark = axes.lines
        assert line.get_xydata().tolist() == [list(point) for point in curve]
        assert list(mark.get_xdata()) == [proposed, proposed]
        low, high = axes.get_xlim()
        assert low <= 2 < curve[-1][0] <= high
