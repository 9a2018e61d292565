"""What a person painted wins in what is exported, in the labels of any model."""

import numpy as np
import pytest

from napari_stmml import Scan
from napari_stmml.classes import MOST, Classes
from napari_stmml.truth.overlay import read_truth, with_truth
from napari_stmml.truth.truth_file import TruthFile

NAMES, COLOURS = {1: "rows", 2: "holes"}, {1: "#ff0000", 2: "#00ff00"}
SHAPE = (40, 50)


@pytest.fixture
def scan(tmp_path, home):
    source = tmp_path / "scans" / "a.Z_mtrx"
    source.parent.mkdir()
    source.write_bytes(b"the bytes of a scan")
    return Scan(np.zeros(SHAPE), (0.1, 0.1), "forward/up", source=str(source))


def painted(label=1):
    labels = np.zeros(SHAPE, np.uint8)
    labels[5:10, 5:20] = label
    return labels


def save(scan, labels):
    return TruthFile(scan).save(labels, NAMES, COLOURS, "model")


def test_classes_born_by_painting_come_back_with_their_names(scan):
    save(scan, painted(2))
    found = read_truth(TruthFile(scan), Classes.plain(("rows",)), "model")
    assert found.classes.legend == ({1: "rows", 2: "holes"}, {**found.classes.legend[1], 2: COLOURS[2]})


def test_what_was_painted_wins_in_what_is_exported_and_goes_by_names_in_another_model(scan):
    classes = Classes.plain(("rows", "holes"))
    prediction = np.ones(SHAPE, np.uint8)
    plain = with_truth(prediction, scan, classes, "a model")
    assert (plain.labels is prediction, plain.classes, plain.painted) == (True, classes, 0)
    TruthFile(scan).save(painted(2), NAMES, COLOURS, "a model")
    same = with_truth(prediction, scan, classes.renamed(2, "vacancies"), "a model")
    np.testing.assert_array_equal(same.labels, np.where(painted(2) > 0, 2, 1))
    assert same.painted == np.count_nonzero(painted(2))
    assert same.classes.names == ("rows", "vacancies")
    other = with_truth(prediction, scan, Classes.plain(("holes", "bumps")), "another model")
    assert other.classes.names == ("holes", "bumps")
    assert (other.labels == 1).all()
    other = with_truth(prediction, scan, Classes.plain(("rows", "bumps")), "another model")
    assert other.classes.names == ("rows", "bumps", "holes")
    np.testing.assert_array_equal(other.labels, np.where(painted(2) > 0, 3, 1))
    assert {one.problem for one in (plain, same, other)} == {""}


def test_an_export_says_what_a_person_may_miss_in_it_and_moves_nothing(scan):
    path, prediction = save(scan, painted()).path, np.ones(SHAPE, np.uint8)
    full = Classes.plain([f"c{number}" for number in range(MOST)])
    assert "255 classes" in with_truth(prediction, scan, full, "another model").problem
    path.write_bytes(b"damaged")
    shown = with_truth(prediction, scan, Classes.plain(("rows",)), "model")
    np.testing.assert_array_equal(shown.labels, prediction)
    assert path.name in shown.problem
    assert path.read_bytes() == b"damaged"
