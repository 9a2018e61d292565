import numpy as np
import pytest

from napari_stmml.measuring.nesting import Nested, nested_classes

SURFACE, RIM, CORE, HOLE = 1, 2, 3, 4


def discs(labels, middles, radius, label):
    rows, cols = np.indices(labels.shape)
    for row, col in middles:
        labels[np.hypot(rows - row, cols - col) <= radius] = label


@pytest.fixture
def middles():
    return [(row, col) for row in (12, 36, 60) for col in (12, 36, 60)]


@pytest.fixture
def surface():
    return np.full((72, 72), SURFACE, np.uint8)


def test_cores_inside_rims_are_nested_and_rims_on_the_surface_are_not(surface, middles):
    discs(surface, middles, 6, RIM)
    discs(surface, middles, 3, CORE)
    assert nested_classes(surface) == [Nested(CORE, RIM, 9, 9)]


def test_three_rings_are_two_pairs(surface, middles):
    for radius, label in ((8, RIM), (5, CORE), (2, HOLE)):
        discs(surface, middles, radius, label)
    assert {(one.inner, one.outer) for one in nested_classes(surface)} == {(CORE, RIM), (HOLE, CORE)}


def test_objects_on_the_surface_are_not_nested(surface, middles):
    discs(surface, middles[:4], 4, RIM)
    discs(surface, middles[4:], 4, CORE)
    assert nested_classes(surface) == []


def test_objects_on_a_second_terrace_are_not_nested(surface, middles):
    surface[:, 26:] = HOLE  # the commonest
    discs(surface, [(row, 10) for row in (10, 22, 34, 46, 58)], 3, CORE)
    assert nested_classes(surface) == []


def test_fewer_than_half_of_the_pieces_inside_are_no_nesting(surface, middles):
    discs(surface, middles[:4], 6, RIM)
    discs(surface, middles, 3, CORE)
    assert nested_classes(surface) == []


def test_pieces_at_the_border_of_the_frame_are_not_asked(surface):
    middles = [(0, 12), (0, 36), (0, 60), (71, 36)]
    discs(surface, middles, 6, RIM)
    discs(surface, middles, 3, CORE)
    assert nested_classes(surface) == []


def test_a_map_without_labels_or_of_two_classes_has_no_nesting(surface):
    assert nested_classes(np.zeros((5, 5), np.uint8)) == []
    discs(surface, [(20, 20)], 5, RIM)
    assert nested_classes(surface) == []
