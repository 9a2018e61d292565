from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from napari_stmml import Scan
from napari_stmml.io.scan_archive import load_scans, save_scans


def test_scans_come_back_from_a_file_as_they_were(tmp_path, rng):
    full = Scan(
        rng.normal(size=(3, 4)),
        (0.1, 0.2),
        "backward/up",
        bias=-1.5,
        setpoint=0.05,
        offset=(1.0, -2.0),
        taken=datetime(2026, 11, 23, 12, tzinfo=UTC),
        source="a--1_3.Z_mtrx",
        history=("flattened",),
    )
    both = replace(full, other=rng.normal(size=(3, 4)), other_bias=1.5)
    holes = Scan(np.array([[np.nan, 1], [2, 3]], np.float32), None)
    scans = [full, both, holes]
    save_scans(tmp_path / "a.npz", scans)
    again = load_scans(tmp_path / "a.npz")
    assert [scan.settings() for scan in again] == [scan.settings() for scan in scans]
    for scan, before in zip(again, scans, strict=True):
        assert scan.heights.dtype == before.heights.dtype
        assert np.array_equal(scan.heights, before.heights, equal_nan=True)
        assert (scan.other is None) == (before.other is None)
    assert np.array_equal(again[1].other, both.other)


def test_no_scan_at_all_comes_back_as_none(tmp_path):
    save_scans(tmp_path / "a.npz", [])
    assert load_scans(tmp_path / "a.npz") == []
