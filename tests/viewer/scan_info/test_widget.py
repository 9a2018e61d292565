import shutil

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QApplication

from napari_stmml.io.matrix.reader import read_mtrx, read_settings
from napari_stmml.io.matrix.settings import DERIVED
from napari_stmml.viewer.io.layers import scan_to_layer
from napari_stmml.viewer.scan_info import widget
from napari_stmml.viewer.scan_info.layer_settings import LAYER
from napari_stmml.viewer.scan_info.widget import COPIED, ROW, ScanInfoWidget

LONG = 20_000


@pytest.fixture
def settle(qtbot):
    """Return a function that waits until a panel has read the file it was asked to."""
    return lambda panel: qtbot.waitUntil(lambda: not panel.status.text().startswith("reading"), timeout=LONG)


@pytest.fixture
def start(qtbot):
    """Return a function that shows a Scan info panel for a viewer; in a window, as layers come and go."""

    def start_(viewer):
        panel = ScanInfoWidget(viewer)
        qtbot.addWidget(panel)
        for event in ("inserted", "removed", "reordered"):
            getattr(viewer.layers.events, event).connect(panel.reset_choices)
        panel.show()
        return panel

    return start_


@pytest.fixture
def show(start, settle):
    """Return a function that shows a panel, and waits until it has read the file."""

    def show_(viewer):
        panel = start(viewer)
        settle(panel)
        return panel

    return show_


def add(viewer, scan):
    data, meta, _ = scan_to_layer(scan)
    return viewer.add_image(data, **meta)


@pytest.fixture
def layers(viewer, small_session):
    """Add the four directions of one scan, and one of another."""
    scans = [*read_mtrx(small_session[0]), read_mtrx(small_session[1])[0]]
    return [add(viewer, scan) for scan in scans]


def shown(panel):
    """Return the rows that are seen, or would be if their group were unfolded."""
    rows = []
    for group in map(panel.table.topLevelItem, range(panel.table.topLevelItemCount())):
        items = [group.child(i) for i in range(group.childCount())]
        rows += [item.data(0, ROW) for item in items if not item.isHidden()]
    return rows


def values(panel):
    return {(row.group, row.label): row.text for row in shown(panel)}


def test_the_table_says_all_that_the_layer_and_its_files_say(viewer, layers, show, small_session):
    viewer.layers.selection.active = layers[0]
    panel = show(viewer)
    rows = shown(panel)
    assert rows[-len(read_settings(small_session[0]).rows()) :] == read_settings(small_session[0]).rows()
    own = {row.label: row.text for row in rows if row.group == LAYER}
    assert own["Direction"] == "forward/up"
    assert own["Bias"] == "-2 V"
    assert own["Setpoint"] == "50 pA"
    assert own["Rows x columns"] == "64 x 64"
    assert own["Height x width"] == "6 x 6 nm"
    assert own["Pixel size"] == "0.09375 nm/px"
    assert own["Pixel density"] == "10.67 px/nm"
    assert own["Angle"] == "0 deg"
    assert own["Taken"] == "2026-11-23 12:00 UTC"
    assert own["File"] == small_session[0].name
    assert panel.status.text() == f"{len(rows)} settings; in italics: derived"


def test_the_table_follows_the_active_layer(viewer, layers, show, settle, small_session):
    viewer.layers.selection.active = layers[0]
    panel = show(viewer)
    for layer, direction in ((layers[1], "backward/up"), (layers[4], "forward/up")):
        viewer.layers.selection.active = layer
        settle(panel)
        assert panel.layer.value is layer
        assert values(panel)[LAYER, "Direction"] == direction
    assert values(panel)["Sample and comments", "Recorded as"] == small_session[1].name


def test_the_panel_in_napari_follows_the_active_layer(make_napari_viewer, dock, small_session, settle):
    viewer = make_napari_viewer()
    added = [add(viewer, scan) for scan in read_mtrx(small_session[0])[:2]]
    panel = dock(viewer, "Scan info")
    panel.showEvent(QShowEvent())  # in a window that is never shown there is none
    for layer in added:
        viewer.layers.selection.active = layer
        assert values(panel)[LAYER, "Name"] == layer.name


