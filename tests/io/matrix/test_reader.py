import os
import re
import shutil
import struct
import subprocess
from datetime import UTC, datetime, timedelta
from unicodedata import normalize

import numpy as np
import pytest
from access2thematrix import MtrxData

from napari_stmml.io.formats import find_scans
from napari_stmml.io.matrix.reader import MtrxError, read_mtrx, read_settings
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.io.settings import for_people
from napari_stmml.scan import DIRECTIONS

ROWS, COLS = 6, 5
Z_STEP = 1e9 / 9.942e15  # nm, of the simulated scanner
SETS = [DIRECTIONS[:1], DIRECTIONS[:2], DIRECTIONS[::2], DIRECTIONS]
every_set = pytest.mark.parametrize("directions", SETS, ids=[" + ".join(known) for known in SETS])
SESSION = "default_2026Nov23-120000_STM-STM_Spectroscopy"


def frame(directions=DIRECTIONS, shape=(ROWS, COLS), **settings):
    """Random heights in every direction; 24.9 x 12.3 nm."""
    rng = np.random.default_rng(0)
    heights = {direction: rng.normal(0, 0.3, shape) for direction in directions}
    return Frame(heights, **{"width_nm": 24.9, "height_nm": 12.3, **settings})


def written(folder, **settings):
    (path,) = write_session(folder, [frame(**settings)])
    return path


