"""The viewer goes on while a job runs; how late it is in ms, ``benchmarks/responsiveness.py`` measures."""

from qtpy.QtCore import QTimer

from napari_stmml.viewer.io.layers import scan_to_layer

MANY = 10  # turns of the event loop; a job that blocked the viewer would leave none


def test_the_viewer_turns_its_event_loop_all_along_while_a_first_map_is_made(
    make_napari_viewer, dock, finish, small_scan
):
    viewer = make_napari_viewer()
    data, meta, _ = scan_to_layer(small_scan)
    layer = viewer.add_image(data, **meta)
    panel = dock(viewer, "Predict")
    panel.layers.value = [layer]
    turns = []
    timer = QTimer()
    timer.timeout.connect(lambda: turns.append(panel.running))
    timer.start(1)
    panel.start_button.click()
    finish(panel)
    timer.stop()
    assert turns.count(True) > MANY
    assert "labelled" in panel.status.text()
