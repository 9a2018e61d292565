"""The commands ``stmml figure`` and ``stmml methods``: files to a figure, one sentence if not."""

import json

import numpy as np
import pytest

from napari_stmml import read_mtrx
from napari_stmml.cli import main
from napari_stmml.io.predicted_map import predicted_map


@pytest.fixture
def labels(session, instant_model, tmp_path):
    """Write a map of the first scan beside its model; return the path of the map."""
    scan = read_mtrx(session[0])[0]
    drawn = np.ones(scan.heights.shape, np.uint8)
    drawn[20:30, 20:30] = 2
    (tmp_path / "m.stmml").write_bytes(instant_model.read_bytes())
    made = predicted_map(drawn, scan, {1: "surface", 2: "hole"}, {}, "m.stmml")
    return made.write(tmp_path / "map.stmml.tif")


def test_a_map_becomes_a_figure_with_its_record_beside_it(labels, capsys):
    assert main(["figure", str(labels), "--width", "double", "--format", "svg", "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert files == [str(labels.with_name(name)) for name in ("map_figure.svg", "map_figure.json")]
    record = json.loads(labels.with_name("map_figure.json").read_text("utf-8"))
    assert record["models"][0]["file"] == "m.stmml"
    assert record["options"]["width"] == "double"


def test_a_scan_has_a_profile_with_its_table(session, tmp_path, capsys):
    line = ["--line", "1,1,5,4", "--line", "1,2,5,2", "--set", "font_size=6"]
    assert main(["figure", str(session[0]), *line, "--out", str(tmp_path / "p.pdf")]) == 0
    assert [line.split("/")[-1] for line in capsys.readouterr().out.splitlines()] == [
        *("p.pdf", "p.json", "p_profile_1.csv", "p_profile_2.csv")
    ]


def test_regions_are_measured_with_the_background_that_is_named(labels, tmp_path):
    assert main(["figure", str(labels), "--measured", "--background", "hole", "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "map_measured.json").read_text("utf-8"))
    assert record["measured"]["background"] == ["hole"]


@pytest.mark.parametrize("kind", ["model", "map", "record"])
def test_methods_are_written_from_a_model_a_map_or_the_record_of_a_figure(kind, labels, capsys):
    files = {
        "model": labels.with_name("m.stmml"),
        "map": labels,
        "record": labels.with_name("map_figure.json"),
    }
    if kind == "record":
        main(["figure", str(labels)])
        capsys.readouterr()
    assert main(["methods", str(files[kind])]) == 0
    said = capsys.readouterr().out
    assert "the model m.stmml (SHA-256 " in said
    assert "[1] napari-stmml" in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--background", "step"], "has no class 'step' to be background, only surface, hole"),
        (["--line", "1,2,3"], "--line needs four numbers X,Y,X,Y in nm, got '1,2,3'"),
        (["--line", "0,0,9,9"], "--line 0,0,9,9 leaves the scan, which is 6 x 6"),
        (["--measured", "--line", "1,1,2,2"], "are two figures"),
        (["--width", "triple"], "width must be one of single, double, got 'triple'"),
        (["--model", "none.stmml"], "the model none.stmml is not there"),
        (["--out", "a.jpg"], "a figure is written as png, svg, pdf, not as a.jpg"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(arguments, why, labels, capsys):
    assert main(["figure", str(labels), *arguments]) == 1
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    "parts",
    ['"scans": [1]', '"scans": [{"size_nm": "x"}]', '"models": [{}]', '"versions": []', '"measured": 1'],
)
def test_a_record_that_somebody_has_changed_is_one_sentence(parts, tmp_path, capsys):
    path = tmp_path / "a.json"
    path.write_text(f'{{"napari-stmml figure": 1, {parts}}}', "utf-8")
    assert main(["methods", str(path)]) == 1
    assert (
        capsys.readouterr().err
        == "stmml methods: a.json is no record of a figure as this program writes it\n"
    )


def test_what_has_no_methods_is_one_sentence(session, capsys):
    assert main(["methods", str(session[0])]) == 1
    assert "is no model (.stmml), label map (.tif) or record of a figure (.json)" in capsys.readouterr().err
