import json
from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.parameter_type import parameters_of
from napari_stmml.recipe import RECIPES, Recipe, at_once_recipe, get_recipe
from napari_stmml.scan import Scan

ANOTHER = {
    "mixed_channels": True,
    "features": "learned",
    "flatten_method": "row_median",
    "resample": False,
    "pixel_density": 7.0,
    "pixel_limit": 500,
    "normalisation": "fixed",
    "data_scaling": 2e9,
    "both_biases": True,
    "window_size": 64,
    "window_pitch": 4,
    "epochs": 3,
    "batch_size": 64,
    "buffer_size": 100,
    "learning_rate": 1e-3,
    "sampled_windows": 30,
    "cluster_batch_size": 100,
    "cluster_buffer_size": 100,
    "n_init": 2,
    "max_iter": 10,
    "reassignment_ratio": 0.1,
    "predict_window_pitch": 4,
}


@pytest.mark.parametrize("name", parameters_of(Recipe))
def test_a_recipe_checks_each_parameter_by_its_declaration(name):
    with pytest.raises(ValueError, match=f"{name} must be .*, got None"):
        Recipe(**{name: None})


def test_a_recipe_prepares_as_preprocessing_does_when_nothing_is_said():
    assert Recipe().preprocessing == Preprocessing()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"flatten_method": "magic"}, "flatten_method .magic. is not known; did you mean"),
        ({"window_size": 20, "window_pitch": 4}, "window_size must be a multiple of 8 px .*, got 20"),
        ({"window_pitch": 33}, "window_pitch must be at most the window_size, 32 px, got 33"),
        ({"predict_window_pitch": 33}, "predict_window_pitch must be at most the window_size, 32 px, got 33"),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**wrong)


def test_recipe_to_json_to_recipe_is_the_identity(tiny_recipe):
    for recipe in (*RECIPES.values(), tiny_recipe):
        assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


def test_an_unknown_parameter_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown recipe parameter: colour, size"):
        Recipe.from_dict({"size": 1, "colour": 2, "epochs": 3})


def test_an_unknown_recipe_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"there is no recipe 'pasta'; there is objects, instant, .*srsml24"):
        get_recipe("pasta")


def test_changes_are_taken_and_none_leaves_a_parameter_alone(tiny_recipe):
    assert get_recipe("srsml24", num_clusters=None) == RECIPES["srsml24"]
    assert get_recipe(tiny_recipe, epochs=7).as_dict() == {**tiny_recipe.as_dict(), "epochs": 7}
    with pytest.raises(ValueError, match="epochs must be"):
        get_recipe("srsml24", epochs=0)


def test_a_recipe_hands_its_parameters_on(tiny_recipe):
    assert tiny_recipe.preprocessing == Preprocessing("poly_xy", 8.0)
    assert tiny_recipe.training_grid == WindowGrid(16, 16)
    assert tiny_recipe.prediction_grid == WindowGrid(16, 8)


@pytest.mark.parametrize(
    ("sizes", "density"),
    [([0.1], 10), ([0.04], 15), ([0.1, 0.2, 0.2], 5), ([None, 0.2], 5), ([1.0], 1)],
)
def test_scans_are_clustered_at_their_usual_density_but_no_finer_than_15_px_a_nm(sizes, density):
    scans = [Scan(np.zeros((9, 9)), size and (size, size)) for size in sizes]
    assert at_once_recipe(scans, 7) == get_recipe("objects", num_clusters=7, pixel_density=float(density))


@pytest.mark.parametrize("name", ["objects", "instant", "instant-both", "learned"])
def test_recipes_of_cells_take_the_density_of_scans_and_those_of_windows_have_one(name):
    sizes = [(0.2, 0.2), None, (0.1, 0.4)]
    assert get_recipe(name).at_density_of(sizes) == get_recipe(name, pixel_density=5.0)
    assert get_recipe(name, pixel_density=8.0).at_density_of(sizes).pixel_density == 8
    assert get_recipe(name).at_density_of(sizes).title == name
    assert Recipe().at_density_of(sizes) == Recipe()


@pytest.mark.parametrize("size", [None, (1e6, 1e6)])
def test_scans_without_a_scale_that_a_recipe_knows_keep_their_pixels(size):
    assert at_once_recipe([Scan(np.zeros((9, 9)), size)], 7) == get_recipe(
        "objects", num_clusters=7, resample=False
    )


def test_both_biases_are_a_recipe_of_their_own():
    assert at_once_recipe([Scan(np.zeros((9, 9)), (0.1, 0.1))], 7, both_biases=True).name == "instant-both"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_called_by_its_name_as_long_as_it_is_that_one(name):
    recipe = get_recipe(name)
    assert recipe.title == name
    same = get_recipe(name, num_clusters=7, flatten_method=recipe.flatten_method.replace(" ", ""))
    assert same.title == name
    for unused in parameters_of(Recipe).keys() - recipe.used - {"features", "both_biases"}:
        assert replace(recipe, **{unused: ANOTHER[unused]}).title == name


@pytest.mark.parametrize("name", ANOTHER)
def test_a_recipe_with_another_value_is_not_called_by_its_name_alone(name):
    known = [RECIPES["instant"]] if name in ("both_biases", "features") else RECIPES.values()
    used = (one for one in known if name in one.used or name in ("features", "both_biases"))
    own = name in ("resample", "pixel_density")  # of cells, these are the scans'
    recipe = next(one for one in used if one.of_windows or not own)
    changed = replace(recipe, **{name: ANOTHER[name]})
    assert changed.title == f"{recipe.name} (changed: {name})"
    assert Recipe.from_dict(changed.as_dict()).title == changed.title


def test_only_features_of_objects_find_the_number_of_clusters_by_themselves():
    assert get_recipe("objects").num_clusters == 0
    assert get_recipe("objects", num_clusters=2).num_clusters == 2
    for name in set(RECIPES) - {"objects"}:
        with pytest.raises(ValueError, match="num_clusters must be 2 to 1000, got 0"):
            get_recipe(name, num_clusters=0)
    for name in RECIPES:
        with pytest.raises(ValueError, match="num_clusters must be 2 to 1000"):
            get_recipe(name, num_clusters=1)


def test_each_parameter_but_the_number_of_clusters_counts():
    assert ANOTHER.keys() == parameters_of(Recipe).keys() - {"num_clusters"}
