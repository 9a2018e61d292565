"""The figure of the clusters of a model: one row each, on one scale of heights."""

from dataclasses import replace

import matplotlib.colors
import numpy as np
import pytest

from napari_stmml import train_classifier
from napari_stmml.classes import Classes
from napari_stmml.colours import NOT_SCANNED
from napari_stmml.figures.clusters_figure import (
    MOST_ROWS,
    cluster_shares,
    clusters_figure,
    exemplar_pictures,
    exemplar_width,
)
from napari_stmml.scan import Scan
from napari_stmml.simulate.surfaces import simulate_si001
from napari_stmml.text import percent


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
    figure = clusters_figure(named)
    axes, bar = figure.axes
    shares = [percent(share) for share in cluster_shares(classifier)]
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
    assert figure.texts[0].get_text().endswith(f"a picture is {exemplar_width(classifier)} wide")
    assert bar.get_ylabel() == "nm"


def test_a_figure_of_clusters_names_them_as_the_classes_that_they_are_now(classifier):
    edited = replace(classifier, classes=classifier.classes.merged([2], into=1).deleted(3))
    axes = clusters_figure(edited).axes[0]
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
    figure = clusters_figure(many)
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
    with pytest.raises(ValueError, match="recipe instant keeps no exemplars"):
        clusters_figure(replace(classifier, exemplars=None))


def test_the_side_of_an_exemplar_is_in_nm_where_there_is_a_density(classifier):
    known = replace(classifier, recipe=replace(classifier.recipe, pixel_density=15.0))
    assert exemplar_width(known) == "3.2 nm"
    for recipe in ({"resample": False}, {"pixel_density": -1.0}):
        other = replace(classifier, recipe=replace(classifier.recipe, **recipe))
        assert exemplar_width(other) == "48 px"


def test_shares_of_clusters_are_of_one_whole_or_not_known(classifier):
    assert sum(cluster_shares(classifier)) == pytest.approx(1)
    assert np.isnan(cluster_shares(replace(classifier, training={}))).all()
