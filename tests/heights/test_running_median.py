import numpy as np
import pytest
from scipy.ndimage import median_filter

from napari_stmml.heights.running_median import running_median


@pytest.mark.parametrize(
    ("shape", "widths"),
    [((40, 50), (11, 11)), ((3, 4), (9, 5)), ((50, 1), (5, 3)), ((1, 1), (3, 3)), ((200, 700), (1, 17))],
)
def test_it_is_the_running_median_of_scipy(shape, widths):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = running_median(values, widths)
    assert found.dtype == np.float32
    assert np.array_equal(found, median_filter(values, widths, mode="nearest"))
