"""Steps back and forth: whatever was done, undoing all of it gives what there was before."""

import numpy as np
import pytest

from napari_stmml.correction.history import MOST_STEPS, History, ModelEdit, Strokes, difference
from napari_stmml.scan_key import ScanKey

KEY = ScanKey("00", "Z", "forward/up", (30, 40))


def test_a_difference_taken_back_gives_what_was_there_and_done_again_what_is():
    rng = np.random.default_rng(0)
    before = rng.integers(0, 5, KEY.shape).astype(np.uint8)
    after = before.copy()
    after[5:9, 7:30] = 6
    strokes = difference(before, after, KEY)
    work = after.copy()
    strokes.apply(work, forward=False)
    np.testing.assert_array_equal(work, before)
    strokes.apply(work, forward=True)
    np.testing.assert_array_equal(work, after)


def test_nothing_changed_is_no_step():
    same = np.ones(KEY.shape, np.uint8)
    assert difference(same, same.copy(), KEY) is None


def test_steps_of_strokes_and_models_come_back_in_their_order():
    history = History()
    stroke = difference(np.zeros(KEY.shape, np.uint8), np.ones(KEY.shape, np.uint8), KEY)
    history.push("painted", stroke)
    history.push("merged", ModelEdit("old", "new"))
    assert not history.can_redo
    assert [step.change.before for step in history.undo()] == ["old"]
    assert [step.change for step in history.undo()] == [stroke]
    assert history.undo() == []
    assert history.can_redo
    assert [step.what for step in history.redo()] == ["painted"]
    assert [step.what for step in history.redo()] == ["merged"]
    assert history.redo() == []


def test_what_is_learnt_from_a_stroke_at_once_goes_back_and_forth_with_it():
    history = History()
    history.push("renamed", ModelEdit(0, 1))
    history.push("painted", ModelEdit(1, 2))
    history.push("learnt", ModelEdit(2, 3), with_previous=True)
    assert [step.what for step in history.undo()] == ["learnt", "painted"]
    assert [step.what for step in history.redo()] == ["painted", "learnt"]
    history.undo()
    assert [step.what for step in history.undo()] == ["renamed"]
    assert [step.what for step in history.redo()] == ["renamed"]


def test_a_new_step_ends_what_could_be_done_again():
    history = History()
    history.push("one", ModelEdit(1, 2))
    history.undo()
    history.push("other", ModelEdit(1, 3))
    assert history.redo() == []
    assert [step.what for step in history.undo()] == ["other"]


@pytest.mark.parametrize(("most", "left"), [(0, MOST_STEPS), (11 * 300, 10)])
def test_the_oldest_steps_are_forgotten_when_there_are_too_many_or_they_take_too_much(most, left):
    history = History(most_bytes=most)
    strokes = Strokes(KEY, np.zeros(30, np.int64), np.zeros(30, np.uint8), np.zeros(30, np.uint8))
    assert strokes.size == 300
    for number in range(MOST_STEPS + 5):
        history.push(str(number), strokes)
    undone = 0
    while history.undo():
        undone += 1
    assert undone in (left, left + 1)


def test_the_last_step_can_be_undone_however_large_it_is():
    stroke = difference(np.zeros(KEY.shape, np.uint8), np.ones(KEY.shape, np.uint8), KEY)
    history = History(most_bytes=stroke.size - 1)
    for _ in range(2):
        history.push("painted", stroke)
    assert [step.change for step in history.undo()] == [stroke]
    assert history.undo() == []
