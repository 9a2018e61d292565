"""The command ``stmml measure``: from label maps on disk to tables and a picture, one sentence if not."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
import tifffile

from napari_stmml import read_mtrx
from napari_stmml.cli import main
from napari_stmml.figures.paper import measured_figure
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.io.predicted_map import predicted_map
from napari_stmml.scan import DIRECTIONS

NAMES = {1: "surface", 2: "holes", 3: "atoms"}
COLOURS = {1: "#808080", 2: "#d00000", 3: "#0000d0"}


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Write a tilted surface with three holes of 0.1 nm and an atom of 0.15 nm, and its label map."""
    labels = np.ones((128, 128), np.uint8)
    rows, cols = np.indices(labels.shape)
    for row, col, label in ((30, 30, 2), (90, 30, 2), (60, 100, 2), (100, 90, 3)):
        labels[np.hypot(rows - row, cols - col) <= 5] = label
    heights = np.array([0, 0, -0.1, 0.15])[labels] + 0.003 * rows - 0.001 * cols
    frame = Frame(dict.fromkeys(DIRECTIONS[:2], heights), width_nm=12.8, height_nm=12.8, bias=-1.7)
    (path,) = write_session(tmp_path_factory.mktemp("session"), [frame])
    return path, labels


@pytest.fixture
def labelled(session, tmp_path):
    """Write the label map of the first direction; return its path."""
    path, labels = session
    scan = read_mtrx(path)[0]
    return predicted_map(labels, scan, NAMES, COLOURS, "m.stmml").write(tmp_path / "maps" / "a_FU_labels.tif")


def read(path):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_measure_writes_its_files_beside_the_map_and_says_what_it_found(labelled, capsys):
    assert main(["measure", str(labelled)]) == 0
    out, _ = capsys.readouterr()
    assert "a_FU_labels.tif: 4 regions on 163.8 nm²" in out
    assert "background: surface (the largest area of all maps; --background names another)" in out
    assert "holes: 3 regions, 0.019 ± 0.011 per nm²" in out
    folder = labelled.parent
    assert (folder / "a_FU_regions.png").read_bytes().startswith(b"\x89PNG")
    classes = {row["name"]: row for row in read(folder / "a_FU_classes.csv")}
    assert float(classes["holes"]["height_mean_nm"]) == pytest.approx(-0.1, abs=0.01)
    assert float(classes["atoms"]["height_mean_nm"]) == pytest.approx(0.15, abs=0.01)
    assert (classes["atoms"]["model"], classes["atoms"]["bias_V"]) == ("m.stmml", "-1.7")
    assert len(read(folder / "a_FU_regions.csv")) == 4


