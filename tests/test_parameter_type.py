import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from napari_stmml.batch.job_parameters import PARAMETERS, values_of_step
from napari_stmml.parameter_type import GROUPS, MOST, check, nearest, parameter, parameters_of, read_setting
from napari_stmml.recipe import RECIPES, Recipe

SRSML24 = Path(__file__).resolve().parents[2] / "shared" / "seed"
NUMBERS = [known for known in PARAMETERS.values() if known.bounds is not None]


def of_kind(kind):
    return [known for known in PARAMETERS.values() if known.kind == kind]


def test_every_parameter_of_the_summary_of_srsml24_is_there_under_its_name():
    pages = sorted(SRSML24.glob("*.txt"))
    if not pages:
        pytest.skip(f"no document of SRSML24 in {SRSML24}")
    table = pages[0].read_text("utf-8").partition("# Parameter Summary")[2].partition("# Step 1")[0]
    named = re.findall(r"^(?:<pre>)?([a-z]+(?:_[a-z]+)*)(?:</pre>)?\t\S", table, re.MULTILINE)
    assert len(named) == 30
    assert {"job_name", "predict_window_pitch", "n_init", "test_data_limit"} <= set(named)
    of_its_code = {"resample", "pixel_limit", "save_meta", "cmap"}
    assert {name for name, known in PARAMETERS.items() if known.srsml24} == set(named) | of_its_code


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_says_what_it_does_and_takes_its_own_default(name):
    known = PARAMETERS[name]
    assert len(known.help) > 10
    assert known.group in GROUPS
    assert known.check(known.default) == known.default
    assert "\n" not in known.described
    assert known.help in known.described
    assert known.unit in known.described
    assert known.tip.startswith(f"{name}: {known.described}")
    assert all(f"{choice}: {meaning}" in known.tip for choice, meaning in known.choices.items())


def test_no_label_is_there_twice_under_a_heading_and_none_is_an_abbreviation():
    labels = [(known.group, known.label) for known in PARAMETERS.values()]
    assert len(set(labels)) == len(labels)
    assert not [label for _, label in labels if re.search(r"\b(Num|N|Max|Mtrx|Iter)\b", label)]


def test_a_bound_that_is_none_is_never_shown_as_a_number():
    assert [known.name for known in NUMBERS if "e+" in known.described or str(MOST) in known.described] == []
    assert PARAMETERS["random_seed"].span == "0 or more"
    assert PARAMETERS["max_iter"].span == "1 to 1e7"
    with pytest.raises(ValueError, match="random_seed must be 0 to 2147483647, got -1"):
        check({"random_seed": -1}, PARAMETERS)


@pytest.mark.parametrize("known", NUMBERS, ids=lambda known: known.name)
def test_a_number_may_be_at_its_bounds_and_not_beyond(known):
    for bound, step in zip(known.bounds, (-1, 1), strict=True):
        kind = type(known.default)
        assert known.check(kind(bound)) == bound
        beyond = kind(bound) + step * (1 if kind is int else 1e-3 * max(1, abs(bound)))
        with pytest.raises(ValueError, match=f"{known.name} must be .* to .*, got "):
            known.check(beyond)


