"""A truth that cannot be one of its scan is damaged: all readers say so and go on; a save puts it aside."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import SurfaceClassifier
from napari_stmml.correction.session import CorrectionSession
from napari_stmml.events import Learned, ScanLabelled, Skipped, UncertainFound, of_type
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.scan_archive import save_scans
from napari_stmml.jobs.requests import FindUncertain, LabelScans
from napari_stmml.jobs.run_request import run
from napari_stmml.truth.learning import learn_from_truths
from napari_stmml.truth.overlay import with_truth
from napari_stmml.truth.truth_file import TruthFile

LINEAGE = "a model"


def wide(found, label):
    labels = found.labels.astype(np.uint16)
    labels[0, 0] = label
    return replace(found, labels=labels)


# What was painted, as it was saved, changed in one thing each; each names a word of what is said of it.
DAMAGES = {
    "another shape": (lambda found: replace(found, labels=found.labels[:-1]), "63 x 64 px"),
    "turned": (lambda found: replace(found, labels=np.ones((32, 128), np.uint8)), "32 x 128 px"),
    "a label beyond all classes": (lambda found: wide(found, 300), "300"),
    "a name of such a label": (lambda found: replace(found, names={1: "a", 256: "b"}), "256"),
    "an empty name": (lambda found: replace(found, names={1: " "}), "name"),
    "no colour": (lambda found: replace(found, colours={1: "red"}), "red"),
    "a colour with opacity": (lambda found: replace(found, colours={1: "#ff000080"}), "#ff000080"),
    "a name for label 0": (lambda found: replace(found, names={0: "nothing"}), "0"),
}


@pytest.fixture(params=DAMAGES)
def damaged(request, correcting_files):
    """Return a scan with a damaged truth, its file, and a scan with a whole one."""
    scan, other = (scan for scan, _ in correcting_files)
    for one in (scan, other):
        labels = np.zeros(one.heights.shape, np.uint8)
        labels[10:20, 10:20] = 1
        path = TruthFile(one).save(labels, {1: "painted"}, {1: "#123456"}, LINEAGE).path
        if one is scan:
            change, word = DAMAGES[request.param]
            bad = change(LabelMap.read(path)).write(path)
    return scan, bad, other, word


def test_a_truth_that_is_none_is_damaged_and_no_reader_stops(damaged, instant_classifier):
    scan, path, other, word = damaged
    before = path.read_bytes()
    file = TruthFile(scan)
    assert file.load() is None
    assert file.problem.startswith(path.name)
    assert word in file.problem
    shown = with_truth(instant_classifier.predict(scan), scan, instant_classifier.classes, LINEAGE)
    np.testing.assert_array_equal(shown.labels, instant_classifier.predict(scan))
    assert (shown.painted, shown.problem) == (0, file.problem)
    told = []
    learn_from_truths(instant_classifier, [scan, other], on_event=told.append)
    assert told == [Skipped(scan.name, file.problem), Learned(other.name, 100)]
    assert path.read_bytes() == before
    TruthFile(scan).save(np.ones(scan.heights.shape, np.uint8), {1: "painted"}, {})
    (aside,) = path.parent.glob("*.damaged.bak")
    assert aside.read_bytes() == before
    assert (TruthFile(scan).load().labels == 1).all()


@pytest.mark.parametrize(
    "damaged", ["another shape", "a label beyond all classes", "no colour"], indirect=True
)
def test_predict_the_search_and_correct_go_on_where_one_truth_is_damaged(
    damaged, correcting_files, model_copy, tmp_path
):
    scan, path, other, _ = damaged
    save_scans(tmp_path / "scans.npz", [scan, other])
    events = []
    for request in (
        LabelScans(model_copy, str(tmp_path / "maps"), figures=False, scans=str(tmp_path / "scans.npz")),
        FindUncertain(model_copy, (), scans=str(tmp_path / "scans.npz")),
    ):
        run(request, events.append, lambda: False)
    maps = of_type(events, ScanLabelled)
    assert [bool(event.problem) for event in maps] == [True, False]
    assert [event.painted for event in maps] == [None, 100]
    assert len(of_type(events, UncertainFound)) == 2
    session, said = CorrectionSession(), []
    session.said.connect(lambda sentence, wrong: said.append(sentence))
    session.use(SurfaceClassifier.load(model_copy), Path(model_copy))
    first, second = (session.open_scan(one, one.name, file) for one, file in correcting_files)
    assert [one.truth.any() for one in (first, second)] == [False, True]
    assert any(sentence.startswith(path.name) for sentence in said)
    session.paint(first, np.s_[0:3, 0:3], 2)
    assert session.flush()
    assert (TruthFile(scan).load().labels[:3, :3] == 2).all()
