"""Files of Gwyddion: what is written is read back, in m, the right way up, each class a mask."""

import gwyfile
import numpy as np
import pytest
from gwyfile.util import get_datafields

from napari_stmml import Scan
from napari_stmml.io.gwyddion import write_gwy

LABELS = np.zeros((30, 40), np.uint8)
LABELS[2:6, 3:9], LABELS[20:25, 30:35] = 1, 3


@pytest.fixture
def scan():
    heights = np.random.default_rng(0).normal(size=LABELS.shape)
    return Scan(heights, (0.1, 0.2), "forward/up", bias=-1.7, setpoint=0.02)


def test_heights_sizes_and_classes_come_back(scan, tmp_path):
    path = write_gwy(tmp_path / "a.gwy", scan, LABELS, {1: "holes", 2: "none of it", 3: "bumps"})
    found = gwyfile.load(str(path))
    channels = get_datafields(found)
    assert [title.split()[-1] for title in channels] == ["V", "holes", "bumps"]
    for channel in channels.values():
        np.testing.assert_allclose(channel.data, scan.heights * 1e-9)
        assert (channel.yreal, channel.xreal) == pytest.approx((3e-9, 8e-9))
        assert (channel.si_unit_xy.unitstr, channel.si_unit_z.unitstr) == ("m", "m")
    np.testing.assert_array_equal(found["/1/mask"].data, LABELS == 1)
    np.testing.assert_array_equal(found["/2/mask"].data, LABELS == 3)
    assert "/0/mask" not in found
    assert found["/0/meta"]["Bias"] == "-1.7 V"


def test_what_was_not_scanned_is_masked_and_filled(scan, tmp_path):
    heights = scan.heights.copy()
    heights[25:] = np.nan
    found = gwyfile.load(str(write_gwy(tmp_path / "a.gwy", Scan(heights, None, unit="nA"), LABELS, {})))
    assert np.isfinite(found["/0/data"].data).all()
    np.testing.assert_array_equal(found["/0/mask"].data, np.isnan(heights))
    assert found["/0/data"].si_unit_z.unitstr == "A"
    assert found["/0/data"].xreal == 40


def test_labels_of_another_shape_are_refused(scan, tmp_path):
    with pytest.raises(ValueError, match="do not fit"):
        write_gwy(tmp_path / "a.gwy", scan, LABELS[:5], {})
