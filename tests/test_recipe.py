import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.recipe import RECIPES, Recipe, get_recipe

BOUNDED = [parameter for parameter in fields(Recipe) if parameter.metadata.get("most") is not None]
bounded = pytest.mark.parametrize("parameter", BOUNDED, ids=[parameter.name for parameter in BOUNDED])
SEED = Path(__file__).resolve().parents[2] / "shared" / "seed"


@bounded
def test_a_parameter_out_of_its_bounds_is_refused_by_name(parameter):
    for bound, beyond in (("least", -1), ("most", 1)):
        value = parameter.metadata[bound] + beyond
        with pytest.raises(ValueError, match=rf"{parameter.name} must be .* to .*, got {value}"):
            Recipe(**{parameter.name: value})


@bounded
@pytest.mark.parametrize("value", ["5", None, True, [5]])
def test_what_is_no_number_is_refused_by_name(parameter, value):
    with pytest.raises(
        ValueError, match=f"{parameter.name} must be a .*number, got {re.escape(repr(value))}"
    ):
        Recipe(**{parameter.name: value})


@bounded
def test_nan_is_within_no_bounds(parameter):
    with pytest.raises(ValueError, match=f"{parameter.name} must be .* got nan"):
        Recipe(**{parameter.name: float("nan")})


@pytest.mark.parametrize("name", [p.name for p in BOUNDED if isinstance(p.default, int)])
def test_counts_are_whole_numbers(name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number, got 16.0"):
        Recipe(**{name: 16.0})


@bounded
def test_every_parameter_says_what_it_is_and_its_default_is_within_bounds(parameter):
    assert parameter.metadata["help"]
    assert parameter.metadata["least"] <= parameter.default <= parameter.metadata["most"]


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
    with pytest.raises(ValueError, match=r"there is no recipe 'pasta'; there is instant, .*srsml24"):
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


def test_parameters_bear_the_names_that_the_seed_gives_them():
    texts = sorted(SEED.glob("*.txt"))
    if not texts:
        pytest.skip(f"the seed's text is not in {SEED}")
    text = texts[0].read_text()
    unnamed = {parameter.name for parameter in fields(Recipe)[1:] if parameter.name not in text}
    of_its_code = {"resample", "pixel_limit"}
    assert unnamed == of_its_code | {"normalisation", "both_biases", "sampled_windows"}
