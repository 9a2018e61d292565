"""Other microscopes through Gwyddion's converter: the right way up, in nm, or one sentence."""

import sys

import numpy as np
import pytest

from napari_stmml import find_scans
from napari_stmml.io.formats import is_scan_file, read_scan_file, read_settings
from napari_stmml.io.gwyddion import converted
from napari_stmml.io.gwyddion.meta import bias, direction, setpoint, taken
from napari_stmml.scan import ScanFileError
from tests.io.vendor_files import HEIGHTS, write_createc, write_gxsm, write_scala, write_wsxm

WRITERS = {"WSxM": write_wsxm, "SCALA": write_scala, "Createc": write_createc, "GXSM": write_gxsm}


@pytest.fixture
def with_converter():
    """Skip where the extra [formats] is not installed."""
    pytest.importorskip("gwyddionpy")
    pytest.importorskip("gwyddionpy_converter")


@pytest.mark.usefixtures("with_converter")
@pytest.mark.parametrize("maker", WRITERS)
def test_a_file_of_another_microscope_is_read_the_right_way_up(tmp_path, maker):
    (scan,) = read_scan_file(WRITERS[maker](tmp_path))
    assert scan.heights.shape == HEIGHTS.shape
    assert np.corrcoef(scan.heights.ravel(), HEIGHTS.ravel())[0, 1] > 0.9999
    assert (scan.unit, scan.bias, scan.setpoint) == ("nm", -1.5, 0.02)
    assert (scan.angle, scan.offset, scan.direction) == (None, None, "")
    if maker != "Createc":  # whose scale follows from gains and piezo constants
        assert np.ptp(scan.heights) == pytest.approx(np.ptp(HEIGHTS), rel=0.01)
        assert scan.pixel_size == pytest.approx((1.0, 1.0))


@pytest.mark.usefixtures("with_converter")
def test_all_that_the_file_says_is_in_the_table(tmp_path):
    rows = {row.label: row.text for row in read_settings(write_wsxm(tmp_path)).rows()}
    assert rows["Control::Rotation"] == "30 Deg"
    assert rows["Control::Topography Bias"] == "-1.5 V"


def test_a_folder_holds_the_files_that_begin_like_one_of_their_maker(tmp_path):
    files = [write(tmp_path) for write in WRITERS.values()]
    for name in ("curve.dat", "x.par", "x.nc", "x.001", "x.stp"):
        (tmp_path / name).write_text("Experiment\tbias spectroscopy")
    assert find_scans(tmp_path) == sorted(files)


def test_curves_of_nanonis_are_no_scans_of_createc(shared_data):
    (path,) = (shared_data / "nanonis").glob("*.dat")
    with pytest.raises(ScanFileError, match=r"Not a scan: .* does not begin like a file of Createc"):
        read_scan_file(path)


@pytest.mark.parametrize("name", ["a.sm4", "A.SM4", "a.dat", "a.par", "a.top", "a.spm", "a.001", "a.nc"])
def test_files_of_these_makers_are_known_by_name(name):
    assert is_scan_file(name)


# What cannot be read is one sentence


@pytest.mark.parametrize("missing", ["gwyddionpy", "gwyddionpy_converter"])
def test_without_the_extra_its_name_is_said(tmp_path, monkeypatch, missing):
    if missing != "gwyddionpy":
        pytest.importorskip("gwyddionpy")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("gwyddionpy._fetch_converter.cached_converter_path", lambda: None)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(
        ScanFileError, match=r"Converter missing: a.stp .* pip install napari-stmml\[formats\]"
    ):
        read_scan_file(write_wsxm(tmp_path))


@pytest.mark.usefixtures("with_converter")
def test_a_damaged_file_is_named_in_one_sentence(tmp_path):
    path = write_wsxm(tmp_path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ScanFileError, match=r"Not converted: a.stp \(.*\)\.") as said:
        read_scan_file(path)
    assert len(str(said.value)) < 200
    assert "\n" not in str(said.value)


@pytest.mark.usefixtures("with_converter")
def test_a_converter_that_does_not_end_is_stopped(tmp_path, monkeypatch):
    stuck = tmp_path / "stuck"
    stuck.write_text("#!/bin/sh\nexec sleep 30\n")
    stuck.chmod(0o755)
    monkeypatch.setenv("GWYDDIONPY_CONVERT", str(stuck))
    monkeypatch.setattr(converted, "_SECONDS", 0.2)
    with pytest.raises(ScanFileError, match=r"Not converted: a.stp \(.*did not finish within 0.2 s"):
        read_scan_file(write_wsxm(tmp_path))


# Vendors' words


def test_numbers_without_a_unit_are_not_known():
    assert bias({"Bias": "-1.5"}) is None
    assert bias({"Bias": "x V", "Sample bias": "2 mV"}) == 0.002
    assert bias({"Bias::Offset (V)": "1", "Control::Bias voltage": "-0.5 V"}) == -0.5
    assert setpoint({"Set Point": "0.1 nA"}) == 0.1
    assert setpoint({"Set Point": "3 Hz"}) is None
    assert setpoint({"Current::Current (A)": "1e-9"}) is None


def test_a_direction_needs_both_axes():
    assert direction("Z (Forward)", {}) == ""
    assert direction("Z (Forward)", {"Direction": "up"}) == "forward/up"
    assert direction("1-3 Z RetraceDown ", {}) == "backward/down"


@pytest.mark.parametrize("text", ["", "yesterday", "31.02.2020 10:00"])
def test_a_date_that_is_none_is_not_known(text):
    assert taken({"Date": text}) is None