def points_of(path):
    """Return the points of a result file, int32, in the order in which they were recorded."""
    raw = path.read_bytes()
    at = raw.index(b"ATAD")
    return np.frombuffer(raw, "<i4", count=struct.unpack("<L", raw[at + 4 : at + 8])[0] // 4, offset=at + 8)


def by_hand(path, directions):
    """Lay the points of a file out as maps by direction, row 0 at the top, NaN where a line is not whole."""
    maps = {direction: np.full((ROWS, COLS), np.nan) for direction in directions}
    fast = [name for name in ("forward", "backward") if f"{name}/up" in directions]
    points = points_of(path)
    lines = [("up", row) for row in reversed(range(ROWS))]  # up scans begin at the bottom of the frame
    lines += [("down", row) for row in range(ROWS)] if "forward/down" in directions else []
    for slow, row in lines:
        line, points = points[: len(fast) * COLS], points[len(fast) * COLS :]
        if len(line) == len(fast) * COLS:
            for i, name in enumerate(fast):
                sweep = line[i * COLS : (i + 1) * COLS] * Z_STEP
                maps[f"{name}/{slow}"][row] = sweep if name == "forward" else sweep[::-1]
    return {direction: map_ for direction, map_ in maps.items() if np.isfinite(map_).any()}


def change_parameters(path, old, new):
    """Replace bytes of the same length in the parameter file that lies beside a result file."""
    parameters = path.with_name(f"{path.name.rpartition('--')[0]}_0001.mtrx")
    raw = parameters.read_bytes()
    assert old in raw
    assert len(old) == len(new)
    parameters.write_bytes(raw.replace(old, new))


def double(value):
    return struct.pack("<d", value)


# Reading


@every_set
@pytest.mark.parametrize("share", [1.0, 0.95, 0.75, 0.6, 0.45, 0.4])
def test_heights_equal_the_points_of_the_file_ordered_by_hand(tmp_path, directions, share):
    taken = frame(directions)
    path = written(tmp_path, directions=directions, points_scanned=int(share * taken.points))
    expected = by_hand(path, directions)
    scans = read_mtrx(path)
    assert [scan.direction for scan in scans] == list(expected)
    for scan in scans:
        np.testing.assert_allclose(scan.heights, expected[scan.direction], rtol=1e-12)


def test_all_of_it_is_what_the_microscope_saw(tmp_path):
    taken = frame()
    for scan in read_mtrx(written(tmp_path)):
        np.testing.assert_allclose(scan.heights, taken.heights[scan.direction], atol=Z_STEP)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_bright_stripe_at_the_top_and_one_on_the_left_are_there_in_every_direction(tmp_path, direction):
    surface = np.zeros((ROWS, COLS))
    surface[0], surface[:, 0] = 1.0, 0.5
    seen = Frame(dict.fromkeys(DIRECTIONS, surface), 10.0, 10.0)
    (path,) = write_session(tmp_path, [seen])
    scan = next(scan for scan in read_mtrx(path) if scan.direction == direction)
    assert np.round(scan.heights[0], 6).tolist() == [0.5] + [1.0] * (COLS - 1)
    assert np.round(scan.heights[1:, 0], 6).tolist() == [0.5] * (ROWS - 1)
    assert np.abs(scan.heights[1:, 1:]).max() < 1e-6


@pytest.mark.parametrize(
    ("lines", "up", "down"),
    [
        (2, slice(ROWS - 2, ROWS), None),
        (ROWS - 1, slice(1, ROWS), None),
        (ROWS, slice(0, ROWS), None),
        (ROWS + 1, slice(0, ROWS), slice(0, 1)),
        (2 * ROWS - 1, slice(0, ROWS), slice(0, ROWS - 1)),
    ],
)
def test_lines_not_scanned_are_nan_above_an_up_scan_and_below_a_down_scan(tmp_path, lines, up, down):
    scans = read_mtrx(written(tmp_path, points_scanned=lines * 2 * COLS))
    assert len(scans) == (2 if down is None else 4)
    assert_same_heights(tmp_path / f"{SESSION}--1_1.Z_mtrx")
    for scan in scans:
        scanned = np.zeros((ROWS, COLS), bool)
        scanned[up if scan.direction.endswith("up") else down] = True
        assert np.array_equal(np.isfinite(scan.heights), scanned)


@pytest.mark.parametrize(
    ("width", "height", "shape"), [(24.9, 12.3, (6, 5)), (20.0, 20.0, (4, 4)), (0.7, 99.99, (3, 7))]
)
def test_sizes_stay_what_they_are_and_are_not_rounded_to_whole_nanometres(tmp_path, width, height, shape):
    (path,) = write_session(tmp_path, [frame(DIRECTIONS[:1], shape, width_nm=width, height_nm=height)])
    (scan,) = read_mtrx(path)
    assert scan.pixel_size == pytest.approx((height / shape[0], width / shape[1]), rel=1e-12)
    assert scan.size_nm == pytest.approx((height, width), rel=1e-12)


@pytest.mark.parametrize("voltage", [False, True])
@pytest.mark.parametrize("setpoint", [False, True])
def test_backward_scans_take_an_alternate_value_where_its_own_flag_is_set(tmp_path, voltage, setpoint):
    path = written(
        tmp_path,
        bias=-1.7,
        alternate_bias=1.2,
        alternate_voltage_enabled=voltage,
        setpoint=0.05,
        alternate_setpoint=0.3,
        alternate_setpoint_enabled=setpoint,
    )
    for scan in read_mtrx(path):
        backward = scan.direction.startswith("backward")
        assert scan.bias == (1.2 if backward and voltage else -1.7)
        assert scan.setpoint == pytest.approx(0.3 if backward and setpoint else 0.05, rel=1e-12)


def test_a_bias_that_the_file_stores_in_binary_is_the_one_that_was_set(tmp_path):
    (scan,) = read_mtrx(written(tmp_path, directions=DIRECTIONS[:1], bias=1.7000000000000002))
    assert scan.bias == 1.7


@pytest.mark.parametrize(
    ("old", "new"), [("GapVoltageControl", "GopVoltageControl"), ("\4\0Volt", "\4\0Colt")]
)
def test_a_bias_that_is_missing_or_not_in_volts_is_not_known(tmp_path, old, new):
    path = written(tmp_path)
    change_parameters(path, old.encode("utf-16-le"), new.encode("utf-16-le"))
    assert [scan.bias for scan in read_mtrx(path)] == [None] * 4


def test_a_setpoint_that_is_missing_is_not_known(tmp_path):
    path = written(tmp_path)
    change_parameters(path, "Setpoint_1".encode("utf-16-le"), "Setpoint_9".encode("utf-16-le"))
    assert [scan.setpoint for scan in read_mtrx(path)] == [None] * 4


def test_an_angle_that_is_missing_is_not_known(tmp_path):
    path = written(tmp_path, angle=45.0)
    assert {scan.angle for scan in read_mtrx(path)} == {45.0}
    change_parameters(path, "Angle".encode("utf-16-le"), "Ankle".encode("utf-16-le"))
    assert {scan.angle for scan in read_mtrx(path)} == {None}


def test_a_current_comes_in_nanoampere(tmp_path):
    taken = frame(channel="I")
    (path,) = write_session(tmp_path, [taken])
    assert_same_heights(path)
    for scan in read_mtrx(path):
        assert (scan.channel, scan.unit) == ("I", "nA")
        np.testing.assert_allclose(scan.heights, taken.heights[scan.direction], atol=1e-6)


def test_place_and_time_and_source_are_those_of_the_file(tmp_path):
    started = datetime(2030, 5, 1, 9, 0, tzinfo=UTC)
    (path,) = write_session(tmp_path, [frame(shape=(100, 50), offset_nm=(120.5, -33.25))], started=started)
    for scan in read_mtrx(path):
        assert scan.offset == pytest.approx((120.5, -33.25))
        assert scan.taken == started + timedelta(seconds=10)  # 20000 points of 0.5 ms
        assert scan.source == str(path)
        assert scan.name.startswith("1_1 Z ")


def test_a_scan_reads_the_same_by_text_and_by_path(tmp_path):
    path = written(tmp_path)
    for one, other in zip(read_mtrx(path), read_mtrx(str(path)), strict=True):
        assert one.settings() == other.settings()
        assert np.array_equal(one.heights, other.heights)


def test_every_scan_of_a_session_has_its_own_settings(tmp_path):
    frames = [frame(shape=(4 + i, 5), bias=-1.0 - i, width_nm=10.0 + i) for i in range(3)]
    for i, path in enumerate(write_session(tmp_path, frames)):
        for scan in read_mtrx(path):
            assert scan.bias == -1.0 - i
            assert scan.heights.shape == (4 + i, 5)
            assert scan.size_nm[1] == pytest.approx(10.0 + i)


def test_a_session_whose_parameters_go_on_in_a_second_file_is_read(tmp_path):
    first, second = write_session(tmp_path, [frame(bias=-1.0), frame(bias=-2.0)])
    parameters = tmp_path / f"{SESSION}_0001.mtrx"
    raw = parameters.read_bytes()
    after_first = raw.index(first.name.encode("utf-16-le")) + 2 * len(first.name)
    parameters.write_bytes(raw[:after_first])
    (tmp_path / f"{SESSION}_0002.mtrx").write_bytes(raw[:12] + raw[after_first:])
    assert read_mtrx(first)[0].bias == -1.0
    assert read_mtrx(second)[0].bias == -2.0


# Settings


def raw_parameters(path):
    """Return what access2theMatrix itself finds for a file."""
    data = MtrxData()
    data.open(str(path))
    return data.param


def assert_same_heights(path):
    """Compare heights with those that access2theMatrix makes of the file itself, bit by bit."""
    data = MtrxData()
    traces, _ = data.open(str(path))
    scans = read_mtrx(path)
    assert [scan.direction for scan in scans] == [str(trace) for trace in traces.values()]
    for scan in scans:
        raw = data.select_image(scan.direction)[0].data[::-1] * 1e9
        scanned = np.isfinite(scan.heights).all(axis=1)
        assert np.array_equal(scan.heights[scanned], raw)


@pytest.mark.parametrize("angle", [0.0, 30.0, -110.0])
def test_places_in_the_scanner_are_those_of_access2thematrix(tmp_path, angle):
    path = written(tmp_path, angle=angle, offset_nm=(120.0, -45.0), points_scanned=4 * 2 * COLS)
    data = MtrxData()
    data.open(str(path))
    scan = read_mtrx(path)[0]
    part = data.select_image(scan.direction)[0]  # its offset is the centre of the lines that were scanned
    known = np.isfinite(scan.heights).all(axis=1)
    middle = (np.flatnonzero(known).mean() + 0.5) * scan.pixel_size[0]
    found = scan.in_scanner(scan.size_nm[1] / 2, middle)
    assert found == pytest.approx((part.x_offset * 1e9, part.y_offset * 1e9))
    assert not known.all()


def assert_all_there(path):
    """Compare settings with access2theMatrix read raw: the same names, order, values, units and types."""
    raw = raw_parameters(path)
    found = read_settings(path).parameters
    assert list(found) == list(raw)
    for name, entry in raw.items():
        setting = found[name]
        assert setting.name == name
        whole = [setting.value, setting.unit] if name.startswith("EEPA::") else setting.value
        assert repr(whole) == repr(entry)


def test_every_parameter_that_access2thematrix_finds_is_there_exactly(tmp_path):
    settings = {"bias": -1.7000000000000002, "comment": "after the flash", "sample": "Si001", "angle": 45.0}
    path = written(tmp_path, **settings)
    assert_all_there(path)
    known = read_settings(path).parameters
    assert known["EEPA::GapVoltageControl.Voltage"].value == -1.7000000000000002
    assert known["MARK::MTRX.CREATION_COMMENT"].value == "after the flash"
    assert known["MARK::MTRX.SAMPLE_NAME"].value == "Si001"


def test_a_parameter_that_the_file_does_not_have_is_not_made_up(tmp_path):
    path = written(tmp_path)
    change_parameters(path, "Angle".encode("utf-16-le"), "Ankle".encode("utf-16-le"))
    read_mtrx(path)
    assert "EEPA::XYScanner.Angle" not in read_settings(path).parameters


@pytest.mark.parametrize(
    "comment", ["one\ntwo\nthree", "\nbelow an empty line", "dash-dash\r\n$x", "表面\nfläche"]
)
def test_a_comment_of_several_lines_is_whole(tmp_path, comment):
    first, second = write_session(tmp_path, [frame(comment=comment), frame(comment=f"{comment} later")])
    assert read_settings(first).parameters["MARK::MTRX.CREATION_COMMENT"].value == comment
    assert read_settings(second).parameters["MARK::MTRX.CREATION_COMMENT"].value == f"{comment} later"


def test_settings_of_a_session_are_those_of_each_scan(tmp_path):
    frames = [frame(bias=-1.0 - i, sample=f"sample {i}") for i in range(3)]
    for i, path in enumerate(write_session(tmp_path, frames)):
        known = read_settings(path).parameters
        assert known["EEPA::GapVoltageControl.Voltage"].value == -1.0 - i
        assert known["MARK::MTRX.SAMPLE_NAME"].value == f"sample {i}"


def test_the_result_file_says_when_it_ended_and_how_far_it_came(tmp_path):
    path = written(tmp_path, points_scanned=40)
    told = read_settings(path)
    assert (told.planned_points, told.recorded_points) == (4 * ROWS * COLS, 40)
    assert told.size_bytes == path.stat().st_size
    assert told.taken == read_mtrx(path)[0].taken
    assert told.source == str(path)


def test_settings_of_a_file_whose_name_changed_its_case_are_the_same(tmp_path):
    path = written(tmp_path)
    before = read_settings(path).parameters
    assert read_settings(path.rename(path.with_suffix(".z_mtrx"))).parameters == before


def damaged_in_every_way(folder):
    """Yield files that make no scan, each in a folder of its own."""
    for number, damage in enumerate(("gone", "cut", "orphan", "renamed", "empty", "time")):
        path = written(folder / str(number))
        parameters = path.with_name(f"{SESSION}_0001.mtrx")
        if damage == "gone":
            path.unlink()
        elif damage == "cut":
            path.write_bytes(path.read_bytes()[:200])
        elif damage == "orphan":
            parameters.unlink()
        elif damage == "renamed":
            path = path.rename(path.with_name(f"{SESSION}--9_9.Z_mtrx"))
        elif damage == "empty":
            path = written(folder / str(number), points_scanned=1)
        else:
            raw = path.read_bytes()
            path.write_bytes(raw[:20] + struct.pack("<Q", 2**40) + raw[28:])
        yield path


def test_what_is_refused_as_a_scan_is_refused_here_in_the_same_words(tmp_path):
    for path in damaged_in_every_way(tmp_path):
        with pytest.raises(MtrxError) as as_scan:
            read_mtrx(path)
        with pytest.raises(MtrxError) as here:
            read_settings(path)
        assert str(here.value) == str(as_scan.value)


# Names


def renamed(folder, change):
    for path in list(folder.iterdir()):
        path.rename(path.with_name(change(path.name)))


@pytest.mark.parametrize(
    "change",
    [
        lambda name: name.replace(".Z_mtrx", ".Z_MTRX"),
        lambda name: name.replace(".Z_mtrx", ".z_mtrx"),
        lambda name: name.upper() if name.endswith("_0001.mtrx") else name,
        str.upper,
        str.lower,
    ],
    ids=[".Z_MTRX", ".z_mtrx", "upper-case parameter file", "all upper", "all lower"],
)
def test_a_file_whose_name_changed_its_case_reads_as_before(tmp_path, change):
    before = read_mtrx(written(tmp_path))
    renamed(tmp_path, change)
    (path,) = find_scans(tmp_path)
    names = sorted(file.name for file in tmp_path.iterdir())
    after = read_mtrx(path)
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one.heights, other.heights)
        assert {**one.settings(), "source": str(path)} == other.settings()
    assert sorted(file.name for file in tmp_path.iterdir()) == names


