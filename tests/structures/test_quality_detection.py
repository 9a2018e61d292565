"""What finding objects keeps to, on surfaces with a lattice and without."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.structures.surfaces import EASY, make
from napari_stmml import Scan
from napari_stmml.structures.detect import detect


@pytest.mark.parametrize("kind", ["rows", "7x7", "bare"])
def test_a_surface_without_objects_gives_the_stated_share_of_false_finds_at_most(kind):
    without = replace(EASY, density=0.0, pixel_nm=0.1, size_nm=40.0)
    found = [detect(make(kind, seed, settings=without).scan) for seed in (30, 31)]  # 3200 nm2
    assert sum(one.count().sum() for one in found) <= 9  # 3.2 are expected; more than 9: 2 in 1000


@pytest.mark.parametrize("pixel", [0.05, 0.12])
@pytest.mark.parametrize(("apart", "count"), [(0.6, 1), (1.0, 2)])
def test_lobes_within_06_nm_are_one_object_and_bumps_1_nm_apart_are_two(pixel, apart, count):
    side = round(16 / pixel)
    rows, cols = np.ogrid[:side, :side]
    heights = np.random.default_rng(0).normal(0, 0.004, (side, side))
    for x in (8 - apart / 2, 8 + apart / 2):
        heights += 0.12 * np.exp(-0.5 * ((rows * pixel - 8) ** 2 + (cols * pixel - x) ** 2) / 0.2**2)
    detection = detect(Scan(heights, (pixel, pixel)))
    middles = detection.middles[detection.count()] * pixel
    assert (np.hypot(*(middles - 8).T) < 1).sum() == count
