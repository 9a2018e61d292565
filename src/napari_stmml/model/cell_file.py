"""What a model makes of the cells of a scan, in a file, for the viewer to correct: features, or clusters."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_stmml.features.store import (
    FeatureStore,
    about_of,
    encode_scan,
    kept_borders,
    write_about,
    write_features,
)
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.scan import Scan
from napari_stmml.system.files import link_or_copy
from napari_stmml.system.progress import Stopped

Progress = Callable[[int, int], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class CellFile:
    """What was written: of all cells, (cells down, cells across, ...), of a prepared map of ``shape`` px."""

    path: str
    kind: str  # "features" or "clusters"
    shape: tuple[int, int]

    def borders(self) -> np.ndarray | None:
        """Return which cell each pixel of the map has its label from: `features.borders`; None if unknown."""
        return kept_borders(Path(self.path), self.shape)


def write_cells(
    classifier: SurfaceClassifier,
    scan: Scan,
    path: str | Path,
    *,
    store: FeatureStore | None = None,
    on_progress: Progress = lambda done, total: None,
    should_stop: ShouldStop = lambda: False,
) -> CellFile:
    """Write what a model makes of the cells of a scan as ``.npy``, which can be opened without reading it.

    Of a model of cells these are the features, (cells down, cells across, n_features) float32, NaN where a
    cell is not complete. Windows have too many: of a model of windows it is the cluster + 1 (0 = none) and
    the confidence, (windows down, windows across, 2) float32.

    Parameters
    ----------
    classifier : SurfaceClassifier
    scan : Scan
    path : path
    store : FeatureStore, optional
        Features that it keeps are not made again: the file is a second name of the one in the store.
    on_progress : callable
        Gets the windows or cells done and in all.
    should_stop : callable

    Returns
    -------
    CellFile

    Raises
    ------
    ValueError
        If the scan cannot be prepared.
    Stopped
        If ``should_stop`` said so.
    """
    encoded = encode_scan(scan, classifier.recipe, classifier.encoder, store)
    if not classifier.encoder.keeps_features:
        cluster, confidence = classifier.label_clusters(
            encoded, on_progress=on_progress, should_stop=should_stop
        )
        np.save(path, np.stack([cluster + 1, confidence], axis=-1).astype(np.float32), allow_pickle=False)
        return CellFile(str(path), "clusters", encoded.shape)
    done, total, kept = 0, encoded.complete.size, encoded.path
    if kept is None or not kept.exists():
        pieces = encoded.encode(encoded.complete) if kept else write_features(encoded, path)
        for _, some in pieces:
            if should_stop():
                raise Stopped("making features was stopped")
            done += some.shape[0] * some.shape[1]
            on_progress(done, total)
    if kept is not None:
        link_or_copy(kept, path)
        link_or_copy(about_of(kept), about_of(Path(path)))
        on_progress(total, total)
    else:
        write_about(about_of(Path(path)), encoded)
    return CellFile(str(path), "features", encoded.shape)


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
    return classifier.label_cells(cells)
