import csv
import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from napari_stmml.heights.windows import WindowGrid
from napari_stmml.io.tables import (
    read_table,
    save_coordinates,
    save_metadata,
    save_parameters,
    save_table,
    save_window_log,
)
from napari_stmml.scan import Scan
from tests.window_tables import read_log, read_starts


def starts_of(n):
    return np.stack([np.arange(n) * 8, np.arange(n) * 3], axis=1)


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
@pytest.mark.parametrize("density", [None, 15.0])
def test_coordinates_come_back_as_they_were(tmp_path, n, density):
    path = save_coordinates(tmp_path / "new" / "a.txt", starts_of(n), window=32, pixel_density=density)
    back = read_starts(path)
    assert back.shape == (n, 2)
    assert back.dtype.kind == "i"
    assert np.array_equal(back, starts_of(n))
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_coordinates_say_where_the_centre_of_a_window_lies(tmp_path):
    starts = np.array([[0, 0], [0, 8], [68, 8]])
    text = save_coordinates(tmp_path / "a.txt", starts, window=32, pixel_density=10).read_text()
    header, *rows = (line for line in text.splitlines() if not line.startswith("# ") or "row_px" in line)
    assert header == "# number\trow_px\tcol_px\trow_nm\tcol_nm"
    assert rows == ["0\t0\t0\t1.6\t1.6", "1\t0\t8\t1.6\t2.4", "2\t68\t8\t8.4\t2.4"]
    assert "window 32 px, pixel density 10 px/nm" in text


def test_centres_are_blank_where_the_density_is_not_known(tmp_path):
    path = save_coordinates(tmp_path / "a.txt", np.array([[3, 4]]), window=32, pixel_density=None)
    assert path.read_text().splitlines()[-1] == "0\t3\t4\t\t"
    assert "pixel density unknown" in path.read_text()


def test_the_last_windows_flush_with_the_edges_are_there(tmp_path):
    grid = WindowGrid(window=32, pitch=8)
    rows, cols = grid.starts(101), grid.starts(77)
    starts = np.stack(np.meshgrid(rows, cols, indexing="ij"), axis=-1).reshape(-1, 2)
    back = read_starts(save_coordinates(tmp_path / "a.txt", starts, window=32, pixel_density=15))
    assert back.max(axis=0).tolist() == [101 - 32, 77 - 32]


@pytest.mark.parametrize("n", [0, 1, 500])
@pytest.mark.parametrize("sure", [True, False])
@pytest.mark.parametrize("density", [None, 15.0])
def test_a_window_log_comes_back_as_it_was(tmp_path, rng, n, sure, density):
    labels = rng.integers(1, 20, n)
    confidence = rng.random(n).astype(np.float32) if sure else None
    path = save_window_log(
        tmp_path / "a.txt", starts_of(n), labels, confidence, window=32, pixel_density=density
    )
    starts, labels_back, confidence_back = read_log(path)
    assert np.array_equal(starts, starts_of(n))
    assert np.array_equal(labels_back, labels)
    assert labels_back.dtype.kind == "i"
    if n:
        assert (confidence_back is not None) == sure
    if n and sure:
        assert confidence_back == pytest.approx(confidence, abs=1e-6)
    assert np.array_equal(read_starts(path), starts_of(n))  # a log is coordinates and more


@pytest.mark.parametrize(
    ("labels", "confidence", "match"),
    [
        (np.array([1.5, 2.0]), None, "labels must be 2 whole numbers from 0, got float64"),
        (np.array([1]), None, r"labels must be 2 whole numbers from 0, got int64 of shape \(1,\)"),
        (np.array([-1, 1]), None, "labels must be 2 whole numbers from 0"),
        (np.array([1, 1]), np.zeros(3), r"confidence must be 2 numbers, got shape \(3,\)"),
    ],
)
def test_labels_that_do_not_fit_the_windows_are_refused(tmp_path, labels, confidence, match):
    with pytest.raises(ValueError, match=match):
        save_window_log(tmp_path / "a", starts_of(2), labels, confidence, window=8, pixel_density=None)


@pytest.mark.parametrize("starts", [np.zeros(3, int), np.zeros((2, 3), int), np.zeros((2, 2))])
def test_starts_that_are_no_pairs_of_pixels_are_refused(tmp_path, starts):
    with pytest.raises(ValueError, match=r"starts must be whole numbers of shape \(n, 2\)"):
        save_coordinates(tmp_path / "a.txt", starts, window=8, pixel_density=None)


def read_metadata(path):
    lines = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    assert lines[0] == ["name", "value", "unit"]
    return {name: rest for name, *rest in lines[1:]}


def test_metadata_is_rounded_for_people_and_has_units(tmp_path):
    scan = Scan(
        np.vstack([np.full((100, 400), np.nan), np.zeros((200, 400))]),
        (0.1, 0.05),
        "backward/up",
        bias=-1.4999999999999996,
        setpoint=0.05000000000001,
        angle=45.0,
        offset=(-0.0, 12.3456789),
        taken=datetime(2011, 3, 10, 18, 31, 5, 999, tzinfo=timezone(timedelta(hours=1))),
        source="x/a--1_3.Z_mtrx",
        history=("flattened", "resampled"),
    )
    known = read_metadata(save_metadata(tmp_path / "a.txt", scan, {"windows": 12, "kept": True, "x": 1 / 3}))
    assert known["bias"] == ["-1.5", "V"]
    assert known["setpoint"] == ["50", "pA"]
    assert (known["frame_width"], known["frame_height"]) == (["20", "nm"], ["30", "nm"])
    assert (known["points_per_line"], known["lines"]) == (["400", "px"], ["300", "px"])
    assert known["lines_scanned"] == ["200", "px"]
    assert known["pixel_density_along_lines"] == ["20", "px/nm"]
    assert known["pixel_density_across_lines"] == ["10", "px/nm"]
    assert known["direction"] == ["backward/up"]
    assert known["angle"] == ["45", "degree"]
    assert (known["frame_x"], known["frame_y"]) == (["0", "nm"], ["12.3457", "nm"])
    assert known["taken"] == ["2011-03-10 17:31:05 UTC"]
    assert known["history"] == ["flattened, resampled"]
    assert (known["windows"], known["kept"], known["x"]) == (["12"], ["yes"], ["0.333333"])


