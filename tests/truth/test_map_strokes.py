"""What is painted on a map is truth: a new class of the map is never taken for another class of the truth."""

import numpy as np
import pytest

from napari_stmml.scan import Scan
from napari_stmml.truth.map_strokes import MapTruth
from napari_stmml.truth.truth_file import TruthFile

MODEL = "one"
NAMES, COLOURS = {1: "surface", 2: "cluster 2"}, {1: "#101010", 2: "#202020"}


@pytest.fixture
def scan(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"heights")
    return Scan(np.zeros((8, 8)), (0.1, 0.1), "forward/up", source=str(tmp_path / "a.npy"))


@pytest.fixture
def plain():
    """Return a map of two classes; the viewer offers labels 3, 4 ... to paint new classes with."""
    return np.ones((8, 8), np.uint8)


def stroke(row, label):
    painted = np.zeros((8, 8), np.uint8)
    painted[row] = label
    return painted


def laid(plain, *strokes):
    return np.select([one > 0 for one in strokes], strokes, plain)


def classes_of(scan):
    """Return what is painted on the scan as its file says it: the name of each row of pixels, or none."""
    found = TruthFile(scan).load()
    return [
        found.names.get(label, f"class {label}") if label else "" for label in found.labels[:, 0].tolist()
    ]


@pytest.mark.parametrize("when", ["before the first stroke", "after it"])
@pytest.mark.parametrize("model", [MODEL, "another"])
def test_a_class_that_the_truth_got_meanwhile_keeps_its_name_and_its_pixels(scan, plain, when, model):
    truth, first = MapTruth(scan, MODEL, plain, NAMES), stroke(0, 2)
    if when == "after it":
        truth.keep(laid(plain, first), NAMES, COLOURS)
    other = TruthFile(scan)  # Correct, in this window or in another one
    found = other.load()
    before = stroke(5, 3) if found is None else np.where(stroke(5, 1) > 0, 3, found.labels).astype(np.uint8)
    names = {1: "surface", 2: "cluster 2 as painted", 3: "dimer"}
    other.save(before, names, {3: "#ff0000"}, model)
    truth.keep(laid(plain, first, stroke(7, 3)), NAMES, COLOURS)
    said = classes_of(scan)
    assert (said[0], said[5]) == ("cluster 2 as painted", "dimer")
    assert said[7] not in ("", "dimer", *NAMES.values())
    truth.keep(laid(plain, first, stroke(7, 3), stroke(6, 3)), NAMES, COLOURS)
    assert classes_of(scan) == [*said[:6], said[7], said[7]]
    both = laid(plain, first, stroke(7, 3), stroke(6, 3), stroke(4, 4), stroke(3, 5))  # two more new classes
    truth.keep(both, NAMES, COLOURS)
    assert len({*classes_of(scan)} - {""}) == 5
    truth.keep(plain, NAMES, COLOURS)  # undone
    assert classes_of(scan) == ["" if name != "dimer" else name for name in said]


def test_a_new_class_that_nobody_else_has_keeps_the_number_of_the_map_and_the_name_of_a_person(scan, plain):
    truth = MapTruth(scan, MODEL, plain, NAMES)
    truth.keep(laid(plain, stroke(2, 4)), {**NAMES, 4: "adatom"}, COLOURS)
    found = TruthFile(scan).load()
    assert (found.labels[2] == 4).all()
    assert found.names[4] == "adatom"
    other = MapTruth(scan, MODEL, plain, NAMES)  # a map of the same model: the same name is the same class
    other.keep(laid(plain, stroke(3, 3)), {**NAMES, 3: "adatom"}, COLOURS)
    assert classes_of(scan)[2:4] == ["adatom", "adatom"]


def test_a_name_that_a_person_gave_a_class_of_the_model_is_kept(scan, plain):
    TruthFile(scan).save(stroke(1, 2), {1: "surface", 2: "dimer row"}, COLOURS, MODEL)
    MapTruth(scan, MODEL, plain, NAMES).keep(laid(plain, stroke(4, 2)), NAMES, COLOURS)
    assert classes_of(scan)[1] == classes_of(scan)[4] == "dimer row"
