"""Files of Gwyddion read: our own come back the same, others as far as they say what they hold."""

import struct
from datetime import UTC, datetime

import numpy as np
import pytest
from gwyfile.objects import GwyContainer, GwyDataField, GwySIUnit

from napari_stmml import Scan, find_scans
from napari_stmml.io.formats import left_out, read_directions, read_masks, read_scan_file, read_settings
from napari_stmml.io.gwyddion import Labelled, write_gwy, write_scans_gwy
from napari_stmml.scan import ScanFileError

SHAPE = (30, 40)
LABELS = np.zeros(SHAPE, np.uint8)
LABELS[2:6, 3:9], LABELS[20:25, 30:35] = 1, 3


@pytest.fixture
def scan():
    heights = np.random.default_rng(0).normal(size=SHAPE)
    known = {"bias": -1.7, "setpoint": 0.02, "angle": -35.5, "offset": (150.0, -157.1)}
    return Scan(heights, (0.1, 0.2), "forward/up", taken=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), **known)


def foreign(path, *channels, meta=None, **changes):
    """Write a file as Gwyddion does: (title, values, unit) each, with a frame of 4 x 3 nm."""
    found = GwyContainer()
    for number, (title, values, unit) in enumerate(channels):
        units = {"si_unit_xy": GwySIUnit(unitstr="m"), "si_unit_z": GwySIUnit(unitstr=unit)}
        found[f"/{number}/data"] = GwyDataField(values, **{"xreal": 4e-9, "yreal": 3e-9} | units | changes)
        found[f"/{number}/data/title"] = title
        found[f"/{number}/meta"] = GwyContainer(meta or {})
    found.tofile(str(path))
    return path


def test_what_was_written_is_read_the_same(tmp_path, scan):
    path = write_gwy(tmp_path / "a.gwy", scan, LABELS, {1: "holes", 2: "none of it", 3: "b"})
    (back,) = read_scan_file(path)
    np.testing.assert_allclose(back.heights, scan.heights, rtol=1e-12)
    assert back.pixel_size == pytest.approx(scan.pixel_size)
    assert back.offset == pytest.approx(scan.offset)
    for name in ("direction", "channel", "unit", "bias", "setpoint", "angle", "taken"):
        assert getattr(back, name) == getattr(scan, name)
    (labels,) = read_masks(path)
    np.testing.assert_array_equal(labels.labels, LABELS)
    assert labels.names == {1: "holes", 3: "b"}
    assert labels.pixel_size == pytest.approx(scan.pixel_size)


def test_a_scan_of_unknown_settings_and_scale_is_read_the_same(tmp_path):
    heights = np.random.default_rng(0).normal(size=SHAPE)
    heights[25:] = np.nan
    for unit in ("nm", ""):
        (back,) = read_scan_file(
            write_scans_gwy(tmp_path / "a.gwy", [Labelled(Scan(heights, None, unit=unit))])
        )
        np.testing.assert_allclose(back.heights, heights)
        assert back.settings() == Scan(heights, None, unit=unit, source=back.source).settings()
    assert read_masks(tmp_path / "a.gwy") == []


def test_several_scans_of_one_file_keep_their_own_classes(tmp_path, scan):
    other = Scan(scan.heights[:, ::-1], (0.1, 0.2), "backward/up")
    maps = [Labelled(scan, LABELS, {1: "holes"}), Labelled(other, LABELS, {3: "bumps"})]
    path = write_scans_gwy(tmp_path / "a.gwy", maps)
    assert [one.direction for one in read_scan_file(path)] == ["forward/up", "backward/up"]
    first, second = read_masks(path)
    np.testing.assert_array_equal(first.labels, LABELS == 1)
    np.testing.assert_array_equal(second.labels, 3 * (LABELS == 3))


def test_heights_of_others_are_scans_and_their_other_channels_are_left_out(tmp_path):
    heights = np.random.default_rng(0).normal(size=SHAPE)
    channels = [("Z (Forward)", heights * 1e-9, "m"), ("Current (Forward)", heights, "A")]
    meta = {"Bias": "-0.05 V", "Z controller Setpoint": "2.5E-11 A", "Direction": "up"}
    path = foreign(tmp_path / "a.gwy", *channels, meta=meta, xoff=10e-9, yoff=20e-9)
    (scan,) = read_scan_file(path)
    np.testing.assert_allclose(scan.heights, heights)
    assert scan.pixel_size == pytest.approx((0.1, 0.1))
    assert (scan.direction, scan.bias, scan.setpoint) == ("forward/up", -0.05, 0.025)
    assert scan.offset == pytest.approx((12.0, 21.5))
    assert (scan.angle, scan.taken) == (None, None)
    rows = {row.label: row.text for row in read_settings(path).rows()}
    assert rows["Channels"] == "Z (Forward), Current (Forward)"
    assert rows["Bias"] == "-50 mV"


