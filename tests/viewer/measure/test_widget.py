"""The Measure widget: rows and places are linked, and a person's labels count."""

import csv
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_stmml import find_structures
from napari_stmml.correction import edits
from napari_stmml.io.predicted_map import predicted_map
from napari_stmml.scan import Scan
from napari_stmml.viewer.io.layers import labels_to_layer, scan_to_layer
from napari_stmml.viewer.io.structure_layers import structures_to_layers
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


# ---- whose heights


def scan_at(number, direction="forward/up", shape=(40, 40), size=(0.1, 0.1), folder="x", **about):
    """Make a scan of a session, a slope of its own number, so that heights say whose they are."""
    heights = np.zeros(shape) + 0.001 * np.arange(shape[1]) ** 3 * int(number.split("_")[0])
    source = f"/{folder}/default_2026Nov23-120000_STM-STM_Spectroscopy--{number}.Z_mtrx"
    return Scan(heights, size, direction, bias=-1.7, source=source, **about)


def add_scan(viewer, scan, **changed):
    data, meta, _ = scan_to_layer(scan)
    return viewer.add_image(data, **{**meta, **changed})


def add_map(viewer, scan, **changed):
    labels = np.zeros(scan.heights.shape, np.uint8)
    labels[10:14, 10:14] = 2
    data, meta, _ = labels_to_layer(predicted_map(labels, scan, {1: "surface", 2: "holes"}, {}, "m.stmml"))
    return viewer.add_labels(data, **{**meta, **changed})


@pytest.fixture
def alone(viewer, qtbot):
    """Open the panel on a viewer without a session of Correct."""
    panel = MeasureWidget(viewer)
    qtbot.addWidget(panel)
    for event in (viewer.layers.events.inserted, viewer.layers.events.removed, viewer.layers.events.renamed):
        event.connect(panel.reset_choices)
    return panel


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    "name", ["labels 1_1 Z forward/up -1.7 V", "of mine", "labels 11_1 Z forward/up -1.7 V"]
)
def test_a_map_is_measured_on_its_own_scan_whatever_layers_are_called(viewer, alone, qtbot, order, name):
    scans = [scan_at(n, way) for n in ("11_1", "1_1") for way in ("backward/up", "forward/up")][::order]
    images = {
        (scan.source, scan.direction): add_scan(viewer, scan, name=f"{i}") for i, scan in enumerate(scans)
    }
    own = scan_at("1_1")
    layer = add_map(viewer, own, name=name)
    alone.maps.value = layer
    assert alone.scan.value == images[own.source, own.direction]
    assert alone.scan.current_choice == own.name
    alone.button.click()
    qtbot.waitUntil(lambda: alone.measured is not None)
    assert (alone.measured.scan.source, alone.measured.scan.direction) == (own.source, own.direction)
    assert f"Heights of {own.name}" in alone.status.text()
    layer.name = "renamed"  # what is chosen stays
    images[own.source, own.direction].name = "renamed, too"
    assert (alone.maps.value, alone.scan.value) == (layer, images[own.source, own.direction])


def test_a_scan_is_known_again_where_its_file_was_moved_or_its_heights_were_flattened(viewer, alone):
    taken = datetime(2026, 11, 23, 12, tzinfo=UTC)
    moved = scan_at("1_1", folder="moved", taken=taken)
    flat = moved.with_heights(moved.heights, "flattened", moved.pixel_size)
    images = [
        add_scan(viewer, one)
        for one in (scan_at("1_1", folder="other", taken=taken + timedelta(1)), flat, moved)
    ]
    layer = add_map(viewer, scan_at("1_1", taken=taken))
    alone.maps.value = layer
    assert alone.scan.value == images[2]
    on_flat = add_map(viewer, flat)
    alone.maps.value = on_flat
    assert alone.scan.value == images[1]


def test_the_scan_of_a_map_that_is_not_open_is_asked_for_and_taken_once_it_is(viewer, alone, said):
    add_scan(viewer, scan_at("11_1"))
    alone.maps.value = add_map(viewer, scan_at("1_1"))
    alone.measure()
    assert alone.measured is None
    assert "--1_1.Z_mtrx, is not open: open it, or choose another" in alone.status.text()
    image = add_scan(viewer, scan_at("1_1"))
    assert alone.scan.value == image


