"""Marks by hand become classes of pixels, and both rounds are compared."""

import json

import numpy as np
import pytest

from benchmarks.foreign.by_hand import HERE, agreement, middle, paired, read_marks
from benchmarks.foreign.real import by_clusters

MARKS = [
    {"class": "vacancy", "ellipse": [20, 30, 10, 6, 0]},
    {"class": "row", "line": [[40, 10], [40, 30]], "width": 4},
    {"class": "disordered", "area": [[0, 60], [0, 80], [80, 80], [80, 60]]},
    {"class": "unsure", "ellipse": [60, 20, 8, 8, 0]},
]


@pytest.fixture
def marked(tmp_path):
    """Make a file whose second round is the first, one px lower, and without the row."""
    lower = [{"class": "vacancy", "ellipse": [21, 30, 10, 6, 0]}, *MARKS[2:]]
    file = tmp_path / "some.json"
    rounds = [MARKS, lower]
    file.write_text(json.dumps({"image": "x", "part": [0, 80, 0, 80], "pixel_nm": 0.1, "rounds": rounds}))
    return read_marks(file)


def test_a_mark_covers_its_pixels_and_no_others(marked):
    labels, vacancy = marked.rounds[0].labels, marked.classes.index("vacancy")
    assert labels[20, 25] == labels[20, 35] == labels[23, 30] == vacancy
    assert labels[20, 36] == labels[24, 30] == 0
    assert labels[40, 20] == labels[42, 12] == marked.classes.index("row")
    assert labels[70, 70] == marked.classes.index("disordered")
    assert labels[60, 20] == 0


def test_neither_an_unsure_mark_nor_a_rim_of_two_pixels_counts(marked):
    scored = marked.rounds[0].scored
    assert scored[20, 35]
    assert not scored[20, 36:38].any()
    assert scored[20, 38]
    assert not scored[60, 20]


def test_a_map_of_the_marks_themselves_is_right_and_a_constant_one_is_not(marked):
    known, n_classes = marked.rounds[0], len(marked.classes)
    right = by_clusters(known.labels + 1, known, n_classes)
    assert (right["F1"], right["boundary"]) == (1, 1)
    assert by_clusters(np.ones_like(known.labels), known, n_classes)["F1"] < 0.5


def test_two_rounds_agree_as_far_as_they_have_the_same_objects(marked):
    numbers = agreement(marked)
    assert numbers["F1, 0.4 nm"] == pytest.approx(2 * 1 / (2 + 1))  # the vacancy, not the row
    assert 0.5 < numbers["pixels, all"] < 1


def test_a_find_within_a_long_mark_is_a_hit_where_its_middle_is_too_far():
    row = MARKS[1]
    assert middle(row).tolist() == [40, 20]
    found = np.array([[40.0, 29.0]])
    assert paired(found, [row], 0.1, 0.4) == []
    assert paired(found, [row], 0.1, 0.4, inside=True) == [(0, 0)]


def test_what_is_no_file_of_marks_is_refused_in_a_sentence_that_names_it(tmp_path):
    file = tmp_path / "other.json"
    file.write_text('{"image": "x"}')
    with pytest.raises(ValueError, match=r"other\.json is no file of marks .*'part'"):
        read_marks(file)


def test_marks_in_the_repository_are_those_of_spiepys_images_alone():
    found = sorted(HERE.glob("*.json"))
    assert len(found) == 3
    for file in found:
        assert read_marks(file).image == file.stem
        assert file.stem.startswith("spiepy-")
