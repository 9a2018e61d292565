import struct
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from access2thematrix import MtrxData

from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.scan import DIRECTIONS

ROWS, COLS = 5, 7
HALF_STEP = {"Z": 0.5 / 9.942e6, "I": 0.5 * 0.01 / (6.4489e6 * 1.01)}  # nm, nA
SETS = [DIRECTIONS[:1], DIRECTIONS[:2], DIRECTIONS[::2], DIRECTIONS]
names = [" + ".join(directions) for directions in SETS]


def heights(directions=DIRECTIONS[:1], shape=(ROWS, COLS), seed=0):
    """Return heights in nm with a value of its own for every point and direction."""
    rng = np.random.default_rng(seed)
    return {direction: rng.normal(0, 0.3, shape) for direction in directions}


def frame(directions=DIRECTIONS[:1], **settings):
    return Frame(heights(directions), width_nm=7.0, height_nm=5.0, **settings)


def opened(path):
    """Open a file with access2theMatrix itself."""
    data = MtrxData()
    traces, message = data.open(str(path))
    assert message.startswith("Successfully"), message
    return data, [str(trace) for trace in traces.values()]


def setting(data, name):
    return data.param[f"EEPA::{name}"][0]


@pytest.mark.parametrize("channel", ["Z", "I"])
@pytest.mark.parametrize("directions", SETS, ids=names)
def test_every_direction_comes_back_through_access2thematrix_to_half_a_step(tmp_path, directions, channel):
    taken = frame(directions, channel=channel)
    (path,) = write_session(tmp_path, [taken])
    data, found = opened(path)
    assert sorted(found) == sorted(directions)
    for direction in directions:
        image, _ = data.select_image(direction)
        error = np.abs(np.flipud(image.data) * 1e9 - taken.heights[direction])
        assert error.max() <= HALF_STEP[channel] * (1 + 1e-6)
        assert image.channel_name_and_unit[:2] == {"Z": ["Z", "m"], "I": ["I", "A"]}[channel]
        assert (image.width, image.height) == pytest.approx((7e-9, 5e-9))


@pytest.mark.parametrize("lines", [2, 3, 5])
@pytest.mark.parametrize("directions", SETS, ids=names)
def test_a_partial_up_scan_leaves_the_top_empty(tmp_path, directions, lines):
    retrace = 1 + ("backward/up" in directions)
    taken = frame(directions, points_scanned=lines * retrace * COLS)
    (path,) = write_session(tmp_path, [taken])
    data, found = opened(path)
    assert found == [direction for direction in directions if direction.endswith("up")]
    for direction in found:
        image, _ = data.select_image(direction)
        assert image.data.shape == (lines, COLS)
        bottom = taken.heights[direction][ROWS - lines :]
        assert np.allclose(np.flipud(image.data) * 1e9, bottom, atol=1e-6)


@pytest.mark.parametrize("lines", [1, 2, 4])
@pytest.mark.parametrize("directions", [DIRECTIONS[::2], DIRECTIONS], ids=[names[2], names[3]])
def test_a_partial_down_scan_leaves_the_bottom_empty(tmp_path, directions, lines):
    retrace = 1 + ("backward/up" in directions)
    taken = frame(directions, points_scanned=(ROWS + lines) * retrace * COLS + 3)
    (path,) = write_session(tmp_path, [taken])
    data, found = opened(path)
    for direction in found:
        image, _ = data.select_image(direction)
        kept = lines if direction.endswith("down") else ROWS
        top = taken.heights[direction][:kept]
        assert np.allclose(np.flipud(image.data) * 1e9, top, atol=1e-6)


def test_a_line_broken_off_is_in_the_file_and_left_out_by_the_reader(tmp_path):
    (path,) = write_session(tmp_path, [frame(points_scanned=3 * COLS + 4)])
    data, _ = opened(path)
    assert data.data.size == 3 * COLS + 4
    assert data.select_image("forward/up")[0].data.shape == (3, COLS)


@pytest.mark.parametrize("points", [1, COLS, ROWS * COLS, None])
def test_the_header_says_how_many_points_follow_and_how_many_were_planned(tmp_path, points):
    (path,) = write_session(tmp_path, [frame(points_scanned=points)])
    raw = path.read_bytes()
    planned, recorded = struct.unpack("<ii", raw[60:68])
    assert (planned, recorded) == (ROWS * COLS, points or ROWS * COLS)
    assert len(raw) == 104 + 4 * recorded
    assert raw[:16] == b"ONTMATRX0101TLKB"