def test_where_the_scan_of_a_map_is_closed_no_other_takes_its_place(viewer, alone):
    scans = [scan_at(number) for number in ("1_1", "2_1", "3_1")]
    images = [add_scan(viewer, scan) for scan in scans]
    maps = [add_map(viewer, scan) for scan in scans]
    for layer, image in zip(maps, images, strict=True):
        alone.maps.value = layer
        assert alone.scan.value == image
        viewer.layers.remove(image)
        assert (alone.maps.value, alone.scan.value) == (layer, None)


def test_a_layer_that_napari_made_has_the_only_scan_that_fits_or_lets_one_choose(viewer, alone, qtbot, said):
    image = add_scan(viewer, scan_at("1_1"))
    add_scan(viewer, scan_at("2_1", shape=(40, 41)))
    add_scan(viewer, scan_at("3_1"), translate=(9, 9))
    viewer.layers.selection.active = image
    viewer._new_labels()  # the button of the list of layers
    plain = viewer.layers[-1]
    plain.data[10:14, 10:14] = 1
    alone.maps.value = plain
    assert alone.scan.value == image
    assert alone.background.value == 0  # what nobody painted is the surface
    other = add_scan(viewer, scan_at("11_1"))
    assert alone.scan.value == image  # what is chosen stays
    alone.maps.value = add_map(viewer, scan_at("2_1", shape=(40, 41)))
    alone.maps.value = plain
    assert alone.scan.value is None
    alone.measure()
    assert "does not say which scan it is of: choose it above" in alone.status.text()
    alone.scan.value = other
    alone.button.click()
    qtbot.waitUntil(lambda: alone.measured is not None)
    assert alone.measured.scan.source.endswith("--11_1.Z_mtrx")


@pytest.mark.parametrize(
    ("scan", "placed", "why"),
    [
        (scan_at("2_1", shape=(40, 41)), {}, "has 40 x 40 px and “2_1 Z forward/up -1.7 V” 41 x 40 px"),
        (scan_at("2_1"), {"translate": (2.0, 0.0)}, "does not lie on “2_1 Z forward/up -1.7 V”"),
        (scan_at("2_1", size=(0.2, 0.2)), {}, "does not lie on “2_1 Z forward/up -1.7 V”"),
        (scan_at("2_1"), {"rotate": 90}, "does not lie on “2_1 Z forward/up -1.7 V”"),
    ],
)
def test_a_scan_of_another_shape_or_place_is_refused(viewer, alone, said, scan, placed, why):
    image = add_scan(viewer, scan, **placed)
    add_scan(viewer, scan_at("1_1"))
    alone.maps.value = add_map(viewer, scan_at("1_1"))
    alone.scan.value = image
    alone.measure()
    assert alone.measured is None
    assert f"{why}: choose the scan that the map was made of" in alone.status.text()
    assert said()


def test_a_layer_of_no_place_is_measured_on_the_scan_that_a_person_chooses(viewer, alone, qtbot, said):
    image = add_scan(viewer, scan_at("1_1"))
    labels = np.zeros((40, 40), np.uint16)
    labels[10:14, 10:14] = 7
    alone.maps.value = viewer.add_labels(labels)  # as napari opens the TIFF of another program
    assert alone.scan.value is None
    alone.measure()
    assert "does not say which scan it is of: choose it above" in alone.status.text()
    alone.scan.value = image
    alone.button.click()
    qtbot.waitUntil(lambda: alone.measured is not None)
    assert alone.measured.result.regions.area.tolist() == pytest.approx([0.16])


def test_the_background_stays_the_same_class_for_all_maps_of_a_model(viewer, alone):
    scans = [scan_at("1_1", way) for way in ("forward/up", "backward/up")]
    maps = []
    for scan in scans:
        add_scan(viewer, scan)
        maps.append(add_map(viewer, scan))
    maps[0].data[:] = 1
    maps[0].data[:5] = 2
    maps[1].data[:] = 2
    maps[1].data[:5] = 1
    alone.maps.value = maps[1]
    alone.background.reset_choices()
    alone.background.value = 1
    for one in (0, 1, 0):
        alone.maps.value = maps[one]
        assert alone.background.current_choice == "surface"


def test_tables_name_the_model_that_made_the_map(viewer, alone, qtbot, tmp_path):
    add_scan(viewer, scan_at("1_1"))
    alone.maps.value = add_map(viewer, scan_at("1_1"))
    alone.button.click()
    qtbot.waitUntil(lambda: alone.measured is not None)
    alone.save(tmp_path)
    (path,) = tmp_path.glob("*_classes.csv")
    assert {row["model"] for row in csv.DictReader(path.open(encoding="utf-8"))} == {"m.stmml"}


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
    viewer.add_labels(np.ones((20, 20), np.uint8), name="labels", scale=(0.1, 0.1), units="nm")
    panel = MeasureWidget(viewer)
    qtbot.addWidget(panel)
    panel.measure()
    qtbot.waitUntil(lambda: panel.button.isEnabled())
    assert "there are no heights in nm to measure" in panel.status.text()
    assert panel.measured is None


