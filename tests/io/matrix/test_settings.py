import csv
import json
from datetime import UTC, datetime
from importlib import resources

import pytest

from napari_stmml.io.matrix.settings import BIAS, SETPOINT, MatrixSettings, derived, held, readable
from napari_stmml.io.settings import GROUPS, OTHER, Setting

SCANNER = "EEPA::XYScanner."
FRAME = {
    "Width": (20e-9, "Meter"),
    "Height": (10e-9, "Meter"),
    "Points": (500, "Count"),
    "Lines": (250, "Count"),
    "Raster_Time": (0.0005, "Second"),
    "Line_Start_Delay": (0.1, "Second"),
    "Line_End_Delay": (0.1, "Second"),
    "X_Retrace": (True, "--"),
    "Y_Retrace": (True, "--"),
}


def parameters(**changes):
    """Make settings of the scanner, some of them changed, or left out where the change is None."""
    values = {name: value for name, value in (FRAME | changes).items() if value is not None}
    return {SCANNER + name: Setting(SCANNER + name, *value) for name, value in values.items()}


def derived_values(**changes):
    return {setting.name: setting.value for setting in derived(parameters(**changes))}


def file_settings(known):
    return MatrixSettings("a--1_1.Z_mtrx", datetime(2026, 11, 23, 12, tzinfo=UTC), 100, 60, 504, known)


@pytest.mark.parametrize("name", [BIAS, SETPOINT])
@pytest.mark.parametrize("enabled", [True, False])
def test_an_alternate_value_holds_for_backward_lines_where_its_own_flag_is_set(name, enabled):
    group, _, short = name.rpartition(".")
    flag, other = f"{group}.Enable_Alternate_{short}", f"{group}.Alternate_{short}"
    known = {name: Setting(name, 1.0), other: Setting(other, 2.0), flag: Setting(flag, enabled)}
    assert held(known, name, "forward/up").value == 1.0
    assert held(known, name, "backward/down").value == (2.0 if enabled else 1.0)
    assert held({}, name, "forward") is None


def test_times_and_speed_follow_from_raster_time_and_delays():
    values = derived_values()
    assert values["pixel_width"] == 20e-9 / 500
    assert values["pixel_height"] == 10e-9 / 250
    assert values["sweep_time"] == pytest.approx(0.25)
    assert values["line_time"] == pytest.approx(0.7)
    assert values["frame_time"] == pytest.approx(2 * 250 * 0.7)
    assert values["scan_speed"] == pytest.approx(80e-9)
    assert derived_values(Y_Retrace=(False, "--"))["frame_time"] == pytest.approx(250 * 0.7)
    assert derived_values(Line_End_Delay=None)["line_time"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"X_Retrace": (False, "--")}, {"line_time", "frame_time"}),
        ({"Raster_Time": None}, {"sweep_time", "line_time", "frame_time", "scan_speed"}),
        ({"Raster_Time": (float("nan"), "Second")}, {"sweep_time", "line_time", "frame_time", "scan_speed"}),
        ({"Width": (20, "Count")}, {"pixel_width", "scan_speed"}),
        ({"Points": (0, "Count")}, {"pixel_width", "sweep_time", "line_time", "frame_time", "scan_speed"}),
    ],
)
def test_what_cannot_be_told_from_the_file_is_not_derived(changes, gone):
    assert set(derived_values()) - set(derived_values(**changes)) == gone


def test_a_scan_without_backward_lines_has_no_bias_of_backward_lines():
    known = {BIAS: Setting(BIAS, -2.0, "Volt")}
    assert "bias_backward" in {one.name for one in derived(known | parameters())}
    one_way = known | parameters(X_Retrace=(False, "--"))
    assert next(one.name for one in derived(one_way)) == "bias_forward"
    assert "bias_backward" not in {one.name for one in derived(one_way)}


def test_every_setting_of_the_table_is_of_a_group_that_is_shown():
    with resources.files("napari_stmml.io.matrix").joinpath("settings.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["group"] for row in rows} == set(GROUPS)
    assert len({row["name"] for row in rows}) == len(rows)
    assert all(row["label"] for row in rows)


def test_rows_come_in_groups_and_each_says_where_it_stands():
    known = {"EEPA::Odd_One.Some_Thing": Setting("EEPA::Odd_One.Some_Thing", 3, "--")} | parameters()
    rows = file_settings(known | {"META": Setting("META", "")}).rows()
    places = [GROUPS.index(row.group) for row in rows]
    assert places == sorted(places)
    (odd,) = [row for row in rows if row.group == OTHER]
    assert (odd.label, odd.text, odd.where) == ("Odd One: Some Thing", "3", "parameter file")
    by_name = {row.setting.name: row for row in rows}
    assert by_name["recorded_points"].where == "scan file"
    assert by_name["line_time"].where == "derived"
    assert by_name["line_time"].text == "0.7 s"
    assert set(known) <= set(by_name)


def test_rows_are_found_by_words_of_their_label_their_value_and_their_name():
    rows = file_settings(parameters()).rows()
    assert {row.label for row in rows if row.matches("LINE delay")} == {"Line start delay", "Line end delay"}
    assert {row.label for row in rows if row.matches("0.7 s")} == {"Line time"}
    assert [row.label for row in rows if row.matches("raster_time xyscanner")] == ["Raster time"]
    assert all(row.matches("  ") for row in rows)


def test_programs_get_exact_values_in_json_that_every_program_reads():
    known = {
        "a": Setting("a", 1.7000000000000002, "Volt"),
        "b": Setting("b", [float("nan"), {"c": float("inf")}], ""),
    }
    told = json.loads(json.dumps(file_settings(known).as_dict(), allow_nan=False))
    assert told["parameters"]["a"] == {"value": 1.7000000000000002, "unit": "Volt"}
    assert told["parameters"]["b"]["value"] == ["nan", {"c": "inf"}]
    assert told["taken"] == "2026-11-23T12:00:00+00:00"
    assert (told["planned_points"], told["recorded_points"], told["size_bytes"]) == (100, 60, 504)


def test_a_name_nobody_gave_a_label_is_made_readable():
    assert readable("EEPA::Aux1_V.Enable_Storing") == "Aux1 V: Enable Storing"
    assert readable("DICT::3") == "DICT::3"
