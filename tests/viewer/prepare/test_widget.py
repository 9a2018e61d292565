import numpy as np
import pytest

from napari_stmml.heights.flatten import flatten
from napari_stmml.heights.resample import resample
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.viewer.io.layers import brief_name, labels_to_layer, scan_of, scan_to_layer
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.prepare.height_plot import heights_along, histogram, profile, ticks
from napari_stmml.viewer.prepare.heights_view import COLUMN, LINE, ROW
from napari_stmml.viewer.prepare.preview import PREVIEW
from napari_stmml.viewer.prepare.widget import PrepareWidget
from napari_stmml.viewer.prepare.window_grid import GRID
from napari_stmml.viewer.shared.in_sight import NO_SCAN

PLACE = {"translate": (3.0, -4.0), "rotate": 25, "shear": [0.1]}


@pytest.fixture
def settle(qtbot):
    """Return a function that waits until a panel has flattened what it was asked to."""

    def settle_(panel):
        qtbot.waitUntil(lambda: not panel.busy, timeout=20_000)

    return settle_


@pytest.fixture
def show(qtbot, settle):
    """Return a function that shows a Prepare panel for a viewer; in a window, as layers come and go."""

    def show_(viewer):
        panel = PrepareWidget(viewer)
        qtbot.addWidget(panel)
        for event in ("inserted", "removed", "reordered"):
            getattr(viewer.layers.events, event).connect(panel.reset_choices)
        panel.show()
        settle(panel)
        return panel

    return show_


@pytest.fixture
def layer(viewer, small_scan):
    """Add a scan's layer that was moved and turned."""
    data, meta, _ = scan_to_layer(small_scan)
    return viewer.add_image(data, **(meta | PLACE))


def lies_on(one, other):
    places = zip(place_of(one).values(), place_of(other).values(), strict=True)
    return one.data.shape == other.data.shape and all(np.array_equal(a, b) for a, b in places)


def test_the_preview_comes_and_goes_with_the_panel(viewer, layer, show, settle):
    panel = show(viewer)
    preview = viewer.layers[PREVIEW]
    assert np.array_equal(preview.data, flatten(layer.data, "poly_xy"))
    assert lies_on(preview, layer)
    panel.hide()
    assert list(viewer.layers) == [layer]
    panel.show()
    settle(panel)
    assert PREVIEW in viewer.layers


def test_a_preview_that_is_ready_after_the_panel_was_hidden_is_not_shown(viewer, layer, show, settle):
    panel = show(viewer)
    panel.flatten()
    panel.hide()
    settle(panel)
    assert list(viewer.layers) == [layer]


def test_the_preview_leaves_the_chosen_layer_active(viewer, layer, show):
    viewer.layers.selection.active = layer
    show(viewer)
    assert viewer.layers.selection.active is layer


def test_the_preview_shows_the_method_that_is_chosen(viewer, layer, show, settle):
    panel = show(viewer)
    preview = viewer.layers[PREVIEW]
    panel.chain.value = "none"
    settle(panel)
    assert viewer.layers[PREVIEW] is preview
    assert np.array_equal(preview.data, layer.data)


def test_the_preview_follows_the_choice_of_another_scan(viewer, layer, show, settle, rng):
    other = viewer.add_image(rng.normal(size=(40, 50)), name="other")
    panel = show(viewer)
    panel.layer.value = other
    settle(panel)
    assert lies_on(viewer.layers[PREVIEW], other)


def test_without_live_preview_there_is_none(viewer, layer, show, settle):
    panel = show(viewer)
    panel.live.value = False
    settle(panel)
    assert list(viewer.layers) == [layer]


@pytest.mark.parametrize("method", ["poly_xy", "none"])
def test_a_made_layer_is_the_flattened_scan_in_its_place_with_its_history(
    viewer, layer, show, settle, small_scan, method
):
    panel = show(viewer)
    panel.chain.value = method
    panel.apply.click()
    settle(panel)
    (made,) = [one for one in viewer.layers if one is not layer and one.name != PREVIEW]
    assert made.name == f"{brief_name(layer)} · {method}"
    assert np.array_equal(made.data, flatten(small_scan.heights, method))
    assert lies_on(made, layer)
    scan = scan_of(made)
    assert scan.pixel_size == pytest.approx(small_scan.pixel_size)
    expected = {"history": [f"flatten {method}"], "pixel_size": list(scan.pixel_size)}
    assert scan.settings() == small_scan.settings() | expected


