"""Our readers of MATRIX and Nanonis against gwyddionpy, on every real file at hand and on simulated ones."""

import numpy as np
import pytest

from napari_stmml.io.formats import read_scan_file
from napari_stmml.io.gwyddion import meta
from napari_stmml.simulate.nanonis import write_sxm

gwyddionpy = pytest.importorskip("gwyddionpy")
pytest.importorskip("gwyddionpy_converter")


def told(path):
    """Return what gwyddionpy makes of a file: heights in nm, size in nm and bias of each direction."""
    found = {}
    for one in gwyddionpy.load(path).channels.values():
        if one.si_unit_z == "m":
            size = (one.yreal * 1e9, one.xreal * 1e9)
            found[meta.direction(one.name, one.meta)] = (one.data * 1e9, size, meta.bias(one.meta))
    return found


def assert_the_same(path):
    """Compare all directions of a file; return the largest difference of heights in nm."""
    scans, others = read_scan_file(path), told(path)
    assert {scan.direction for scan in scans} == set(others)
    worst = 0.0
    for scan in scans:
        heights, size, bias = others[scan.direction]
        there = np.isfinite(scan.heights)
        assert there.any()
        worst = max(worst, np.abs(scan.heights - heights)[there].max())
        assert scan.size_nm == pytest.approx(size, rel=1e-9)
        assert bias is None or scan.bias == pytest.approx(bias)
    assert worst < 1e-9
    return worst


@pytest.mark.parametrize("ending", ["*.Z_mtrx", "*.sxm"])
def test_real_files_have_the_heights_and_the_scale_that_gwyddion_gives(shared_data, measured, ending):
    files = [path for path in sorted(shared_data.rglob(ending)) if path.parent.name != "orphans"]
    assert files
    for path in files:
        measured(f"parity with gwyddionpy: {path.name[-40:]} {assert_the_same(path):.1e} nm")


@pytest.mark.parametrize("slow", ["up", "down"])
def test_a_simulated_nanonis_scan_lies_as_gwyddion_lays_it(tmp_path, slow):
    rng = np.random.default_rng(0)
    maps = {f"{way}/{slow}": rng.normal(size=(5, 7)) for way in ("forward", "backward")}
    assert_the_same(write_sxm(tmp_path / "a.sxm", maps, (5.0, 7.0), bias=-1.7))


def test_a_simulated_matrix_session_lies_as_gwyddion_lays_it(session_files):
    for path in session_files[:2]:
        assert_the_same(path)
