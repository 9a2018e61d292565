import numpy as np
import pytest

from napari_stmml.flattening import flatten
from napari_stmml.preprocess import resample
from napari_stmml.viewer.layers import scan_to_layer
from napari_stmml.viewer.panel import brief_name, place_of, scan_of
from napari_stmml.viewer.prepare import GRID, PREVIEW, PrepareWidget
from napari_stmml.windows import WindowGrid

PLACE = {"translate": (3.0, -4.0), "rotate": 25, "shear": [0.1]}


@pytest.fixture
def settle(qtbot):
    """Return a function that waits until a panel has flattened what it was asked to."""

    def settle_(panel):
        def quiet():
            return not panel._timer.isActive() and not panel.status.text().startswith("flattening")

        qtbot.waitUntil(quiet, timeout=20_000)

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
    panel._flatten()
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
    panel.method.value = "none"
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
    panel.preview.value = False
    settle(panel)
    assert list(viewer.layers) == [layer]


@pytest.mark.parametrize("method", ["poly_xy", "none"])
def test_a_made_layer_is_the_flattened_scan_in_its_place_with_its_history(
    viewer, layer, show, settle, small_scan, method
):
    panel = show(viewer)
    panel.method.value = method
    panel.apply.native.click()
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
    panel.method.value = "none"
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


def test_stacks_colours_and_passing_layers_are_not_offered(viewer, layer, show):
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
    assert said() == ["Choose a scan first: drop a .Z_mtrx file on the window."]


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
    panel._flatten()
    viewer.layers.remove(layer)
    settle(panel)
    assert not viewer.layers
    assert panel.count.value == ""
    panel.make_layer()
    settle(panel)
    assert not viewer.layers


@pytest.mark.parametrize(("density", "window", "pitch"), [(15, 32, 8), (10, 16, 5), (20, 64, 64)])
def test_the_count_of_windows_is_that_of_the_grid(
    viewer, layer, show, settle, small_scan, density, window, pitch
):
    panel = show(viewer)
    panel.density.value, panel.window.value, panel.pitch.value = density, window, pitch
    resampled = resample(small_scan.heights, small_scan.pixel_size, density)
    rows, cols = WindowGrid(window, pitch).shape(resampled.shape)
    assert panel.count.value.startswith(f"{rows} x {cols} = {rows * cols} windows, {window / density:.3g} nm")
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
    panel.pitch.value = 16
    assert list(viewer.layers) == [layer]
    panel.show()
    assert GRID in viewer.layers


def test_a_scan_in_pixels_is_gridded_as_it_is(viewer, show):
    viewer.add_image(np.random.default_rng(0).normal(size=(70, 50)))
    panel = show(viewer)
    assert panel.count.value == "6 x 4 = 24 windows, 32 px wide (no scale in nm)"


def test_a_scan_smaller_than_a_window_is_a_sentence(viewer, layer, show):
    panel = show(viewer)
    panel.grid.value = True
    panel.window.value = 96
    assert "90 x 90 px at 15 px/nm, is smaller than one window of 96 px" in panel.count.value
    assert GRID not in viewer.layers


def test_a_pitch_beyond_the_window_is_a_sentence(viewer, layer, show):
    panel = show(viewer)
    panel.pitch.value = 40
    assert panel.count.value == "pitch must be 1 to 32 px (the window), got 40"


def test_a_grid_too_fine_to_draw_is_counted_and_not_drawn(viewer, show):
    viewer.add_image(np.zeros((2100, 2100), np.float32), name="large")
    panel = show(viewer)
    panel.preview.value = False
    panel.window.value, panel.pitch.value = 8, 1
    panel.grid.value = True
    assert "too fine to draw" in panel.count.value
    assert GRID not in viewer.layers


def test_a_density_that_makes_too_many_pixels_is_a_sentence(viewer, show):
    viewer.add_image(np.random.default_rng(0).normal(size=(64, 64)), scale=(10, 10), units="um")
    panel = show(viewer)
    assert "are too many" in panel.count.value


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
    panel.preview.value = False
    settle(panel)
    assert [layer.name for layer in viewer.layers] == ["preview", "other"]
