import tracemalloc

import numpy as np
import pytest

from napari_stmml import Scan
from napari_stmml.features.filters import FilterFeatures
from napari_stmml.recipe import get_recipe

HEIGHTS = np.random.default_rng(0).normal(size=(1600, 1600)).astype(np.float32)


@pytest.mark.parametrize(
    ("made", "most"),
    [
        (FilterFeatures().channels, 7.5),
        (lambda heights: get_recipe("instant").preprocessing.apply(Scan(heights, (0.1, 0.1))), 9.5),
    ],
    ids=["channels", "prepared heights"],
)
def test_a_large_map_takes_the_memory_of_few_copies_of_it(made, most):
    made(HEIGHTS[:64, :64])  # everything is imported
    tracemalloc.start()
    try:
        made(HEIGHTS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most * HEIGHTS.nbytes
