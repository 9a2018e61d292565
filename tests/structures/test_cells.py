"""What is worked out on cells is what scipy works out on pixels."""

import numpy as np
import pytest
from scipy import ndimage

from napari_stmml.structures.cells import averaged, enlarged, highest, highest_of_each, slow

SHAPE = 61, 86


@pytest.mark.parametrize("cells", [(1, 1), (2, 2), (4, 3)])
def test_a_cell_has_the_mean_and_the_highest_of_its_pixels(rng, cells):
    values = rng.normal(size=SHAPE).astype(np.float32)
    framed = np.pad(values, [(0, -side % n) for side, n in zip(SHAPE, cells, strict=True)], mode="edge")
    split = framed.reshape(framed.shape[0] // cells[0], cells[0], -1, cells[1])
    np.testing.assert_allclose(averaged(values, cells), split.mean((1, 3)), atol=1e-6)
    np.testing.assert_array_equal(highest(values, cells), split.max((1, 3)))


@pytest.mark.parametrize("cells", [(1, 1), (2, 2), (4, 3)])
def test_enlarging_interpolates_as_scipy_does(rng, cells):
    values = rng.normal(size=(12, 17)).astype(np.float32)
    shape = 12 * cells[0] - 1, 17 * cells[1]
    whole = ndimage.zoom(values, cells, order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(enlarged(values, cells, shape), whole[: shape[0]], atol=1e-5)


def test_a_wide_gaussian_on_many_cells_is_that_of_scipy_within_a_hundredth_of_the_noise(rng):
    values = rng.normal(size=(301, 280)).astype(np.float32)
    exact = ndimage.gaussian_filter(values, 5.0, mode="nearest", truncate=3)
    found = slow(values, 1.0, (0.2, 0.2))  # a pixel is a cell
    assert (found - exact)[16:-16, 16:-16].std() < 0.01 * values.std()


def test_each_label_has_the_highest_of_its_pixels_and_one_without_pixels_0(rng):
    values, labels = rng.normal(size=SHAPE) - 5, rng.integers(0, 6, SHAPE)
    labels[labels == 3] = 0
    found = highest_of_each(values, labels, 6)
    expected = [values[labels == one].max() if (labels == one).any() else 0 for one in range(1, 7)]
    np.testing.assert_array_equal(found, expected)