def test_settings_of_one_frame_do_not_leak_into_the_next(tmp_path):
    settings = [
        {
            "bias": -2.0,
            "setpoint": 0.05,
            "angle": 45.0,
            "offset_nm": (1.0, -2.0),
            "sample": "Si(001)",
            "comment": "a-b",
        },
        {
            "bias": 1.7,
            "setpoint": 0.1,
            "angle": 12.5,
            "alternate_bias": -1.7,
            "alternate_voltage_enabled": True,
        },
        {"bias": -1.0, "data_set": "New 3", "alternate_setpoint": 0.2, "alternate_setpoint_enabled": True},
    ]
    directions = [DIRECTIONS, DIRECTIONS[:1], DIRECTIONS[:2]]
    shapes = [(5, 7), (6, 4), (6, 4)]
    frames = [
        Frame(heights(which, shape), width_nm=10.0 + i, height_nm=8.0 + i, **known)
        for i, (which, shape, known) in enumerate(zip(directions, shapes, settings, strict=True))
    ]
    paths = write_session(tmp_path, frames)
    for i, (path, taken) in enumerate(zip(paths, frames, strict=True)):
        data, found = opened(path)
        assert data.param["BREF"] == path.name
        assert sorted(found) == sorted(directions[i])
        assert setting(data, "GapVoltageControl.Voltage") == taken.bias
        assert setting(data, "GapVoltageControl.Enable_Alternate_Voltage") is taken.alternate_voltage_enabled
        assert setting(data, "Regulator.Setpoint_1") == pytest.approx(taken.setpoint * 1e-9)
        assert setting(data, "Regulator.Enable_Alternate_Setpoint_1") is taken.alternate_setpoint_enabled
        assert setting(data, "XYScanner.Angle") == taken.angle
        assert setting(data, "XYScanner.Width") == pytest.approx(taken.width_nm * 1e-9)
        assert setting(data, "XYScanner.X_Offset") == pytest.approx(taken.offset_nm[0] * 1e-9)
        assert setting(data, "XYScanner.Y_Offset") == pytest.approx(taken.offset_nm[1] * 1e-9)
        assert (setting(data, "XYScanner.Lines"), setting(data, "XYScanner.Points")) == shapes[i]
        assert (data.sample_name, data.creation_comment) == (taken.sample, taken.comment)
        assert data.data_set_name == taken.data_set


def test_a_value_is_stored_while_its_flag_is_off(tmp_path):
    stored = {"alternate_bias": 1.5, "alternate_setpoint": 0.3}
    data, _ = opened(*write_session(tmp_path, [frame(DIRECTIONS[:2], **stored)]))
    assert setting(data, "GapVoltageControl.Alternate_Voltage") == 1.5
    assert setting(data, "GapVoltageControl.Enable_Alternate_Voltage") is False
    assert setting(data, "Regulator.Alternate_Setpoint_1") == pytest.approx(0.3e-9)
    assert setting(data, "Regulator.Enable_Alternate_Setpoint_1") is False


def test_an_alternate_value_left_out_is_the_value_itself(tmp_path):
    data, _ = opened(*write_session(tmp_path, [frame(bias=0.8, setpoint=0.07)]))
    assert setting(data, "GapVoltageControl.Alternate_Voltage") == 0.8
    assert setting(data, "Regulator.Alternate_Setpoint_1") == pytest.approx(0.07e-9)


def test_parameters_carry_the_names_units_and_types_of_real_files(tmp_path):
    data, _ = opened(*write_session(tmp_path, [frame(angle=45.0)]))
    units = {key[6:]: value[1] for key, value in data.param.items() if key.startswith("EEPA::")}
    assert units["XYScanner.Width"] == "Meter"
    assert units["XYScanner.Raster_Time"] == "Second"
    assert units["XYScanner.Points"] == "Count"
    assert units["GapVoltageControl.Voltage"] == "Volt"
    assert units["Regulator.Setpoint_1"] == "Ampere"
    assert units["Regulator.Loop_Gain_1_I"] == "Percent"
    assert units["Regulator.Feedback_Loop_Enabled"] == units["XYScanner.Enable_Subgrid"] == "--"
    assert type(setting(data, "XYScanner.Angle")) is int
    assert data.channel_id == {"0000000a00440043": "Z", "0000000900440043": "I"}


