from dataclasses import replace

import numpy as np
import pytest

from napari_stmml import Scan
from napari_stmml.events import Skipped
from napari_stmml.features.intake import prepare_scan, skipped
from napari_stmml.heights.two_biases import paired
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.recipe import Recipe, get_recipe
from napari_stmml.scan import NotUsable

RECIPE = Recipe(pixel_density=8.0, window_size=16, window_pitch=8)
GRID = RECIPE.training_grid


def scan(shape=(32, 48), pixel_size=0.125, direction="forward/up", **more):
    heights = np.random.default_rng(0).normal(size=shape)
    return Scan(heights, (pixel_size, pixel_size), direction, source="a/x--1_1.Z_mtrx", **more)


def partial(rows=16):
    heights = scan().heights.copy()
    heights[rows:] = np.nan
    return replace(scan(), heights=heights)


def refusal(*given, **more):
    with pytest.raises(NotUsable) as refused:
        prepare_scan(*given, **more)
    return refused.value


def test_a_prepared_scan_has_what_the_recipe_makes_of_it_and_its_complete_windows():
    prepared = prepare_scan(partial(24), RECIPE, GRID)
    assert np.array_equal(prepared.heights, RECIPE.preprocessing.apply(partial(24)), equal_nan=True)
    assert np.array_equal(prepared.windows, [(row, col) for row in range(2) for col in range(5)])
    assert prepared.flat.shape == prepared.heights.shape == (32, 48)
    assert prepared.limit == ""


def test_a_scan_that_cannot_be_used_is_refused_by_name_with_a_reason_that_others_share():
    error = refusal(replace(scan(), heights=np.ones((32, 32))), RECIPE, GRID)
    assert error.reason == "constant"
    assert str(error).startswith("1_1 Z forward/up (x): the heights are constant")
    assert str(error) == f"1_1 Z forward/up (x): {error.sentence}"


def test_a_map_without_a_window_is_refused():
    small = refusal(scan((15, 60)), RECIPE, GRID)
    assert small.reason == "no window of 16 px fits"
    assert small.sentence == "15 x 60 px at 8 px/nm is smaller than one window of 16 px"
    assert refusal(partial(10), RECIPE, GRID).sentence == "no window of 16 px fits where it was scanned"


def test_recipes_of_cells_ask_for_a_map_that_has_features():
    recipe = get_recipe("instant", pixel_density=8.0)
    assert refusal(scan((14, 60)), recipe, WindowGrid(2, 2)).reason == "no window of 16 px fits"
    assert len(prepare_scan(scan((16, 60)), recipe, WindowGrid(2, 2)).windows) == 8 * 30


@pytest.mark.parametrize(
    ("given", "recipe", "limit"),
    [
        (partial(16), RECIPE, "below pixel_ratio 0.7"),
        (scan(pixel_size=0.6), RECIPE, "coarser than 1/4 of pixel_density"),
        (scan(), replace(RECIPE, pixel_limit=40), "over pixel_limit 40"),
    ],
)
def test_a_scan_beyond_a_limit_is_left_out_unless_it_is_forced_in(given, recipe, limit):
    assert refusal(given, recipe, GRID, least_scanned=0.7).reason == limit
    assert prepare_scan(given, recipe, GRID, least_scanned=0.7, force=True).limit == limit


def test_what_has_nothing_to_see_cannot_be_forced_in():
    constant = replace(scan(), heights=np.ones((32, 32)))
    assert refusal(constant, RECIPE, GRID, force=True).reason == "constant"


def test_a_scan_that_cannot_be_prepared_is_reported_with_its_source_direction_and_reason():
    constant = replace(scan(direction="backward/up"), heights=np.ones((32, 32)))
    event = skipped(constant, refusal(constant, RECIPE, GRID), 3)
    assert isinstance(event, Skipped)
    assert (event.source, event.direction, event.reason) == ("a/x--1_1.Z_mtrx", "BU", "constant")
    assert event.number == 3


def test_both_ways_of_a_frame_are_paired_where_the_recipe_takes_two_biases():
    recipe = get_recipe("instant-both", pixel_density=8.0)
    ways = [scan((32, 48), direction=way) for way in ("forward/up", "backward/up")]
    ready = [prepare_scan(one, recipe, WindowGrid(2, 2)) for one in paired(ways, recipe.preprocessing)]
    assert [made.heights.shape for made in ready] == [(2, 32, 48)] * 2
    assert refusal(ways[0], recipe, WindowGrid(2, 2)).reason == "one bias only"
