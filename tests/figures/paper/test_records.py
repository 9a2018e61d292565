"""What stands beside a figure: its record, its table, and a paragraph of methods that says facts alone."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.figures.paper.methods_text import methods_text
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.figures.paper.paper_figure import PaperFigure
from napari_stmml.figures.paper.provenance import model_facts, read_figure_record
from napari_stmml.recipe import RECIPES
from napari_stmml.scan_key import ScanKey
from napari_stmml.system import files

LINE = np.array([[30.0, 10.0], [30.0, 110.0]])


def test_the_record_beside_a_figure_says_what_it_was_made_of(shown, instant_model, tmp_path):
    made = PaperFigure("scans", (replace(shown, model=str(instant_model)),))
    figure, beside = made.save(tmp_path / "a.svg", FigureOptions(width="double"))
    record = read_figure_record(beside)
    assert (figure.name, record["figure"], record["options"]["format"]) == ("a.svg", "a.svg", "svg")
    (scan,) = record["scans"]
    assert scan["sha256"] == ScanKey.of_scan(shown.scan).sha256
    assert (scan["bias"], scan["setpoint"], scan["flattened_in_figure"]) == (-1.7, 0.05, "poly_xy")
    counts = {one["name"]: one["pixels"] for one in scan["labels"]["classes"]}
    assert counts == {"surface": 128 * 128 - 5 * 81, "holes": 243, "atoms": 162}
    (model,) = record["models"]
    assert model["sha256"] == files.sha256(instant_model)
    assert model["recipe"].startswith("instant")
    assert model["parameters"]["flatten_method"] == RECIPES["instant"].flatten_method
    assert record["versions"]["napari-stmml"]
    assert record["methods"] == methods_text(record)


def test_a_profile_has_a_table_in_nm(shown, tmp_path):
    *_, table = PaperFigure("profile", (shown,), (LINE,)).save(tmp_path / "line", FigureOptions())
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert (table.name, len(rows)) == ("line_profile.csv", 101)
    assert float(rows[0]["x_nm"]) == pytest.approx(1.05)
    assert float(rows[-1]["distance_nm"]) == pytest.approx(10)
    heights = [float(row["height_nm"]) for row in rows]
    assert max(heights) - min(heights) == pytest.approx(0.25, abs=0.03)  # an atom, and a hole


def test_methods_name_the_model_its_recipe_and_what_is_cited(shown, instant_model):
    text = PaperFigure("scans", (replace(shown, model=str(instant_model)),), versions_of=("napari",)).methods(
        FigureOptions()
    )
    assert f"{instant_model.name} (SHA-256 {files.sha256(instant_model)[:16]})" in text
    assert "12.8 x 12.8 nm, 128 x 128 px, bias -1.7 V, setpoint 50 pA" in text
    assert "[2] napari contributors" in text
    assert "scikit-learn [3]" in text
    assert "TensorFlow" not in text
    assert "SRSML24" not in text


def test_methods_of_a_network_cite_tensorflow_and_srsml24(tiny_classifier, tmp_path):
    facts = model_facts(tiny_classifier.save(tmp_path / "m.stmml"))
    text = methods_text({"models": [facts], "versions": {"napari-stmml": "1"}, "kind": "methods"})
    assert "TensorFlow" in text
    assert "S. R. Schofield. SRSML24: STM Machine Learning Module (2025)." in text
    assert "for 1 epoch" in text


def test_methods_say_of_each_scan_how_it_is_flattened_where_that_differs(shown):
    other = replace(
        shown, scan=replace(shown.scan, source="x/s--2_1.Z_mtrx", history=("flattened with facet",))
    )
    text = PaperFigure("scans", (shown, shown)).methods(FigureOptions())
    assert "Heights are shown after flattening (poly_xy)." in text
    text = PaperFigure("scans", (shown, other)).methods(FigureOptions())
    both = f"({shown.scan.name}: poly_xy; {other.scan.name}: flattened with facet)."
    assert f"Heights are shown after flattening {both}" in text


def test_measured_figures_say_how_regions_were_measured(shown):
    text = PaperFigure("measured", (shown,), min_area=0.2).methods(FigureOptions())
    assert "smaller than 0.2 nm² were left out; background: surface" in text
    bare = replace(shown, scan=replace(shown.scan, pixel_size=None))
    assert "smaller than 3 px² were" in PaperFigure("measured", (bare,), min_area=3).methods(FigureOptions())


def test_a_model_that_is_none_is_said_not_raised(tmp_path, shown):
    (tmp_path / "m.stmml").write_bytes(b"nothing")
    record = PaperFigure("scans", (replace(shown, model=str(tmp_path / "m.stmml")),)).record(FigureOptions())
    assert "m.stmml" in record["models"][0]["problem"]
    assert "Pixels were labelled by the model m.stmml" in methods_text(record)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"napari-stmml figure": 99}', "[" * 100_000])
def test_what_is_no_record_is_refused_by_name(text, tmp_path):
    (tmp_path / "a.json").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"a\.json (is no record of a figure|has format 99)"):
        read_figure_record(tmp_path / "a.json")


def test_a_record_takes_the_place_of_its_own_older_one_alone(shown, tmp_path):
    made = PaperFigure("scans", (shown,))
    (tmp_path / "a.json").write_text('{"mine": 1}', "utf-8")
    for _ in range(2):
        assert made.save(tmp_path / "a.png", FigureOptions())[1].name == "a.png.json"
    assert (tmp_path / "a.json").read_text("utf-8") == '{"mine": 1}'
    (tmp_path / "a.json").unlink()
    assert made.save(tmp_path / "a.svg", FigureOptions())[1].name == "a.json"
    assert made.save(tmp_path / "a.png", FigureOptions())[1].name == "a.png.json"
    assert read_figure_record(tmp_path / "a.json")["figure"] == "a.svg"


def test_a_record_is_json_of_every_program(shown, tmp_path):
    _, beside = PaperFigure("scans", (shown,)).save(tmp_path / "a", FigureOptions())
    json.loads(beside.read_text("utf-8"), parse_constant=pytest.fail)
