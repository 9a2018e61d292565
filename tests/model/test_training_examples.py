from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.model.training_examples import TrainingExamples
from napari_stmml.scan_key import ScanKey


def source(name):
    key = ScanKey(name, "Z", "forward/up", (4, 5))
    return {"key": key.as_dict(), "name": name, "painted": 2, "learnt": "2026-01-01T00:00:00+00:00"}


def key(name):
    return ScanKey.of_dict(source(name)["key"])


def of(names):
    examples = TrainingExamples.none(3)
    for name in names:
        number = ord(name[0])
        examples = examples.with_scan(source(name), np.full((2, 3), number), np.array([1, number - 96]))
    return examples


def same(one, other):
    arrays = zip(one.arrays().values(), other.arrays().values(), strict=True)
    return one.sources == other.sources and all(np.array_equal(a, b) for a, b in arrays)


def test_lessons_of_scans_stand_side_by_side():
    examples = of("abc")
    assert len(examples) == 6
    assert examples.scan.tolist() == [0, 0, 1, 1, 2, 2]
    assert examples.keys == (key("a"), key("b"), key("c"))
    assert examples.counts == {1: 4, 2: 1, 3: 1}
    assert (examples.features.dtype, examples.labels.dtype, examples.scan.dtype) == (
        np.float32,
        np.uint8,
        np.int32,
    )


def test_a_scan_that_teaches_again_takes_the_place_of_what_it_taught():
    again = of("abc").with_scan(source("b"), np.full((2, 3), ord("b")), np.array([1, 2]))
    assert same(again, of("abc"))
    more = of("abc").with_scan(source("b"), np.zeros((3, 3)), np.array([7, 8, 9]))
    assert more.scan.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert more.labels.tolist() == [1, 1, 7, 8, 9, 1, 3]


def test_forgetting_a_scan_is_as_if_it_had_never_taught():
    assert same(of("abc").without(key("b")), of("ac"))
    assert of("a").without(key("x")).sources == of("a").sources
    assert not of("a").without(key("a")).sources


def test_what_was_written_is_read():
    examples = of("ab")
    assert same(TrainingExamples.of_arrays(examples.arrays(), list(examples.sources)), examples)
    assert TrainingExamples.of_arrays({"centres": np.ones(3)}, ()) is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"labels": np.ones(3, np.uint8)}, r"training examples do not fit: features \(4, 3\), labels \(3,\)"),
        ({"features": np.ones(4)}, "training examples do not fit"),
        ({"scan": np.zeros(5, np.int32)}, "training examples do not fit"),
        ({"sources": (source("a"),)}, "training examples are of 1 scans, got scan 1"),
    ],
)
def test_parts_that_do_not_fit_make_no_examples(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(of("ab"), **wrong)
