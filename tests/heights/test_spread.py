import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from napari_stmml.heights.spread import map_sigma, median, robust_sigma


def test_it_is_the_median_absolute_deviation_of_scipy(rng):
    values = rng.normal(3.0, 2.0, 1001)
    assert robust_sigma(values) == pytest.approx(median_abs_deviation(values, scale="normal"), rel=1e-5)


def test_a_normal_distribution_has_its_standard_deviation_whatever_a_few_outliers_do(rng):
    values = rng.normal(0.0, 2.0, 100_000)
    values[:1000] = 1e9
    assert robust_sigma(values, centre=0.0) == pytest.approx(2.0, rel=0.03)


def test_a_large_map_is_sampled_and_keeps_its_spread(rng):
    heights = rng.normal(5.0, 0.3, (1100, 1100)).astype(np.float32)
    assert map_sigma(heights).dtype == np.float32
    assert map_sigma(heights) == pytest.approx(0.3, rel=0.02)
    assert map_sigma(heights[:40, :40]) == robust_sigma(heights[:40, :40])


@pytest.mark.parametrize("shape", [(1,), (2,), (7, 9), (40, 50)])
def test_the_median_is_that_of_numpy_bit_by_bit(rng, shape):
    values = rng.normal(size=shape).astype(np.float32)
    assert median(values) == np.median(values)
    assert median(values).dtype == np.float32


def test_the_median_is_that_of_numpy_where_many_values_are_equal(rng):
    values = np.abs(np.where(rng.random((200, 300)) < 0.4, 0, rng.normal(size=(200, 300))))
    assert median(values) == np.median(values)
