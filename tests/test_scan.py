import json
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from napari_stmml.scan import DIRECTIONS, SHORT, Scan

SOURCE = "data/default_2011Mar10-162902_STM-STM_Spectroscopy--22_4.Z_mtrx"


@pytest.fixture
def full(rng):
    """Make a scan with every setting another than the default."""
    return Scan(
        heights=rng.normal(size=(4, 6)),
        pixel_size=(0.05, 0.04),
        direction="backward/down",
        channel="I",
        unit="nA",
        bias=-1.7,
        setpoint=0.05,
        angle=45.0,
        offset=(12.5, -3.25),
        taken=datetime(2011, 3, 10, 16, 29, 2, tzinfo=UTC),
        source=SOURCE,
        history=("flattened",),
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"heights": np.zeros(5)}, r"heights must be a filled map \(rows, cols\), got shape \(5,\)"),
        ({"heights": np.zeros((0, 5))}, r"filled map .*, got shape \(0, 5\)"),
        ({"heights": np.zeros((2, 2, 2))}, r"filled map .*, got shape \(2, 2, 2\)"),
        ({"heights": np.zeros((2, 2), complex)}, "heights must be real numbers, got complex128"),
        ({"heights": np.array([["a", "b"]])}, "heights must be real numbers, got <U1"),
        ({"pixel_size": (0.1, 0.0)}, r"pixel_size must be two positive nm per pixel, got \(0.1, 0.0\)"),
        ({"pixel_size": (-0.1, 0.1)}, "pixel_size must be two positive"),
        ({"pixel_size": (np.nan, 0.1)}, "pixel_size must be two positive"),
        ({"pixel_size": (0.1, np.inf)}, "pixel_size must be two positive"),
        ({"direction": "sideways"}, "direction must be one of forward/up, .*, got 'sideways'"),
    ],
)
def test_what_is_no_scan_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Scan(**{"heights": np.zeros((2, 3)), "pixel_size": (1, 1), **wrong})


def test_heights_of_a_scan_cannot_be_written_and_those_of_the_caller_can():
    heights = np.zeros((2, 3))
    scan = Scan(heights, (1, 1))
    with pytest.raises(ValueError, match="read-only"):
        scan.heights[0, 0] = 1
    with pytest.raises(FrozenInstanceError):
        scan.bias = 1.0
    heights[0, 0] = 5
    assert heights[0, 0] == 5


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, bool])
def test_whole_numbers_become_floats_of_the_same_value(dtype):
    scan = Scan(np.eye(3, dtype=dtype), (1, 1))
    assert scan.heights.dtype == np.float32
    assert np.array_equal(scan.heights, np.eye(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_as_they_are_without_a_copy(dtype):
    heights = np.ones((2, 2), dtype)
    assert Scan(heights, (1, 1)).heights.dtype == dtype
    assert np.shares_memory(Scan(heights, (1, 1)).heights, heights)


def test_a_frame_is_as_large_as_its_pixels_together():
    assert Scan(np.zeros((300, 200)), (0.1, 0.2)).size_nm == pytest.approx((30.0, 40.0))
    assert Scan(np.zeros((300, 200)), None).size_nm is None


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_short_direction_is_the_initials_of_the_long_one(direction):
    fast, slow = direction.split("/")
    assert SHORT[direction] == (fast[0] + slow[0]).upper()
    assert Scan(np.zeros((2, 2)), None, direction).short_direction == SHORT[direction]


def test_a_scan_made_by_hand_has_no_direction():
    assert Scan(np.zeros((2, 2)), None).short_direction == ""


@pytest.mark.parametrize(
    ("source", "name", "short"),
    [
        (SOURCE, "22_4 I backward/down -1.7 V (2011Mar10-162902)", "22_4 I backward/down -1.7 V"),
        ("x/mine--1_2.Z_mtrx", "1_2 I backward/down -1.7 V (mine)", "1_2 I backward/down -1.7 V"),
        ("x/MINE--1_2.I_MTRX", "1_2 I backward/down -1.7 V (MINE)", "1_2 I backward/down -1.7 V"),
        ("x/atoms.dat", "atoms I backward/down -1.7 V", "atoms I backward/down -1.7 V"),
        ("", "scan I backward/down -1.7 V", "scan I backward/down -1.7 V"),
    ],
)
def test_a_name_says_number_channel_direction_bias_and_session(full, source, name, short):
    scan = replace(full, source=source)
    assert (scan.name, scan.short_name) == (name, short)


def test_a_name_leaves_out_what_is_not_known():
    assert Scan(np.zeros((2, 2)), None).name == "scan"
    assert Scan(np.zeros((2, 2)), None, bias=2.0000000001).name == "scan 2 V"


def test_other_heights_keep_the_settings_and_remember_what_was_done(full):
    flat = full.with_heights(np.zeros((8, 12)), "resampled", (0.025, 0.02))
    assert flat.heights.shape == (8, 12)
    assert flat.history == ("flattened", "resampled")
    other = {"pixel_size", "history"}
    assert {k: v for k, v in flat.settings().items() if k not in other} == {
        k: v for k, v in full.settings().items() if k not in other
    }
    assert full.history == ("flattened",)


@pytest.mark.parametrize("known", [True, False])
def test_scan_to_settings_to_json_to_scan_is_the_identity(full, known):
    scan = full if known else Scan(full.heights, None)
    again = Scan.from_settings(scan.heights, json.loads(json.dumps(scan.settings())))
    fields = set(scan.__dataclass_fields__) - {"heights"}
    assert {name: getattr(again, name) for name in fields} == {name: getattr(scan, name) for name in fields}


def test_the_way_back_of_every_direction_is_the_other_fast_one_and_back_again():
    for direction in DIRECTIONS:
        back = Scan(np.zeros((2, 2)), None, direction).way_back
        assert back != direction
        assert back.partition("/")[2] == direction.partition("/")[2]
        assert Scan(np.zeros((2, 2)), None, back).way_back == direction
    assert Scan(np.zeros((2, 2)), None).way_back == ""
