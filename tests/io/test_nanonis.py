"""Nanonis files: what is written is read the right way up, what is not said is not known."""

import struct
from datetime import UTC, datetime

import numpy as np
import pytest

from napari_stmml import find_scans, read_scans
from napari_stmml.io import nanonis
from napari_stmml.io.formats import read_outlines, read_scan_file, read_settings
from napari_stmml.scan import ScanFileError
from napari_stmml.simulate.nanonis import write_sxm

SHAPE = (5, 7)


def heights(slow="up", shape=SHAPE):
    """Return heights in nm with a value of its own for every point and direction."""
    rng = np.random.default_rng(1)
    return {f"{way}/{slow}": rng.normal(0, 0.3, shape) for way in ("forward", "backward")}


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a file, with some of its bytes replaced."""

    def write(*changes, maps=None, **settings):
        path = write_sxm(tmp_path / "a001.sxm", maps or heights(), (2.5, 3.5), **settings)
        raw = path.read_bytes()
        for old, new in changes:
            assert old in raw
            raw = raw.replace(old, new)
        path.write_bytes(raw)
        return path

    return write


@pytest.mark.parametrize("slow", ["up", "down"])
def test_every_direction_comes_back_the_right_way_up(written, slow):
    maps = heights(slow)
    scans = read_scan_file(written(maps=maps))
    assert [scan.direction for scan in scans] == list(maps)
    for scan in scans:
        np.testing.assert_allclose(scan.heights, maps[scan.direction], rtol=1e-6)
        assert scan.pixel_size == pytest.approx((0.5, 0.5))


def test_the_file_has_the_points_in_the_order_of_scanning(written):
    maps = heights("up")
    path = written(maps=maps)
    raw = path.read_bytes()
    numbers = np.frombuffer(raw[raw.index(b"\x1a\x04") + 2 :], ">f4").reshape(4, *SHAPE) * 1e9
    np.testing.assert_allclose(numbers[2, 0], maps["forward/up"][-1], rtol=1e-6)
    np.testing.assert_allclose(numbers[3, 0, ::-1], maps["backward/up"][-1], rtol=1e-6)


def test_settings_are_those_of_the_file(written):
    taken = datetime(2023, 4, 29, 1, 22, 24, tzinfo=UTC)
    known = {"bias": -1.7, "setpoint": 0.02, "angle": 30.0, "taken": taken}
    path = written(offset_nm=(150.0, -157.5), **known)
    for scan in read_scan_file(path):
        assert {name: getattr(scan, name) for name in known} == known
        assert scan.offset == pytest.approx((150.0, -157.5))
        assert (scan.channel, scan.unit, scan.source) == ("Z", "nm", str(path))
        assert scan.name.startswith("a001 forward/up") or scan.name.startswith("a001 backward/up")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b":BIAS:", "bias"),
        (b":SCAN_ANGLE:", "angle"),
        (b":SCAN_OFFSET:", "offset"),
        (b":REC_DATE:", "taken"),
        (b":Z-CONTROLLER:", "setpoint"),
    ],
)
def test_what_the_file_does_not_say_is_not_known(written, line, field):
    for scan in read_scan_file(written((line, b":OTHER:"))):
        assert getattr(scan, field) is None


def test_a_setpoint_that_is_no_current_is_not_known(written):
    assert {scan.setpoint for scan in read_scan_file(written((b"E-11 A\t", b"E-11 Hz\t")))} == {None}


def test_lines_that_were_not_scanned_are_missing(written):
    maps = heights("down")
    for one in maps.values():
        one[3:] = np.nan
    for scan in read_scan_file(written(maps=maps)):
        assert np.isfinite(scan.heights).any(axis=1).tolist() == [True] * 3 + [False] * 2


def test_a_channel_recorded_one_way_moves_those_after_it(written):
    path = written((b"Current\tA\tboth", b"Current\tA\tforward"))
    raw = path.read_bytes()
    at = raw.index(b"\x1a\x04") + 2
    path.write_bytes(raw[:at] + raw[at + 4 * 35 :])
    for scan in read_scan_file(path):
        np.testing.assert_allclose(scan.heights, heights()[scan.direction], rtol=1e-6)


def test_the_table_for_people_has_every_entry_of_the_header(written):
    rows = {row.label: row for row in read_settings(written(comment="flashed\ntwice", bias=-1.7)).rows()}
    assert (rows["Bias"].text, rows["Bias"].group) == ("-1.7 V", "Bias and current")
    assert (rows["Comment"].text, rows["Comment"].group) == ("flashed twice", "Sample and comments")
    assert rows["Bias: Bias"].setting.value == -1.7
    known = read_settings(written()).as_dict()
    assert known["taken"] == "2026-11-23T12:00:00+00:00"
    assert known["parameters"]["SCAN_DIR"] == {"value": "up", "unit": ""}


@pytest.mark.parametrize("slow", ["up", "down"])
def test_an_outline_says_what_the_whole_scan_says(written, slow):
    maps = heights(slow)
    for one in maps.values():
        one[3:] = np.nan
    path = written(maps=maps, angle=12.0)
    for outline, scan in zip(read_outlines(path), read_scan_file(path), strict=True):
        assert outline.scan.settings() == scan.settings()
        assert outline.scan.heights.shape == scan.heights.shape
        assert outline.scanned_rows == np.isfinite(scan.heights).any(axis=1).sum() == 3


# What is wrong is one sentence


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b":NANONIS_VERSION:", b":NANONIX_VERSION:", "Not a Nanonis file: a001.sxm begins with b':NANONIX_"),
        (b":SCANIT_END:", b":SCANIT_ENT:", "Cut short: the header of a001.sxm does not end"),
        (b"\x1a\x04", b"\x1b\x04", "Cut short: the header of a001.sxm does not end"),
        (b"MSBFIRST", b"LSBFIRST", "Not readable: a001.sxm has numbers of kind FLOAT LSBFIRST"),
        (b"         7         5", b"         7         x", "does not say how many pixels there are"),
        (b"         7         5", b"         7        -5", "does not say how many pixels there are"),
        (b"         7         5", b"   9999999   9999999", "Too large: a001.sxm has 9999999 x 9999999"),
        (b"         7         5", b"      8000      8000", "Cut short: the header of a001.sxm promises"),
        (b"3.500000E-09", b"0.000000E-09", "No scale: the header of a001.sxm"),
        (b"\nup\n", b"\nxx\n", "does not say whether it was scanned up or down"),
        (b"\tZ\tm\t", b"\tZ\tV\t", "No heights: a001.sxm records Current, Z, and no Z in m"),
        (b":DATA_INFO:", b":DATE_INFO:", "No heights: a001.sxm records nothing"),
    ],
)
def test_a_damaged_file_is_one_sentence_that_names_it(written, old, new, message):
    path = written((old, new))
    with pytest.raises(ScanFileError, match=message):
        read_scan_file(path)


def test_a_file_that_is_cut_or_empty_says_so(written):
    path = written()
    raw = path.read_bytes()
    for length, message in [(0, "Empty file: a001.sxm"), (200, "Cut short"), (len(raw) - 1, "Cut short")]:
        path.write_bytes(raw[:length])
        with pytest.raises(ScanFileError, match=message):
            read_scan_file(path)


def test_heights_that_no_scanner_reaches_are_damage(written):
    path = written()
    path.write_bytes(path.read_bytes()[:-4] + struct.pack(">f", 1.0))
    with pytest.raises(ScanFileError, match=r"Damaged: heights of a001.sxm are above 1 mm"):
        read_scan_file(path)


def test_a_frame_to_write_is_forward_and_backward_one_way(tmp_path):
    with pytest.raises(ValueError, match="forward and backward of one frame, got forward/up"):
        write_sxm(tmp_path / "a.sxm", {"forward/up": np.zeros((2, 2))}, (1, 1))


def test_files_of_nanonis_and_matrix_lie_in_one_folder(written, session_files):
    path = written()
    (path.parent / session_files[0].name).write_bytes(session_files[0].read_bytes())
    for one in session_files[0].parent.glob("*.mtrx"):
        (path.parent / one.name).write_bytes(one.read_bytes())
    assert {file.suffix for file in find_scans(path.parent)} == {".sxm", ".Z_mtrx"}
    assert len(read_scans(path.parent)) == 6


def test_the_real_file_has_the_settings_it_was_taken_with(shared_data):
    (path,) = (shared_data / "nanonis").glob("*.sxm")
    scans = read_scan_file(path)
    assert [scan.direction for scan in scans] == ["forward/down", "backward/down"]
    for scan in scans:
        assert scan.heights.shape == (256, 256)
        assert scan.size_nm == pytest.approx((4.0, 4.0))
        assert (scan.bias, scan.setpoint, scan.angle) == (-0.05, 0.025, -135.1)
        assert scan.offset == pytest.approx((150.0662, -157.1085))
        assert scan.taken == datetime(2023, 4, 29, 1, 22, 24, tzinfo=UTC)
        np.testing.assert_allclose(scan.heights, 0.01724386)  # the feedback was off
    assert len(nanonis.read_settings(path).rows()) > 150
