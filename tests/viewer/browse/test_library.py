"""A folder is listed, filtered and sorted by what its scans say and by what became of them."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import read_mtrx
from napari_stmml.batch.report import Row, save_csv
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.outline import outline_of
from napari_stmml.scan import Scan
from napari_stmml.truth.truth_file import TruthFile
from napari_stmml.viewer.browse.library import Filter, Item, arranged, list_files, look_through, read_item
from napari_stmml.viewer.browse.outcomes import Outcome, Outcomes

FU, BU = "forward/up", "backward/up"


def item(number, bias=-2.0, size=10.0, day=1, rows=8, **outcome):
    heights = np.zeros((8, 8))
    heights[rows:] = np.nan
    taken = datetime(2024, 1, day, 12, 30, tzinfo=UTC)
    scan = Scan(heights, (size / 8, size / 8), FU, bias=bias, taken=taken, source=f"x--1_{number}.Z_mtrx")
    outcomes = {"FU": Outcome(**outcome)} if outcome else {}
    return Item(Path(scan.source), number, (outline_of(scan),), outcomes=outcomes)


@pytest.fixture
def items():
    return [
        item(0, bias=1.5, size=30, day=3),
        item(1, bias=-2.0, size=10, day=1, rows=4),
        item(2, bias=-1.0, size=20, day=2, corrected=True),
        item(3, bias=-2.0, size=20, day=2, labels="x_labels.tif"),
        item(4, left_out="below pixel_ratio 0.7", day=4),
    ]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("bias<0", [1, 2, 3, 4]),
        ("bias=-2", [1, 3, 4]),
        ("bias>=-1 size>=20", [0, 2]),
        ("date=2024-01-02", [2, 3]),
        ("date>2024-01-02", [0, 4]),
        ("date<=2024-01-02", [1, 2, 3]),
        ("complete", [0, 2, 3, 4]),
        ("partial", [1]),
        ("-partial BIAS<0 -corrected", [3, 4]),
        ("predicted", [3]),
        ("left out", [4]),
        ("pixel_ratio", [4]),
        ("1_2", [2]),
        ("rows>8", []),
        ("setpoint>0", []),
    ],
)
def test_a_filter_takes_scans_by_words_and_by_comparisons(items, words, found):
    assert arranged(items, words, "as taken", FU) == found


@pytest.mark.parametrize("words", ["bias<x", "size>=1nm"])
def test_a_number_that_is_none_is_said(words):
    with pytest.raises(ValueError, match="is no number"):
        Filter(words)


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("as taken", [0, 1, 2, 3, 4]),
        ("newest first", [4, 0, 3, 2, 1]),
        ("bias", [1, 3, 4, 2, 0]),
        ("size", [1, 4, 2, 3, 0]),
        ("state", [2, 3, 4, 0, 1]),
    ],
)
def test_orders_are_stable_and_what_is_not_known_comes_last(items, order, found):
    assert arranged(items, "", order, FU) == found
    unread = Item(items[0].file, 5)
    assert arranged([*items, unread], "", order, FU)[-1] == 5


def test_a_folder_is_listed_at_once_and_then_says_all_that_its_scans_say(folder, files):
    first, *rest = look_through([folder], [], lambda: False)
    assert [one.file for one in first] == files
    assert not any(one.outlines for one in first)
    (items,) = rest
    for one, file in zip(items, files, strict=True):
        assert [o.scan.settings() for o in one.outlines] == [scan.settings() for scan in read_mtrx(file)]
    assert [one.outline(FU).complete for one in items] == [True, True, True]
    assert [one.outline("forward/down").complete for one in items] == [True, True, False]
    assert items[0].lines(BU) == (
        "1_1 BU",
        "2 V · 16 nm",
        f"{items[0].outline(BU).scan.taken:%Y-%m-%d %H:%M}",
    )


def test_a_file_that_cannot_be_read_stays_in_the_list_with_its_reason(folder, files):
    files[1].write_bytes(b"nothing")
    items = [read_item(one) for one in list_files([folder])]
    assert [bool(one.outlines) for one in items] == [True, False, True]
    assert "Not a MATRIX file" in items[1].problem
    assert items[1].problem in items[1].about(FU)
    assert arranged(items, "unreadable", "as taken", FU) == [1]


def test_a_folder_without_scans_is_one_item_that_says_so(tmp_path):
    (items,) = [list_files([tmp_path])]
    assert [one.problem.startswith("No scans") for one in items] == [True]


def test_label_maps_truths_and_reports_of_jobs_say_what_became_of_each_direction(folder, files, tmp_path):
    scans = read_mtrx(files[0])
    shape = scans[0].heights.shape
    labels = LabelMap(np.ones(shape, np.uint8), scans[0].pixel_size, names={1: "a"}, colours={1: "#ff0000"})
    path = labels.write(tmp_path / "out" / f"{files[0].stem}_FU_labels.tif")
    TruthFile(scans[1]).save(np.ones(shape, np.uint8), {1: "a"}, {1: "#ff0000"}, "")
    report = tmp_path / "job" / "report" / "ingest.csv"
    row = Row(str(files[2]), "FU", "predict", "skipped", "below pixel_ratio 0.7", "a sentence")
    report.parent.mkdir(parents=True)
    save_csv(report, [row])
    found = Outcomes([folder, tmp_path / "out", tmp_path / "job"])
    assert found.of(files[0]) == {"FU": Outcome(str(path)), "BU": Outcome(corrected=True)}
    assert found.of(files[1]) == {}
    assert found.of(files[2]) == {"FU": Outcome(left_out="below pixel_ratio 0.7")}


def test_a_damaged_report_says_nothing(tmp_path, files):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "ingest.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    assert Outcomes([tmp_path / "report"]).of(files[0]) == {}


def test_an_outcome_of_a_whole_file_holds_for_each_direction():
    one = replace(item(0), outcomes={"": Outcome(left_out="too small")})
    assert one.outcome(FU).left_out == "too small"
    assert "left out: too small" in one.about(FU)