def test_a_made_layer_stays_when_the_panel_goes(viewer, layer, show, settle):
    panel = show(viewer)
    panel.make_layer()
    settle(panel)
    panel.hide()
    assert len(viewer.layers) == 2


def test_a_layer_made_of_a_made_layer_remembers_both_steps(viewer, layer, show, settle):
    panel = show(viewer)
    panel.make_layer()
    panel.layer.value = next(one for one in viewer.layers if one.name.endswith("poly_xy"))
    panel.chain.value = "none"
    panel.make_layer()
    settle(panel)
    histories = [one.metadata["stmml"]["history"] for one in viewer.layers if "stmml" in one.metadata]
    assert ["flatten poly_xy", "flatten none"] in histories


def test_a_plain_image_of_nobodys_reader_can_be_flattened(viewer, show, settle, rng):
    plain = viewer.add_image(rng.integers(0, 200, (50, 60)).astype(np.uint8), name="plain")
    panel = show(viewer)
    panel.make_layer()
    settle(panel)
    made = viewer.layers["plain · poly_xy"]
    assert np.allclose(made.data, flatten(plain.data, "poly_xy"))
    assert lies_on(made, plain)


def test_stacks_colours_and_temporary_layers_are_not_offered(viewer, layer, show):
    viewer.add_image(np.zeros((3, 20, 20)), name="stack")
    viewer.add_image(np.zeros((20, 20, 3)), rgb=True, name="photo")
    viewer.add_labels(np.zeros((20, 20), np.uint8))
    panel = show(viewer)
    panel.grid.value = True
    assert {PREVIEW, GRID} <= {one.name for one in viewer.layers}
    assert panel.layer.choices == (layer,)


def test_without_a_scan_the_panel_says_what_to_do(viewer, show, said):
    panel = show(viewer)
    panel.make_layer()
    assert said() == [NO_SCAN]


def test_a_scan_without_heights_is_a_sentence(viewer, show, settle, said):
    viewer.add_image(np.full((40, 40), np.nan), name="empty")
    panel = show(viewer)
    settle(panel)
    assert "every height is missing" in panel.status.text()
    assert panel.status.text().startswith("empty")
    assert said()
    assert PREVIEW not in viewer.layers


def test_a_source_removed_meanwhile_leaves_nothing_behind(viewer, layer, show, settle):
    panel = show(viewer)
    panel.grid.value = True
    panel.flatten()
    viewer.layers.remove(layer)
    settle(panel)
    assert not viewer.layers
    assert panel.windows.count.text() == ""
    panel.make_layer()
    settle(panel)
    assert not viewer.layers


@pytest.mark.parametrize(("density", "window", "pitch"), [(15, 32, 8), (10, 16, 5), (20, 64, 64)])
def test_the_count_of_windows_is_that_of_the_grid(
    viewer, layer, show, settle, small_scan, density, window, pitch
):
    panel = show(viewer)
    panel.windows.density.value, panel.windows.window.value, panel.windows.pitch.value = (
        density,
        window,
        pitch,
    )
    resampled = resample(small_scan.heights, small_scan.pixel_size, density)
    rows, cols = WindowGrid(window, pitch).shape(resampled.shape)
    assert panel.windows.count.text().startswith(
        f"{rows} x {cols} = {rows * cols} windows, {window / density:.3g} nm"
    )
    panel.grid.value = True
    # One more line than tiles, down and across; and four sides of two windows.
    assert len(viewer.layers[GRID].data) == rows + 1 + cols + 1 + 8


def test_the_grid_lies_on_the_scan_and_ends_at_its_edges(viewer, layer, show, small_scan):
    panel = show(viewer)
    panel.grid.value = True
    grid = viewer.layers[GRID]
    assert all(np.array_equal(place_of(grid)[key], place_of(layer)[key]) for key in place_of(layer))
    starts, steps = grid.data[:, 0], grid.data[:, 1]
    assert np.minimum(starts, starts + steps).min(axis=0) == pytest.approx(-0.5)
    assert np.maximum(starts, starts + steps).max(axis=0) == pytest.approx(63.5)