NAMES = ["Übung", "測試", "Straße_Å", "a(b", "Fläche_表面"]
CHANGES = {
    "as recorded": str,
    "Mac": lambda name: normalize("NFD", name),
    "Mac, upper": lambda name: normalize("NFD", name.upper()),
    "upper": str.upper,
    "lower": str.lower,
    "another session": lambda name: "mine" + name[name.index("--") if "--" in name else -10 :],
}


@pytest.mark.parametrize("session", NAMES)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_session_of_any_name_reads_the_same_after_disks_and_people_have_renamed_it(
    tmp_path, session, change
):
    frames = [frame(bias=-1.0), frame(bias=-2.0)]
    before = [scan for path in write_session(tmp_path, frames, session=session) for scan in read_mtrx(path)]
    renamed(tmp_path, change)
    after = [scan for path in find_scans(tmp_path) for scan in read_mtrx(path)]
    assert [scan.bias for scan in after] == [-1.0] * 4 + [-2.0] * 4
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one.heights, other.heights)
        assert {**one.settings(), "source": other.source} == other.settings()
    (parameters,) = (file for file in tmp_path.iterdir() if "--" not in file.name)
    assert find_scans(parameters) == find_scans(tmp_path)


def test_a_renamed_session_whose_files_list_two_scans_of_that_number_is_refused(tmp_path):
    (path,) = write_session(tmp_path, [frame(bias=-1.0)], session="first")
    write_session(tmp_path, [frame(bias=-2.0)], session="second")
    both = [(tmp_path / f"{name}_0001.mtrx").read_bytes() for name in ("first", "second")]
    (tmp_path / "mine_0001.mtrx").write_bytes(both[0] + both[1][12:])
    with pytest.raises(MtrxError, match=r"Not in its session: the parameter file does not list mine--1_1"):
        read_mtrx(path.rename(tmp_path / "mine--1_1.Z_mtrx"))


