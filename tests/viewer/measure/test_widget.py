"""The Measure widget: rows and places are linked, and a person's labels count."""

import csv
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_stmml.correction import edits
from napari_stmml.scan import Scan
from napari_stmml.viewer.io.layers import scan_to_layer
from napari_stmml.viewer.measure.table import MeasurementTable
from napari_stmml.viewer.measure.widget import MeasureWidget


@pytest.fixture
def session(correction):
    return correction.session


@pytest.fixture
def panel(qtbot, viewer, correction):
    panel = MeasureWidget(viewer)
    qtbot.addWidget(panel)
    return panel


@pytest.fixture
def measure(panel, qtbot):
    def measure_():
        panel.measured = None
        panel.button.click()
        qtbot.waitUntil(lambda: panel.measured is not None and panel.button.isEnabled(), timeout=60_000)
        return panel.measured.result

    return measure_


def test_the_maps_are_those_that_a_person_may_paint_on(panel, session, correction):
    assert [str(layer) for layer in panel.maps.choices] == [
        str(correction.of(one).truth) for one in session.scans
    ]


def test_the_largest_class_is_offered_as_background_and_has_no_regions(panel, session, measure, correction):
    one = session.scans[0]
    panel.maps.value = correction.of(one).truth
    sizes = np.bincount(one.predicted.ravel())[1:]
    assert panel.background.value == 1 + sizes.argmax()
    found = measure()
    assert panel.background.value not in set(found.regions.label)
    assert found.classes.coverage.sum() == pytest.approx(1, abs=0.05)
    assert f"{len(found.regions)} regions" in panel.status.text()


def test_what_a_person_painted_is_measured(panel, session, measure, qtbot, correction):
    one = session.scans[0]
    panel.maps.value = correction.of(one).truth
    panel.background.value = 1
    session.paint(one, np.ones(one.truth.shape, bool), 1)
    assert len(measure().regions) == 0
    where = np.zeros(one.truth.shape, bool)
    where[20:30, 20:30] = True
    session.paint(one, where, 2)
    found = measure()
    assert found.regions[["label", "row", "col"]].to_numpy().tolist() == [[2, 24.5, 24.5]]


def test_classes_marked_as_background_have_no_regions_either(panel, session, measure, correction):
    session.edit(*edits.background(session.model, [2, 3]))
    panel.maps.value = correction.of(session.scans[0]).truth
    panel.background.value = 1
    assert set(measure().regions.label) <= {4}


def test_classes_that_the_map_does_not_show_have_rows_but_merged_ones_have_none(
    panel, session, measure, correction
):
    session.edit(*edits.merge(session.model, [3, 2]))
    one = session.scans[0]
    panel.maps.value = correction.of(one).truth
    session.paint(one, np.ones(one.truth.shape, bool), 1)
    panel.background.value = 1
    classes = measure().classes
    assert classes.label.tolist() == [1, 3, 4]
    assert classes["count"].tolist() == [0, 0, 0]
    assert "0 regions of 0 classes" in panel.status.text()


def test_a_row_moves_the_camera_and_a_click_on_a_region_shows_its_row(
    panel, session, measure, viewer, correction
):
    one = session.scans[0]
    panel.maps.value = correction.of(one).truth
    found = measure()
    panel.regions.picked.emit(2)
    region = found.regions.iloc[2]
    place = correction.of(one).truth.data_to_world((region.row, region.col))
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], place)
    assert correction.of(one).truth.selected_label == region.label
    row, col = np.argwhere(found.numbers == 4)[0]
    event = SimpleNamespace(position=correction.of(one).truth.data_to_world((row, col)))
    panel.show_row_at(correction.of(one).truth, event)
    chosen = panel.regions.currentIndex().row()
    assert panel.regions.rows.table.index[chosen] == 3


def test_a_row_shows_its_scan_alone(panel, session, measure, viewer, correction):
    shown, hidden = session.scans
    panel.maps.value = correction.of(hidden).truth
    measure()
    cover = viewer.add_image(np.zeros(shown.truth.shape), name="another scan")
    correction.of(hidden).truth.mode = "paint"
    correction.fly_to(shown, 10, 10, 3)
    cover.visible = True
    panel.regions.picked.emit(0)
    panel.regions.picked.emit(1)
    assert correction.of(hidden).truth.mode == "paint"
    assert correction.of(hidden).truth.visible
    assert correction.of(hidden).image.visible
    assert not correction.of(shown).truth.visible
    assert not cover.visible


def test_numbers_of_classes_are_features_of_the_layer_for_other_plugins(panel, session, measure, correction):
    one = session.scans[0]
    panel.maps.value = correction.of(one).truth
    found = measure()
    table = correction.of(one).truth.features
    assert list(table["class"][:2]) == ["unlabelled", "cluster 1"]
    for statistics in found.classes.itertuples():
        (row,) = np.flatnonzero(table["index"] == statistics.label)
        assert table["coverage"][row] == pytest.approx(statistics.coverage)
        assert table["density_per_nm2"][row] == pytest.approx(statistics.density)


def test_tables_are_saved_with_units_in_their_headings(panel, session, measure, tmp_path, correction):
    panel.maps.value = correction.of(session.scans[0]).truth
    found = measure()
    panel.save(tmp_path / "tables")
    path = next((tmp_path / "tables").glob("*_regions.csv"))
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert len(rows) == len(found.regions)
    assert float(rows[0]["area_nm2"]) == pytest.approx(found.regions.area[0], rel=1e-4)
    assert "files written" in panel.status.text()


def test_before_anything_is_measured_there_is_nothing_to_save(panel, tmp_path):
    with pytest.raises(ValueError, match="measure a map first"):
        panel.save(tmp_path)
    assert not panel.save_button.isEnabled()


def test_a_map_without_a_scan_of_its_size_says_so(viewer, qtbot, said):
    panel = MeasureWidget(viewer)
    qtbot.addWidget(panel)
    panel.measure()
    assert "no map to measure" in panel.status.text()
    viewer.add_labels(np.ones((7, 9), np.uint8), name="alone")
    panel.reset_choices()
    panel.measure()
    assert "no open scan has its size" in panel.status.text()
    assert said()


def test_a_table_is_sorted_by_any_column_and_tells_the_row_that_it_was_given(qtbot):
    table = MeasurementTable("numbers")
    qtbot.addWidget(table)
    values = pd.DataFrame({"name": ["b", "a", "c"], "height": [float("nan"), 2.0, 1.0]})
    table.show_columns(values, ["name", "height"], "nm")
    model = table.model()
    table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert [model.data(model.index(row, 0)) for row in range(3)] == ["c", "a", "b"]
    with qtbot.waitSignal(table.picked) as picked:
        table.selectRow(0)
    assert picked.args == [2]
    table.choose(1)
    assert table.currentIndex().row() == 1
    assert model.data(model.index(2, 1)) == ""


def test_a_map_of_currents_is_not_measured_as_heights(viewer, qtbot, said):
    currents = Scan(np.zeros((20, 20)), (0.1, 0.1), "forward/up", channel="I", unit="nA", source="a.I_mtrx")
    data, meta, _ = scan_to_layer(currents)
    viewer.add_image(data, **meta)
    viewer.add_labels(np.ones((20, 20), np.uint8), name="labels")
    panel = MeasureWidget(viewer)
    qtbot.addWidget(panel)
    panel.measure()
    qtbot.waitUntil(lambda: panel.button.isEnabled())
    assert "there are no heights in nm to measure" in panel.status.text()
    assert panel.measured is None
