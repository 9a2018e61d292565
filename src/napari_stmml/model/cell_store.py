"""What a model makes of the cells of a scan, in a file, for the viewer to correct: features, or clusters."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_stmml.features.intake import prepare_scan
from napari_stmml.heights.two_biases import first_map
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.scan import Scan
from napari_stmml.system.progress import Stopped

Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class CellFile:
    """What was written: of all cells, (cells down, cells across, ...), of a prepared map of ``shape`` px."""

    path: str
    kind: str  # "features" or "clusters"
    shape: tuple[int, int]


def write_cells(
    classifier: SurfaceClassifier,
    scan: Scan,
    path: str | Path,
    *,
    on_progress: Progress = lambda done, total: None,
    should_stop: ShouldStop = lambda: False,
) -> CellFile:
    """Write what a model makes of the cells of a scan as ``.npy``, which can be opened without reading it.

    Models of places give their features, (cells down, cells across, n_features) float32, tile by tile; NaN
    where a cell is not complete. Windows have too many: models of windows give cluster + 1 (0 = none) and
    how sure it is, (windows down, windows across, 2) float32.

    Raises
    ------
    ValueError
        If the scan cannot be prepared.
    Stopped
        If ``should_stop`` said so.
    """
    encoder = classifier.encoder
    heights = prepare_scan(scan, classifier.recipe, encoder.grid).heights
    shape: tuple[int, int] = first_map(heights).shape
    if not encoder.keeps_features:
        cluster, sure = classifier.label_clusters(heights, on_progress=on_progress, should_stop=should_stop)
        np.save(path, np.stack([cluster + 1, sure], axis=-1).astype(np.float32), allow_pickle=False)
        return CellFile(str(path), "clusters", shape)
    complete = encoder.grid.complete(first_map(heights))
    kept = np.lib.format.open_memmap(str(path), "w+", np.float32, (*complete.shape, encoder.n_features))
    done = 0
    for place, some in encoder.encode(heights):
        if should_stop():
            raise Stopped("making features was stopped")
        kept[place] = np.where(complete[place][..., None], some, np.float32(np.nan))
        done += some.shape[0] * some.shape[1]
        on_progress(done, complete.size)
    kept.flush()
    return CellFile(str(path), "features", shape)


def cell_answers(
    classifier: SurfaceClassifier, cells: np.ndarray, kind: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what a model says of cells that ``write_cells`` has written.

    Parameters
    ----------
    classifier : SurfaceClassifier
        That of the file, or what has become of it.
    cells : ndarray of float32, shape (cells down, cells across, n)
    kind : str
        Of the file.

    Returns
    -------
    labels, confidence, runner_up : ndarray, shape (cells down, cells across)
        As shown; 0, NaN and 0 where a cell has no label.
    """
    if kind == "clusters":
        shape = cells.shape[:2]
        confidence = np.full(shape, np.nan, np.float32)
        cluster = cells[..., 0].astype(int)
        of_cluster = np.array([0, *classifier.classes.lookup[list(classifier.classes.of_cluster)]], np.uint8)
        labels = of_cluster[cluster]
        confidence[labels > 0] = cells[..., 1][labels > 0]
        return labels, confidence, np.zeros(shape, np.uint8)
    return classify_cells(classifier, cells, np.isfinite(cells[..., 0]))


def classify_cells(
    classifier: SurfaceClassifier, features: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classify the cells that are ``there``, (cells down, cells across) bool, by their features."""
    labels, runner_up = np.zeros(there.shape, np.uint8), np.zeros(there.shape, np.uint8)
    confidence = np.full(there.shape, np.nan, np.float32)
    labels[there], confidence[there], runner_up[there] = classifier.classify(np.asarray(features[there]))
    confidence[labels == 0] = np.nan
    return labels, confidence, runner_up
