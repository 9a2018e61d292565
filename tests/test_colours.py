import re
from itertools import pairwise

import pytest

from napari_stmml.colours import class_colours


@pytest.mark.parametrize("n", [0, 1, 20, 255])
def test_every_class_has_a_colour_of_its_own(n):
    colours = class_colours(n)
    assert len(set(colours)) == len(colours) == n
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)


def test_more_classes_never_change_the_colours_of_the_first():
    assert all(class_colours(n) == class_colours(100)[:n] for n in range(100))


def test_no_class_is_as_white_as_unlabelled_or_looks_like_its_neighbour():
    triples = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in class_colours(40)]
    assert all(min(triple) < 230 for triple in triples)
    assert all(sum(abs(a - b) for a, b in zip(*two, strict=True)) > 100 for two in pairwise(triples))
