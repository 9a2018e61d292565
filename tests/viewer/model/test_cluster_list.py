import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import Qt

from napari_stmml.clustering.sampling import EXEMPLAR_PX
from napari_stmml.viewer.model.cluster_list import CHIP, GAP, SIDE, ClusterList


@pytest.fixture
def clusters(viewer, qtbot, instant_classifier):
    """Show the clusters of a model in a list wide enough for four pictures."""
    made = ClusterList(viewer)
    qtbot.addWidget(made)
    made.resize(300, 300)
    made.show_model(instant_classifier)
    return made


def test_each_cluster_has_a_row_with_its_name_share_and_pictures(clusters, instant_classifier):
    sizes = np.array(instant_classifier.training["cluster_sizes"])
    assert clusters.count() == 4
    for row, (name, share) in enumerate(
        zip(instant_classifier.class_names, sizes / sizes.sum(), strict=True)
    ):
        item = clusters.item(row)
        assert item.text() == f"{name}\n{100 * share:.1f} %"
        assert name in item.toolTip()
        assert f"{100 * share:.1f} %" in item.toolTip()
        width = EXEMPLAR_PX / instant_classifier.recipe.pixel_density
        assert f"a picture is {width:.1f} nm wide" in item.toolTip()
        strip = item.icon().pixmap(clusters.iconSize()).toImage()
        assert strip.pixelColor(2, 2).name() == instant_classifier.class_colours[row]
        picture = [strip.pixelColor(CHIP + GAP + x, SIDE // 2).name() for x in range(SIDE)]
        assert len(set(picture)) > 3


def test_more_room_shows_more_pictures(clusters, instant_classifier):
    narrow = clusters.iconSize().width()
    clusters.resize(600, 300)
    clusters.show()
    there = np.isfinite(instant_classifier.exemplars).any((2, 3)).sum(1)  # small scans have few
    assert clusters.iconSize().width() == CHIP + GAP + there.max() * (SIDE + GAP)
    assert clusters.iconSize().width() > narrow


def test_a_click_selects_the_label_on_the_active_labels_layer(clusters, viewer, qtbot):
    below, active = (viewer.add_layer(Labels(np.zeros((9, 9), np.uint8))) for _ in range(2))
    viewer.layers.selection.active = below
    clusters.itemClicked.emit(clusters.item(2))
    assert (below.selected_label, active.selected_label) == (3, 1)
    viewer.layers.selection.active = active
    clusters.show()
    place = clusters.visualItemRect(clusters.item(1)).center()
    qtbot.mouseClick(clusters.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert active.selected_label == 2


def test_a_click_takes_the_topmost_labels_where_no_labels_are_active(clusters, viewer):
    clusters.itemClicked.emit(clusters.item(0))  # nothing to select on is no error
    labels = viewer.add_layer(Labels(np.zeros((9, 9), np.uint8)))
    viewer.add_layer(Image(np.zeros((9, 9))))
    clusters.itemClicked.emit(clusters.item(3))
    assert viewer.layers.selection.active is labels
    assert labels.selected_label == 4


def test_a_model_without_pictures_shows_names_and_none_hides_the_list(clusters, tiny_classifier):
    clusters.show_model(tiny_classifier)
    assert clusters.item(0).text().startswith("cluster 1\n")
    assert clusters.iconSize().width() == CHIP + GAP
    assert "picture" not in clusters.item(0).toolTip()
    clusters.show_model(None)
    assert clusters.count() == 0
    assert clusters.isHidden()
