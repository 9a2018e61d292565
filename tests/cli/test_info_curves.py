"""What ``stmml info`` says of files of curves."""

import json

from napari_stmml.cli.__main__ import main
from tests.io.test_curves import nanonis
from tests.io.test_grid import write_grid


def test_a_file_of_curves_is_described_in_one_line(tmp_path, capsys):
    assert main(["info", str(nanonis(tmp_path))]) == 0
    out, errors = capsys.readouterr()
    assert "curve.dat: curves of Current (nA), Current bwd filt (nA); 2 points, Bias calc 0 to 1 V" in out
    assert "at 1, -2 nm, 2023-04-20 14:55 UTC" in out
    assert not errors


def test_curves_of_a_folder_are_described_as_json(tmp_path, capsys):
    nanonis(tmp_path)
    main(["info", "--json", str(tmp_path)])
    (curve,) = json.loads(capsys.readouterr().out)["curves"]
    assert curve["place"] == [1.0, -2.0]
    assert [one["name"] for one in curve["quantities"]] == ["Current", "Current bwd filt"]


def test_a_damaged_file_of_curves_is_skipped_in_one_sentence(tmp_path, capsys):
    assert main(["info", str(nanonis(tmp_path, "Experiment\t"))]) == 1
    assert "skipped: Cut short: curve.dat has no table of numbers" in capsys.readouterr().err


def test_a_grid_is_described_in_one_line_and_as_json(tmp_path, capsys):
    path = write_grid(tmp_path / "a.3ds")
    assert main(["info", str(path)]) == 0
    out, errors = capsys.readouterr()
    assert (
        "a.3ds: a grid of 3 x 4 curves of Current (nA), Phase (deg); 5 points, Bias -1 to 1 V, at 100, 50"
        in out
    )
    assert not errors
    main(["info", "--json", str(tmp_path)])
    (grid,) = json.loads(capsys.readouterr().out)["curves"]
    assert (grid["grid"], grid["x"]["range"]) == ([3, 4], [-1.0, 1.0])
