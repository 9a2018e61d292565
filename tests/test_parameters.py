import re
from dataclasses import fields
from pathlib import Path

import pytest

from napari_stmml.parameters import BESIDES, PARAMETERS, check, nearest
from napari_stmml.recipe import Recipe

SEED = Path(__file__).resolve().parents[2] / "shared" / "seed"
NUMBERS = [known for known in PARAMETERS.values() if known.least is not None]


def of_kind(kind):
    return [known for known in PARAMETERS.values() if known.kind == kind]


def test_every_parameter_of_the_seeds_summary_is_there_under_its_name():
    pages = sorted(SEED.glob("*.txt"))
    if not pages:
        pytest.skip(f"no seed document in {SEED}")
    table = pages[0].read_text("utf-8").partition("# Parameter Summary")[2].partition("# Step 1")[0]
    named = re.findall(r"^(?:<pre>)?([a-z]+(?:_[a-z]+)*)(?:</pre>)?\t\S", table, re.MULTILINE)
    assert len(named) == 30
    assert {"job_name", "predict_window_pitch", "n_init", "test_data_limit"} <= set(named)
    assert [name for name in named if name not in PARAMETERS] == []
    assert all(PARAMETERS[name].seed for name in named)


def test_what_only_the_seeds_code_has_is_there_too():
    assert set(BESIDES) == {"resample", "pixel_limit", "save_meta", "cmap"}
    assert all(PARAMETERS[name].seed for name in BESIDES)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_says_what_it_does_and_takes_its_own_default(name):
    known = PARAMETERS[name]
    assert len(known.help) > 10
    assert known.group
    assert "\n" not in known.described
    assert known.check(known.default) == known.default
    assert known.help in known.described
    assert known.unit in known.described


@pytest.mark.parametrize("known", NUMBERS, ids=lambda known: known.name)
def test_a_number_may_be_at_its_bounds_and_not_beyond(known):
    for bound, step in ((known.least, -1), (known.most, 1)):
        kind = type(known.default)
        assert known.check(kind(bound)) == bound
        beyond = kind(bound) + step * (1 if kind is int else 1e-3 * max(1, abs(bound)))
        with pytest.raises(ValueError, match=f"{known.name} must be .* to .*, got "):
            known.check(beyond)


@pytest.mark.parametrize("known", of_kind("whole number"), ids=lambda known: known.name)
@pytest.mark.parametrize("value", [True, 3.0, "3", None, [3]])
def test_a_whole_number_is_nothing_else(known, value):
    with pytest.raises(ValueError, match=f"{known.name} must be a whole number, got"):
        known.check(value)


@pytest.mark.parametrize("known", of_kind("number"), ids=lambda known: known.name)
@pytest.mark.parametrize("value", [True, "0.5", None, float("nan")])
def test_a_number_is_no_text_and_no_yes_or_no(known, value):
    with pytest.raises(ValueError, match=f"{known.name} must be .*, got"):
        known.check(value)


@pytest.mark.parametrize("known", of_kind("true or false"), ids=lambda known: known.name)
@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_yes_or_no_is_neither_a_number_nor_a_text(known, value):
    with pytest.raises(ValueError, match=f"{known.name} must be a true or false, got"):
        known.check(value)


@pytest.mark.parametrize("known", of_kind("text"), ids=lambda known: known.name)
@pytest.mark.parametrize("value", [3, True, ["a"], None])
def test_a_text_is_no_number(known, value):
    with pytest.raises(ValueError, match=f"{known.name} must be a text, got"):
        known.check(value)


@pytest.mark.parametrize("known", of_kind("list of texts"), ids=lambda known: known.name)
def test_a_list_of_texts_may_be_one_text_and_holds_no_numbers(known):
    assert known.check("a") == ("a",)
    assert known.check(["a", "b"]) == ("a", "b")
    for value in (3, [3], {"a": 1}, None):
        with pytest.raises(ValueError, match=f"{known.name} must be a list of texts, got"):
            known.check(value)


def test_a_whole_number_stands_for_a_number():
    value = PARAMETERS["pixel_density"].check(8)
    assert (value, type(value)) == (8.0, float)


def test_a_choice_that_there_is_not_is_answered_with_the_nearest():
    with pytest.raises(
        ValueError, match="one of image, fixed, robust, nm, got 'robus'; did you mean 'robust'"
    ):
        check({"normalisation": "robus"})


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("windowsize", "window_size"),
        ("n_clusters", "num_clusters"),
        ("learning rate", "learning_rate"),
        ("flatten", "flatten_method"),
        ("Epochs", "epochs"),
        ("predict_windowpitch", "predict_window_pitch"),
        ("mtrx_train_limit", "mtrx_train_data_limit"),
    ],
)
def test_a_name_that_there_is_not_is_answered_with_the_nearest(wrong, right):
    assert nearest(wrong, PARAMETERS) == right
    with pytest.raises(ValueError, match=f"there is no parameter '{wrong}'; did you mean '{right}'"):
        check({"epochs": 3, wrong: 1})


def test_a_recipe_has_help_unit_bounds_and_defaults_of_the_same_definitions():
    for known in fields(Recipe)[1:]:
        parameter = PARAMETERS[known.name]
        about = {name: getattr(parameter, name) for name in ("unit", "help", "least", "most", "choices")}
        assert dict(known.metadata) == about
        assert known.default == parameter.default


def test_a_recipe_is_checked_by_the_same_definitions():
    for name in ("epochs", "window_size", "num_clusters"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number, got True"):
            Recipe(**{name: True})