WRONG = {
    "a whole number": [True, 3.0, "3", None, [3]],
    "a number": [True, "0.5", None, 10**400],
    "true or false": [0, 1, "true", None],
    "a text": [3, True, ["a"], None],
    "a list of texts": [3, [3], {"a": 1}, None],
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_value_of_another_type_is_refused_by_name(kind):
    assert of_kind(kind)
    for known in of_kind(kind):
        for value in WRONG[kind]:
            with pytest.raises(ValueError, match=f"{known.name} must be "):
                known.check(value)


@pytest.mark.parametrize("known", of_kind("a number"), ids=lambda known: known.name)
def test_nan_is_within_no_bounds(known):
    with pytest.raises(ValueError, match=f"{known.name} must be .*, got nan"):
        known.check(float("nan"))


def test_one_text_is_a_list_of_texts_and_a_whole_number_is_a_number():
    assert PARAMETERS["include"].check("a") == ("a",)
    assert PARAMETERS["include"].check(["a", "b"]) == ("a", "b")
    value = PARAMETERS["pixel_density"].check(8)
    assert (value, type(value)) == (8.0, float)


def test_a_choice_that_there_is_not_is_answered_with_the_nearest():
    with pytest.raises(
        ValueError, match="one of image, fixed, robust, nm, got 'robus'; did you mean 'robust'"
    ):
        check({"normalisation": "robus"}, PARAMETERS)


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
        check({"epochs": 3, wrong: 1}, PARAMETERS)


def test_a_parameter_is_declared_as_a_field_of_a_dataclass():
    @dataclass(frozen=True)
    class Sharper:
        name: str = "no parameter"
        sharpness: float = parameter(0.5, "how sharp", group="Clustering", unit="1/nm", bounds=(0, 1))

    (known,) = parameters_of(Sharper).values()
    assert (known.name, known.default, Sharper().sharpness) == ("sharpness", 0.5, 0.5)
    assert known.described == "how sharp (1/nm); 0 to 1"
    assert known.label == "Sharpness (1/nm)"


STEPS = {
    "process": {
        *("both_biases", "flatten_method", "resample", "pixel_density", "pixel_limit", "pixel_ratio"),
        *("normalisation", "data_scaling", "window_size", "window_pitch"),
    },
    "files": {"save_windows", "together", "save_jpg", "collate", "save_window_jpgs", "save_meta", "cmap"},
    "train": {
        *("features", "batch_size", "buffer_size", "learning_rate", "epochs", "sampled_windows"),
        *("train_data_limit", "test_data_limit", "random_seed", "model_name"),
    },
    "encode": {"cluster_batch_size", "cluster_buffer_size", "save_latent"},
    "cluster": {
        *("recipe", "num_clusters", "n_init", "max_iter", "reassignment_ratio", "cluster_model_name"),
    },
    "predict": {"predict_window_pitch", "overlay_alpha", "cmap"},
    "structures": {
        f"structures.{name}"
        for name in ("direction", "false_per_1000_nm2", "mirror_apart", "with_disordered", "gwy")
    },
}


@pytest.mark.parametrize("step", STEPS)
def test_the_record_of_a_step_has_the_parameters_that_it_always_had(step):
    """Another set, and the records of jobs that are done no longer match: everything is done again."""
    values = {name: known.default for name, known in PARAMETERS.items()}
    assert values_of_step(step, values) == {name: values[name] for name in STEPS[step]}


def test_a_given_scale_is_in_the_record_of_a_step_where_it_is_set():
    values = {name: known.default for name, known in PARAMETERS.items()} | {"pixel_size": 0.1}
    assert set(values_of_step("process", values)) == STEPS["process"] | {"pixel_size"}


def test_every_recipe_uses_what_its_kind_of_features_needs_and_nothing_else():
    of_all = {"flatten_method", "resample", "pixel_density", "pixel_limit", "mixed_channels", "num_clusters"}
    assert RECIPES["instant"].used == RECIPES["instant-both"].used == of_all
    assert RECIPES["learned"].used == of_all | {"epochs", "batch_size", "learning_rate", "sampled_windows"}
    every = set(parameters_of(Recipe)) - {"features", "both_biases", "sampled_windows"}
    assert RECIPES["srsml24"].used == RECIPES["srsml24-dense"].used == every


def test_a_setting_of_the_command_line_is_toml_or_plain_text():
    known = parameters_of(Recipe)
    assert read_setting("pixel_density=8", known) == ("pixel_density", 8.0)
    assert read_setting("flatten_method=row_median + poly_xy", known) == (
        "flatten_method",
        "row_median + poly_xy",
    )
    with pytest.raises(ValueError, match="a recipe has no parameter 'epoch'; did you mean 'epochs'"):
        read_setting("epoch=3", known)
    with pytest.raises(ValueError, match="a recipe has no parameter 'job_name'"):
        read_setting("job_name=x", known)
    with pytest.raises(ValueError, match="epochs must be a whole number, got 'three'"):
        read_setting("epochs=three", known)
