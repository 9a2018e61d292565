"""The key of a scan: its file's bytes, channel, direction and shape, and not its name or folder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import Scan
from napari_stmml.scan_key import ScanKey

SHAPE = (40, 50)


@pytest.fixture
def scan(tmp_path):
    source = tmp_path / "a.Z_mtrx"
    source.write_bytes(b"the bytes of a scan")
    return Scan(np.random.default_rng(0).normal(size=SHAPE), (0.1, 0.1), "forward/up", source=str(source))


def test_a_key_is_of_the_files_bytes_and_not_of_its_name(scan, tmp_path):
    copy = tmp_path / "renamed.Z_mtrx"
    copy.write_bytes(Path(scan.source).read_bytes())
    key = ScanKey.of_scan(scan)
    assert ScanKey.of_scan(replace(scan, source=str(copy))) == key
    assert ScanKey.of_dict(key.as_dict()) == key
    assert key.shape == SHAPE


def test_a_key_follows_a_file_that_changes(scan):
    key = ScanKey.of_scan(scan)
    Path(scan.source).write_bytes(b"the bytes of another scan")
    assert ScanKey.of_scan(scan) != key


def test_a_key_tells_channels_directions_and_shapes(scan):
    others = [
        replace(scan, channel="I", unit="nA"),
        replace(scan, direction="backward/up"),
        replace(scan, heights=scan.heights[1:]),
    ]
    assert len({ScanKey.of_scan(one) for one in (scan, *others)}) == 4


def test_a_scan_without_a_file_is_known_by_its_heights(scan):
    gone = replace(scan, source="gone.Z_mtrx")
    assert ScanKey.of_scan(gone) == ScanKey.of_scan(replace(gone, source=""))
    assert ScanKey.of_scan(gone) != ScanKey.of_scan(replace(gone, heights=scan.heights + 1))
