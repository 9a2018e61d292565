"""The Structures panel: one click finds, types are seen and named, corrections are steps that are kept."""

import shutil
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Image, Labels, Points
from qtpy.QtCore import QMimeData, QPointF, Qt
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QPushButton

from napari_stmml import Scan
from napari_stmml.viewer.io.layers import labels_from_layer, scan_to_layer
from napari_stmml.viewer.shared.temporary_layers import find
from napari_stmml.viewer.structures.finding import Search, steps
from napari_stmml.viewer.structures.finding_panel import ALL, NO_SCAN
from napari_stmml.viewer.structures.rings import RINGS
from napari_stmml.viewer.structures.type_list import COUNT, DENSITY, EYE, MEMBERS, NAME
from napari_stmml.viewer.structures.widget import StructuresWidget


@pytest.fixture
def search(panel, qtbot):
    def search_():
        panel.find_button.click()
        qtbot.waitUntil(lambda: not panel.finder.running and not panel.layers.busy, timeout=60_000)

    return search_


def own(panel, scan=0):
    return panel.layers.of(panel.session.keys[scan])


def press(panel, name):
    next(one for one in panel.findChildren(QPushButton) if one.text() == name).click()


def text(panel, kind, column):
    return panel.types.item(panel.types.kinds.index(kind), column).text()


def position(panel, row):
    one = panel.session.structures.table.iloc[row]
    return own(panel, int(one.scan)).image.data_to_world((one.row, one.col))


def test_one_click_finds_the_objects_of_the_active_scan_and_shows_them_in_nm(panel, viewer, search, images):
    search()
    layers, scan = own(panel), images[0]
    assert [type(one) for one in layers.all] == [Image, Image, Labels, Points]
    assert [viewer.layers.index(one) for one in layers.all] == [0, 1, 2, 3]
    for layer in layers.all[1:]:
        np.testing.assert_allclose(layer.scale, scan.scale)
        assert [str(unit) for unit in layer.units] == ["nanometer", "nanometer"]
    found = panel.session.structures
    assert len(found.scans) == 1
    assert len(layers.centres.data) == len(found.table) == layers.outlines.data.max()
    assert f"{len(found.table)} objects" in panel.status.text()
    assert "Searched" in panel.left_out.text()
    assert viewer.layers.selection.active is scan


def test_all_open_scans_are_sorted_into_the_same_types(panel, search, found_both):
    panel.where.setCurrentText(ALL)
    search()
    assert panel.session.structures.table.equals(found_both.table)
    assert "on 2 scans" in panel.status.text()


def test_a_search_that_is_cancelled_keeps_the_scans_that_were_searched(scans):
    stop = Event()
    search = steps(Search((None, None), tuple(scans)), stop)
    assert next(search).done == 1
    stop.set()
    (last,) = search
    assert len(last.found.scans) == 1
    assert last.found.names


def test_cancel_ends_a_search(panel, qtbot):
    panel.where.setCurrentText(ALL)
    panel.find_button.click()
    panel.cancel_button.click()
    qtbot.waitUntil(lambda: not panel.finder.running, timeout=60_000)
    assert panel.status.text().startswith("Cancelled")
    assert panel.find_button.isEnabled()


def test_a_row_has_number_and_density_of_its_type_and_the_last_one_those_unlike_any_other(shown, found):
    assert shown.types.kinds == (*(one.number for one in found.types), 0)
    for one in found.types:
        assert text(shown, one.number, COUNT) == str(one.count)
        assert "±" in text(shown, one.number, DENSITY)
    assert text(shown, 0, NAME) == "unlike any other"
    assert text(shown, 0, DENSITY) == ""


def test_mean_images_follow_soon(shown, qtbot, found):
    qtbot.waitUntil(lambda: len(shown.types.pictures) == len(found.types), timeout=30_000)


