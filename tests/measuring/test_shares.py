"""How much of a map each class has."""

import numpy as np
import pytest

from napari_stmml.measuring.class_statistics import Share, class_shares


def test_areas_add_up_to_what_has_a_label():
    labels = np.random.default_rng(0).integers(0, 6, (40, 50)).astype(np.uint8)
    found = class_shares(labels, (0.5, 0.2))
    assert sum(one.share for one in found.values()) == pytest.approx(1)
    assert sum(one.area for one in found.values()) == pytest.approx((labels > 0).sum() * 0.1)


def test_regions_of_one_class_that_touch_at_a_corner_are_one_and_classes_do_not_join():
    labels = np.array([[1, 0, 2, 2], [0, 1, 0, 0], [0, 0, 0, 1]], np.uint8)
    assert class_shares(labels) == {1: Share(2, 3.0, 0.6), 2: Share(1, 2.0, 0.4)}


def test_a_map_without_labels_has_no_classes():
    assert class_shares(np.zeros((3, 3), np.uint8)) == {}
