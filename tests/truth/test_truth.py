"""What a person painted: it wins, is known by its scan, and keeps its meaning in other models."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import Scan
from napari_stmml.classes import MOST, Classes
from napari_stmml.truth.truth import ScanKey, by_names, completed, lineage, merge, over, translated

SHAPE = (40, 50)


@pytest.fixture
def scan(tmp_path):
    source = tmp_path / "a.Z_mtrx"
    source.write_bytes(b"the bytes of a scan")
    return Scan(np.random.default_rng(0).normal(size=SHAPE), (0.1, 0.1), "forward/up", source=str(source))


def test_a_key_is_of_the_files_bytes_and_not_of_its_name(scan, tmp_path):
    copy = tmp_path / "renamed.Z_mtrx"
    copy.write_bytes(Path(scan.source).read_bytes())
    key = ScanKey.of_scan(scan)
    assert ScanKey.of_scan(replace(scan, source=str(copy))) == key
    assert ScanKey.of_dict(key.as_dict()) == key
    assert key.shape == SHAPE


def test_a_key_follows_a_file_that_changes(scan):
    key = ScanKey.of_scan(scan)
    Path(scan.source).write_bytes(b"the bytes of another scan")
    assert ScanKey.of_scan(scan) != key


def test_a_key_tells_channels_directions_and_shapes(scan):
    others = [
        replace(scan, channel="I", unit="nA"),
        replace(scan, direction="backward/up"),
        replace(scan, heights=scan.heights[1:]),
    ]
    assert len({ScanKey.of_scan(one) for one in (scan, *others)}) == 4


def test_a_scan_without_a_file_is_known_by_its_heights(scan):
    gone = replace(scan, source="gone.Z_mtrx")
    assert ScanKey.of_scan(gone) == ScanKey.of_scan(replace(gone, source=""))
    assert ScanKey.of_scan(gone) != ScanKey.of_scan(replace(gone, heights=scan.heights + 1))


def test_a_truth_wins_over_a_prediction_where_it_was_painted(rng):
    prediction, truth = (rng.integers(0, 4, SHAPE).astype(np.uint8) for _ in range(2))
    shown = over(prediction, truth)
    np.testing.assert_array_equal(shown[truth > 0], truth[truth > 0])
    np.testing.assert_array_equal(shown[truth == 0], prediction[truth == 0])
    with pytest.raises(ValueError, match=r"\(2, 2\) does not fit a prediction of \(40, 50\)"):
        over(prediction, np.zeros((2, 2), np.uint8))


def test_merging_is_ours_where_we_changed_and_theirs_elsewhere(rng):
    base, ours, theirs = (rng.integers(0, 3, SHAPE).astype(np.uint8) for _ in range(3))
    joined, disagreed = merge(base, ours, theirs)
    changed = ours != base
    np.testing.assert_array_equal(joined[changed], ours[changed])
    np.testing.assert_array_equal(joined[~changed], theirs[~changed])
    assert disagreed == np.count_nonzero(changed & (theirs != base) & (ours != theirs))


def test_edits_of_classes_and_lessons_leave_the_lineage_and_another_training_does_not():
    training = {"files": ["a"], "seed": 0, "cluster_sizes": [1, 2]}
    assert lineage(training) == lineage(training | {"cluster_sizes": [3]})
    assert lineage(training) != lineage(training | {"seed": 1})


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
