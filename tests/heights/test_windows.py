import numpy as np
import pytest

from napari_stmml.heights.windows import WindowGrid

GRIDS = [(1, 1), (4, 1), (4, 2), (4, 3), (4, 4), (5, 2), (7, 4), (8, 8)]
SHAPES = [(8, 8), (9, 12), (13, 8), (20, 31)]
every_grid = pytest.mark.parametrize(("window", "pitch"), GRIDS)
every_shape = pytest.mark.parametrize("shape", SHAPES)


@every_grid
@every_shape
def test_a_window_equals_its_slice(rng, window, pitch, shape):
    grid, heights = WindowGrid(window, pitch), rng.normal(size=shape)
    chosen = np.argwhere(np.ones(grid.shape(shape), bool))
    windows = grid.extract(heights, chosen)
    assert windows.shape == (len(chosen), window, window)
    for (i, j), cut in zip(chosen, windows, strict=True):
        top, left = grid.starts(shape[0])[i], grid.starts(shape[1])[j]
        assert np.array_equal(cut, heights[top : top + window, left : left + window])


@every_grid
@pytest.mark.parametrize("length", [8, 9, 10, 11, 12, 31])
def test_windows_begin_at_the_first_pixel_and_end_at_the_last(window, pitch, length):
    starts = WindowGrid(window, pitch).starts(length)
    assert starts[0] == 0
    assert starts[-1] + window == length
    assert (np.diff(starts)[:-1] == pitch).all()
    assert ((np.diff(starts) > 0) & (np.diff(starts) <= pitch)).all()


@pytest.mark.parametrize("pitch", [1, 3, 4])
def test_a_map_of_one_window_is_that_window(rng, pitch):
    grid, heights = WindowGrid(4, pitch), rng.normal(size=(4, 4))
    assert grid.shape((4, 4)) == (1, 1)
    assert np.array_equal(grid.extract(heights, np.array([[0, 0]]))[0], heights)
    painted = grid.paint(np.array([[7]]), (4, 4))
    assert (painted == 7).sum() == pitch**2


@pytest.mark.parametrize("shape", [(3, 9), (9, 3), (3, 3)])
def test_a_map_smaller_than_a_window_has_none_and_stays_unlabelled(shape):
    grid = WindowGrid(4, 2)
    assert 0 in grid.shape(shape)
    assert grid.complete(np.zeros(shape)).size == 0
    assert not grid.paint(np.ones(grid.shape(shape), np.uint8), shape).any()


@every_grid
@every_shape
def test_every_window_gets_at_least_one_pixel(window, pitch, shape):
    grid = WindowGrid(window, pitch)
    rows, cols = grid.shape(shape)
    labels = np.arange(1, rows * cols + 1).reshape(rows, cols)
    assert set(np.unique(grid.paint(labels, shape))) - {0} == set(labels.ravel())


@every_grid
@every_shape
def test_painted_labels_are_those_given_and_none_between(window, pitch, shape):
    grid = WindowGrid(window, pitch)
    labels = np.resize(np.array([10, 20, 200], np.uint8), grid.shape(shape))
    painted = grid.paint(labels, shape)
    assert painted.dtype == np.uint8
    assert set(np.unique(painted)) <= {0, 10, 20, 200}


@pytest.mark.parametrize(("window", "pitch"), GRIDS)
def test_regular_tiles_are_one_pitch_wide(window, pitch):
    shape = (window + 3 * pitch, window + 4 * pitch)  # no flush window besides the regular ones
    labels = np.arange(1, 21).reshape(4, 5)
    _, pixels = np.unique(WindowGrid(window, pitch).paint(labels, shape), return_counts=True)
    assert (pixels[-20:] == pitch**2).all()


@every_grid
@every_shape
def test_a_pixel_has_the_label_of_a_nearest_centre_or_none_within_half_a_pitch(window, pitch, shape):
    grid = WindowGrid(window, pitch)
    rows, cols = grid.shape(shape)
    painted = grid.paint(np.arange(1, rows * cols + 1).reshape(rows, cols), shape)
    down, right = (np.abs(np.add.outer(np.arange(n) + 0.5, -grid.starts(n) - window / 2)) for n in shape)
    near = np.logical_and.outer(down.min(axis=1) < pitch / 2, right.min(axis=1) < pitch / 2)
    far = np.logical_or.outer(down.min(axis=1) > pitch / 2, right.min(axis=1) > pitch / 2)
    assert painted[near].all()
    assert not painted[far].any()
    for row, col in np.argwhere(painted):
        i, j = divmod(painted[row, col] - 1, cols)
        assert (down[row, i], right[col, j]) == (down[row].min(), right[col].min())


@every_grid
@every_shape
@pytest.mark.parametrize("missing", [0.0, 0.02, 0.2])
def test_complete_windows_are_those_without_nan(rng, window, pitch, shape, missing):
    grid, heights = WindowGrid(window, pitch), np.zeros(shape)
    heights[rng.random(shape) < missing] = np.nan
    chosen = np.argwhere(np.ones(grid.shape(shape), bool))
    whole = np.isfinite(grid.extract(heights, chosen)).all(axis=(1, 2))
    assert np.array_equal(grid.complete(heights), whole.reshape(grid.shape(shape)))


def test_an_infinite_height_is_a_missing_one():
    heights = np.zeros((4, 8))
    heights[0, 0] = np.inf
    assert WindowGrid(4, 4).complete(heights).tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("window", "pitch", "message"),
    [
        (0, 1, "window must be at least 1 px, got 0"),
        (4, 0, r"pitch must be 1 to 4 px \(the window\), got 0"),
        (4, 5, r"pitch must be 1 to 4 px \(the window\), got 5"),
    ],
)
def test_a_grid_that_leaves_gaps_is_refused(window, pitch, message):
    with pytest.raises(ValueError, match=message):
        WindowGrid(window, pitch)
