import json
import shutil
import struct

import pytest

from napari_stmml import read_mtrx
from napari_stmml.cli import main
from napari_stmml.io.matrix.reader import read_settings


def test_info_says_what_every_scan_is_in_one_line(folder, capsys):
    assert main(["info", folder]) == 0
    out, _ = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith(
        "1_1 Z forward/up -1.7 V (2026Nov23-120000): 64 x 64 px, 6 x 6 nm, 50 pA, 0 deg,"
    )


def test_info_as_json_is_all_of_every_scan_and_nothing_else(session, folder, capsys):
    assert main(["info", folder, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["skipped"] == []
    scan = read_mtrx(session[0])[0]
    first = told["scans"][0]
    assert first["range"] == [scan.heights.min(), scan.heights.max()]
    assert (first["shape"], first["scanned_rows"]) == ([64, 64], 64)
    assert scan.settings().items() <= first.items()


def test_info_as_json_has_all_that_each_file_says_once(session, folder, capsys):
    assert main(["info", folder, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [file["file"] for file in told["files"]] == [str(path) for path in session]
    for file in told["files"]:
        assert file == read_settings(file["file"]).as_dict()
        assert file["parameters"]["EEPA::GapVoltageControl.Voltage"] == {"value": -1.7, "unit": "Volt"}
        assert file["derived"]["scan_speed"]["value"] == pytest.approx(6e-9 / (64 * 0.0005))


def test_info_of_all_is_a_table_of_each_file_below_its_scans(session, folder, capsys):
    assert main(["info", folder, "--all"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines.count("Bias and current") == len(session)
    assert [line.startswith("1_1 Z") for line in lines[:5]] == [True] * 4 + [False]
    for line in ("Bias -1.7 V", "Setpoint 50 pA", "Width 6 nm", "Raster time 0.5 ms", "Gain I 3 %"):
        assert lines.count(line) == len(session)
    assert "Scan speed 187.5 nm/s (derived: width / (points x raster time))" in lines
    assert "Comment -" in lines


def test_a_file_that_is_skipped_is_named_on_standard_error_and_the_others_are_told(
    session, damaged, tmp_path, capsys
):
    assert main(["info", str(damaged), str(tmp_path / "gone"), str(session[1])]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert [line.partition(":")[0] for line in err.splitlines()] == ["skipped", "skipped"]
    assert "cut--1_1.Z_mtrx" in err
    assert "gone" in err


def test_info_on_nothing_readable_fails_and_is_still_json(damaged, capsys):
    assert main(["info", str(damaged), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["scans"] == []
    assert told["skipped"][0]["file"] == str(damaged)


@pytest.mark.parametrize("odd", ["nan", "inf", "-inf"])
def test_json_is_valid_for_numbers_that_json_does_not_have(session, tmp_path, capsys, odd):
    folder = shutil.copytree(session[0].parent, tmp_path / "odd")
    (parameters,) = folder.glob("*_0001.mtrx")
    as_written = struct.pack("<d", -1.7)
    assert as_written in parameters.read_bytes()
    parameters.write_bytes(parameters.read_bytes().replace(as_written, struct.pack("<d", float(odd))))
    assert main(["info", str(folder), "--json"]) == 0

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    told = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert told["scans"][0]["bias"] is None
    assert told["files"][0]["parameters"]["EEPA::GapVoltageControl.Voltage"]["value"] == odd


def test_info_of_a_model_says_its_recipe_and_what_is_changed_in_it(
    session, instant_model, model, tmp_path, capsys
):
    bad = tmp_path / "bad.stmml"
    bad.write_bytes(b"no model")
    assert main(["info", str(instant_model), model, str(bad)]) == 0
    out, err = capsys.readouterr()
    plain, changed = out.splitlines()
    assert plain == "filters.stmml: recipe instant, 4 clusters, 4 classes, made of 1 map"
    assert changed.startswith(
        "m.stmml: recipe srsml24 (changed: pixel_density, window_size, window_pitch, epochs, "
    )
    assert err.startswith("skipped: bad.stmml ")
    assert main(["info", str(instant_model), str(session[0]), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["models"][0]["recipe"], len(told["scans"])) == ("instant", 4)
    assert main(["info", str(bad)]) == 1