def test_the_grid_goes_with_the_panel_and_stays_away_while_it_is_hidden(viewer, layer, show):
    panel = show(viewer)
    panel.grid.value = True
    panel.hide()
    panel.windows.pitch.value = 16
    assert list(viewer.layers) == [layer]
    panel.show()
    assert GRID in viewer.layers


def test_a_scan_in_pixels_is_gridded_as_it_is(viewer, show):
    viewer.add_image(np.random.default_rng(0).normal(size=(70, 50)))
    panel = show(viewer)
    assert panel.windows.count.text() == "6 x 4 = 24 windows, 32 px wide (no scale in nm)"


def test_a_scan_smaller_than_a_window_is_a_sentence(viewer, layer, show):
    panel = show(viewer)
    panel.grid.value = True
    panel.windows.window.value = 96
    assert "90 x 90 px at 15 px/nm, is smaller than one window of 96 px" in panel.windows.count.text()
    assert GRID not in viewer.layers


def test_a_pitch_beyond_the_window_is_a_sentence(viewer, layer, show):
    panel = show(viewer)
    panel.windows.pitch.value = 40
    assert panel.windows.count.text() == "pitch must be 1 to 32 px (the window), got 40"


def test_a_grid_too_fine_to_draw_is_counted_and_not_drawn(viewer, show):
    viewer.add_image(np.zeros((2100, 2100), np.float32), name="large")
    panel = show(viewer)
    panel.live.value = False
    panel.windows.window.value, panel.windows.pitch.value = 8, 1
    panel.grid.value = True
    assert "too fine to draw" in panel.windows.count.text()
    assert GRID not in viewer.layers


def test_a_density_that_makes_too_many_pixels_is_a_sentence(viewer, show):
    viewer.add_image(np.random.default_rng(0).normal(size=(64, 64)), scale=(10, 10), units="um")
    panel = show(viewer)
    assert "are too many" in panel.windows.count.text()


def test_the_panel_opens_from_the_menu_and_fits_a_small_screen(make_napari_viewer, dock):
    viewer = make_napari_viewer()
    panel = dock(viewer, "Prepare")
    layer = viewer.add_image(np.zeros((4, 4)))
    assert panel.layer.value is layer
    assert panel.minimumSizeHint().width() < 450
    assert panel.minimumSizeHint().height() < 400


def test_a_layer_that_somebody_called_preview_is_left_alone(viewer, show, settle):
    mine = viewer.add_image(np.zeros((30, 30)), name="preview")
    viewer.add_image(np.add.outer(np.arange(30.0), np.arange(30.0)) + np.eye(30), name="other")
    panel = show(viewer)
    panel.layer.value = viewer.layers["other"]
    settle(panel)
    assert len(viewer.layers) == 3
    assert not mine.data.any()
    panel.live.value = False
    settle(panel)
    assert [layer.name for layer in viewer.layers] == ["preview", "other"]


def flattened(viewer):
    return [one for one in viewer.layers if one.metadata.get("stmml", {}).get("history")]


def add_labels(viewer, small_scan, **meta):
    """Add a label map of the scan with three classes, of which two have names."""
    labels = np.zeros(small_scan.heights.shape, np.uint8)
    labels[:20], labels[20:40, :30], labels[50:] = 1, 2, 5
    names = {1: "cluster 3", 2: "dirt", 5: "step"}
    data, known, _ = labels_to_layer(LabelMap(labels, small_scan.pixel_size, names=names))
    return viewer.add_labels(data, **(known | PLACE | meta))


@pytest.mark.parametrize("chain", ["row_median + poly_xy", "poly_xy + mask + repeat"])
def test_the_preview_of_a_chain_is_the_scan_flattened_by_it_and_the_scan_stays(
    viewer, layer, show, settle, chain
):
    heights = layer.data.copy()
    panel = show(viewer)
    panel.chain.value = chain
    settle(panel)
    assert np.array_equal(viewer.layers[PREVIEW].data, flatten(heights, chain))
    assert np.array_equal(layer.data, heights)