def test_a_layer_that_cannot_be_shown_leaves_the_choice(viewer, layers, show):
    viewer.layers.selection.active = layers[1]
    panel = show(viewer)
    viewer.add_points(np.zeros((1, 2)))
    viewer.layers.selection.active = None
    assert panel.layer.value == layers[1]


def test_a_file_is_read_once(viewer, layers, show, settle, monkeypatch):
    viewer.layers.selection.active = layers[0]
    panel = show(viewer)
    monkeypatch.setattr(widget, "read_settings", lambda path: pytest.fail("read again"))
    for layer in layers[1:4]:
        viewer.layers.selection.active = layer
        assert "settings" in panel.status.text()


def test_the_filter_leaves_what_matches_and_unfolds_it(viewer, layers, show):
    panel = show(viewer)
    everything = shown(panel)
    panel.filter.setText("bias")
    rows = shown(panel)
    assert {"Bias", "Bias, alternate", "Bias alternates", "Bias, backward"} <= {row.label for row in rows}
    assert all(row.matches("bias") for row in rows)
    assert panel.status.text().startswith(f"{len(rows)} of {len(everything)} settings match")
    groups = [panel.table.topLevelItem(i) for i in range(panel.table.topLevelItemCount())]
    assert all(group.isExpanded() for group in groups if not group.isHidden())
    assert any(group.isHidden() for group in groups)
    panel.filter.setText("")
    assert shown(panel) == everything


def test_the_filter_and_the_folds_stay_when_another_layer_is_chosen(viewer, layers, show, settle):
    panel = show(viewer)
    panel.table.topLevelItem(1).setExpanded(False)
    panel.filter.setText("bias")
    viewer.layers.selection.active = layers[1]
    settle(panel)
    assert all(row.matches("bias") for row in shown(panel))
    panel.filter.setText("")
    groups = [panel.table.topLevelItem(i) for i in range(panel.table.topLevelItemCount())]
    folded = [group.text(0) for group in groups if not group.isExpanded()]
    assert folded == ["Bias and current", "Everything else"]


def copied():
    return [line.split("\t") for line in QApplication.clipboard().text().splitlines()]


def test_all_rows_that_are_shown_are_copied_with_exact_values(viewer, layers, show, qtbot):
    panel = show(viewer)
    panel.filter.setText("Voltage")
    qtbot.mouseClick(panel.copy, Qt.MouseButton.LeftButton)
    heading, *lines = copied()
    assert heading == list(COPIED)
    assert len(lines) == len(shown(panel))
    voltage = "EEPA::GapVoltageControl.Voltage"
    assert ["Bias", "-2 V", "-2.0", "Volt", "parameter file", voltage] in lines
    assert panel.status.text() == f"{len(lines)} rows copied"


def test_selected_rows_alone_are_copied(viewer, layers, show):
    panel = show(viewer)
    group = panel.table.topLevelItem(1)
    group.child(0).setSelected(True)
    group.child(2).setSelected(True)
    panel.copy_rows()
    assert [line[0] for line in copied()] == [COPIED[0], group.child(0).text(0), group.child(2).text(0)]


def test_tooltips_have_the_exact_value_and_matrix_name(viewer, layers, show):
    panel = show(viewer)
    tips = {}
    for item in panel.items():
        row = item.data(0, ROW)
        tips[row.setting.name] = item.toolTip(1)
        assert item.font(1).italic() == (row.where == DERIVED)
    setpoint = "EEPA::Regulator.Setpoint_1"
    assert tips[setpoint].startswith(f"{setpoint} = 5.0000000000000")
    assert tips["scan_speed"].endswith("derived: width / (points x raster time)")