def test_an_eye_hides_outlines_and_centres_of_its_type(shown, found):
    shown.types.cellClicked.emit(0, EYE)
    layers, kinds = own(shown), found.table.type[found.table.scan == 0].to_numpy()
    assert np.array_equal(layers.centres.face_color[:, 3] > 0, kinds != 1)
    assert np.array_equal(layers.centres.border_color[:, 3] > 0, kinds != 1)
    colours = layers.outlines.colormap.map(np.arange(1, len(kinds) + 1))
    assert np.array_equal(colours[:, 3] > 0, kinds != 1)
    shown.types.show_only(None)
    assert layers.centres.face_color[:, 3].all()


def test_the_slider_says_at_once_how_many_objects_there_are(shown, qtbot):
    layers = own(shown)
    fewer = shown.session.structures.at(1 / 3)
    shown.sensitivity.slider.setValue(-100)
    assert f"{len(fewer.table)} objects" in shown.sensitivity.text.text()
    assert (layers.centres.face_color[:, 3] > 0).sum() == (fewer.table.scan == 0).sum()
    qtbot.waitUntil(lambda: layers.outlines.contour == 1)
    assert len(layers.centres.data) == (fewer.table.scan == 0).sum()
    assert np.array_equal(layers.outlines.data, shown.session.structures.labels(0))


def test_a_type_that_is_renamed_in_the_list_has_that_name_everywhere(shown):
    shown.types.item(0, NAME).setText("dimer vacancy")
    assert shown.session.structures.names[0] == "dimer vacancy"
    data, meta, _ = own(shown).outlines.as_layer_data_tuple()
    assert labels_from_layer(data, meta).names[1] == "dimer vacancy"


def test_a_name_that_is_taken_is_refused_in_a_sentence_and_goes_back(shown, said):
    shown.types.item(0, NAME).setText(text(shown, 2, NAME))
    assert text(shown, 1, NAME) == "type 1"
    assert len(said()) == 1
    assert "taken" in said()[0]


def test_members_are_shown_the_most_typical_first(shown, found):
    shown.types.choose(2)
    assert shown.gallery.members.rows == list(found.from_mean(2).index)
    assert f"{found.types[1].count} objects" in shown.header.text()


def test_a_click_on_a_member_flies_there_and_marks_it(both, viewer, found_both):
    both.types.choose(2)
    row = next(row for row in both.gallery.members.rows if found_both.table.scan[row] == 1)
    both.gallery.choose([row])
    both.gallery.visited.emit(row)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], position(both, row))
    assert own(both, 1).outlines.visible
    assert not own(both, 0).outlines.visible
    np.testing.assert_allclose(
        find(viewer, RINGS).data, [found_both.table.loc[row, ["row", "col"]].to_numpy(float)]
    )


def test_a_click_on_an_object_of_the_scan_selects_it_in_the_gallery(both):
    row = int(both.session.structures.table.index[both.session.structures.table.scan == 1][3])
    both.layers.show_alone(both.session.keys[1])
    both.click(position(both, row))
    assert both.gallery.chosen == [row]
    assert both.types.chosen == [both.session.structures.table.type[row]]


def test_a_key_moves_what_is_selected_to_that_row_and_undo_takes_it_back(shown, qtbot):
    before = shown.session.structures
    shown.types.choose(1)
    shown.gallery.choose(shown.gallery.members.rows[:2])
    moved = shown.gallery.objects_chosen
    qtbot.keyClick(shown.gallery, Qt.Key.Key_2)
    after = shown.session.structures
    assert {kind for one, kind in after.given.items()} == {2}
    assert len(moved) == len(after.given) == 2
    shown.session.undo()
    assert shown.session.structures.table.type.equals(before.table.type)