def test_a_channel_may_change_between_frames(tmp_path):
    height, current = write_session(tmp_path, [frame(), frame(channel="I")])
    assert height.name.endswith("--1_1.Z_mtrx")
    assert current.name.endswith("--1_2.I_mtrx")
    for path, unit in ((height, "m"), (current, "A")):
        data, _ = opened(path)
        assert data.select_image("forward/up")[0].channel_name_and_unit[1] == unit


def test_a_frame_is_dated_when_its_last_point_was_taken(tmp_path):
    started = datetime(2030, 1, 1, 9, 0, tzinfo=timezone(timedelta(hours=2)))
    tall = Frame(heights(shape=(200, 100)), 10.0, 20.0)  # 20000 points of 0.5 ms
    first, second = write_session(tmp_path, [tall, tall], started=started)
    for path, seconds in ((first, 10), (second, 20)):
        stamp = struct.unpack("<Q", path.read_bytes()[20:28])[0]
        assert datetime.fromtimestamp(stamp, UTC) == started + timedelta(seconds=seconds)


def test_the_same_frames_give_the_same_bytes_in_a_folder_of_their_own(tmp_path):
    first = write_session(tmp_path / "new" / "a", [frame()], session="mine")
    again = write_session(tmp_path / "b", [frame()], session="mine")
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["mine--1_1.Z_mtrx", "mine_0001.mtrx"]
    assert first[0].read_bytes() == again[0].read_bytes()
    parameters = [path.with_name("mine_0001.mtrx").read_bytes() for path in (first[0], again[0])]
    assert parameters[0] == parameters[1]


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ({}, "directions must be forward/up; .*got none"),
        ({"backward/up": np.zeros((4, 4))}, "directions must be .*; got backward/up"),
        ({"sideways": np.zeros((4, 4))}, "directions must be forward/up; .*; got sideways"),
        ({"forward/up": np.zeros((0, 4))}, r"filled maps \(rows, cols\), got shape \(0, 4\)"),
        ({"forward/up": np.zeros(4)}, r"filled maps \(rows, cols\), got shape \(4,\)"),
        (
            {"forward/up": np.zeros((4, 4)), "backward/up": np.zeros((4, 5))},
            r"one shape, got \[\(4, 4\), \(4, 5\)\]",
        ),
        ({"forward/up": np.full((4, 4), np.nan)}, "must be finite .*, got nan forward/up"),
        ({"forward/up": np.full((4, 4), 217.0)}, "must be within 216 nm of 0, got 217 forward/up"),
    ],
)
def test_heights_no_microscope_records_are_refused(maps, message):
    with pytest.raises(ValueError, match=message):
        Frame(maps, width_nm=4.0, height_nm=4.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width_nm": 0.0}, "width_nm must be above 0 nm, got 0.0"),
        ({"height_nm": -1.0}, "height_nm must be above 0 nm, got -1.0"),
        ({"bias": np.nan}, "bias must be finite, got nan"),
        ({"offset_nm": (0.0, np.inf)}, r"offset_nm must be finite, got \(0.0, inf\)"),
        ({"points_scanned": 0}, "points_scanned must be 1 to 35, got 0"),
        ({"points_scanned": 36}, "points_scanned must be 1 to 35, got 36"),
        ({"channel": "Aux1"}, "channel must be one of I, Z, got 'Aux1'"),
    ],
)
def test_impossible_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Frame(heights(), **{"width_nm": 7.0, "height_nm": 5.0, **wrong})


def test_a_current_beyond_the_preamplifier_is_refused():
    with pytest.raises(ValueError, match=r"must be within 3\.297 nA of 0, got 4 forward/up"):
        Frame({"forward/up": np.full((4, 4), 4.0)}, 4.0, 4.0, channel="I")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"frames": []}, "frames must be at least one, got 0"),
        ({"session": "../up"}, "session must be the beginning of a file name, got '../up'"),
        ({"session": ""}, "session must be the beginning of a file name, got ''"),
        ({"started": datetime(2026, 1, 1)}, "started must have a time zone, got 2026-01-01"),
        ({"started": datetime(1950, 1, 1, tzinfo=UTC)}, "started must be between 1970 and 2106, got 1950"),
    ],
)
def test_an_impossible_session_is_refused_before_anything_is_written(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        write_session(tmp_path / "new", **{"frames": [frame()], **wrong})
    assert not list(tmp_path.iterdir())
