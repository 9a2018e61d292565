import numpy as np

from napari_stmml import read_mtrx
from napari_stmml.simulate.session import simulate_session


def test_the_session_has_a_scan_that_was_broken_off(tmp_path):
    first, _, last = simulate_session(tmp_path, size_nm=6.0, pixels=64)
    whole, cut = read_mtrx(first), read_mtrx(last)
    assert [scan.direction for scan in cut] == [scan.direction for scan in whole]
    assert not any(np.isnan(scan.heights).any() for scan in whole)
    assert np.isnan(cut[2].heights).any()