def test_of_two_sessions_whose_names_differ_in_case_each_scan_has_its_own_parameters(tmp_path):
    (one,) = write_session(tmp_path, [frame(bias=-1.0)], session="Si")
    (other,) = write_session(tmp_path, [frame(bias=-2.0)], session="SI")
    if one.samefile(other):
        pytest.skip("this disk takes one name for the other")
    assert (read_mtrx(one)[0].bias, read_mtrx(other)[0].bias) == (-1.0, -2.0)


def test_a_copy_that_a_browser_has_renamed_is_named(tmp_path):
    path = written(tmp_path)
    copy = path.with_name(path.name.replace("1_1", "1_1 (1)"))
    shutil.copyfile(path, copy)
    assert set(find_scans(tmp_path)) == set(find_scans(tmp_path / f"{SESSION}_0001.mtrx")) == {path, copy}
    with pytest.raises(MtrxError, match=rf"Not a MATRIX scan: {re.escape(copy.name)} is not named"):
        read_mtrx(copy)


def test_what_macos_leaves_on_foreign_disks_is_no_scan_and_no_parameter_file(tmp_path):
    path = written(tmp_path)
    for file in list(tmp_path.iterdir()):
        file.with_name(f"._{file.name}").write_bytes(b"\0\5\x16\7" + bytes(100))
    assert find_scans(tmp_path) == [path]
    assert find_scans(tmp_path / f"{SESSION}_0001.mtrx") == [path]
    assert len(read_mtrx(path)) == 4
    with pytest.raises(MtrxError, match=rf"Not a MATRIX file: \._{SESSION}--1_1.Z_mtrx"):
        read_mtrx(path.with_name(f"._{path.name}"))


