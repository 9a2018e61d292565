"""Browse shows one scan at a time in the place of the one before, and gives a selection to other panels."""

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent

from napari_stmml import read_mtrx
from napari_stmml.heights.flatten import flatten
from napari_stmml.viewer.browse import widget
from napari_stmml.viewer.io.held import WITH_SCAN, hold
from napari_stmml.viewer.io.layers import LabelMap, labels_to_layer
from napari_stmml.viewer.io.levelling import levelling_of, recorded_scan
from napari_stmml.viewer.io.preferences import preferences

FU, BU = "forward/up", "backward/up"


def heights(file, direction=FU):
    return next(scan for scan in read_mtrx(file) if scan.direction == direction).heights


def shown(viewer):
    """Return the heights of the visible scans."""
    return [recorded_scan(layer).heights for layer in viewer.layers if layer.visible]


@pytest.fixture
def panel(browse, folder):
    return browse(folder)


@pytest.fixture
def go(panel, settle):
    """Return a function that opens the scan of a row, and waits for it."""

    def go_(row):
        panel.open(row)
        settle(panel)

    return go_


def test_a_folder_is_shown_scan_by_scan_and_nothing_is_opened(panel, viewer, files, settle):
    assert [panel.scans.item(row).file for row in range(panel.scans.rowCount())] == files
    assert panel.status.text() == "3 scans"
    assert len(viewer.layers) == 0
    assert preferences().folder == str(files[0].parent)
    for row in range(3):
        panel.scans.picture(row)
    settle(panel)
    assert all(panel.scans.picture(row)[0] is not None for row in range(3))


def test_a_scan_opens_in_the_place_of_the_one_before(panel, viewer, files, go, qtbot):
    for row in (0, 1, 2, 0):
        go(row)
        qtbot.waitUntil(lambda row=row: viewer.layers[0].name.startswith(f"1_{row + 1} "))
        (layer,) = viewer.layers
        assert np.array_equal(recorded_scan(layer).heights, heights(files[row]), equal_nan=True)
        assert np.array_equal(layer.data, flatten(heights(files[row]), "poly_xy"), equal_nan=True)
        assert layer.metadata["stmml"]["source"] == str(files[row])
        assert panel.scans.open_file == files[row]
        assert viewer.layers.selection.active is layer
        assert layer.scale == pytest.approx(read_mtrx(files[row])[0].pixel_size)
    assert viewer.canvas.overlays.scale_bar.visible


def test_of_many_scans_asked_for_at_once_the_last_one_is_shown(panel, viewer, files, settle):
    for row in (0, 1, 0, 1, 2):
        panel.open(row)
    settle(panel)
    assert [layer.metadata["stmml"]["source"] for layer in viewer.layers] == [str(files[2])]


def test_a_pin_keeps_a_scan_in_the_list_and_one_alone_is_seen(panel, viewer, files, go):
    go(0)
    panel.pin.setChecked(True)
    go(1)
    assert len(viewer.layers) == 2
    assert not panel.pin.isChecked()
    assert [one.tolist() for one in shown(viewer)] == [heights(files[1]).tolist()]
    go(0)
    assert panel.pin.isChecked()
    assert len(viewer.layers) == 2
    assert [one.tolist() for one in shown(viewer)] == [heights(files[0]).tolist()]


@pytest.mark.parametrize("why", ["held", "a map was made of it"])
def test_a_scan_that_work_is_about_keeps_its_layer(panel, viewer, files, go, why):
    go(0)
    layer = viewer.layers[0]
    if why == "held":
        hold([layer])
    else:
        made = LabelMap(np.ones(layer.data.shape, np.uint8), None, scan=read_mtrx(files[0])[0].settings())
        data, meta, _ = labels_to_layer(made)
        viewer.add_labels(data, **meta)
    go(1)
    assert np.array_equal(recorded_scan(layer).heights, heights(files[0]))
    assert [one.visible for one in viewer.layers].count(True) == 1
    assert [one.tolist() for one in shown(viewer)] == [heights(files[1]).tolist()]


def test_arrows_go_on_to_the_next_scan_once_one_is_open(panel, viewer, files, go, settle, qtbot):
    qtbot.keyClick(panel.gallery, Qt.Key.Key_Right)
    settle(panel)
    assert len(viewer.layers) == 0
    panel.gallery.go_to(0)
    qtbot.keyClick(panel.gallery, Qt.Key.Key_Return)
    settle(panel)
    qtbot.keyClick(panel.gallery, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: panel.scans.open_file == files[1])
    assert len(viewer.layers) == 1


def test_another_direction_is_shown_on_demand(panel, viewer, files, go, settle):
    panel.direction.value = BU
    panel.scans.picture(0)
    settle(panel)
    assert panel.scans.item(0).lines(panel.scans.direction)[0] == "1_1 BU"
    go(0)
    assert np.array_equal(recorded_scan(viewer.layers[0]).heights, heights(files[0], BU))


def test_a_filter_and_an_order_change_what_is_listed(panel, files, qtbot):
    panel.order.value = "newest first"
    assert [panel.scans.item(row).file for row in range(3)] == files[::-1]
    panel.filter.setText("1_2")
    qtbot.waitUntil(lambda: panel.scans.rowCount() == 1)
    assert panel.status.text() == "1 of 3 scans"
    panel.filter.setText("bias<x")
    qtbot.waitUntil(lambda: "is no number" in panel.status.text())


