from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.recipe import get_recipe
from napari_stmml.scan import Scan
from napari_stmml.viewer.shared.scan_pairs import holds_both_ways, instant_recipe, with_way_back

BOTH = Preprocessing(both_biases=True)


def scan(direction="", pixel_size=(0.1, 0.1), source="a.Z_mtrx", **known):
    heights = np.random.default_rng(0).normal(size=(20, 60))
    return Scan(heights, pixel_size, direction, source=source, **known)


@pytest.mark.parametrize(
    ("sizes", "density"),
    [([0.1], 10), ([0.04], 15), ([0.1, 0.2, 0.2], 5), ([None, 0.2], 5), ([1.0], 1)],
)
def test_scans_are_clustered_at_their_usual_density_but_no_finer_than_15_px_a_nm(sizes, density):
    scans = [scan(pixel_size=size and (size, size)) for size in sizes]
    assert instant_recipe(scans, 7) == get_recipe("instant", num_clusters=7, pixel_density=float(density))


@pytest.mark.parametrize("size", [None, (1e6, 1e6)])
def test_scans_without_a_scale_that_a_recipe_knows_keep_their_pixels(size):
    assert instant_recipe([scan(pixel_size=size)], 7) == get_recipe("instant", num_clusters=7, resample=False)


def test_both_biases_are_a_recipe_of_their_own():
    assert instant_recipe([scan()], 7, both_biases=True).name == "instant-both"


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (scan("forward/up"), scan("backward/up"), True),
        (scan("backward/down"), scan("forward/down"), True),
        (scan("forward/up"), scan("backward/down"), False),
        (scan("forward/up"), scan("forward/up"), False),
        (scan("forward/up"), scan("backward/up", source="b.Z_mtrx"), False),
        (scan("forward/up"), scan("backward/up", channel="I"), False),
        (scan(), scan(), False),
    ],
)
def test_forward_and_backward_are_of_one_frame_or_not(one, other, both):
    assert holds_both_ways([one, other]) == both


def test_a_scan_gets_its_way_back_preferably_with_the_same_history():
    forward, back = scan("forward/up", bias=-2.0), scan("backward/up", bias=2.0)
    flat_forward, flat_back = (
        replace(one, heights=one.heights + 1, history=("poly_xy",)) for one in (forward, back)
    )
    for one, mate in ((forward, back), (flat_forward, flat_back)):
        others = [flat_back, back, flat_back, scan("forward/down")]
        (paired,) = with_way_back([one], others, BOTH)
        assert paired.other == pytest.approx(mate.heights)
        assert paired.other_bias == 2
        assert next(with_way_back([one], others, Preprocessing())) is one
    (alone,) = with_way_back([forward], [scan("backward/down")], BOTH)
    assert alone is forward