def test_metadata_of_a_scan_that_knows_nothing_is_question_marks(tmp_path):
    scan = Scan(np.full((2, 3), np.nan), None, channel="", unit="", bias=float("nan"))
    known = read_metadata(save_metadata(tmp_path / "a.txt", scan, {"a": None, "b": np.float32("inf")}))
    for name in (
        "setpoint",
        "taken",
        "bias",
        "frame_width",
        "frame_height",
        "frame_x",
        "direction",
        "channel",
        "source",
        "a",
        "b",
    ):
        assert known[name][0] == "?", name


def test_metadata_stays_one_line_each_whatever_it_says(tmp_path):
    scan = Scan(np.zeros((2, 2)), None, source="a\tb\nc.Z_mtrx", taken=datetime(2020, 1, 1, tzinfo=UTC))
    known = read_metadata(save_metadata(tmp_path / "a.txt", scan, {"odd\nname": "x\ty", "file": "\udcff"}))
    assert known["source"] == ["a b c.Z_mtrx"]
    assert known["odd name"] == ["x y"]
    assert known["file"] == ["\\udcff"]


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_has_every_key_in_the_order_in_which_they_come(tmp_path):
    nan = float("nan")
    rows = [{"b": 1, "a": 'say "hi", twice\nor so'}, {"c": 0.1 + 0.2, "a": None}, {"d": [1, 2], "e": False}]
    assert read_csv(save_table(tmp_path / "nan.csv", [{"bias": nan, "x": np.float32(nan)}])) == [
        {"bias": "", "x": ""}
    ]
    path = save_table(tmp_path / "a.csv", rows)
    assert path.read_text("utf-8").splitlines()[0] == "b,a,c,d,e"
    back = read_csv(path)
    assert back[0]["a"] == 'say "hi", twice\nor so'
    assert float(back[1]["c"]) == 0.1 + 0.2
    assert back[1]["a"] == ""
    assert json.loads(back[2]["d"]) == [1, 2]
    assert back[2]["e"] == "false"


@pytest.mark.parametrize("name", ["ü µ Å 走査", os.fsdecode(b"\xff.Z_mtrx"), "a=1", "it's"])
def test_a_table_holds_any_file_name(tmp_path, name):
    expected = name.encode("utf-8", "backslashreplace").decode()
    assert read_csv(save_table(tmp_path / "a.csv", [{"source": name}])) == [{"source": expected}]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "'=", "''-", "'", ""])
def test_text_never_begins_as_a_formula_and_is_read_back_as_it_was(tmp_path, first):
    text = f'{first}HYPERLINK("http://x", "a; b")\nor so'
    rows = [{"comment": text, "path": Path(f"{first}1"), "lowest": -1.5, "n": -3, "np": np.float32(-0.5)}]
    path = save_table(tmp_path / "a.csv", rows)
    (cells,) = read_csv(path)
    assert cells["comment"][0] not in "=+-@\t\r"
    assert cells["path"][0] not in "=+-@\t\r"
    assert (cells["lowest"], cells["n"], cells["np"]) == ("-1.5", "-3", "-0.5")
    (back,) = read_table(path)
    assert (back["comment"], back["path"]) == (text, f"{first}1")
    assert (back["lowest"], back["n"]) == ("-1.5", "-3")
    scan = Scan(np.zeros((2, 2)), None, source=f"{first}1+1", channel=first or "Z")
    known = read_metadata(save_metadata(tmp_path / "a.txt", scan, {"why": text, "x": -2.5}))
    assert not any(value[0][:1] in {*"=+-@"} for name, value in known.items() if name != "x" and value[0])
    assert known["x"] == ["-2.5"]


def test_a_table_of_nothing_is_written(tmp_path):
    assert read_csv(save_table(tmp_path / "a.csv", [])) == []


def test_a_row_beyond_the_columns_is_refused_and_leaves_the_old_table(tmp_path):
    path = save_table(tmp_path / "a.csv", [{"a": 1}])
    with pytest.raises(ValueError, match="'b'"):
        save_table(path, [{"b": 1}], ["a"])
    assert read_csv(path) == [{"a": "1"}]


def test_parameters_have_their_five_columns(tmp_path):
    row = {"name": "epochs", "value": 3, "default": 6, "unit": None, "help": "rounds, or so"}
    path = save_parameters(tmp_path / "a.csv", [row])
    assert read_csv(path) == [
        {"name": "epochs", "value": "3", "default": "6", "unit": "", "help": "rounds, or so"}
    ]
    assert save_parameters(tmp_path / "b.csv", []).read_text().strip() == "name,value,default,unit,help"


@pytest.mark.parametrize("content", [b"a,b\r\n1,2,3\r\n", b"a\r\n\xff\r\n", b"a\r\n" + b"x" * 200_000])
def test_what_is_no_table_is_refused_by_name(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"t\.csv is no table: "):
        read_table(tmp_path / "t.csv")