def test_a_file_that_is_gone_is_a_sentence_and_the_layer_still_tells_its_own(
    viewer, small_session, tmp_path, show, said
):
    for file in small_session[0].parent.iterdir():
        shutil.copy(file, tmp_path)
    path = tmp_path / small_session[0].name
    add(viewer, read_mtrx(path)[1])
    path.unlink()
    panel = show(viewer)
    assert panel.status.text() == f"No such file: {path}. What the layer itself knows is shown."
    assert values(panel)[LAYER, "Direction"] == "backward/up"
    assert {row.group for row in shown(panel)} == {LAYER}
    assert said() == []


def test_layers_of_other_readers_show_what_there_is(viewer, show):
    viewer.add_image(np.zeros((4, 20, 30)), name="stack", metadata={"stmml": "not ours"})
    panel = show(viewer)
    assert values(panel)[LAYER, "Rows x columns"] == "4 x 20 x 30"
    assert values(panel)[LAYER, "Scale"] == "1 x 1 x 1 (pixel, pixel, pixel)"
    assert panel.status.text().startswith("This layer comes from no file of a microscope")
    viewer.add_labels(np.zeros((20, 40), np.uint8), scale=(0.5, 0.25), units="um")
    assert values(panel)[LAYER, "Height x width"] == "10 000 x 10 000 nm"
    assert values(panel)[LAYER, "Pixel size"] == "500 x 250 nm/px"
    viewer.add_image(np.zeros((20, 40, 3)), rgb=True)
    assert values(panel)[LAYER, "Rows x columns"] == "20 x 40 x 3"


def test_without_layers_the_panel_says_what_to_do(viewer, layers, show):
    panel = show(viewer)
    viewer.layers.clear()
    assert shown(panel) == []
    assert panel.status.text().startswith("Open a scan first")
    panel.copy_rows()
    assert copied() == [list(COPIED)]


def test_layers_changed_and_removed_while_a_file_is_read_leave_the_last_choice(viewer, layers, start, settle):
    panel = start(viewer)
    for layer in layers:
        viewer.layers.selection.active = layer
    viewer.layers.remove(layers[4])
    viewer.layers.selection.active = layers[1]
    settle(panel)
    assert values(panel)[LAYER, "Name"] == layers[1].name
    other = start(viewer)
    viewer.layers.clear()
    settle(other)
    assert shown(other) == []
    settle(panel)
    assert shown(panel) == []


def test_a_panel_that_is_hidden_reads_nothing_and_catches_up(viewer, layers, show, settle):
    viewer.layers.selection.active = layers[0]
    panel = show(viewer)
    panel.hide()
    viewer.layers.selection.active = layers[4]
    assert panel.layer.value is layers[0]
    panel.show()
    settle(panel)
    assert values(panel)[LAYER, "Name"] == layers[4].name


def test_no_layer_is_changed(viewer, layers, show):
    before = [(layer.data.tobytes(), dict(layer.metadata["stmml"]), layer.name) for layer in layers]
    panel = show(viewer)
    panel.filter.setText("z")
    panel.copy_rows()
    assert [(one.data.tobytes(), dict(one.metadata["stmml"]), one.name) for one in layers] == before


def test_a_calibration_by_hand_is_seen(viewer, layers, show):
    viewer.layers.selection.active = layers[0]
    panel = show(viewer)
    layers[0].scale = (0.1, 0.2)
    assert values(panel)[LAYER, "Pixel size"] == "0.1 x 0.2 nm/px"


def test_the_recorded_heights_of_a_layer_are_one_click_away(viewer, show, small_session):
    layer = viewer.open(str(small_session[0]), plugin="napari-stmml")[-1]
    viewer.layers.selection.active = layer
    panel = show(viewer)
    assert panel.heights.value == "plane taken out"
    panel.heights.value = "as recorded"
    assert np.array_equal(layer.data, read_mtrx(small_session[0])[0].heights)
    assert "as recorded" in [item.text(1) for item in panel.items()]
    viewer.add_image(np.zeros((3, 4)))
    panel.reset_choices()
    assert panel.heights.native.isHidden()