def test_of_quick_changes_the_last_one_is_shown(viewer, layer, show, settle):
    panel = show(viewer)
    for chain in ("iterate_mask", "row_mean", "terraces", "xy", "row_median"):
        panel.chain.value = chain
        panel.flatten()
    settle(panel)
    assert np.array_equal(viewer.layers[PREVIEW].data, flatten(layer.data, "row_median"))
    assert panel.status.text() == ""


def test_before_shows_the_scan_and_once_more_the_preview_and_no_data_changes(viewer, layer, show, settle):
    panel = show(viewer)
    panel.make_layer()
    panel.chain.value = "row_median"
    settle(panel)
    labels = viewer.add_labels(np.zeros(layer.data.shape, np.uint8), name="labels", **place_of(layer))
    layer.visible = False
    others = [one for one in viewer.layers if one is not layer and one is not labels]
    data, limits = [one.data.copy() for one in viewer.layers], [one.contrast_limits for one in others]
    panel.before.click()
    assert layer.visible
    assert labels.visible
    assert not any(one.visible for one in others)
    panel.before.click()
    assert not layer.visible
    assert all(one.visible for one in others)
    assert all(np.array_equal(one.data, known) for one, known in zip(viewer.layers, data, strict=True))
    assert [one.contrast_limits for one in others] == limits


def test_whoever_changes_the_chain_sees_what_came_of_it(viewer, layer, show, settle):
    panel = show(viewer)
    panel.before.click()
    panel.chain.value = "row_median"
    settle(panel)
    assert not panel.before.isChecked()
    assert viewer.layers[PREVIEW].visible


def test_a_layer_that_goes_while_the_scan_is_looked_at_does_no_harm(viewer, layer, show, settle):
    panel = show(viewer)
    panel.before.click()
    viewer.layers.remove(PREVIEW)
    panel.before.click()
    panel.before.click()
    viewer.layers.remove(layer)
    panel.hide()
    assert not viewer.layers


def test_the_preview_lies_over_layers_made_before_and_below_labels(viewer, layer, show, settle):
    panel = show(viewer)
    panel.make_layer()
    settle(panel)
    viewer.add_labels(np.zeros(layer.data.shape, np.uint8), name="labels", **place_of(layer))
    panel.chain.value = "row_median"
    settle(panel)
    assert [one.name for one in viewer.layers][2:] == [PREVIEW, "labels"]


def test_classes_of_a_labels_layer_are_left_out_and_the_history_says_so(
    viewer, layer, show, settle, small_scan
):
    labels = add_labels(viewer, small_scan)
    viewer.add_labels(np.zeros((5, 5), np.uint8), name="another size")
    panel = show(viewer)
    assert panel.leave_out.labels.choices == (None, labels)
    panel.leave_out.labels.value = labels
    assert panel.leave_out.classes.choices == (0, 1, 2, 5)
    panel.leave_out.classes.value = [1, 5]
    settle(panel)
    expected = flatten(layer.data, leave_out=np.isin(labels.data, [1, 5]))
    assert np.array_equal(viewer.layers[PREVIEW].data, expected)
    assert not np.array_equal(expected, flatten(layer.data))
    panel.make_layer()
    settle(panel)
    (made,) = flattened(viewer)
    assert np.array_equal(made.data, expected)
    assert made.metadata["stmml"]["history"] == ["flatten poly_xy, without: cluster 3, step"]


def test_what_is_painted_is_left_out_too(viewer, layer, show, settle, small_scan, qtbot):
    labels = add_labels(viewer, small_scan)
    panel = show(viewer)
    panel.leave_out.labels.value = labels
    panel.leave_out.classes.value = [5]
    settle(panel)
    labels.data_setitem((np.arange(10), np.arange(10)), 5)
    expected = flatten(layer.data, leave_out=labels.data == 5)
    qtbot.waitUntil(lambda: np.array_equal(viewer.layers[PREVIEW].data, expected), timeout=10_000)
    labels.data_setitem((np.arange(10), np.arange(10)), 7)
    qtbot.waitUntil(lambda: 7 in panel.leave_out.classes.choices, timeout=10_000)
    assert panel.leave_out.classes.value == [5]


def test_when_the_labels_go_nothing_is_left_out(viewer, layer, show, settle, small_scan):
    labels = add_labels(viewer, small_scan)
    panel = show(viewer)
    panel.leave_out.labels.value = labels
    panel.leave_out.classes.value = [1]
    settle(panel)
    viewer.layers.remove(labels)
    settle(panel)
    assert panel.leave_out.labels.value is None
    assert np.array_equal(viewer.layers[PREVIEW].data, flatten(layer.data))