# Refusals: each names the file and says what is wrong first


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(MtrxError, match=r"No such file: .*a--1_1.Z_mtrx"):
        read_mtrx(tmp_path / "a--1_1.Z_mtrx")


@pytest.mark.parametrize("name", ["notes.txt", "a.Z_mtrx", "a--1.Z_mtrx", "a_0001.mtrx", "a--1_1.Z_mtrx.bak"])
def test_another_kind_of_file_is_refused_by_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"ONTMATRX0101")
    with pytest.raises(MtrxError, match=f"Not a MATRIX scan: {name} is not named"):
        read_mtrx(tmp_path / name)


@pytest.mark.parametrize("channel", ["I(V)", "Aux2(V)", "I(Z)"])
def test_spectroscopy_is_refused_in_words(tmp_path, channel):
    path = written(tmp_path)
    path = path.rename(tmp_path / f"{SESSION}--1_1.{channel}_mtrx")
    message = re.escape(f"Not a scan: {path.name} holds spectroscopy curves or a CITS volume ({channel})")
    with pytest.raises(MtrxError, match=message):
        read_mtrx(path)


@pytest.mark.parametrize("kept", [1, 11, 12, 50, 95, 96, 100, 104, 200, -4, -1])
def test_a_file_cut_short_is_refused(tmp_path, kept):
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    what = "Not a MATRIX file" if 0 < kept < 12 else "Cut short"
    with pytest.raises(MtrxError, match=f"{what}: .*{path.name}"):
        read_mtrx(path)


def test_a_file_cut_short_says_how_many_points_are_left(tmp_path):
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[: 104 + 4 * 17])
    with pytest.raises(MtrxError, match=f"promises {4 * ROWS * COLS} points and only 17 are there"):
        read_mtrx(path)


