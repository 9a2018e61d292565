"""What sorting objects into types keeps to."""

import numpy as np
import pytest

from napari_stmml import Scan, find_structures


def round_objects(heights_nm, pixel=0.1):
    """Make a scan of round objects, each of a height, in any order some 4 nm apart."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(len(heights_nm))))
    px = round((4 * side + 1) / pixel)
    heights = rng.normal(0, 0.004, (px, px))
    rows, cols = np.ogrid[:px, :px]
    for number, height in enumerate(rng.permutation(heights_nm)):
        y, x = (2.5 + 4 * np.array(divmod(number, side)) + rng.uniform(-0.8, 0.8, 2)) / pixel
        heights += height * np.exp(-0.5 * ((rows - y) ** 2 + (cols - x) ** 2) / (0.25 / pixel) ** 2)
    return Scan(heights, (pixel, pixel))


@pytest.mark.parametrize(("bright", "dark"), [(3, 4), (2, 30), (20, 20)])
def test_protrusions_and_depressions_never_share_a_type(bright, dark):
    spread = np.random.default_rng(1).normal(1, 0.1, bright + dark)
    found = find_structures(round_objects(np.repeat([0.1, -0.1], [bright, dark]) * spread)).table
    assert len(found) == bright + dark
    signs = np.sign(found.peak_nm)
    assert all(len(set(signs[found.type == kind])) == 1 for kind in set(found.type) - {0})


def test_an_object_cut_by_the_border_has_the_type_of_whole_ones():
    scan = round_objects(np.repeat([0.1, -0.1], [13, 12]))
    whole = find_structures(scan)
    first = whole.table.iloc[whole.table.row.argmin()]
    cut = find_structures(Scan(scan.heights[round(first.row - 2) :], scan.pixel_size), like=whole).table
    (same,) = cut[np.hypot(cut.row - 2, cut.col - first.col) < 3].type
    assert same == first.type