def test_classes_that_leave_nothing_are_a_sentence(viewer, layer, show, settle, small_scan, said):
    labels = add_labels(viewer, small_scan)
    panel = show(viewer)
    panel.leave_out.labels.value = labels
    panel.leave_out.classes.value = [0, 1, 2, 5]
    settle(panel)
    assert said()[-1].endswith("nothing to flatten by: every height is missing (NaN) or left out")
    assert PREVIEW not in viewer.layers


def test_apply_to_all_makes_one_layer_right_over_each_scan_and_names_what_cannot_be(
    viewer, layer, show, settle, rng, said
):
    viewer.add_image(np.full((30, 30), np.nan), name="empty")
    other = viewer.add_image(rng.normal(size=(40, 50)), name="other", visible=False)
    panel = show(viewer)
    panel.live.value = False
    panel.chain.value = "row_median + poly_xy"
    panel.apply_all.click()
    assert panel.all.isVisible()
    settle(panel)
    made = flattened(viewer)
    assert [viewer.layers[viewer.layers.index(one) - 1] for one in made] == [layer, other]
    for one, scan in zip(made, (layer, other), strict=True):
        assert np.array_equal(one.data, flatten(scan.data, "row_median + poly_xy"))
        assert lies_on(one, scan)
        assert one.visible == scan.visible
    sentence = panel.status.text()
    assert sentence.startswith("2 of 3 scans flattened with row_median + poly_xy. empty: nothing to flatten")
    assert said() == [sentence]
    assert not panel.all.isVisible()
    panel.apply_to_all()
    settle(panel)
    assert len(flattened(viewer)) == 4  # of the scans once more, and of nothing that was made of them


def test_apply_to_all_can_be_cancelled(viewer, layer, show, settle, rng):
    for number in range(5):
        viewer.add_image(rng.normal(size=(40, 50)), name=f"other {number}")
    panel = show(viewer)
    panel.apply_to_all()
    panel.all.cancel_button.click()
    settle(panel)
    assert panel.status.text() == "Cancelled: 0 of 6 scans flattened with poly_xy"
    assert flattened(viewer) == []


def test_apply_to_all_without_a_scan_is_a_sentence(viewer, show, said):
    panel = show(viewer)
    panel.apply_to_all()
    assert said() == ["There is no open scan that was not flattened: drop scan files here."]


def test_a_scan_closed_while_all_are_flattened_is_named(viewer, layer, show, settle, rng, said):
    other = viewer.add_image(rng.normal(size=(40, 50)), name="other")
    panel = show(viewer)
    panel.apply_to_all()
    viewer.layers.remove(other)
    settle(panel)
    assert panel.status.text() == "1 of 2 scans flattened with poly_xy. other: closed meanwhile"


def test_use_for_training_is_remembered_and_said(viewer, show):
    panel = show(viewer)
    panel.chain.value = "row_median + poly_xy"
    panel.train.click()
    assert panel.shared.flatten_method == "row_median + poly_xy"
    assert panel.status.text() == "Train and Batch now flatten by row_median + poly_xy."


