import numpy as np
import pytest

from napari_stmml.heights.resample import to_own_pixels
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.model import painted_cells
from napari_stmml.model.painted_cells import checked_truth, limited, painted_cells_of
from napari_stmml.scan import Scan


@pytest.mark.parametrize("grid", [WindowGrid(2, 2), WindowGrid(16, 4), WindowGrid(16, 5)])
@pytest.mark.parametrize("shape", [(64, 80), (57, 71), (32, 40)])
def test_painting_what_was_predicted_teaches_every_place_its_own_label(grid, shape):
    """Places that no own pixel gets its label from are never painted."""
    own = (64, 80)
    labels = np.random.default_rng(0).integers(1, 256, grid.shape(shape)).astype(np.uint8)
    painted = painted_cells_of(to_own_pixels(grid.paint(labels, shape), own), grid, shape)
    assert np.array_equal(painted[painted > 0], labels[painted > 0])
    assert (painted > 0).all() or shape != own


def test_a_place_has_the_label_that_most_of_its_painted_pixels_have():
    grid = WindowGrid(4, 4)
    truth = np.zeros((8, 8), np.uint8)
    truth[0, :3], truth[1, 0] = 7, 9
    truth[5, 5:7], truth[6, 5:7] = 4, 3  # as many of both
    painted = painted_cells_of(truth, grid, (8, 8))
    assert painted.tolist() == [[7, 0], [0, 3]]
    assert not painted_cells_of(np.zeros_like(truth), grid, (8, 8)).any()


def test_one_painted_pixel_paints_one_cell():
    truth = np.zeros((8, 8), np.uint8)
    truth[5, 2] = 200
    painted = painted_cells_of(truth, WindowGrid(2, 2), (8, 8))
    assert np.argwhere(painted).tolist() == [[2, 1]]
    assert painted[2, 1] == 200


def test_of_a_large_area_some_places_are_learnt_from_always_the_same(monkeypatch):
    monkeypatch.setattr(painted_cells, "MOST_LEARNT", 50)
    labels = np.zeros((40, 40), np.uint8)
    labels[:20], labels[20:22, :10] = 1, 2
    kept = limited(labels > 0, labels)
    assert np.bincount(labels[kept]).tolist() == [0, 50, 20]
    assert np.array_equal(kept, limited(labels > 0, labels))
    rows = np.argwhere(kept & (labels == 1))[:, 0]
    assert rows.min() < 5
    assert rows.max() > 15


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        (np.zeros((4, 5), np.uint8), r"a truth must have the shape of its scan, \(4, 4\), got \(4, 5\)"),
        (np.zeros((4, 4)), "a truth must be whole numbers, 0 = untouched, got float64"),
        (np.zeros((4, 4), bool), "a truth must be whole numbers, 0 = untouched, got bool"),
        (np.full((4, 4), 256), "a truth must be 0 to 255, got 256 to 256"),
        (np.full((4, 4), -1), "a truth must be 0 to 255, got -1 to -1"),
    ],
)
def test_what_is_no_truth_of_a_scan_is_refused(truth, message):
    with pytest.raises(ValueError, match=message):
        checked_truth(truth, Scan(np.zeros((4, 4)), None))


def test_whole_numbers_of_any_kind_are_a_truth():
    truth = checked_truth(np.full((4, 4), 255, np.int64), Scan(np.zeros((4, 4)), None))
    assert truth.dtype == np.uint8
    assert (truth == 255).all()
