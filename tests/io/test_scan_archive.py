from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from napari_stmml import Scan
from napari_stmml.io.scan_archive import load_scans, save_scans


def text(settings):
    return np.frombuffer(settings.encode(), np.uint8)


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


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "it has no settings"),
        ({"settings": text("{")}, "Expecting property name"),
        ({"settings": text('[{"pixel_size": [0.1, 0.1]}]')}, "it has no heights_0"),
        (
            {"settings": text('[{"pixel_size": [0, 1]}]'), "heights_0": np.ones((2, 2))},
            "must be two positive nm",
        ),
        ({"settings": text("[{}]"), "heights_0": np.ones(2)}, "holds no scans"),
        ({"settings": text("[3]"), "heights_0": np.ones((2, 2))}, "holds no scans"),
    ],
)
def test_what_holds_no_scans_is_refused_by_name(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=r"a\.npz holds no scans: ") as refused:
        load_scans(tmp_path / "a.npz")
    assert message in str(refused.value)


def test_packed_scans_are_refused_before_they_are_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", settings=text("[{}]"), heights_0=np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"a\.npz cannot be read: settings\.npy is packed"):
        load_scans(tmp_path / "a.npz")
