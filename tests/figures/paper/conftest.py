"""A scan with a tilt, with a map of classes and of objects that touch."""

import numpy as np
import pytest

from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan

NAMES = {1: "surface", 2: "holes", 3: "atoms"}
COLOURS = {1: "#808080", 2: "#d00000", 3: "#0000d0"}


@pytest.fixture
def shown():
    """Make 12.8 nm of a tilted surface with three holes and two atoms."""
    labels = np.ones((128, 128), np.uint8)
    rows, cols = np.indices(labels.shape)
    for row, col, label in ((30, 30, 2), (90, 30, 2), (60, 100, 2), (100, 90, 3), (30, 90, 3)):
        labels[np.hypot(rows - row, cols - col) <= 5] = label
    heights = np.array([0, 0, -0.1, 0.15])[labels] + 0.003 * rows
    scan = Scan(heights, (0.1, 0.1), "forward/up", bias=-1.7, setpoint=0.05, source="x/s--1_3.Z_mtrx")
    about = {**scan.settings(), "background": [1], "model": "m.stmml"}
    return ShownScan(scan, LabelMap(labels, scan.pixel_size, NAMES, COLOURS, scan=about))
