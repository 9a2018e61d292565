"""Panels take the scan that is looked at by themselves, and lie in the window with whole names."""

import shutil

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMainWindow, QTabBar

from napari_stmml import read_mtrx
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.viewer.io.layers import labels_to_layer, scan_to_layer

LISTS = ("Predict", "Correct", "Train")


def drop(viewer, file):
    """Add the directions of a scan as napari does, forward/up last."""
    for scan in reversed(read_mtrx(file)):
        data, meta, _ = scan_to_layer(scan)
        viewer.add_image(data, **meta)
    return viewer.layers[-1]


@pytest.mark.parametrize("before", [True, False], ids=["before the drop", "after the drop"])
@pytest.mark.parametrize("name", [*LISTS, "Prepare"])
def test_a_panel_takes_the_scan_that_was_dropped(viewer, dock, small_session, name, before):
    panel = dock(viewer, name) if before else None
    scan = drop(viewer, small_session[0])
    panel = panel or dock(viewer, name)
    assert (panel.layer.value if name == "Prepare" else panel.layers.value) == (
        scan if name == "Prepare" else [scan]
    )


def test_a_panel_follows_what_is_looked_at_unless_several_scans_are_chosen(viewer, dock, small_session):
    panel = dock(viewer, "Predict")
    drop(viewer, small_session[0])
    for layer in viewer.layers:
        viewer.layers.selection.active = layer
        assert panel.layers.value == [layer]
    panel.layers.value = list(viewer.layers)[:2]
    viewer.layers.selection.active = viewer.layers[-1]
    assert panel.layers.value == list(viewer.layers)[:2]
    panel.layers.value = []
    assert panel.scans_in(panel.layers) == [viewer.layers[-1]]


def test_of_a_map_its_scan_is_taken(viewer, dock, small_session):
    panel = dock(viewer, "Predict")
    drop(viewer, small_session[0])
    image = viewer.layers[1]
    about = image.metadata["stmml"]
    data, meta, _ = labels_to_layer(LabelMap((image.data > 0).astype("uint8"), scan=about))
    viewer.add_labels(data, **meta)
    assert panel.layers.value == [image]


def test_measure_takes_the_map_of_the_scan_that_is_looked_at(viewer, dock, small_session):
    drop(viewer, small_session[0])
    images, maps = list(viewer.layers), []
    for image in images[:2]:
        data, meta, _ = labels_to_layer(
            LabelMap((image.data > 0).astype("uint8"), scan=image.metadata["stmml"])
        )
        maps.append(viewer.add_labels(data, **meta))
    viewer.layers.selection.active = images[0]
    panel = dock(viewer, "Measure")
    for active, wanted in (
        (images[0], maps[0]),
        (images[1], maps[1]),
        (maps[0], maps[0]),
        (images[2], maps[0]),  # which has no map
        (maps[1], maps[1]),
    ):
        viewer.layers.selection.active = active
        assert panel.maps.value is wanted
    assert panel.scan.value is images[1]


def test_batch_takes_the_folder_of_the_scan_until_a_person_chooses_or_starts(
    viewer, dock, small_session, tmp_path
):
    panel = dock(viewer, "Batch")
    assert panel.job_form.folder.value is None
    drop(viewer, small_session[0])
    assert panel.job_form.folder.value == small_session[0].parent
    assert panel.job_form.results.value == small_session[0].parent.parent
    other = shutil.copytree(small_session[0].parent, tmp_path / "other") / small_session[0].name
    drop(viewer, other)
    assert panel.job_form.folder.value == other.parent
    panel.job_form.job()
    viewer.layers.selection.active = viewer.layers[0]
    assert panel.job_form.folder.value == other.parent


def test_our_panels_are_tabs_of_one_place_with_whole_names(make_napari_viewer, dock, qtbot):
    viewer = make_napari_viewer()
    names = ("Prepare", "Predict", "Structures")
    panels = [dock(viewer, name) for name in names]
    docks = [panel.parentWidget() for panel in panels]
    window = docks[0].parentWidget()
    window.show()
    assert isinstance(window, QMainWindow)
    qtbot.waitUntil(lambda: len(window.tabifiedDockWidgets(docks[0])) == 2)
    options = Qt.FindChildOption.FindDirectChildrenOnly
    bars = [bar for bar in window.findChildren(QTabBar, options=options) if bar.count()]
    shown = [sorted(bar.tabText(at) for at in range(bar.count())) for bar in bars]
    assert sorted(names) in shown
    assert {bar.elideMode() for bar in bars} == {Qt.TextElideMode.ElideNone}
    docks[-1].raise_()
    qtbot.waitUntil(lambda: [panel.behind for panel in panels] == [True, True, False])
    docks[0].raise_()
    qtbot.waitUntil(lambda: not panels[0].behind)
    viewer.window.remove_dock_widget(docks[1])
    assert docks[1] not in window.tabifiedDockWidgets(docks[0])


def test_a_chosen_scan_stays_while_what_is_active_is_of_no_scan(viewer, dock, small_session, said):
    panel = dock(viewer, "Prepare")
    top = drop(viewer, small_session[0])
    top.visible = False  # as where a flattened map is shown in its place
    panel.layer.value = chosen = viewer.layers[0]
    for active in (None, viewer.add_points([[1, 1]])):
        viewer.layers.selection.active = active
        assert panel.layer.value is chosen
    panel.layer.value = viewer.layers.selection.active = top
    panel.show()
    panel.grid.value = True
    panel.flatten()
    for pitch in (20, 24):
        panel.windows.pitch.value = pitch
        assert panel.layer.value is viewer.layers.selection.active is top
    assert not said()


def test_of_a_scan_that_is_gone_the_one_in_sight_takes_the_place(viewer, dock, small_session):
    top = drop(viewer, small_session[0])
    viewer.layers.selection.active = None
    panel = dock(viewer, "Prepare")
    assert panel.layer.value is top
    panel.layer.value = gone = viewer.layers[1]
    viewer.layers.selection.active = None
    viewer.layers.remove(gone)
    viewer.layers.selection.active = None
    assert panel.layer.value is top