def test_measure_as_json_is_json_alone_and_the_files_are_where_they_were_asked_for(
    labelled, tmp_path, capsys
):
    out = tmp_path / "out"
    assert main(["measure", str(labelled), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (one,) = told["measured"]
    assert one["background"] == ["surface"]
    assert one["scanned_nm2"] == pytest.approx(163.84)
    assert [row["count"] for row in one["classes"]] == [0, 3, 1]
    assert one["classes"][2]["nearest_nm"] is None
    assert {Path(file).parent for file in one["files"]} == {out}
    assert all(Path(file).is_file() for file in one["files"])
    assert told["skipped"] == []


def test_background_and_least_area_are_as_asked(labelled, capsys):
    arguments = ["--background", "surface", "--background", "atoms", "--min-area", "5", "--json"]
    assert main(["measure", str(labelled), *arguments]) == 0
    (one,) = json.loads(capsys.readouterr().out)["measured"]
    assert one["background"] == ["surface", "atoms"]
    assert one["regions"] == 0


def test_maps_of_one_run_have_one_background_whatever_is_largest_on_each(labelled, tmp_path, capsys):
    first = LabelMap.read(labelled)
    mostly_holes = np.where(first.labels == 1, 2, 1)
    mostly_holes[:, ::3] = 1
    second = replace(first, labels=mostly_holes).write(tmp_path / "b_labels.tif")
    of_other_model = replace(first, labels=mostly_holes, scan={**first.scan, "model": "other.stmml"})
    third = of_other_model.write(tmp_path / "c_labels.tif")
    other_classes = replace(first, names={1: "sea"}, labels=np.minimum(first.labels, 1))
    fourth = other_classes.write(tmp_path / "d_labels.tif")
    maps = [str(path) for path in (labelled, second, third, fourth)]
    assert main(["measure", *maps, "--out", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["background"] for one in told["measured"]] == [["surface"], ["surface"], ["holes"]]
    for name, background in (("a_FU", "surface"), ("b", "surface"), ("c", "holes")):
        for table in (tmp_path / "out").glob(f"{name}_*.csv"):
            assert {row["background_classes"] for row in read(table)} == {background}
    (skipped,) = told["skipped"]
    assert "it has no class 'surface', which has the largest area on all these maps" in skipped["why"]


def test_a_folder_is_a_series_with_one_summary_and_0_where_a_class_is_absent(labelled, tmp_path, capsys):
    first = LabelMap.read(labelled)
    without = np.where(first.labels == 3, 1, first.labels)
    replace(first, labels=without).write(labelled.parent / "below" / "a_FU_labels.tif")
    assert main(["measure", str(labelled.parent), "--only-tables"]) == 0
    out = capsys.readouterr().out
    assert f"{labelled.parent / 'summary.csv'}: 2 maps\n  holes: n = 6, 0.0186 ± 0.0076 per nm²" in out
    assert "atoms: n = 1, 0.0031 ± 0.0031 per nm² on 2 scans FU, none on 1" in out
    assert out.count("regions that the bottom or right edge cuts are not counted") == 3
    rows = read(labelled.parent / "summary.csv")
    assert [(row["labels"], row["name"], row["n"]) for row in rows if row["background"] == "false"] == [
        ("a_FU_labels.tif", "holes", "3"),
        ("a_FU_labels.tif", "atoms", "1"),
        ("below/a_FU_labels.tif", "holes", "3"),
        ("below/a_FU_labels.tif", "atoms", "0"),
    ]
    assert {path.name for path in (labelled.parent / "below").iterdir()} == {
        *("a_FU_labels.tif", "a_FU_classes.csv", "a_FU_regions.csv")
    }


def test_masks_of_another_program_find_their_scans_in_a_folder_by_their_names(session, tmp_path, capsys):
    path, labels = session
    for name, mask in (
        (f"{path.stem}_mask.tif", labels - 1),
        (f"{path.stem}_BU.tif", labels * 0),
        ("x.tif", labels - 1),
    ):
        tifffile.imwrite(tmp_path / name, mask)
    assert main(["measure", str(tmp_path), "--scan", str(path.parent), "--only-tables", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = read(told["summary"])
    assert [(row["direction"], row["name"], row["n"]) for row in rows] == [
        *(("BU", "class 1", "0"), ("BU", "class 2", "0"), ("FU", "class 1", "3"), ("FU", "class 2", "1"))
    ]
    (skipped,) = told["skipped"]
    assert "x.tif: its scan (the map names none) is not in" in skipped["why"]


@pytest.mark.parametrize("bits", [np.uint8, np.uint16])
def test_label_maps_of_other_programs_are_measured_on_the_scan_that_is_named(session, tmp_path, capsys, bits):
    path, labels = session
    values = np.array([0, 0, np.iinfo(bits).max - 2, np.iinfo(bits).max - 3], bits)  # 0 is the surface
    mask = values[labels]
    for name in ("mask.tif", "a_BU.tif"):
        tifffile.imwrite(tmp_path / name, mask)
    assert main(["measure", str(tmp_path / "mask.tif"), str(tmp_path / "a_BU.tif"), "--scan", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.count("heights of ") == out.count("--direction names another") == 1
    assert "heights of 1_1 Z forward/up -1.7 V" in out
    assert out.count("background: what has no label") == 2
    for name, direction in (("mask", "FU"), ("a_BU", "BU")):
        rows = read(tmp_path / f"{name}_classes.csv")
        assert [(row["name"], row["count"]) for row in rows] == [
            (f"class {np.iinfo(bits).max - 3}", "1"),
            (f"class {np.iinfo(bits).max - 2}", "3"),
        ]
        assert {row["direction"] for row in rows} == {direction}
        assert float(rows[1]["height_mean_nm"]) == pytest.approx(-0.1, abs=0.01)
    asked = ["measure", str(tmp_path / "mask.tif"), "--scan", str(path), "--direction", "bu", "--json"]
    assert main(asked) == 0
    (one,) = json.loads(capsys.readouterr().out)["measured"]
    assert (one["direction"], one["background"]) == ("BU", [])


def test_labels_of_another_program_without_zeros_have_the_largest_class_as_background(
    session, tmp_path, capsys
):
    path, labels = session
    tifffile.imwrite(tmp_path / "segmentation.tif", labels)
    assert main(["measure", str(tmp_path / "segmentation.tif"), "--scan", str(path), "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["measured"]
    assert (one["background"], one["regions"]) == (["class 1"], 4)


@pytest.mark.parametrize(
    ("pixels", "arguments", "why"),
    [
        (
            np.ones((128, 128), np.uint8),
            [],
            "a.tif: the map does not say which scan it is of; name it with --scan",
        ),
        (np.ones((8, 9), np.uint8), ["--scan"], "a.tif: its labels are 9 x 8 px, 1_1 Z forward/up"),
        (np.ones((128, 128), np.float32), ["--scan"], "a.tif is no label map: labels must be a map of whole"),
        (np.full((128, 128), -1, np.int16), ["--scan"], "a.tif is no label map: labels must be 0 to"),
        (
            np.ones((128, 128, 3), np.uint8),
            ["--scan"],
            "a.tif cannot be read as a TIFF: its pixels are no map",
        ),
        (
            np.ones((2, 128, 128), np.uint8),
            ["--scan"],
            "a.tif cannot be read as a TIFF: it has several pages",
        ),
    ],
)
def test_what_is_no_label_map_of_this_scan_is_said_in_one_sentence(
    session, tmp_path, capsys, pixels, arguments, why
):
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    assert main(["measure", str(tmp_path / "a.tif"), *arguments, *[str(session[0])][: len(arguments)]]) == 1
    assert capsys.readouterr().err.startswith(f"skipped: {why}")


def test_a_direction_that_is_not_that_of_the_map_is_refused(labelled, capsys):
    assert main(["measure", str(labelled), "--direction", "BU"]) == 1
    assert "its labels are of forward/up, not of BU" in capsys.readouterr().err
    assert main(["measure", str(labelled), "--direction", "left"]) == 2
    assert main(["measure", str(labelled), "--direction", "FU"]) == 0


def test_a_predicted_map_can_be_measured(small_session, instant_model, tmp_path, capsys):
    out = str(tmp_path / "maps")
    assert main(["predict", str(small_session[0]), "--model", str(instant_model), "--out", out]) == 0
    maps = sorted(Path(out).glob("*_labels.tif"))
    capsys.readouterr()
    assert main(["measure", *map(str, maps), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["measured"]) == len(maps) == 4
    for one in told["measured"]:
        assert sum(row["coverage"] for row in one["classes"]) == pytest.approx(1, abs=0.2)


def test_maps_of_one_name_do_not_overwrite_each_other(labelled, tmp_path, capsys):
    again = tmp_path / "more" / labelled.name
    again.parent.mkdir()
    shutil.copy(labelled, again)
    out = tmp_path / "out"
    assert main(["measure", str(labelled), str(again), "--out", str(out)]) == 0
    assert {path.name for path in out.glob("*.png")} == {"a_FU_regions.png", "a_FU_2_regions.png"}


def test_a_scan_that_moved_to_a_disk_that_changed_its_name_is_found_in_its_folder(tmp_path, capsys):
    heights = np.random.default_rng(0).normal(size=(32, 32))
    (path,) = write_session(tmp_path, [Frame({"forward/up": heights}, 3.2, 3.2)], session="Übung")
    (scan,) = read_mtrx(path)
    labels = np.ones((32, 32), np.uint8)
    labels[5:9, 5:9] = 2
    found = predicted_map(labels, scan, NAMES, COLOURS, "m.stmml").write(tmp_path / "a_FU_labels.tif")
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in (path, tmp_path / "Übung_0001.mtrx"):
        file.rename(moved / normalize("NFD", file.name.upper()))
    assert main(["measure", str(found), "--scan", str(moved)]) == 0
    assert "a_FU_labels.tif: 1 region on" in capsys.readouterr().out


def test_a_scan_that_has_moved_can_be_named(session, labelled, tmp_path, capsys):
    path, _ = session
    found = LabelMap.read(labelled)
    replace(found, scan={**found.scan, "source": "gone/x--1_1.Z_mtrx"}).write(labelled)
    assert main(["measure", str(labelled)]) == 1
    assert "x--1_1.Z_mtrx is not there; if it has moved, name it with --scan" in capsys.readouterr().err
    assert main(["measure", str(labelled), "--scan", str(path)]) == 0
    assert main(["measure", str(labelled), "--scan", "nowhere.Z_mtrx"]) == 1
    assert capsys.readouterr().err.endswith("its scan nowhere.Z_mtrx is not there\n")


def test_a_scan_that_has_moved_is_found_in_a_folder_by_its_name(session, labelled, tmp_path, capsys):
    path, _ = session
    found = LabelMap.read(labelled)
    replace(found, scan={**found.scan, "source": rf"D:\\data\\{path.name}"}).write(labelled)
    shutil.copytree(path.parent, tmp_path / "moved" / "here")
    assert main(["measure", str(labelled), "--scan", str(tmp_path / "moved")]) == 0
    capsys.readouterr()
    replace(found, scan={**found.scan, "source": "D:/data/y--1_1.Z_mtrx"}).write(labelled)
    assert main(["measure", str(labelled), "--scan", str(path.parent)]) == 1
    assert f"its scan y--1_1.Z_mtrx is not in {path.parent} or below it" in capsys.readouterr().err
    replace(found, scan={**found.scan, "source": ""}).write(labelled)
    assert main(["measure", str(labelled), "--scan", str(path.parent)]) == 1
    assert "its scan (the map names none) is not in" in capsys.readouterr().err


def test_a_scan_that_was_taken_at_another_time_is_another_scan(session, labelled, capsys):
    path, _ = session
    found = LabelMap.read(labelled)
    replace(found, scan={**found.scan, "taken": "2011-03-10T16:29:02+00:00"}).write(labelled)
    assert main(["measure", str(labelled), "--scan", str(path)]) == 1
    assert f"its scan was taken 2011-03-10T16:29:02+00:00, {path.name}" in capsys.readouterr().err


def test_distances_from_one_class_to_another_are_written_where_asked(labelled, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["measure", str(labelled), "--out", str(out), "--pairs", "holes", "atoms"]) == 0
    rows = read(out / "a_FU_pairs_holes_to_atoms.csv")
    assert list(rows[0])[:7] == ["from_nm", "to_nm", "observed", "random", "low", "high", "ratio"]
    assert {(row["name"], row["to_name"]) for row in rows} == {("holes", "atoms")}
    assert sum(int(row["observed"]) for row in rows) == 2  # of three, one is beyond half the scan
    assert main(["measure", str(labelled), "--out", str(out), "--pairs", "surface", "atoms"]) == 0
    assert not (out / "a_FU_pairs_surface_to_atoms.csv").exists()  # background has no regions


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        (("holes", "sea"), "there is no class 'sea' to measure distances of, only surface, holes, atoms"),
        (("holes", "holes"), "--pairs needs two classes, got 'holes' twice"),
    ],
)
def test_distances_need_two_classes_that_are_there(labelled, capsys, pair, why):
    assert main(["measure", str(labelled), "--pairs", *pair]) == 1
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("least", ["-1", "nan"])
def test_a_least_area_that_is_none_is_said(labelled, capsys, least):
    assert main(["measure", str(labelled), "--min-area", least]) == 1
    assert "the least area must be 0 or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"scan": {}}, "does not say which scan"),
        (
            {"scan": {"direction": "forward/down"}},
            "has no Z forward/down; it has Z forward/up, Z backward/up",
        ),
        ({"labels": np.ones((64, 32), int)}, "its labels are 32 x 64 px"),
        ({"labels": np.zeros((128, 128), int)}, "no pixel has a label"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence_and_the_rest_goes_on(
    labelled, tmp_path, capsys, changed, why
):
    found = LabelMap.read(labelled)
    scan = changed.get("scan")
    settings = found.scan if scan is None else {**found.scan, **scan} if scan else {}
    bad = replace(found, **{**changed, "scan": settings}).write(tmp_path / "bad_labels.tif")
    assert main(["measure", str(bad), str(labelled), "--json"]) == 0
    out, err = capsys.readouterr()
    (skipped,) = json.loads(out)["skipped"]
    assert why in skipped["why"]
    assert err == f"skipped: {skipped['why']}\n"
    assert skipped["why"].startswith("bad_labels.tif: ")


def test_an_accident_on_one_map_is_said_and_the_others_are_measured(labelled, tmp_path, capsys, monkeypatch):
    odd = shutil.copy(labelled, tmp_path / "odd_labels.TIFF")
    drawn = measured_figure.save_picture

    def stumble(path, *known):
        if path.name.startswith("odd"):
            raise RuntimeError("of a library")
        return drawn(path, *known)

    monkeypatch.setattr(measured_figure, "save_picture", stumble)
    assert main(["measure", str(odd), str(labelled)]) == 0
    out, err = capsys.readouterr()
    assert err == "skipped: odd_labels.TIFF: it could not be measured (RuntimeError: of a library)\n"
    assert out.startswith("a_FU_labels.tif: 4 regions")
    assert (tmp_path / "odd_regions.csv").is_file()


def test_what_is_no_label_map_is_named_once(tmp_path, capsys):
    (tmp_path / "a.tif").write_bytes(b"no picture")
    assert main(["measure", str(tmp_path / "a.tif")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("skipped: a.tif cannot be read as a TIFF")
    assert err.count("a.tif") == 1


def test_an_unknown_background_is_told_with_those_there_are(labelled, capsys):
    assert main(["measure", str(labelled), "--background", "sea"]) == 1
    assert "there is no class 'sea' to be background, only surface, holes, atoms" in capsys.readouterr().err