def test_the_way_scans_are_shown_is_kept_for_the_next_time(panel, viewer, files, go, browse):
    go(0)
    panel.heights.value = "as recorded"
    assert np.array_equal(viewer.layers[0].data, heights(files[0]))
    go(1)
    assert np.array_equal(viewer.layers[0].data, heights(files[1]))
    assert browse().heights.value == "as recorded"


def test_a_damaged_file_is_said_when_it_is_opened_and_the_others_are_there(browse, folder, files, viewer):
    files[1].write_bytes(b"nothing")
    panel = browse(folder)
    assert panel.status.text().startswith("3 scans; 1 cannot be read")
    panel.open(1)
    assert files[1].name in panel.status.text()
    assert len(viewer.layers) == 0


def test_another_folder_takes_the_place_of_one_that_is_still_being_listed(panel, folder, tmp_path, settle):
    (tmp_path / "empty").mkdir()
    panel.show_paths([folder])
    panel.show_paths([tmp_path / "empty"])
    settle(panel)
    assert panel.scans.rowCount() == 1
    assert panel.scans.item(0).problem.startswith("No scans")


def test_too_many_scans_are_not_opened_together(panel, monkeypatch):
    monkeypatch.setattr(widget, "MOST_FOR_PANELS", 2)
    panel.gallery.selectAll()
    with pytest.raises(ValueError, match="3 scans are selected, and at most 2"):
        panel.open_in("Predict")
    panel.gallery.clearSelection()
    with pytest.raises(ValueError, match="select the scans first"):
        panel.open_in("Predict")


@pytest.mark.parametrize("name", ["Prepare", "Train", "Predict", "Structures", "Correct", "Batch"])
def test_a_selection_goes_to_a_panel_and_one_scan_is_seen(
    make_napari_viewer, qtbot, folder, files, settle, name
):
    viewer = make_napari_viewer()
    _, panel = viewer.window.add_plugin_dock_widget("napari-stmml", "Browse")
    panel.show_paths([folder])
    settle(panel)
    panel.gallery.selectAll()
    panel.open_in(name)
    _, other = viewer.window.add_plugin_dock_widget("napari-stmml", name)
    if name == "Batch":
        assert other.job_form.folder.value == folder
        assert other.job_form.fields["predict_path"].value == "\n".join(map(str, files))
        assert len(viewer.layers) == 0
        return
    qtbot.waitUntil(lambda: panel.status.text() == f"3 scans open in {name}")
    images = [one for one in viewer.layers if levelling_of(one) == "plane taken out"]
    assert len(images) == 3
    assert [one.visible for one in images].count(True) == 1
    if name == "Prepare":
        assert other.layer.value.metadata["stmml"]["source"] == str(files[0])
    elif name == "Structures":
        assert other.where.currentText() == "on all open scans"
    else:
        assert [one.metadata["stmml"]["source"] for one in other.layers.value] == list(map(str, files))


def test_a_map_is_hidden_with_its_scan_and_seen_with_it_again(panel, viewer, files, go):
    go(0)
    scan = read_mtrx(files[0])[0]
    made = LabelMap(np.ones(scan.heights.shape, np.uint8), scan.pixel_size, scan=scan.settings())
    data, meta, _ = labels_to_layer(made)
    labels = viewer.add_labels(data, **meta)
    other = viewer.add_labels(data, **meta | {"visible": False})
    meta["metadata"] = {**meta["metadata"], WITH_SCAN: True}
    made_while_hidden = viewer.add_labels(data, **meta | {"visible": False})
    go(1)
    assert not labels.visible
    go(0)
    assert labels.visible
    assert made_while_hidden.visible
    assert not other.visible
    assert len(viewer.layers) == 5


def test_the_camera_goes_to_the_scan_that_is_opened(panel, viewer, files, go, qtbot):
    viewer.add_image(np.zeros((10, 10)), scale=(100, 100))
    go(0)
    middle = viewer.layers[-1].extent.world.mean(axis=0)
    qtbot.waitUntil(lambda: np.allclose(viewer.scene.camera.center[-2:], middle))


def test_what_is_dropped_on_the_panel_is_listed(browse, folder, files, settle):
    panel, data = browse(), QMimeData()
    data.setUrls(
        [QUrl.fromLocalFile(str(files[2])), QUrl("https://example.org/a"), QUrl.fromLocalFile(str(files[0]))]
    )
    at, buttons = QPointF(5, 5), Qt.MouseButton.LeftButton
    for kind in (QDragEnterEvent, QDropEvent):
        where = at.toPoint() if kind is QDragEnterEvent else at
        event = kind(where, Qt.DropAction.CopyAction, data, buttons, Qt.KeyboardModifier.NoModifier)
        (panel.dragEnterEvent if kind is QDragEnterEvent else panel.dropEvent)(event)
        assert event.isAccepted()
    settle(panel)
    assert [panel.scans.item(row).file for row in range(2)] == [files[2], files[0]]
