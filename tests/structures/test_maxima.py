"""Maxima within a disc are those of a maximum filter, wherever they are looked for."""

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from napari_stmml.structures.maxima import maxima_within


@pytest.mark.parametrize("pixel", [(0.1, 0.1), (0.07, 0.13), (0.3, 0.3)])
def test_the_maxima_are_those_of_a_filter_with_a_disc(pixel: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 80)).round(1)  # rounded, so that neighbours are equal here and there
    wanted = values > 0.5
    down, right = (np.arange(-int(0.45 / size), int(0.45 / size) + 1) * size for size in pixel)
    disc = np.hypot(down[:, None], right) <= 0.45
    expected = (maximum_filter(values, footprint=disc) == values) & wanted
    np.testing.assert_array_equal(maxima_within(values, wanted, 0.45, pixel), expected)


def test_where_nothing_is_wanted_nothing_is_a_maximum() -> None:
    assert not maxima_within(np.ones((5, 6)), np.zeros((5, 6), bool), 1.0, (0.5, 0.5)).any()
