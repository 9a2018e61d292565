"""A correction session: nothing painted is lost, every step can be undone, predictions stay."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import SurfaceClassifier
from napari_stmml.classes import Classes
from napari_stmml.correction import edits
from napari_stmml.correction.session import CLOSED, OFFERED, ONLY_MINE, CorrectionSession
from napari_stmml.truth.truth_file import TruthFile


def stroke(session, one, row=30, col=30, label=2):
    session.paint(one, np.s_[row - 3 : row + 4, col - 3 : col + 4], label)


def edit(session, edit, *values):
    session.edit(*edit(session.model, *values))


def paint_new_classes(session):
    for label, at in ((5, 15), (6, 45)):
        stroke(session, session.scans[0], at, at, label)


def labels_on(session):
    return {int(label) for one in session.scans for label in np.unique(one.predicted)}


def shown(session, one):
    return one.shown(session.model.classes)


@pytest.fixture
def said(session):
    """List what the session says from now on."""
    said = []
    session.said.connect(lambda sentence, wrong: said.append((sentence, wrong)))
    return said


# ---- strokes


def test_the_models_answer_is_what_predict_gives(session):
    for one in session.scans:
        np.testing.assert_array_equal(one.predicted, session.model.predict(one.scan))


def test_a_stroke_is_on_disk_at_once_and_the_prediction_as_it_was(session):
    one = session.scans[0]
    before = one.predicted.copy()
    stroke(session, one)
    found = TruthFile(one.scan).load()
    np.testing.assert_array_equal(found.labels, one.truth)
    assert found.labels.any()
    np.testing.assert_array_equal(one.predicted, before)


def test_what_a_person_painted_is_what_is_shown(session):
    one = session.scans[0]
    stroke(session, one, label=3)
    own = one.truth > 0
    assert (shown(session, one)[own] == 3).all()
    np.testing.assert_array_equal(shown(session, one)[~own], one.predicted[~own])
    assert [one.label_at(session.model.classes, *at) for at in ((30, 30), (-1, 5), (5, 64))] == [3, 0, 0]


def test_predicting_again_never_touches_what_was_painted(session):
    one = session.scans[0]
    stroke(session, one)
    painted = one.truth.copy()
    session.edit(replace(session.model), "the same again")
    np.testing.assert_array_equal(one.truth, painted)


def test_signals_say_what_was_painted_and_how_much_each_class_has(session):
    one, heard = session.scans[1], []
    session.stroked.connect(lambda scan: heard.append(scan.name))
    session.shares_found.connect(lambda scan, shares: heard.append(shares[2].share))
    stroke(session, one, label=2)
    classes = shown(session, one)
    assert heard == [pytest.approx((classes == 2).sum() / (classes > 0).sum()), one.name]


def test_all_of_a_region_gets_a_class_in_one_step(session):
    one = session.scans[0]
    at = np.argwhere(one.predicted == 1)[0]
    session.paint(one, one.region_at(session.model.classes, *at), 3)
    own = one.truth > 0
    assert own[tuple(at)]
    assert (one.predicted[own] == 1).all()
    session.undo()
    assert not one.truth.any()
    assert not one.region_at(session.model.classes, -5, 0).any()


def test_a_label_that_has_no_class_yet_is_shown_as_it_is(session):
    one = session.scans[0]
    one.truth[5:9, 5:9] = 200  # before the session has looked
    assert (shown(session, one)[5:9, 5:9] == 200).all()
    assert one.label_at(session.model.classes, 6, 6) == 200


def test_cells_and_positions_are_each_others_inverse(session):
    one = session.scans[0]
    for cell in ((0, 0), (3, 17), tuple(np.array(one.labels.shape) - 1)):
        assert one.to_cell(*one.to_position(*cell)) == cell


# ---- only the classes of a person


def test_two_new_classes_that_are_learnt_become_the_map_of_all_scans_and_it_is_said(session, said):
    paint_new_classes(session)
    session.learn()
    assert session.model.only_painted
    assert labels_on(session) <= {0, 5, 6}
    assert said[-1] == (ONLY_MINE.format(2), False)
    stroke(session, session.scans[0], 30, 30, 5)
    session.learn()
    assert said[-1] == ("Learnt from what was painted.", False)
    session.undo()
    session.undo()
    session.undo()
    assert session.model.only_painted is None
    assert labels_on(session) >= {1, 2, 3, 4}


def test_the_switch_is_a_step_that_is_undone_redone_and_saved(session, said):
    paint_new_classes(session)
    session.learn()
    only = [one.predicted.copy() for one in session.scans]
    for step, on in (
        (lambda: session.show_only_mine(False), False),
        (session.undo, True),
        (session.redo, False),
        (lambda: session.show_only_mine(True), True),
    ):
        step()
        assert session.model.shows_only_painted is on
        assert (labels_on(session) <= {0, 5, 6}) is on
        assert session.flush()
        kept = SurfaceClassifier.load(session.path)
        assert kept.only_painted is on
        np.testing.assert_array_equal(kept.predict(session.scans[1].scan), session.scans[1].predicted)
    np.testing.assert_array_equal([one.predicted for one in session.scans], only)
    assert [one for one, _ in said[-4:]] == [
        "The clusters are shown again.",
        "Undone: the clusters are shown again.",
        "Redone: the clusters are shown again.",
        "Only your 2 classes are shown.",
    ]
    before = session.model
    session.show_only_mine(True)
    assert session.model is before


def test_a_person_who_wants_the_clusters_keeps_them_when_more_is_learnt(session):
    paint_new_classes(session)
    session.learn()
    session.show_only_mine(False)
    stroke(session, session.scans[0], 30, 30, 5)
    session.learn()
    assert not session.model.shows_only_painted


def test_a_class_of_a_cluster_that_is_painted_later_joins_those_of_the_person(session):
    paint_new_classes(session)
    session.learn()
    stroke(session, session.scans[0], 30, 30, 2)
    session.learn()
    assert session.model.own_labels == {2, 5, 6}
    assert labels_on(session) <= {0, 2, 5, 6}


def test_two_new_classes_beside_one_of_a_cluster_are_offered_the_switch_once(session, said):
    paint_new_classes(session)
    stroke(session, session.scans[0], 30, 30, 2)
    session.learn()
    assert not session.model.shows_only_painted
    assert said[-1] == (OFFERED.format(2), False)
    stroke(session, session.scans[0], 30, 50, 2)
    session.learn()
    assert said[-1] == ("Learnt from what was painted.", False)
    session.show_only_mine(True)
    assert labels_on(session) <= {0, 2, 5, 6}


def test_the_least_confidence_is_a_step_that_is_undone_and_saved(session):
    paint_new_classes(session)
    session.learn()
    before = [one.predicted.copy() for one in session.scans]
    session.set_least_sure(0.9)
    kept = SurfaceClassifier.load(session.path)
    assert kept.least_sure == 0.9
    np.testing.assert_array_equal(kept.predict(session.scans[1].scan), session.scans[1].predicted)
    session.undo()
    np.testing.assert_array_equal([one.predicted for one in session.scans], before)
    with pytest.raises(ValueError, match="least_sure must be 0 to 1, got 2"):
        session.set_least_sure(2)


def test_with_fewer_than_two_classes_the_switch_says_what_to_do(session):
    before = session.model
    edit(session, edits.rename, 1, "rows")
    with pytest.raises(ValueError, match="paint two classes or more and click Refine, or name clusters"):
        session.show_only_mine(True)
    edit(session, edits.rename, 3, "holes")
    session.show_only_mine(True)
    assert labels_on(session) <= {0, 1, 3}
    for _ in range(3):
        session.undo()
    assert session.model is before


def test_a_model_of_windows_says_that_it_always_shows_its_clusters(tiny_classifier):
    with pytest.raises(ValueError, match="a model of windows always shows its clusters"):
        edits.show_only_mine(tiny_classifier, True)


# ---- undo


def test_undo_and_redo_go_across_strokes_on_two_scans_merges_and_what_was_learnt(session):
    first, second = session.scans

    def state():
        return [array.copy() for one in session.scans for array in (one.truth, one.predicted)]

    states = [state()]
    for step in (
        lambda: stroke(session, first),
        lambda: stroke(session, second, 10, 40, 3),
        lambda: edit(session, edits.merge, [1, 2]),
        session.learn,
        lambda: stroke(session, first, 50, 12, 4),
    ):
        step()
        states.append(state())
    for expected in reversed(states[:-1]):
        session.undo()
        np.testing.assert_array_equal(state(), expected)
    session.undo()  # nothing is left
    for expected in states[1:]:
        session.redo()
        np.testing.assert_array_equal(state(), expected)
    np.testing.assert_array_equal(TruthFile(first.scan).load().labels, first.truth)


def test_a_stroke_that_was_not_looked_at_yet_is_undone_too(session):
    one = session.scans[0]
    stroke(session, one)
    one.truth[50:53, 50:53] = 1
    session.undo()
    assert not one.truth[50:53, 50:53].any()
    assert one.truth[30, 30] == 2


def test_undoing_a_stroke_on_a_scan_that_was_closed_says_so(session, said):
    one = session.scans[0]
    stroke(session, one)
    session.close_scan(one)
    session.undo()
    assert said == [(CLOSED, False)]


def test_a_stroke_that_was_undone_at_once_is_not_learnt_and_can_be_redone(session):
    one = session.scans[0]
    stroke(session, one)
    before = session.model
    session.undo()
    session.learn(with_stroke=True)  # as Live does, a moment after a stroke
    assert session.model is before
    session.redo()
    assert one.truth.any()


def test_what_is_learnt_from_a_stroke_is_undone_with_it_and_after_a_merge_it_is_not(session):
    one, before = session.scans[0], session.model
    stroke(session, one)
    session.learn(with_stroke=True)
    session.undo()
    assert session.model is before
    assert not one.truth.any()
    stroke(session, one)
    edit(session, edits.merge, [1, 3])
    merged = session.model
    session.learn(with_stroke=True)
    assert session.model.examples is not None
    session.undo()
    assert session.model is merged


# ---- classes


def test_a_merge_shows_on_every_open_scan_and_is_in_the_model_file(session):
    edit(session, edits.merge, [1, 2])
    for one in session.scans:
        assert 2 not in one.predicted
    assert SurfaceClassifier.load(session.path).classes == session.model.classes
    assert len(list(session.path.parent.glob("corrected.*.bak"))) == 1


def test_what_was_painted_with_a_class_that_is_merged_later_shows_as_what_it_is_now(session):
    one = session.scans[0]
    stroke(session, one, label=2)
    edit(session, edits.merge, [1, 2])
    own = one.truth > 0
    assert set(one.truth[own].tolist()) == {2}
    assert set(shown(session, one)[own].tolist()) == {1}


def test_painting_a_new_class_makes_it_a_class_that_the_model_learns(session):
    edit(session, edits.new_class)
    label = session.model.classes.order[-1]
    stroke(session, session.scans[0], label=label)
    session.learn()
    assert label in session.scans[0].labels


def test_a_label_that_no_class_has_becomes_a_class_with_its_stroke_and_goes_with_it(session, said):
    one = session.scans[0]
    new = session.model.n_classes + 1
    stroke(session, one, label=new)
    assert session.model.class_names[new - 1] == f"class {new}"
    assert shown(session, one)[30, 30] == new
    session.undo()
    assert not one.truth.any()
    assert session.model.n_classes == new - 1
    session.redo()
    assert shown(session, one)[30, 30] == new
    assert not any(wrong for _, wrong in said)


def test_a_label_that_is_painted_keeps_its_class_whatever_is_undone(session):
    edit(session, edits.new_class)
    label = session.model.classes.order[-1]
    edit(session, edits.rename, label, "hole")
    one = session.scans[0]
    stroke(session, one, label=label)
    session.close_scan(one)
    for _ in range(3):
        session.undo()
    assert SurfaceClassifier.load(session.path).classes == session.model.classes  # and in its file
    edit(session, edits.new_class)
    assert session.model.classes.order[-2:] == (label, label + 1)
    assert session.model.class_names[label - 1] == f"class {label}"  # its new name was undone


def test_strokes_are_known_by_the_name_that_their_class_has_now(session):
    one = session.scans[0]
    stroke(session, one, label=3)
    edit(session, edits.rename, 3, "hole")
    assert TruthFile(one.scan).load().names[3] == "hole"
    session.undo()
    assert TruthFile(one.scan).load().names[3] != "hole"


# ---- learning


def test_learning_changes_the_painted_cells_and_learning_twice_is_once(session):
    one = session.scans[0]
    stroke(session, one, label=4)
    session.learn()
    own = one.painted_cells() > 0
    assert (one.labels[own] == 4).mean() > 0.9
    once = one.labels.copy()
    session.learn()
    np.testing.assert_array_equal(one.labels, once)
    assert len(session.model.examples.sources) == 1


def test_the_examples_of_a_scan_can_be_removed_and_its_strokes_stay(session):
    one = session.scans[0]
    before = one.labels.copy()
    stroke(session, one, label=4)
    session.learn()
    edit(session, edits.forget, one)
    assert session.model.examples is None
    np.testing.assert_array_equal(one.labels, before)
    assert one.truth.any()


def test_erased_strokes_are_forgotten(session):
    one = session.scans[0]
    stroke(session, one, label=4)
    session.learn()
    stroke(session, one, label=0)
    session.learn()
    assert session.model.examples is None


# ---- opening and closing


def test_a_scan_that_is_opened_again_has_what_was_painted(session, said, correcting_files):
    one = session.scans[0]
    stroke(session, one, label=3)
    session.close_scan(one)
    assert one not in session.scans
    again = session.open_scan(*(correcting_files[0][0], "again", correcting_files[0][1]))
    np.testing.assert_array_equal(again.truth, one.truth)
    assert "strokes that were saved" in said[-1][0]
    assert session.open_scan(again.scan, "again", again.file) is again


def test_the_scan_that_is_looked_at_is_the_last_that_was_chosen_or_opened(session):
    first, second = session.scans
    assert session.current is second
    session.choose(first)
    assert session.current is first
    session.close_scan(first)
    assert session.current is second
    session.close_scan(second)
    assert session.current is None


def test_with_another_model_what_was_painted_is_saved_first_and_its_scans_are_closed(session):
    one = session.scans[0]
    one.truth[5:9, 5:9] = 2  # and at once, before the session has looked
    session.use(session.model, session.path)
    assert TruthFile(one.scan).load().labels.any()
    assert session.scans == []


def test_a_model_stays_until_what_was_painted_with_it_can_be_saved(session, monkeypatch, said):
    def full(self, *values):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(TruthFile, "save", full)
        stroke(session, session.scans[0])
        with pytest.raises(OSError, match="no other model can be opened"):
            session.use(session.model, session.path)
    assert len(session.scans) == 2
    assert ("What you painted could not be saved: the disk is full", True) in said
    assert session.flush()  # tries again
    assert TruthFile(session.scans[0].scan).load().labels.any()


def test_a_model_of_more_classes_than_can_be_painted_is_not_opened(session):
    classes = replace(Classes.plain([f"c{i}" for i in range(256)]), of_cluster=(1, 2, 3, 256))
    with pytest.raises(ValueError, match="256 classes are too many to correct: 255 can be painted"):
        session.use(replace(session.model, classes=classes), session.path)
    assert len(session.scans) == 2


def test_without_a_model_nothing_can_be_edited():
    with pytest.raises(ValueError, match="Open a scan with a model first"):
        _ = CorrectionSession().model


def test_what_was_painted_with_another_model_goes_by_the_names_of_its_classes(session, correcting_files):
    edit(session, edits.rename, 2, "holes")
    edit(session, edits.rename, 3, "only here")
    one = session.scans[0]
    stroke(session, one, 20, 20, 2)
    stroke(session, one, 45, 45, 3)
    classes = session.model.classes.renamed(2, "something else").renamed(4, "holes").renamed(3, "not that")
    other = replace(session.model, classes=classes, training={"another": "model"})
    session.use(other, session.path.with_name("other.stmml"))
    again = session.open_scan(one.scan, one.name, one.file)
    assert (again.truth[one.truth == 2] == 4).all()
    added = session.model.classes.order[-1]
    assert session.model.class_names[added - 1] == "only here"
    assert (again.truth[one.truth == 3] == added).all()


def test_a_model_that_keeps_clusters_in_place_of_features_can_be_corrected_but_not_learn_at_once(
    session, tmp_path
):
    one = session.scans[0]
    model = session.model
    cluster, confidence = model.clusters.assign(one.cells.reshape(-1, one.cells.shape[2]))
    there = np.isfinite(one.cells[..., 0])
    cells = np.stack(
        [np.where(there, part.reshape(there.shape), 0) for part in (cluster + 1, confidence)], -1
    )
    cells[~there] = 0
    np.save(tmp_path / "clusters.npy", cells.astype(np.float32))
    session.close_scan(one)
    file = replace(one.file, path=str(tmp_path / "clusters.npy"), kind="clusters")
    again = session.open_scan(one.scan, one.name, file)
    np.testing.assert_array_equal(again.predicted, one.predicted)
    stroke(session, again)
    edit(session, edits.merge, [1, 2])
    assert 2 not in again.predicted
    session.close_scan(session.scans[0])
    with pytest.raises(ValueError, match="take minutes to learn"):
        session.learn()


# ---- other windows, other files


def test_strokes_and_classes_of_another_window_appear_and_ours_stay(session, said):
    one = session.scans[0]
    stroke(session, one, 20, 20, 2)
    new = session.model.n_classes + 1
    other = TruthFile(one.scan)
    theirs = other.load().labels.copy()
    theirs[40:44, 40:44] = new
    other.save(theirs, {new: "hole"}, {new: "#123456"})
    stroke(session, one, 50, 10, 1)
    assert session.model.class_names[new - 1] == "hole"
    assert (one.truth[40:44, 40:44] == new).all()
    assert (one.truth[50, 10], one.truth[20, 20]) == (1, 2)
    np.testing.assert_array_equal(TruthFile(one.scan).load().labels, one.truth)
    assert [sentence for sentence, wrong in said if wrong and "another window has painted" in sentence]
    session.undo()  # our stroke alone
    assert session.model.class_names[new - 1] == "hole"
    assert (one.truth[40:44, 40:44] == new).all()
    assert one.truth[50, 10] == 0


def test_a_model_file_that_another_window_changed_is_not_overwritten(session, said):
    moved = []
    session.model_moved.connect(moved.append)
    edit(session, edits.rename, 1, "ours")
    path = session.path
    assert not session.models.stale
    replace(session.model, classes=session.model.classes.renamed(1, "theirs")).save(path)
    assert session.models.stale
    edit(session, edits.rename, 1, "ours again")
    assert SurfaceClassifier.load(path).class_names[0] == "theirs"
    assert moved == [session.path] != [path]
    assert SurfaceClassifier.load(session.path).class_names[0] == "ours again"
    assert any(wrong and "changed by another window" in sentence for sentence, wrong in said)


def test_a_model_that_is_saved_elsewhere_is_kept_there_from_then_on(session, tmp_path):
    session.save_as(tmp_path / "mine")
    edit(session, edits.rename, 1, "rows")
    assert session.path == tmp_path / "mine.stmml"
    assert SurfaceClassifier.load(tmp_path / "mine.stmml").class_names[0] == "rows"


def test_a_model_that_cannot_be_saved_is_said(session, said, monkeypatch):
    def full(self, path):
        raise OSError("the disk is full")

    monkeypatch.setattr(SurfaceClassifier, "save", full)
    edit(session, edits.rename, 1, "rows")
    assert ("The model could not be saved: the disk is full", True) in said
    assert not session.flush()


def test_a_file_of_strokes_that_cannot_be_read_is_said(session, said, correcting_files):
    one = session.scans[0]
    stroke(session, one)
    session.close_scan(one)
    (path,) = Path(one.scan.source).parent.glob("*.truth.stmml.tif")
    path.write_bytes(b"no picture")
    again = session.open_scan(one.scan, one.name, one.file)
    assert not again.truth.any()
    assert any(wrong and path.name in sentence for sentence, wrong in said)