def test_a_saved_chain_is_loaded_again(viewer, show, tmp_path, monkeypatch):
    from napari_stmml.viewer.prepare import widget

    panel = show(viewer)
    path = tmp_path / "mine.stmml-flatten.json"
    dialogs = widget.QFileDialog
    monkeypatch.setattr(dialogs, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    monkeypatch.setattr(dialogs, "getOpenFileName", lambda *_: (str(path), ""))
    panel.chain.value = "row_median + poly_xy"
    panel.save.click()
    assert panel.status.text() == f"saved {path}"
    panel.chain.value = "none"
    panel.load.click()
    assert panel.chain.value == "row_median + poly_xy"


def test_files_that_cannot_be_read_or_written_are_a_sentence(viewer, show, tmp_path, said, monkeypatch):
    from napari_stmml.viewer.prepare import widget

    panel = show(viewer)
    (tmp_path / "bad.json").write_text("no chain")
    panel.load_chain(tmp_path / "bad.json")
    panel.save_chain(tmp_path / "bad.json" / "below a file")
    monkeypatch.setattr(widget.QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    panel.load_chain()  # nothing chosen, nothing said
    loaded, saved = said()
    assert loaded == "bad.json holds no chain of flatten methods: it is no JSON"
    assert "cannot be written" in saved
    assert panel.chain.value == "poly_xy"


def test_a_chain_that_is_refused_is_a_sentence(viewer, show, said):
    panel = show(viewer)
    panel.chain.add("repeat")
    assert "'repeat'" in said()[0]


def test_a_note_about_the_result_is_shown(viewer, layer, show, settle, monkeypatch):
    import warnings

    from napari_stmml.viewer.prepare import flattening

    def unsettled(heights, chain, leave_out):
        warnings.warn("it did not settle", stacklevel=1)
        return heights

    panel = show(viewer)
    monkeypatch.setattr(flattening, "flatten", unsettled)
    panel.chain.value = "iterate_mask"
    settle(panel)
    assert panel.status.text() == "it did not settle"


@pytest.mark.parametrize(
    ("what", "line"), [(ROW, [[32, 0], [32, 63]]), (COLUMN, [[0, 32], [63, 32]]), (LINE, [[3, 4], [50, 60]])]
)
def test_the_profile_follows_scan_and_preview(viewer, layer, show, settle, what, line):
    ends = [layer.data_to_world(end) for end in line]
    shapes = viewer.add_shapes([np.array([[0, 0], [9, 9]]), np.array(ends)], shape_type=["rectangle", "line"])
    shapes.selected_data = {1}
    panel = show(viewer)
    panel.heights.what.value = what
    panel.heights.draw()
    curves = panel.heights.plot.curves
    assert np.allclose(curves.before.y, heights_along(layer.data, np.array(line)), atol=1e-4)
    after = viewer.layers[PREVIEW].data
    assert np.allclose(curves.after.y, heights_along(after, np.array(line)), atol=1e-4)
    length = np.hypot(*((np.array(line[1]) - line[0]) * layer.scale))
    assert curves.after.x[-1] == pytest.approx(length, rel=1e-4)
    assert not panel.heights.plot.grab().isNull()


def test_without_a_line_the_panel_says_how_to_draw_one_and_sees_it_come(viewer, layer, show, qtbot):
    panel = show(viewer)
    panel.heights.what.value = LINE
    panel.heights.draw()
    assert panel.heights.plot.curves is None
    assert "Draw a line" in panel.heights.plot.instead
    viewer.add_shapes([np.array([[0.0, 0], [4, 4]])], shape_type="line")
    qtbot.waitUntil(lambda: panel.heights.plot.curves is not None)


def test_a_profile_has_gaps_where_nothing_was_scanned():
    heights = np.arange(80.0).reshape(8, 10)
    heights[:, 4:6] = np.nan
    found = heights_along(heights, np.array([[3, 0], [3, 9]]))
    assert np.array_equal(found, heights[3], equal_nan=True)
    beyond = heights_along(heights, np.array([[3, 6], [3, 12]]))
    assert np.array_equal(np.isnan(beyond), [False] * 4 + [True] * 3)
    nothing = profile(heights, None, np.array([[0, 4], [7, 4]]), None)
    assert nothing.before.note == "no heights here"
    assert nothing.label == "distance (px)"


def test_the_histogram_counts_what_is_there_and_says_what_is_missing(rng, qtbot):
    heights = rng.normal(size=(64, 64))
    flat = heights / 10
    flat[:16] = np.nan
    curves = histogram(heights, flat)
    assert curves.after.note.endswith("nm, 25% missing")
    assert curves.before.y.max() == curves.after.y.max() == 1
    assert curves.before.x[-1] > 3 * np.nanstd(flat)
    assert histogram(np.full((9, 9), np.nan), None).before.note == "no heights"


def test_ticks_are_round_and_between_the_ends():
    for low, high in ((-3.1, 4.7), (6.8001, 6.8002), (1e-6, 2e-6)):
        found = np.array([at for at, _ in ticks(low, high, 4)])
        assert 1 <= len(found) <= 6
        assert found.min() >= low - 1e-12
        assert found.max() <= high + 1e-12
