"""A large map is blurred in parts, and is the same."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_stmml.heights.pyramid import blurred


@pytest.mark.parametrize("shape", [(40, 50), (701, 460)])
def test_a_blurred_map_is_that_of_scipy_bit_by_bit(rng, shape):
    heights = rng.normal(size=shape).astype(np.float32)
    kept = heights.copy()
    expected = gaussian_filter(heights, 2.0, mode="nearest", truncate=3)
    np.testing.assert_array_equal(blurred(heights, 2.0), expected)
    np.testing.assert_array_equal(heights, kept)