def test_an_empty_file_is_refused(tmp_path):
    path = written(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(MtrxError, match=f"Empty file: {path.name} has no bytes"):
        read_mtrx(path)


@pytest.mark.parametrize("garbage", [b"\0", b"ONTMATRX0100", b"<html>"])
def test_garbage_is_refused(tmp_path, garbage):
    path = written(tmp_path)
    path.write_bytes(garbage * 100)
    with pytest.raises(MtrxError, match=f"Not a MATRIX file: {path.name} begins with"):
        read_mtrx(path)


def test_a_file_that_begins_like_a_parameter_file_is_refused(tmp_path):
    path = written(tmp_path)
    shutil.copyfile(tmp_path / f"{SESSION}_0001.mtrx", path)
    with pytest.raises(MtrxError, match=f"Cut short: the header of {path.name} is incomplete"):
        read_mtrx(path)


@pytest.mark.parametrize("points", [1, 2 * COLS])
def test_a_scan_of_less_than_two_lines_is_refused(tmp_path, points):
    path = written(tmp_path, points_scanned=points)
    with pytest.raises(MtrxError, match=f"Empty scan: {path.name} holds no two complete lines"):
        read_mtrx(path)


def test_a_missing_parameter_file_is_refused_with_the_name_looked_for(tmp_path):
    path = written(tmp_path)
    (tmp_path / f"{SESSION}_0001.mtrx").rename(tmp_path / "other_0001.mtrx")
    message = f"Parameter file missing: {SESSION}_0001.mtrx is not in {re.escape(str(tmp_path))}"
    with pytest.raises(MtrxError, match=message):
        read_mtrx(path)


@pytest.mark.parametrize("last", [(ROWS, COLS), (50, 40)])
def test_a_renamed_file_is_refused_because_its_settings_would_be_another_scans(tmp_path, last):
    path, _ = write_session(tmp_path, [frame(bias=-1.0), frame(shape=last, bias=-2.0)])
    path = path.rename(tmp_path / f"{SESSION}--1_9.Z_mtrx")
    with pytest.raises(MtrxError, match=f"Not in its session: the parameter file does not list {path.name}"):
        read_mtrx(path)


@pytest.mark.parametrize("size", [0.0, -24.9e-9, np.nan])
def test_a_frame_without_width_is_refused(tmp_path, size):
    path = written(tmp_path)
    change_parameters(path, double(24.9 * 1e-9), double(size))
    with pytest.raises(MtrxError, match=f"No scale: the frame of {path.name} is .* x 12.3 nm"):
        read_mtrx(path)


@pytest.mark.parametrize(
    "content", [b"garbage", b"ONTMATRX0101" + b"\xff" * 200, b"ONTMATRX0101APEE\x09\0\0\0"]
)
def test_a_damaged_parameter_file_is_refused(tmp_path, content):
    path = written(tmp_path)
    (tmp_path / f"{SESSION}_0001.mtrx").write_bytes(content)
    with pytest.raises(MtrxError, match=f"Damaged: .*{path.name} or its parameter file"):
        read_mtrx(path)


def test_a_header_that_promises_less_than_nothing_is_refused(tmp_path):
    path = written(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[64:68] = struct.pack("<i", -5)
    path.write_bytes(raw)
    with pytest.raises(MtrxError, match=f"Damaged: .*{path.name}"):
        read_mtrx(path)


def test_an_accident_inside_access2thematrix_is_told_as_damage(tmp_path, monkeypatch):
    def stumble(self, trace):
        raise IndexError("out of range" * 100)

    monkeypatch.setattr("access2thematrix.MtrxData.select_image", stumble)
    path = written(tmp_path)
    with pytest.raises(
        MtrxError, match=rf"Damaged: {path.name} .* cannot be read \(IndexError: out.{{0,80}}\)"
    ):
        read_mtrx(path)


@pytest.mark.parametrize("bit", range(32))
@pytest.mark.parametrize(("name", "number"), [("Lines", ROWS), ("Points", COLS)])
def test_a_flipped_bit_in_lines_or_points_takes_no_memory_and_gives_no_scan(tmp_path, name, number, bit):
    path = written(tmp_path)
    before = (
        name.encode("utf-16-le") + struct.pack("<L", 5) + "Count".encode("utf-16-le") + bytes(4) + b"GNOL"
    )
    flipped = struct.pack("<L", number ^ 1 << bit)
    change_parameters(path, before + struct.pack("<L", number), before + flipped)
    with pytest.raises(MtrxError, match=rf"(Damaged|Empty scan): {path.name} .*line"):
        read_mtrx(path)


def test_a_frame_of_more_pixels_than_memory_should_hold_is_refused(tmp_path):
    path = written(tmp_path, directions=DIRECTIONS[:1])
    change_parameters(path, struct.pack("<L", ROWS) + b"\6\0\0\0", struct.pack("<L", 2**25) + b"\6\0\0\0")
    raw = bytearray(path.read_bytes())
    raw[60:64] = struct.pack("<i", 2**25 * COLS)
    path.write_bytes(raw)
    with pytest.raises(MtrxError, match=rf"Too large: {path.name} has 33554432 x 5 pixels"):
        read_mtrx(path)


@pytest.mark.parametrize(
    "comment", ["1,1;" * 5000, "1,1;" + "," * 10000, "1" * 100000, "MTRX$" * 5000, "1,1;2,3%%" * 5000]
)
def test_a_long_comment_is_whole_and_holds_nothing_up(tmp_path, comment):
    path = written(tmp_path, comment=comment)
    told = read_settings(path)
    assert told.parameters["MARK::MTRX.CREATION_COMMENT"].value == comment
    assert comment in {row.text for row in told.rows()}
    assert len(read_mtrx(path)) == 4


def test_blocks_within_blocks_without_end_are_refused(tmp_path):
    path = written(tmp_path)
    nested = b""
    for _ in range(400):
        nested = b"YSCC" + struct.pack("<L", len(nested) + 4) + bytes(12) + nested
    parameters = tmp_path / f"{SESSION}_0001.mtrx"
    parameters.write_bytes(parameters.read_bytes()[:12] + nested)
    with pytest.raises(MtrxError, match=rf"Damaged: {path.name} or its parameter file cannot be read"):
        read_mtrx(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
@pytest.mark.parametrize("which", ["scan", "parameters"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_refused(tmp_path, which, make):
    path = written(tmp_path)
    victim = path if which == "scan" else tmp_path / f"{SESSION}_0001.mtrx"
    victim.unlink()
    make(victim)
    with pytest.raises(MtrxError, match=rf"Cannot be read: {victim.name} is a (pipe|folder), not a file"):
        read_mtrx(path)


@pytest.mark.parametrize("seed", range(5))
def test_flipped_bytes_give_a_scan_or_one_sentence(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = written(tmp_path, directions=DIRECTIONS[:1])
    victims = [path, tmp_path / f"{SESSION}_0001.mtrx"]
    whole = [victim.read_bytes() for victim in victims]
    outcomes = set()
    for _ in range(40):
        victim = int(rng.integers(2))
        raw = np.frombuffer(whole[victim], np.uint8).copy()
        raw[rng.integers(len(raw) if victim else 104, size=3)] ^= rng.integers(1, 256, 3, dtype=np.uint8)
        victims[victim].write_bytes(raw.tobytes())
        try:
            outcomes.update(scan.heights.shape for scan in read_mtrx(path))
        except MtrxError as error:
            outcomes.add(str(error).partition(":")[0])
        victims[victim].write_bytes(whole[victim])
    assert len(outcomes) > 1


# Other programs, and real scans


def test_gwyddion_sees_the_same_heights(tmp_path):
    if not (gwyddion := shutil.which("gwyddion")):
        pytest.skip("Gwyddion is not installed")
    gwyfile = pytest.importorskip("gwyfile", reason="gwyfile, which reads Gwyddion's files, is not installed")
    path = written(tmp_path, points_scanned=(2 * ROWS - 2) * 2 * COLS)
    screen = [shutil.which("xvfb-run"), "-a"] if shutil.which("xvfb-run") else []
    out = tmp_path / "out.gwy"
    subprocess.run([*screen, gwyddion, f"--convert-to-gwy={out}", str(path)], check=True, timeout=60)
    fields = {field["title"]: field for field in _fields(gwyfile.load(str(out)))}
    titles = dict(zip(DIRECTIONS, ("TraceUp", "RetraceUp", "TraceDown", "RetraceDown"), strict=True))
    for scan in read_mtrx(path):
        (field,) = (field for title, field in fields.items() if f" {titles[scan.direction]}" in title)
        theirs, scanned = np.asarray(field["field"].data) * 1e9, np.isfinite(scan.heights)
        np.testing.assert_allclose(theirs[scanned], scan.heights[scanned], atol=1e-12)
        assert (field["field"].yreal * 1e9, field["field"].xreal * 1e9) == pytest.approx(scan.size_nm)


def _fields(container):
    for key in container:
        if found := re.fullmatch(r"/(\d+)/data", key):
            yield {"title": container[f"{key}/title"], "field": container[f"/{found[1]}/data"]}


REAL = [
    ("default_2011Mar10-162902_STM-STM_Spectroscopy--1_3.Z_mtrx", -1.7, 45.0),
    ("default_2011May27-164015_STM-STM_Spectroscopy--22_4.Z_mtrx", -2.0, None),
]


@pytest.mark.parametrize(("name", "bias", "angle"), REAL)
def test_real_scans_have_the_settings_they_were_taken_with(shared_data, name, bias, angle):
    scans = read_mtrx(shared_data / "mtrx" / name)
    assert [scan.direction for scan in scans] == list(DIRECTIONS)
    assert [scan.bias for scan in scans] == [bias, -bias, bias, -bias]
    for scan in scans:
        assert scan.heights.shape == (500, 500)
        assert np.isfinite(scan.heights).all()
        assert scan.pixel_size == pytest.approx((0.04, 0.04))
        assert scan.unit == "nm"
    if angle is not None:
        assert {(scan.angle, scan.setpoint) for scan in scans} == {(angle, 0.05)}
        assert scans[0].name == "1_3 Z forward/up -1.7 V (2011Mar10-162902)"


@pytest.mark.parametrize(("name", "bias", "angle"), REAL)
def test_all_that_the_parameter_file_of_a_real_scan_says_is_there(shared_data, name, bias, angle):
    path = shared_data / "mtrx" / name
    assert_all_there(path)
    assert_same_heights(path)
    told = read_settings(path)
    known = told.parameters
    assert len(known) > 350
    voltage = "EEPA::GapVoltageControl"
    assert known[f"{voltage}.Voltage"].value == pytest.approx(bias)
    assert known[f"{voltage}.Alternate_Voltage"].value == pytest.approx(-bias)
    assert known[f"{voltage}.Enable_Alternate_Voltage"].value is True
    assert known["EEPA::Regulator.Enable_Alternate_Setpoint_1"].value is False
    if angle is not None:  # of the other nobody noted a sample
        assert known["MARK::MTRX.SAMPLE_NAME"].value == "Si001 sb clean control 1min background dose"
    texts = {row.label: row.text for row in told.rows()}
    assert texts["Bias, forward"] == for_people(bias, "Volt")
    assert texts["Bias, backward"] == for_people(-bias, "Volt")
    assert (texts["Line time"], texts["Frame time"], texts["Scan speed"]) == ("0.7 s", "700 s", "80 nm/s")


@pytest.mark.parametrize("name", [name for name, *_ in REAL])
def test_heights_of_real_scans_are_their_points_on_one_scale(shared_data, name):
    path = shared_data / "mtrx" / name
    points = points_of(path).reshape(2, 500, 2, 500).astype(float)  # up and down, line, sweep, point
    maps = {scan.direction: scan.heights for scan in read_mtrx(path)}
    ordered = [maps["forward/up"][::-1], maps["backward/up"][::-1, ::-1]]
    ordered += [maps["forward/down"], maps["backward/down"][:, ::-1]]
    heights = np.stack([np.stack(ordered[:2], axis=1), np.stack(ordered[2:], axis=1)])
    factor = heights.ravel() @ points.ravel() / (points.ravel() @ points.ravel())
    assert factor > 0
    np.testing.assert_allclose(heights, points * factor, rtol=1e-9)


def test_real_scans_stand_in_their_folder_and_their_session(shared_data):
    first, second = (shared_data / "mtrx" / name for name, *_ in REAL)
    assert find_scans(shared_data / "mtrx") == [first, second]
    assert find_scans(second.with_name(f"{second.name.partition('--')[0]}_0001.mtrx")) == [second]


def test_orphans_are_told_what_they_miss(shared_data):
    (scan,) = (shared_data / "orphans").glob("*.Z_mtrx")
    (parameters,) = (shared_data / "orphans").glob("*_0001.mtrx")
    missing = "default_2013Mar22-133720_STM-STM_Spectroscopy_0001.mtrx"
    with pytest.raises(MtrxError, match=f"Parameter file missing: {missing}"):
        read_mtrx(scan)
    with pytest.raises(MtrxError, match=f"No scans: .* beside the parameter file {parameters.name}"):
        find_scans(parameters)


def test_a_time_that_no_calendar_has_is_damage(session_files, tmp_path):
    for file in session_files[0].parent.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    scan = tmp_path / session_files[0].name
    raw = bytearray(scan.read_bytes())
    raw[20:28] = struct.pack("<Q", 2**40)  # which C's calendar can still write
    scan.write_bytes(raw)
    with pytest.raises(MtrxError, match=rf"Damaged: .*{re.escape(scan.name)}"):
        read_mtrx(scan)


def with_real(path, before, value):
    """Give the real number behind the last of these bytes in a parameter file another value."""
    raw = path.read_bytes()
    at = raw.rindex(before + b"BUOD") + len(before) + 4
    path.write_bytes(raw[:at] + struct.pack("<d", value) + raw[at + 8 :])


@pytest.mark.parametrize("factor", [0.0, np.nan, 1e-320, -1.0])
def test_heights_that_are_no_numbers_by_a_damaged_factor_are_refused(tmp_path, factor):
    path = written(tmp_path)
    of_heights = "m".encode("utf-16-le") + struct.pack("<LL", 2, 6) + "Factor".encode("utf-16-le")
    with_real(next(tmp_path.glob("*.mtrx")), of_heights, factor)
    with pytest.raises(
        MtrxError, match=r"Damaged: the heights of .*1_1\.Z_mtrx are no numbers, or above 1 mm"
    ):
        read_mtrx(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_bias_that_is_no_number_is_not_known(tmp_path, value):
    path = written(tmp_path)
    plain = "Voltage".encode("utf-16-le") + struct.pack("<L", 4) + "Volt".encode("utf-16-le") + bytes(4)
    with_real(next(tmp_path.glob("*.mtrx")), plain, value)
    assert [scan.bias for scan in read_mtrx(path)] == [None] * 4
