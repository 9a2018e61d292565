"""From what a person painted on a scan to features that a model can learn from."""

import numpy as np

from napari_stmml.classes import MOST as MOST_CLASSES
from napari_stmml.features.store import EncodedMap
from napari_stmml.heights.resample import to_own_pixels
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.scan import Scan

MOST_LEARNT = 5000  # cells of one class on one scan: of a whole area, more say nothing new


def checked_truth(truth: np.ndarray, scan: Scan) -> np.ndarray:
    """Return what was painted on a scan, (rows, cols), as uint8.

    Raises
    ------
    ValueError
        If it has another shape than the scan, or is anything but whole numbers from 0 to 255.
    """
    truth, shape = np.asarray(truth), scan.heights.shape
    if truth.shape != shape:
        raise ValueError(f"a truth must have the shape of its scan, {shape}, got {truth.shape}")
    if truth.dtype.kind not in "ui":
        raise ValueError(f"a truth must be whole numbers, 0 = untouched, got {truth.dtype}")
    if truth.min() < 0 or truth.max() > MOST_CLASSES:
        raise ValueError(f"a truth must be 0 to {MOST_CLASSES}, got {truth.min()} to {truth.max()}")
    return truth.astype(np.uint8)


def painted_features(encoded: EncodedMap, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return features and labels of the windows or cells that were painted on a scan.

    Parameters
    ----------
    encoded : EncodedMap
        Of the scan.
    truth : ndarray of uint8, shape (rows, cols) of the scan
        0 = untouched.

    Returns
    -------
    features : ndarray of float32, shape (n, n_features)
    labels : ndarray of uint8, shape (n,)
    """
    encoder = encoded.encoder
    painted = painted_cells_of(truth, encoder.grid, encoded.shape)
    wanted = limited((painted > 0) & encoded.complete, painted)
    features, labels = [np.zeros((0, encoder.n_features), np.float32)], [np.zeros(0, np.uint8)]
    for place, made in encoded.encode(wanted):
        chosen = wanted[place]
        features.append(made[chosen])
        labels.append(painted[place][chosen])
    return np.concatenate(features), np.concatenate(labels)


def painted_cells_of(truth: np.ndarray, grid: WindowGrid, shape: tuple[int, int]) -> np.ndarray:
    """Bring what was painted on a scan's own pixels to the windows or cells that these get their labels from.

    Parameters
    ----------
    truth : ndarray of uint8, shape (rows, cols) of the scan
        0 = untouched.
    grid : WindowGrid
    shape : (M, N)
        Of the prepared map.

    Returns
    -------
    ndarray of uint8, shape (rows, cols) of the grid
        Of each window or cell, the label of most of its painted pixels, the lowest of those that share the
        most; 0 where none is painted.

    Examples
    --------
    >>> painted_cells_of(np.array([[0, 2, 2, 3], [0, 0, 3, 3]]), WindowGrid(2, 2), (2, 4))
    array([[2, 3]], dtype=uint8)
    """
    places = grid.shape(shape)
    n = places[0] * places[1]
    numbers = to_own_pixels(grid.paint(1 + np.arange(n).reshape(places), shape), truth.shape)
    painted = (truth > 0) & (numbers > 0)
    pairs, counts = np.unique((numbers[painted] - 1) * 256 + truth[painted], return_counts=True)
    place, label = np.divmod(pairs, 256)
    last = np.lexsort((-label, counts))  # of each place, what is assigned last stays
    labels = np.zeros(n, np.uint8)
    labels[place[last]] = label[last]
    return labels.reshape(places)


def limited(wanted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Keep at most ``MOST_LEARNT`` wanted cells of each label, drawn at random but always the same.

    Both are (rows, cols) of the grid, bool and uint8; so is what is returned, bool.
    """
    kept = wanted.copy()
    for label in np.unique(labels[wanted]).tolist():
        places = np.flatnonzero(wanted & (labels == label))
        if len(places) > MOST_LEARNT:
            left = np.random.default_rng(label).permutation(places)[MOST_LEARNT:]
            kept.flat[left] = False
    return kept
