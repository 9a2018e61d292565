"""What a person painted: it wins, is known by its scan, and keeps its meaning in other models."""

import numpy as np
import pytest

from napari_stmml.classes import MOST, Classes
from napari_stmml.truth.painted_labels import by_names, completed, merge, overlay, translated

SHAPE = (40, 50)


def test_a_truth_wins_over_a_prediction_where_it_was_painted(rng):
    prediction, truth = (rng.integers(0, 4, SHAPE).astype(np.uint8) for _ in range(2))
    shown = overlay(prediction, truth)
    np.testing.assert_array_equal(shown[truth > 0], truth[truth > 0])
    np.testing.assert_array_equal(shown[truth == 0], prediction[truth == 0])
    with pytest.raises(ValueError, match=r"\(2, 2\) does not fit a prediction of \(40, 50\)"):
        overlay(prediction, np.zeros((2, 2), np.uint8))


def test_merging_is_ours_where_we_changed_and_theirs_elsewhere(rng):
    base, ours, theirs = (rng.integers(0, 3, SHAPE).astype(np.uint8) for _ in range(3))
    joined, disagreed = merge(base, ours, theirs)
    changed = ours != base
    np.testing.assert_array_equal(joined[changed], ours[changed])
    np.testing.assert_array_equal(joined[~changed], theirs[~changed])
    assert disagreed == np.count_nonzero(changed & (theirs != base) & (ours != theirs))


def test_classes_go_by_their_names_in_another_model_and_new_ones_are_added():
    classes = Classes.plain(("holes", "rows"))
    labels, known = translated(
        np.array([[0, 1, 2, 3]], np.uint8), {1: "rows", 2: "bumps"}, {2: "#010203"}, classes
    )
    np.testing.assert_array_equal(labels, [[0, 2, 3, 4]])
    assert known.names == ("holes", "rows", "bumps", "class 3")
    assert known.colours[2] == "#010203"


def test_a_colour_that_is_taken_is_not_given_twice():
    classes = Classes.plain(("holes",), ("#010203",))
    known = translated(np.array([[1]], np.uint8), {1: "rows"}, {1: "#010203"}, classes)[1]
    assert known.colours[0] != known.colours[1]


def test_labels_that_a_model_lacks_get_their_names_and_keep_their_numbers():
    classes = Classes.plain(("rows", "holes"))
    known = completed(np.array([[4]], np.uint8), {3: "rows", 4: "bumps"}, {4: "#010203"}, classes)
    assert known.names == ("rows", "holes", "rows 2", "bumps")
    assert known.colours[3] == "#010203"
    assert completed(np.array([[0, 2]], np.uint8), {}, {}, classes) is classes


def test_names_bring_labels_to_another_model_and_back(rng):
    first = {1: "a", 2: "b", 3: "c"}
    labels = rng.integers(0, 4, SHAPE).astype(np.uint8)
    there, born = by_names(labels, first, {1: "c", 2: "a"})
    assert born == {3: 2}
    back, none = by_names(there, {1: "c", 2: "a", 3: "b"}, first)
    np.testing.assert_array_equal(back, labels)
    assert none == {}


def test_no_more_classes_are_born_than_can_be_painted():
    own = {label: str(label) for label in range(1, MOST + 1)}
    with pytest.raises(ValueError, match="255 classes in all, 'new' would be one too many"):
        by_names(np.array([[1]], np.uint8), {1: "new"}, own)
