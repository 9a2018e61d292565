"""A session's parameter file is parsed once, and says of each scan what it says when it is parsed anew."""

import os
import random
import time

import numpy as np
import pytest

from napari_stmml.io.matrix.frame import Frame
from napari_stmml.io.matrix.reader import read_mtrx, read_outlines
from napari_stmml.io.matrix.session import Session
from napari_stmml.io.matrix.writer import write_session
from napari_stmml.scan import DIRECTIONS, ScanFileError

N = 35  # frames: more than are parsed before what holds is kept


def frame(number: int, **options) -> Frame:
    flat = np.zeros((6, 8))
    heights = {name: flat + way for way, name in enumerate(DIRECTIONS[: 1 + number % 2])}
    return Frame(heights, 4.0 + number, 3.0, bias=0.1 * (number + 1), comment=f"scan {number}", **options)


@pytest.fixture
def session(tmp_path):
    return write_session(tmp_path, [frame(number) for number in range(N)])


def test_frames_asked_for_in_any_order_have_the_parameters_of_a_fresh_parse(session):
    parameters = next(session[0].parent.glob("*.mtrx")).read_bytes()
    names = [path.name for path in session]
    whole = Session(parameters)
    random.Random(1).shuffle(names)
    for name in names + names[:5] + [None]:
        assert whole.frame(name).param == Session(parameters).frame(name).param


def test_a_parameter_file_that_changes_is_read_again(session):
    before = read_mtrx(session[3])[0]
    file = next(session[0].parent.glob("*.mtrx"))
    hour_ago = time.time() - 3600
    for path in (file, file.parent):
        os.utime(path, (hour_ago, hour_ago))
    assert read_mtrx(session[3])[0].bias == before.bias
    write_session(file.parent, [frame(number + 1) for number in range(N)])
    assert read_mtrx(session[3])[0].bias == pytest.approx(before.bias + 0.1)


@pytest.mark.parametrize("directions", [DIRECTIONS[:1], DIRECTIONS[:2], DIRECTIONS[::2], DIRECTIONS])
@pytest.mark.parametrize("rows", [2, 5, 6, 9, 12])
def test_an_outline_says_what_the_whole_scan_says_however_far_it_came(tmp_path, directions, rows, rng):
    down, ways = "forward/down" in directions, 1 + ("backward/up" in directions)
    if rows > 6 and not down:
        return
    made = Frame(
        {name: rng.normal(size=(6, 8)) for name in directions},
        4.0,
        3.0,
        alternate_bias=1.0,
        alternate_voltage_enabled=True,
        angle=30,
        offset_nm=(5.0, -7.0),
        points_scanned=rows * 8 * ways,
    )
    (path,) = write_session(tmp_path, [made])
    scans, outlines = read_mtrx(path), read_outlines(path)
    assert [one.scan.settings() for one in outlines] == [scan.settings() for scan in scans]
    assert [one.scan.heights.shape for one in outlines] == [(6, 8)] * len(scans)
    there = [int(np.isfinite(scan.heights).any(axis=1).sum()) for scan in scans]
    assert [one.scanned_rows for one in outlines] == there
    assert [one.complete for one in outlines] == [n == 6 for n in there]


def test_an_outline_of_an_empty_scan_is_refused_as_the_scan_is(tmp_path):
    (path,) = write_session(tmp_path, [frame(0, points_scanned=9)])
    for read in (read_mtrx, read_outlines):
        with pytest.raises(ScanFileError, match="Empty scan"):
            read(path)
