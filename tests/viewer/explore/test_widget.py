"""The Explore widget: what is selected in the feature space lights up on the scans, and the other way."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_stmml import read_mtrx
from napari_stmml.viewer.correct.session_layers import correction_of
from napari_stmml.viewer.explore.highlight import CANDIDATES, SELECTED, unlike_all
from napari_stmml.viewer.explore.selected_cells import area_nm2
from napari_stmml.viewer.explore.widget import HELP, NO_FEATURES, NOTHING, ExploreWidget
from napari_stmml.viewer.io.layers import scan_to_layer
from napari_stmml.viewer.shared import job_panel
from napari_stmml.viewer.shared.in_sight import NO_SCAN
from napari_stmml.viewer.shared.temporary_layers import TEMPORARY

LONG = 120_000  # ms


@pytest.fixture
def session(correction):
    return correction.session


@pytest.fixture
def panel(viewer, qtbot, correction, warm_worker, monkeypatch):
    monkeypatch.setattr(job_panel, "Worker", lambda features=None: warm_worker)
    panel = ExploreWidget(viewer)
    qtbot.addWidget(panel)
    yield panel
    panel.cancel()
    qtbot.waitUntil(lambda: warm_worker.request is None, timeout=LONG)
    while not warm_worker.events.empty():
        warm_worker.events.get()


@pytest.fixture
def settle(qtbot, panel):
    def settle_():
        qtbot.wait(20)
        qtbot.waitUntil(lambda: not panel.session.busy, timeout=LONG)
        qtbot.wait(400)

    return settle_


def lit(viewer):
    """List the layers that light cells up."""
    return [layer for layer in viewer.layers if layer.metadata.get(TEMPORARY) == SELECTED]


def everything(panel):
    """Return a lasso around all points."""
    points = np.concatenate(panel.view.points)
    (x0, y0), (x1, y1) = np.nanmin(points, 0) - 1, np.nanmax(points, 0) + 1
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def around(panel, number, cell):
    """Return a small lasso around a cell of a scan."""
    x, y = panel.view.points[number][cell]
    return np.array([[x - 0.3, y - 0.3], [x + 0.3, y - 0.3], [x + 0.3, y + 0.3], [x - 0.3, y + 0.3]])


def test_all_cells_of_all_scans_are_laid_out_at_once(panel, session):
    assert panel.scans == session.scans
    for one, points in zip(panel.scans, panel.view.points, strict=True):
        there = np.isfinite(one.cells[..., 0]).ravel()
        np.testing.assert_array_equal(np.isfinite(points[:, 0]), there)
    assert panel.canvas.axes[0].startswith("PC 1 (")
    assert panel.text.text() == HELP


def test_a_lasso_lights_the_same_cells_up_on_their_scans(panel, viewer):
    corners = around(panel, 0, 40)
    panel.canvas.lassoed.emit(corners)
    for one, mask in zip(panel.scans, panel.masks, strict=True):
        layer = next((own for own in lit(viewer) if one.name in own.name), None)
        expected = one.to_pixels(mask.reshape(one.labels.shape).astype(np.uint8))
        assert mask.any() == (layer is not None)
        if layer is not None:
            np.testing.assert_array_equal(layer.data, expected)
    assert panel.masks[0][40]
    chosen = sum(mask.sum() for mask in panel.masks)
    assert panel.text.text().startswith(f"{chosen} cells (")
    assert "nm²) inside the lasso" in panel.text.text()


def test_all_cells_together_are_as_large_as_the_scans(panel):
    panel.canvas.lassoed.emit(everything(panel))
    cells = sum(np.isfinite(one.cells[..., 0]).sum() * one.cell_nm**2 for one in panel.scans)
    assert area_nm2(panel.scans, panel.masks) == pytest.approx(cells)
    nowhere = [SimpleNamespace(cell_nm=None)]
    assert area_nm2(nowhere, panel.masks[:1]) is None


def test_the_layers_lie_over_their_scans_and_change_nothing_of_them(panel, session, viewer, correction):
    active = viewer.layers.selection.active = correction.of(session.scans[0]).truth
    before = [(one.truth.copy(), one.predicted.copy()) for one in session.scans]
    panel.canvas.lassoed.emit(everything(panel))
    assert viewer.layers.selection.active is active
    for one, layer in zip(panel.scans, lit(viewer), strict=True):
        assert viewer.layers.index(layer) == viewer.layers.index(correction.of(one).truth) + 1
        np.testing.assert_array_equal(layer.scale, correction.of(one).truth.scale)
        assert not layer.editable
    for one, (truth, predicted) in zip(session.scans, before, strict=True):
        np.testing.assert_array_equal(one.truth, truth)
        np.testing.assert_array_equal(one.predicted, predicted)
    assert not set(lit(viewer)) & set(panel._images())


def test_they_are_in_sight_when_their_scan_is(panel, session, viewer, correction):
    panel.canvas.lassoed.emit(everything(panel))
    correction.fly_to(session.scans[0], 10, 10, 3)
    assert [layer.visible for layer in lit(viewer)] == [True, False]


def test_a_second_lasso_uses_the_layers_that_are_there_and_clear_blanks_them(panel, viewer):
    panel.canvas.lassoed.emit(everything(panel))
    first = lit(viewer)
    panel.canvas.lassoed.emit(around(panel, 0, 40))
    assert lit(viewer) == first
    panel.clear_button.click()
    assert not any(layer.data.any() for layer in lit(viewer))
    assert not panel.make_button.isEnabled()
    assert panel.text.text() == HELP


def test_a_lasso_around_nothing_says_so(panel, viewer):
    panel.canvas.lassoed.emit(np.array([[1e6, 1e6], [2e6, 1e6], [1e6, 2e6]]))
    assert panel.text.text().startswith("No cell is inside the lasso.")
    assert not lit(viewer)


def test_what_is_lit_has_a_colour_that_no_class_has(session):
    colours = [one.lower() for one in session.model.class_colours]
    assert unlike_all(colours) not in colours
    for taken in CANDIDATES:
        assert unlike_all([taken]) != taken
    assert unlike_all([]) in CANDIDATES


# ---- from the scan to the points


def click(viewer, truth, place, modifiers):
    """Click on a scan as napari does: press and release."""
    event = SimpleNamespace(
        type="mouse_press", modifiers=modifiers, position=tuple(truth.data_to_world(place))
    )
    steps = [do(viewer, event) for do in viewer.mouse_drag_callbacks]
    running = [step for step in steps if next(step, "done") != "done"]
    mode = truth.mode
    event.type = "mouse_move"
    for step in running:
        next(step, None)
    event.type = "mouse_release"
    for step in running:
        next(step, None)
    return mode


def test_control_and_a_click_selects_the_region_there_and_paints_nothing(panel, session, viewer, correction):
    one = session.scans[0]
    viewer.layers.selection.active = correction.of(one).truth
    correction.of(one).truth.mode = "paint"
    during = click(viewer, correction.of(one).truth, (30, 30), ("Control",))
    assert during == "pan_zoom"
    assert correction.of(one).truth.mode == "paint"
    chosen = panel.masks[0].reshape(one.labels.shape)
    assert chosen[one.to_cell(30, 30)]
    assert set(one.labels[chosen].tolist()) == {one.labels[one.to_cell(30, 30)]}
    assert not panel.masks[1].any()
    assert f"on {one.name}" in panel.text.text()


def test_a_click_without_control_or_beside_the_scan_selects_nothing(panel, session, viewer, correction):
    one = session.scans[0]
    viewer.layers.selection.active = correction.of(one).truth
    click(viewer, correction.of(one).truth, (30, 30), ())
    click(viewer, correction.of(one).truth, (-50, 30), ("Control",))
    assert panel.masks == []


def test_what_a_person_painted_counts_as_shown(panel, session, settle):
    one = session.scans[0]
    label = 3
    session.paint(one, np.s_[20:40, 20:40], label)
    settle()
    shown = one.shown_cells(session.model.classes)
    assert shown[one.to_cell(30, 30)] == label
    panel.select_region(one, 30, 30)
    assert panel.masks[0].reshape(shown.shape)[one.to_cell(30, 30)]
    assert "cluster 3" in panel.text.text()


def test_where_no_class_is_there_is_no_region(panel, session):
    one = session.scans[0]
    one.labels[...] = 0
    panel.select_region(one, 30, 30)
    assert panel.masks == []


def test_the_chosen_class_is_shown_on_all_scans(panel, session, correction):
    correction.of(session.current).truth.selected_label = 2
    panel.class_button.click()
    for one, mask in zip(panel.scans, panel.masks, strict=True):
        np.testing.assert_array_equal(mask, (one.labels == 2).ravel())
    assert "of cluster 2" in panel.text.text()


def test_a_label_that_is_no_class_is_not_shown(panel, session, correction):
    correction.of(session.current).truth.selected_label = 77
    panel.class_button.click()
    assert "Choose a class" in panel.status.text()


# ---- a class of it


def test_a_selection_becomes_a_class_in_one_step_that_is_undone_in_one(panel, session, settle):
    before = session.model
    panel.canvas.lassoed.emit(around(panel, 0, 40))
    n = sum(int(mask.sum()) for mask in panel.masks)
    panel.name.value = "odd ones"
    panel.make_button.click()
    settle()
    classes = session.model.classes
    label = classes.order[-1]
    assert classes.names[label - 1] == "odd ones"
    assert session.scans[0].labels.ravel()[40] == label
    assert panel.status.text().startswith(f"Made odd ones of {n} cells")
    assert "odd ones" in panel.legend.text().replace("&nbsp;", " ")
    assert panel.name.value == ""
    session.undo()
    settle()
    assert session.model is before


def test_a_name_that_is_taken_is_refused_and_the_selection_stays(panel, session, said):
    panel.canvas.lassoed.emit(around(panel, 0, 40))
    panel.name.value = "cluster 1"
    panel.make_button.click()
    assert "taken" in said()[-1]
    assert panel.masks
    panel.clear()
    panel.make_class()
    assert session.model.classes.n == 4


def test_cells_of_scans_that_are_not_open_any_more_make_no_class(panel, session, viewer, correction):
    panel.canvas.lassoed.emit(everything(panel))
    viewer.layers.remove(correction.of(session.scans[0]).truth)
    panel.make_button.click()
    assert panel.status.text() == "Other scans are open now: Update shows them."
    assert session.model.classes.n == 4


# ---- colours


def test_points_are_coloured_as_classes_are_shown(panel, session, settle):
    from dataclasses import replace

    from napari_stmml.viewer.explore.scatter import packed

    drawn = panel.view.drawn
    labels = drawn.of([one.labels.ravel() for one in panel.scans])
    table = packed(["#8c8c8c", *session.model.class_colours])
    np.testing.assert_array_equal(panel.canvas._colours, table[labels])
    model = session.model
    session.edit(replace(model, classes=model.classes.recoloured(1, "#123456")), "recoloured")
    settle()
    assert (panel.canvas._colours[labels == 1] == packed(["#123456"])[0]).all()


def test_names_in_the_legend_are_text_and_not_markup(panel, session, settle):
    from dataclasses import replace

    model = session.model
    session.edit(replace(model, classes=model.classes.renamed(1, "<b>rows")), "renamed")
    settle()
    assert "&lt;b&gt;rows" in panel.legend.text()


def test_points_are_coloured_by_confidence_and_by_scan(panel):
    scans = panel.scans
    scans[0].confidence[...] = np.linspace(0, 1, scans[0].confidence.size).reshape(scans[0].confidence.shape)
    scans[0].confidence[0, 0], scans[0].confidence[0, 1] = -0.5, np.nan
    panel.colour.value = "confidence"
    assert len(np.unique(panel.canvas._colours)) > 50
    assert "unlike all examples" in panel.legend.text().replace("&nbsp;", " ")
    panel.colour.value = "scan"
    drawn = panel.view.drawn
    assert len(np.unique(panel.canvas._colours)) == 2
    assert len(np.unique(panel.canvas._colours[drawn.scans == 0])) == 1


# ---- scans come and go, and the slow methods


def test_without_scans_it_says_what_to_do(new_viewer, qtbot):
    panel = ExploreWidget(new_viewer())
    qtbot.addWidget(panel)
    assert panel.status.text() == NOTHING
    panel.class_button.click()
    panel.make_class()
    panel.select_region(None, 0, 0)
    panel.canvas.lassoed.emit(np.zeros((3, 2)))
    assert panel.view is None


def test_the_scan_in_sight_is_opened_with_a_button(
    viewer, dock, small_session, instant_model, home, finish, qtbot
):
    panel, correct = dock(viewer, "Explore"), dock(viewer, "Correct")
    window = SimpleNamespace(add_plugin_dock_widget=lambda *names: (None, correct))
    object.__setattr__(panel, "viewer", SimpleNamespace(window=window))
    panel.open_button.click()
    assert panel.status.text() == NO_SCAN
    data, meta, _ = scan_to_layer(read_mtrx(small_session[0])[0])
    image = viewer.add_image(data, **meta)
    panel.open_button.click()
    assert panel.status.text().startswith("choose a model first: Train makes one, Predict clusters scans")
    correct.model.value = instant_model
    panel.open_button.click()
    finish(correct)
    qtbot.waitUntil(lambda: panel.view is not None, timeout=LONG)
    assert [correct.correction.of(one).image for one in panel.scans] == [image]
    assert panel.open_button.isHidden()
    correct.session.flush()


def test_a_model_of_windows_has_no_features_to_show(panel, session):
    from dataclasses import replace

    one = session.scans[0]
    one.file = replace(one.file, kind="clusters")
    panel.start_button.click()
    assert panel.status.text() == NO_FEATURES
    assert panel.view is None


def test_it_follows_the_scans_that_are_open(panel, session, viewer, settle, correction):
    panel.canvas.lassoed.emit(everything(panel))
    viewer.layers.remove(correction.of(session.scans[0]).truth)
    settle()
    assert panel.scans == session.scans
    assert len(panel.view.points) == 1
    assert not lit(viewer)


def test_a_slow_method_runs_in_a_process_of_its_own(panel, session, qtbot):
    for one in session.scans:
        np.lib.format.open_memmap(one.file.path, "r+")[5:] = np.nan  # few cells take a moment
    panel.method.value = "t-SNE"
    assert panel.running
    assert panel.cancel_button.isEnabled()
    assert "laying out" in panel.status.text()
    qtbot.waitUntil(lambda: not panel.running, timeout=LONG)
    assert panel.canvas.axes == ("t-SNE 1", "t-SNE 2")
    assert not panel.cancel_button.isEnabled()
    panel.canvas.lassoed.emit(everything(panel))
    assert sum(mask.sum() for mask in panel.masks) == sum(
        np.isfinite(one.cells[..., 0]).sum() for one in panel.scans
    )


def test_it_can_be_cancelled_and_the_view_stays(panel, qtbot):
    before = panel.view
    panel.method.value = "t-SNE"
    panel.cancel_button.click()
    qtbot.waitUntil(lambda: not panel.running, timeout=LONG)
    assert panel.view is before
    assert panel.status.text() == "Cancelled."


def test_another_scan_asks_a_slow_method_for_nothing(panel, session, viewer, settle, correction, qtbot):
    panel.method.value = "t-SNE"
    panel.cancel()
    qtbot.waitUntil(lambda: not panel.running, timeout=LONG)
    viewer.layers.remove(correction.of(session.scans[0]).truth)
    settle()
    assert panel.status.text() == "Other scans are open now: Update shows them."
    assert not panel.running


def test_a_process_that_was_killed_is_said_and_the_view_stays(panel, qtbot, said):
    before = panel.view
    panel.method.value = "t-SNE"
    qtbot.waitUntil(lambda: panel.worker.pid is not None, timeout=LONG)
    panel.worker.kill()
    qtbot.waitUntil(lambda: not panel.running, timeout=LONG)
    assert said()[-1].startswith("t-SNE failed: its process ended before its work was done")
    assert panel.view is before


def test_too_few_cells_are_said(panel, session, said):
    for one in session.scans:
        one.cells = np.full_like(one.cells, np.nan)
    panel.start_button.click()
    assert "12 cells or more" in said()[-1]


def test_when_the_panel_is_closed_nothing_of_it_is_left(panel, session, viewer, settle, correction):
    from qtpy.QtWidgets import QWidget

    host, callbacks = QWidget(), len(viewer.mouse_drag_callbacks) - 1
    panel.setParent(host)
    panel.canvas.lassoed.emit(everything(panel))
    panel.method.value = "t-SNE"
    panel.canvas.lassoed.emit(everything(panel))
    assert len(lit(viewer)) == 2
    panel.setParent(None)
    assert not lit(viewer)
    assert len(viewer.mouse_drag_callbacks) == callbacks
    before = panel.view
    viewer.layers.remove(correction.of(session.scans[0]).truth)
    settle()
    assert panel.view is before
    panel.setParent(host)  # docked again
    assert len(viewer.mouse_drag_callbacks) == callbacks + 1
    panel.setParent(None)  # or else it goes with its host


def test_it_is_docked_from_the_menu(make_napari_viewer):
    viewer = make_napari_viewer()
    callbacks = len(viewer.mouse_drag_callbacks)
    _, panel = viewer.window.add_plugin_dock_widget("napari-stmml", "Explore")
    assert correction_of(viewer) is panel.correction
    assert len(viewer.mouse_drag_callbacks) == callbacks + 1
    viewer.window.remove_dock_widget(panel)
    assert len(viewer.mouse_drag_callbacks) == callbacks
