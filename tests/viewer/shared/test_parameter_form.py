import pytest

from napari_stmml.batch.job_parameters import PARAMETERS
from napari_stmml.heights.flatten import FLATTEN_METHODS
from napari_stmml.viewer.shared.parameter_form import field_for, set_values, value_of


@pytest.mark.parametrize("known", PARAMETERS.values(), ids=PARAMETERS)
def test_every_parameter_has_a_field_with_its_default_its_bounds_and_its_help(qtbot, known):
    field = field_for(known)
    qtbot.addWidget(field.native)
    assert value_of(field) == known.default
    assert type(value_of(field)) is type(known.default)
    assert field.name == known.name
    assert known.label == (field.text if isinstance(known.default, bool) else field.label)
    assert field.tooltip.startswith(known.tip)
    if known.bounds:  # no possible value is out of reach
        assert (field.min, field.max) == known.bounds


def test_a_field_of_a_chain_of_methods_names_them_all(qtbot):
    field = field_for(PARAMETERS["flatten_method"], "row_median + poly_xy")
    qtbot.addWidget(field.native)
    assert field.value == "row_median + poly_xy"
    assert all(method in field.tooltip for method in FLATTEN_METHODS)


def test_a_list_is_one_text_a_line(qtbot):
    fields = {"include": field_for(PARAMETERS["include"])}
    qtbot.addWidget(fields["include"].native)
    set_values(fields, {"include": ("a b", "c"), "epochs": 3})
    assert fields["include"].value == "a b\nc"
    fields["include"].value = " a b \n\n c"
    assert value_of(fields["include"]) == ("a b", "c")