def test_members_that_are_dropped_on_a_type_move_there(shown):
    shown.types.choose(1)
    shown.gallery.choose(shown.gallery.members.rows[:1])
    data = QMimeData()
    data.setData(MEMBERS, b"")
    at = QPointF(60, shown.types.rowViewportPosition(2) + 5)
    drop = QDropEvent(
        at, Qt.DropAction.MoveAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    shown.types.dropEvent(drop)
    assert list(shown.session.structures.given.values()) == [3]
    assert shown.session.structures.by_person.sum() == 1


def test_an_object_that_is_none_is_gone_in_list_gallery_and_layers(shown, qtbot, found):
    shown.types.choose(1)
    shown.gallery.choose(shown.gallery.members.rows[:1])
    qtbot.keyClick(shown.gallery, Qt.Key.Key_Delete)
    assert len(shown.session.structures.table) == len(found.table) - 1
    assert len(own(shown).centres.data) == len(found.table) - 1
    shown.session.undo()
    assert len(shown.session.structures.table) == len(found.table)


def test_merge_and_split_are_one_step_each(shown, found):
    shown.types.select([1, 2, 3])
    press(shown, "Merge")
    assert shown.types.kinds == (1, *(one.number for one in found.types if one.number > 3), 0)
    shown.session.undo()
    assert shown.types.kinds == (*(one.number for one in found.types), 0)
    shown.types.choose(1)
    press(shown, "Split")
    assert len(shown.types.kinds) == len(found.types) + 2
    shown.session.undo()
    assert len(shown.types.kinds) == len(found.types) + 1


def test_merge_with_one_type_says_what_to_do(shown, said):
    shown.types.choose(1)
    press(shown, "Merge")
    assert said() == ["Select two types or more in the list (Ctrl+click), then merge them."]


def test_selected_objects_become_a_new_type(shown, found):
    shown.types.choose(1)
    shown.gallery.choose(shown.gallery.members.rows[-1:])
    shown.press("N")
    assert len(shown.session.structures.names) == len(found.names) + 1
    assert shown.types.chosen == [len(found.names) + 1]


def test_in_the_mode_that_adds_a_click_adds_an_object_until_escape(shown, found):
    labels = found.labels(0)
    free = np.argwhere(labels == 0)
    table = found.table[found.table.scan == 0]
    apart = np.hypot(free[:, :1] - table.row.to_numpy(), free[:, 1:] - table.col.to_numpy()).min(1)
    place = own(shown).image.data_to_world(free[apart.argmax()])
    shown.add_button.setChecked(True)
    shown.click(place)
    assert len(shown.session.structures.table) == len(found.table) + 1
    assert len(own(shown).centres.data) == len(table) + 1
    shown.press("Escape")
    assert not shown.add_button.isChecked()


def test_all_like_this_one_selects_them_on_both_scans_and_they_move_together(both, found_both, qtbot):
    row = int(found_both.from_mean(1).index[0])
    both.click(position(both, row))
    press(both, "All like this one")
    like = both.gallery.chosen
    kinds, scans = found_both.table.type.to_numpy()[like], found_both.table.scan.to_numpy()[like]
    assert (kinds == 1).mean() > 0.9
    assert set(scans) == {0, 1}
    assert f"{(scans == 0).sum()} on {found_both.scans[0].short_name}" in both.header.text()
    both.press("N")
    assert both.session.structures.types[-1].count >= len(like)
    both.session.undo()
    assert both.session.structures.table.type.equals(found_both.table.type)


def test_keys_of_the_outlines_do_what_those_of_the_gallery_do(shown, found):
    row = int(found.from_mean(1).index[0])
    shown.click(position(shown, row))
    layer = shown.layers.viewer.layers.selection.active
    assert layer is own(shown).outlines
    layer.keymap[next(key for key in layer.keymap if str(key) == "2")](layer)
    assert list(shown.session.structures.given.values()) == [2]
    layer.keymap[next(key for key in layer.keymap if str(key) == "Ctrl+Z")](layer)
    assert not shown.session.structures.given


def test_a_drag_of_the_mouse_moves_the_picture_and_selects_nothing(shown, found):
    place = position(shown, int(found.from_mean(1).index[0]))
    for end, chosen in ((40, 0), (2, 1)):
        event = SimpleNamespace(button=1, pos=(100, 100), position=place, modifiers=(), type="mouse_press")
        (callback,) = [one for one in shown.viewer.mouse_drag_callbacks if one.__name__ == "_on_mouse"]
        stroke = callback(shown.viewer, event)
        next(stroke)
        event.type, event.pos = "mouse_move", (100 + end, 100)
        next(stroke)
        event.type = "mouse_release"
        assert next(stroke, None) is None
        assert len(shown.gallery.chosen) == chosen


def test_corrections_and_names_are_there_again_in_another_viewer(shown, found, new_viewer, qtbot, images):
    shown.session.rename(2, "vacancy")
    shown.types.choose(1)
    shown.gallery.choose(shown.gallery.members.rows[:1])
    shown.press("Delete")
    shown.on_close()
    again = new_viewer()
    again.add_image(images[0].data, **images[0].as_layer_data_tuple()[1])
    panel = StructuresWidget(again)
    qtbot.addWidget(panel)
    panel.find_button.click()
    qtbot.waitUntil(lambda: not panel.finder.running and not panel.layers.busy, timeout=60_000)
    assert len(panel.session.structures.table) == len(found.table) - 1
    assert text(panel, 2, NAME) == "vacancy"
    assert shown.session.path.name in panel.kept.text()


def test_a_scan_whose_layers_are_removed_is_closed_and_can_be_found_again(both, viewer, search, found_both):
    viewer.layers.remove(own(both, 1).image)
    assert len(both.session.keys) == 1
    assert len(both.session.structures.table) == (found_both.table.scan == 0).sum()
    kept = own(both).flat
    viewer.layers.remove(own(both).outlines)
    assert both.session.keys == []
    assert both.gallery.members.rows == []
    viewer.layers.selection.active = viewer.layers[0]
    search()
    assert own(both).flat is kept
    assert len(both.session.structures.table) == (found_both.table.scan == 0).sum()


def test_a_person_who_paints_on_the_outlines_breaks_nothing(shown, found):
    layer = own(shown).outlines
    layer.data = np.zeros((5, 5), int)
    shown.session.rename(1, "other")
    assert np.array_equal(layer.data, found.labels(0))


@pytest.mark.parametrize(
    ("scan", "why"),
    [
        (Scan(np.random.default_rng(0).normal(size=(64, 64)), None), "size of a pixel is not known"),
        (Scan(np.random.default_rng(0).normal(size=(6, 6)), (0.1, 0.1)), "too few"),
    ],
)
def test_a_scan_that_cannot_be_searched_is_refused_in_a_sentence(panel, viewer, search, said, scan, why):
    data, meta, _ = scan_to_layer(replace(scan, source="other"))
    viewer.layers.selection.active = viewer.add_image(data, **meta)
    search()
    assert len(said()) == 1
    assert why in said()[0]
    assert "Traceback" not in panel.status.text()


def test_a_constant_scan_has_no_objects(panel, viewer, search, said):
    data, meta, _ = scan_to_layer(Scan(np.zeros((128, 128)), (0.1, 0.1), source="constant"))
    viewer.layers.selection.active = viewer.add_image(data, **meta)
    search()
    assert panel.status.text().startswith("0 objects")
    assert said() == []


def test_without_a_scan_a_sentence_says_so(new_viewer, qtbot, home):
    panel = StructuresWidget(new_viewer())
    qtbot.addWidget(panel)
    panel.find_button.click()
    assert panel.status.text() == NO_SCAN


def test_types_can_be_saved_and_used_for_another_scan(shown, tmp_path, found, said):
    shown.session.rename(1, "vacancy")
    shown.session.save_as(tmp_path / "types.stmml")
    used = shutil.copy(tmp_path / "types.stmml", tmp_path / "used.stmml")
    shown.session.retype()
    assert text(shown, 1, NAME) == "type 1"
    shown.session.use(Path(used))
    assert text(shown, 1, NAME) == "vacancy"
    assert "used.stmml" in shown.kept.text()
    assert said() == []


def test_the_keys_that_structures_share_with_napari_have_nothing_to_do_there(shown):
    own = shown.layers.of(shown.session.keys[0])
    for layer in (own.outlines, own.centres):
        assert not layer.editable  # napari's tools are off
        assert {"1", "N", "A", "Delete"} <= {str(key) for key in layer.keymap}