def test_on_a_layer_of_structures_each_object_is_a_region_of_its_type(qtbot, new_viewer):
    rows, cols = np.indices((160, 160)) / 8
    heights = np.random.default_rng(0).normal(0, 0.004, rows.shape)
    for number, (y, x) in enumerate([(3, 4), (3, 15), (9, 9), (16, 3), (16, 16), (10, 17), (9.5, 2.5)]):
        heights += (0.15 if number < 4 else -0.15) * np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / 0.18)
    scan = Scan(heights, (0.125, 0.125), "forward/up", source="s--1_1.Z_mtrx")
    found = find_structures(scan).renamed(1, "adatom")
    viewer = new_viewer()
    data, meta, _ = scan_to_layer(scan)
    viewer.add_image(data, **meta)
    (outlines, about, _), _ = structures_to_layers(found, 0)
    layer = viewer.add_labels(outlines, **about)
    panel = MeasureWidget(viewer)
    qtbot.addWidget(panel)
    panel.maps.value = layer
    assert panel.background.current_choice == "none"
    panel.button.click()
    qtbot.waitUntil(lambda: panel.measured is not None and panel.button.isEnabled(), timeout=60_000)
    regions = panel.measured.result.regions
    assert sorted(regions.name) == ["adatom"] * 4 + ["type 2"] * 3
    assert np.allclose(regions.area, found.table.area_nm2)
    assert layer.features["index"].tolist() == list(range(1, 8))
    panel.go_to(4)
    assert layer.selected_label == 5
    panel.on_close()


# ---- all maps at once


def test_all_maps_whose_scans_are_open_are_one_table_with_0_where_a_class_is_absent(
    viewer, alone, qtbot, tmp_path
):
    for number in ("1_1", "2_1", "3_1"):
        add_scan(viewer, scan_at(number))
        layer = add_map(viewer, scan_at(number))
    layer.data[:] = 1
    add_map(viewer, scan_at("4_1"), name="of a closed scan")
    alone.maps.value = layer
    alone.series.button.click()
    qtbot.waitUntil(
        lambda: alone.series.result is not None and alone.series.button.isEnabled(), timeout=60_000
    )
    table = alone.classes.rows.table
    assert table[["name", "n"]].to_numpy().tolist() == [["holes", 1], ["holes", 1], ["holes", 0]]
    said = alone.status.text()
    assert "holes: n = 2" in said
    assert "on 3 scans FU, none on 1" in said
    assert "“of a closed scan” has no open scan" in said
    alone.series.save(tmp_path)
    qtbot.waitUntil(lambda: "written to" in alone.status.text(), timeout=60_000)
    rows = list(csv.DictReader((tmp_path / "summary.csv").open(encoding="utf-8")))
    assert [row["n"] for row in rows if row["name"] == "holes"] == ["1", "1", "0"]
    assert {row["background_classes"] for row in rows} == {"surface"}
    assert len(list(tmp_path.glob("*_classes.csv"))) == 3


def test_without_a_map_on_an_open_scan_there_is_nothing_to_measure_at_once(alone, tmp_path):
    alone.series.measure()
    assert "No map lies on an open scan" in alone.status.text()
    with pytest.raises(ValueError, match="measure all maps first"):
        alone.series.save(tmp_path)


def test_the_panel_says_the_rule_for_the_border_and_what_may_be_several_objects(viewer, alone, qtbot):
    add_scan(viewer, scan_at("1_1"))
    alone.maps.value = layer = add_map(viewer, scan_at("1_1"))
    layer.data[layer.data == 0] = 1
    alone.background.reset_choices()
    alone.background.value = 1
    for row in range(3, 36, 8):
        layer.data[row : row + 3, 20:23] = 2
    alone.button.click()
    qtbot.waitUntil(lambda: alone.measured is not None)
    assert "regions that the bottom or right edge cuts are not counted" in alone.status.text()
    layer.data[3:6, 20:33] = 2
    alone.measured = None
    alone.button.click()
    qtbot.waitUntil(lambda: alone.measured is not None)
    assert "2 regions of holes, larger than 1.6 medians, may be several" in alone.status.text()
