"""Edits of a model: each says what it did, or why it cannot be done."""

import numpy as np
import pytest

from napari_stmml.correction import edits
from napari_stmml.correction.map_file import save_map
from napari_stmml.io.label_tiff import LabelMap


@pytest.mark.parametrize(
    ("edit", "values", "why"),
    [
        (edits.merge, ([1],), "two classes or more"),
        (edits.delete, ([],), "select the classes to delete"),
        (edits.background, ([],), "select the classes to make background"),
        (edits.move, ([1, 2], 1), "select one class to move"),
        (edits.rename, (1, "cluster 2"), "is taken"),
        (edits.forget, (None,), "learnt nothing from this scan"),
        (edits.learn, ([],), "paint on a scan first"),
    ],
)
def test_what_cannot_be_done_says_why(instant_classifier, edit, values, why):
    with pytest.raises(ValueError, match=why):
        edit(instant_classifier, *values)


def test_classes_are_moved_renamed_recoloured_and_deleted_each_in_one_step(session):
    start, said = session.model.classes, []
    session.said.connect(lambda sentence, wrong: said.append(sentence))
    for edit, *values in (
        (edits.move, [3], -1),
        (edits.rename, 3, "bumps"),
        (edits.recolour, 3, "#123456"),
        (edits.background, [1]),
        (edits.delete, [2]),
    ):
        session.edit(*edit(session.model, *values))
    classes = session.model.classes
    assert classes.order == (1, 3, 4)
    assert (classes.names[2], classes.colours[2]) == ("bumps", "#123456")
    assert classes.entries[0].background
    assert 2 not in session.scans[0].predicted
    assert said[:2] == ["Moved cluster 3.", "Renamed cluster 3 to bumps."]
    session.edit(*edits.move(session.model, [1], -1))  # it is the first already: no step
    for _ in range(5):
        session.undo()
    assert session.model.classes == start


def test_background_is_taken_back_where_all_are_background(instant_classifier):
    once, what = edits.background(instant_classifier, [1, 2])
    assert what == "cluster 1, cluster 2: background"
    again, what = edits.background(once, [1, 2])
    assert again.classes == instant_classifier.classes
    assert what.endswith("not background any more")


def test_one_class_is_split_in_feature_space_and_others_stay(session):
    one = session.scans[0]
    before = one.labels.copy()
    session.edit(*edits.split(session.model, session.scans, [1], 3))
    assert len(set(np.unique(one.labels[before == 1]).tolist()) - {0}) == 3
    others = before > 1
    assert (one.labels[others] == before[others]).mean() > 0.9
    session.undo()
    np.testing.assert_array_equal(one.labels, before)
    with pytest.raises(ValueError, match="select one class to split"):
        edits.split(session.model, session.scans, [1, 2], 3)


def test_a_selection_of_cells_becomes_a_class(session):
    masks = [np.zeros(one.labels.size, bool) for one in session.scans]
    masks[0][40:60] = True
    made, what = edits.class_of_cells(session.model, session.scans, masks, "odd ones")
    assert (made.class_names[-1], what) == ("odd ones", "made odd ones of 20 cells")
    session.edit(made, what)
    assert (session.scans[0].labels.ravel()[40:60] == made.n_classes).mean() > 0.5


def test_a_model_of_windows_has_no_features_to_learn_from(session):
    from dataclasses import replace

    one = session.scans[0]
    one.file = replace(one.file, kind="clusters")
    for edit, values in ((edits.learn, ()), (edits.split, ([1], 2)), (edits.class_of_cells, ([],))):
        with pytest.raises(ValueError, match=r"labels? (windows|cells)"):
            edit(session.model, [one], *values)


def test_a_map_that_is_saved_holds_a_persons_labels_over_the_models(session, tmp_path):
    one, classes = session.scans[0], session.model.classes
    session.paint(one, np.s_[20:30, 20:30], 3)
    found = LabelMap.read(save_map(tmp_path / "map", one, classes, "m.stmml"))
    np.testing.assert_array_equal(found.labels, one.shown(classes))
    assert found.scan["painted by a person"] == np.count_nonzero(one.truth)
    assert save_map(tmp_path / "map.gwy", one, classes, "m.stmml").read_bytes().startswith(b"GWYP")
