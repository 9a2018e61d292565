"""Other channels of a frame as layers, and scans laid in the frame of the microscope."""

import numpy as np
import pytest

from napari_stmml.io.formats import read_scan_file
from napari_stmml.io.matrix.files import channels_beside
from napari_stmml.io.other_channels import read_other_channels
from napari_stmml.scan import Scan, ScanFileError
from napari_stmml.simulate.nanonis import write_sxm
from napari_stmml.viewer.io.layers import scan_to_layer
from napari_stmml.viewer.io.scanner_frame import is_in_scanner_frame, place_in_scanner_frame
from napari_stmml.viewer.scan_info.widget import ScanInfoWidget

LONG = 20_000


def add(viewer, scan):
    data, meta, _ = scan_to_layer(scan)
    return viewer.add_image(data, **meta)


def world(layer, at):
    return np.array(layer.data_to_world(at))


@pytest.fixture
def sxm(tmp_path):
    heights = np.random.default_rng(0).normal(size=(8, 16))
    return write_sxm(
        tmp_path / "a.sxm", {"forward/up": heights, "backward/up": heights}, (4.0, 2.0), setpoint=0.05
    )


@pytest.fixture
def panel(viewer, qtbot):
    panel = ScanInfoWidget(viewer)
    qtbot.addWidget(panel)
    for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
        event.connect(panel.reset_choices)
    return panel


def test_the_other_channel_of_a_nanonis_file_is_its_current(sxm):
    currents = read_other_channels(sxm)
    heights = read_scan_file(sxm)
    assert [one.direction for one in currents] == [one.direction for one in heights]
    assert {(one.channel, one.unit) for one in currents} == {("Current", "nA")}
    assert currents[0].heights == pytest.approx(np.full((8, 16), 0.05), rel=1e-6)
    assert currents[0].pixel_size == heights[0].pixel_size


def test_channels_of_the_real_nanonis_scan_are_read(shared_data):
    (path,) = (shared_data / "nanonis").glob("*.sxm")
    assert {(one.channel, one.unit) for one in read_other_channels(path)} == {("Current", "nA")}


def test_the_current_of_a_matrix_frame_lies_in_a_file_beside_it(small_session, tmp_path):
    source = small_session[0]
    for file in (source, source.parent / source.name.replace(".Z_", ".I_")):
        (tmp_path / file.name).write_bytes(source.read_bytes())
    for name in (source.name.replace(".Z_", ".I(V)_"), small_session[1].name.replace(".Z_", ".I_")):
        (tmp_path / name).write_bytes(b"")
    assert channels_beside(tmp_path / source.name) == [tmp_path / source.name.replace(".Z_", ".I_")]
    assert channels_beside(tmp_path / "a.sxm") == []


def test_a_scan_of_matrix_alone_has_no_other_channel(small_session):
    assert read_other_channels(small_session[0]) == []
    with pytest.raises(ScanFileError, match="No such file"):
        read_other_channels("nowhere.sxm")


def test_other_channels_open_once_on_their_scan(viewer, panel, qtbot, sxm):
    layer = add(viewer, read_scan_file(sxm)[0])
    layer.translate = (3.0, 4.0)
    panel.layer.value = layer
    panel.beside.open_channels()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=LONG)
    current = viewer.layers[-1]
    assert current.name == "a Current forward/up -2 V (nA)"
    assert current.colormap.name == "viridis"
    assert np.array_equal(current.translate, layer.translate)
    panel.layer.value = layer
    panel.beside.open_channels()
    qtbot.waitUntil(lambda: panel.status.text() == "No other channel is there to open.", timeout=LONG)
    assert len(viewer.layers) == 2


@pytest.mark.parametrize("angle", [0.0, 30.0, -120.0])
def test_a_placed_scan_lies_where_it_was_on_the_sample(viewer, angle):
    scan = Scan(
        np.zeros((8, 16)), (0.5, 0.25), "forward/up", angle=angle, offset=(100.0, -40.0), source="a.sxm"
    )
    layer = add(viewer, scan)
    place_in_scanner_frame(viewer, layer, True)
    assert is_in_scanner_frame(layer)
    for row, col in ((0, 0), (7, 15), (3, 9)):
        x, y = scan.in_scanner(np.array((col + 0.5) * 0.25), np.array((row + 0.5) * 0.5))
        assert world(layer, (row, col)) == pytest.approx([-y, x])
    place_in_scanner_frame(viewer, layer, False)
    assert world(layer, (2, 4)) == pytest.approx([1.0, 1.0])


def test_overlapping_scans_lie_on_each_other(viewer):
    one = add(
        viewer, Scan(np.zeros((20, 20)), (1.0, 1.0), "forward/up", angle=0.0, offset=(0.0, 0.0), source="a")
    )
    two = add(
        viewer, Scan(np.zeros((20, 20)), (0.5, 0.5), "forward/up", angle=0.0, offset=(5.0, 5.0), source="b")
    )
    for layer in (one, two):
        place_in_scanner_frame(viewer, layer, True)
    assert world(one, (4.5, 14.5)) == pytest.approx(world(two, (9.5, 9.5)))


def test_what_lies_on_a_scan_is_placed_with_it(viewer, panel):
    scan = Scan(np.zeros((8, 8)), (1.0, 1.0), "forward/up", angle=0.0, offset=(9.0, 9.0), source="a.sxm")
    layer, other = (
        add(viewer, scan),
        add(viewer, Scan(np.zeros((8, 8)), (1.0, 1.0), "forward/up", source="b")),
    )
    labels = viewer.add_labels(np.zeros((8, 8), int), units="nm", metadata={"stmml": scan.settings()})
    panel.layer.value = layer
    assert not panel.beside.placed.isChecked()
    panel.beside.placed.click()
    assert np.array_equal(np.asarray(labels.affine), np.asarray(layer.affine))
    assert np.array_equal(np.asarray(other.affine), np.eye(3))
    panel.layer.value = other
    assert not panel.beside.placed.isChecked()
    assert not panel.beside.placed.isEnabled()