def test_two_channels_of_one_direction_are_told_apart_by_their_titles(tmp_path):
    maps = [np.full(SHAPE, float(number) * 1e-9) for number in range(4)]
    titles = ("raw", "levelled", "levelled", "")
    path = foreign(tmp_path / "a.gwy", *((title, one, "m") for title, one in zip(titles, maps, strict=True)))
    scans = read_scan_file(path)
    assert [scan.channel for scan in scans] == ["Z", "levelled", "levelled 3", "4"]
    assert len({scan.name for scan in scans}) == 4
    assert [scan.channel for scan in read_directions(path)] == ["Z"]


def test_a_mask_of_gwyddion_is_a_label_map(tmp_path, scan):
    path = foreign(tmp_path / "a.gwy", ("grains", scan.heights * 1e-9, "m"))
    found = GwyContainer.fromfile(str(path))
    found["/0/mask"] = GwyDataField((LABELS > 0).astype(float))
    found.tofile(str(path))
    (labels,) = read_masks(path)
    np.testing.assert_array_equal(labels.labels, LABELS > 0)
    assert labels.names == {1: "mask"}
    assert labels.pixel_size == pytest.approx((0.1, 0.1))


def test_results_of_ours_are_no_scans_of_a_folder(tmp_path, scan):
    own = write_gwy(tmp_path / "own.gwy", scan, LABELS, {1: "holes"})
    theirs = foreign(tmp_path / "theirs.gwy", ("Z", scan.heights, "m"))
    assert find_scans(tmp_path) == [theirs]
    assert dict(left_out(tmp_path)) == {
        own: "Result: own.gwy was written by napari-stmml, so it is no new scan."
    }
    assert find_scans(own) == [own]


# What is wrong is one sentence


@pytest.mark.parametrize("length", [0, 3, 20, 200, 5000, -1])
def test_a_file_that_is_cut_is_named(tmp_path, scan, length):
    path = write_gwy(tmp_path / "a.gwy", scan, LABELS, {1: "holes"})
    path.write_bytes(path.read_bytes()[:length])
    for read in (read_scan_file, read_masks, read_settings):
        with pytest.raises(ScanFileError, match=r"Damaged: a.gwy cannot be read"):
            read(path)


def test_a_text_without_an_end_ends(tmp_path):
    inner = b"a\0sno end"
    (tmp_path / "a.gwy").write_bytes(b"GWYPGwyContainer\0" + struct.pack("<I", len(inner)) + inner)
    with pytest.raises(ScanFileError, match="a text has no end"):
        read_scan_file(tmp_path / "a.gwy")


def test_objects_in_objects_without_end_are_refused(tmp_path):
    inner = b""
    for _ in range(100):
        inner = b"a\0o" + b"GwyContainer\0" + struct.pack("<I", len(inner)) + inner
    (tmp_path / "a.gwy").write_bytes(b"GWYPGwyContainer\0" + struct.pack("<I", len(inner)) + inner)
    with pytest.raises(ScanFileError, match="more than 16 objects in objects"):
        read_scan_file(tmp_path / "a.gwy")


@pytest.mark.parametrize(
    ("channels", "changes", "message"),
    [
        ([("I", np.ones(SHAPE), "A")], {}, "No heights: a.gwy holds I"),
        ([], {}, "No heights: a.gwy holds no map"),
        ([("Z", np.ones(SHAPE), "m")], {}, "its heights are above 1 mm"),
        ([("Z", np.zeros(SHAPE), "m")], {"xreal": 0.0}, "its frame is 0 x 3e-09 m"),
        ([("Z", np.zeros(SHAPE), "m")], {"yreal": float("nan")}, "its frame is 4e-09 x nan m"),
    ],
)
def test_what_is_no_scan_is_one_sentence(tmp_path, channels, changes, message):
    path = foreign(tmp_path / "a.gwy", *channels, **changes)
    with pytest.raises(ScanFileError, match=message):
        read_scan_file(path)
