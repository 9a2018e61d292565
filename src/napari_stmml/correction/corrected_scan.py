"""A scan under correction: what the model answers on its cells and pixels, and what a person painted."""

from dataclasses import dataclass, field

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.correction.history import Strokes, difference
from napari_stmml.features.painting import on_own_pixels
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.measuring.class_statistics import Share, class_shares
from napari_stmml.model.cell_file import CellFile, cell_answers
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.painted_cells import painted_cells_of
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.system.array_file import open_array
from napari_stmml.truth.painted_labels import overlay
from napari_stmml.truth.uncertain_areas import CellAnswers

CellLabels = tuple[np.ndarray, ...]  # labels, confidence and runner-up of cells; labels of pixels


@dataclass(eq=False)
class CorrectedScan:
    """What belongs to one scan.

    Parameters
    ----------
    scan : Scan
    key : ScanKey
    name : str
        What a person knows it by.
    truth : ndarray of uint8, shape (rows, cols)
        What a person painted, 0 = untouched. It is painted on in place.
    grid : WindowGrid
        The cells.
    file : CellFile
        What the model makes of them.
    """

    scan: Scan
    key: ScanKey
    name: str
    truth: np.ndarray
    grid: WindowGrid
    file: CellFile
    cells: np.ndarray = field(
        init=False
    )  # (cells down, cells across, n) float32, as ``write_cells`` wrote them
    borders: np.ndarray | None = field(init=False)
    predicted: np.ndarray = field(init=False)  # (rows, cols) uint8
    labels: np.ndarray = field(init=False)  # of the cells, as the two below
    runner_up: np.ndarray = field(init=False)
    confidence: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.cells, self.borders = open_array(self.file.path), self.file.borders()
        shape = self.cells.shape[:2]
        self.labels, self.runner_up = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        self.confidence = np.full(shape, np.nan, np.float32)
        self.predicted = np.zeros(self.scan.heights.shape, np.uint8)
        self._seen = self.truth.copy()

    @property
    def features(self) -> np.ndarray | None:
        """Features of the cells, (cells down, cells across, n_features); None for models of windows."""
        return self.cells if self.file.kind == "features" else None

    @property
    def cell_nm(self) -> float | None:
        """Side of a cell in nm; None where the scale is not known."""
        if self.scan.pixel_size is None:
            return None
        return self.scan.pixel_size[0] * self.scan.heights.shape[0] / self.file.shape[0] * self.grid.pitch

    # ---- labels

    def labels_of(self, classifier: SurfaceClassifier) -> CellLabels:
        """Label the cells with a model; nothing changes here."""
        labels, confidence, runner_up = cell_answers(classifier, self.cells, self.file.kind)
        return labels, confidence, runner_up, self.to_pixels(labels)

    def take_labels(self, found: CellLabels) -> None:
        """Take labels for those of the scan."""
        self.labels, self.confidence, self.runner_up = found[:3]
        self.predicted[...] = found[3]

    def shares(self, classes: Classes) -> dict[int, Share]:
        """Return how much of the scan each class has, by label."""
        return class_shares(self.shown(classes), self.scan.pixel_size)

    # ---- strokes

    def new_strokes(self) -> Strokes | None:
        """Return what was painted since the last call; None where nothing was."""
        strokes = difference(self._seen, self.truth, self.key)
        if strokes is not None:
            strokes.apply(self._seen, forward=True)
        return strokes

    def change(self, where: np.ndarray, labels: np.ndarray) -> None:
        """Give pixels of the truth, (rows, cols) bool, other labels, which are no new strokes."""
        for own in (self.truth, self._seen):
            own[where] = labels[where]

    def apply(self, strokes: Strokes, *, forward: bool) -> None:
        """Redo or undo strokes, which are no new ones."""
        for own in (self.truth, self._seen):
            strokes.apply(own, forward=forward)

    # ---- what is shown

    def shown(self, classes: Classes) -> np.ndarray:
        """Return the labels as they are shown, (rows, cols): a person's over the model's.

        Parameters
        ----------
        classes : Classes
            Of the model.

        Returns
        -------
        ndarray of unsigned int, shape (rows, cols)
            0 = unlabelled.
        """
        return overlay(self.predicted, classes.of_painted(self.truth))

    def shown_cells(self, classes: Classes) -> np.ndarray:
        """Return the labels of the cells as they are shown, (cells down, cells across).

        Parameters
        ----------
        classes : Classes
            Of the model.

        Returns
        -------
        ndarray of unsigned int, shape (cells down, cells across)
            0 = unlabelled. Where nothing is painted these are the scan's own ``labels``, not a copy.
        """
        if not self.truth.any():
            return self.labels
        return overlay(self.labels, classes.of_painted(self.painted_cells()))

    def label_at(self, classes: Classes, row: float, col: float) -> int:
        """Return the label that is shown at a position in px; 0 beyond the scan.

        Parameters
        ----------
        classes : Classes
            Of the model.
        row, col : float
            Position in px of the scan, row 0 at the top.

        Returns
        -------
        int
            0 = unlabelled.
        """
        at = round(float(row)), round(float(col))
        if not all(0 <= index < size for index, size in zip(at, self.truth.shape, strict=True)):
            return 0
        return int(classes.of_painted(self.truth[at]) or self.predicted[at])

    def region_at(self, classes: Classes, row: float, col: float) -> np.ndarray:
        """Return the region that is shown at a position in px, (rows, cols) bool; all False where none is.

        Parameters
        ----------
        classes : Classes
            Of the model.
        row, col : float
            Position in px of the scan, row 0 at the top.

        Returns
        -------
        ndarray of bool, shape (rows, cols)
            Pixels of its label that are connected to it, by sides or corners.
        """
        from skimage.morphology import flood

        if not self.label_at(classes, row, col):
            return np.zeros(self.truth.shape, bool)
        return np.asarray(flood(self.shown(classes), (round(row), round(col)), connectivity=2))

    # ---- cells and pixels

    def painted_cells(self) -> np.ndarray:
        """Return what a person painted, as it was painted, on cells; 0 = untouched."""
        return painted_cells_of(self.truth, self.grid, self.file.shape)

    def answers(self) -> CellAnswers:
        """Return what the model answers on the cells, and which of them are painted."""
        return CellAnswers(self.labels, self.runner_up, self.confidence, self.painted_cells() > 0)

    def to_pixels(self, values: np.ndarray) -> np.ndarray:
        """Bring values on cells onto the scan's own pixels; 0 where no cell is, or nothing was scanned.

        Parameters
        ----------
        values : ndarray, shape (cells down, cells across)

        Returns
        -------
        ndarray of the same type, shape (rows, cols)
        """
        return on_own_pixels(values, self.grid, self.file.shape, self.scan, self.borders)

    def to_cell(self, row: float, col: float) -> tuple[int, int]:
        """Return the cell at a position on the scan's own pixels, the nearest there is.

        Parameters
        ----------
        row, col : float
            Position in px of the scan, row 0 at the top.

        Returns
        -------
        down, across : int
            Indices of the cell.
        """
        margin = (self.grid.window - self.grid.pitch) / 2
        down, across = (
            int(np.clip(((at + 0.5) * made / own - margin) // self.grid.pitch, 0, cells - 1))
            for at, made, own, cells in zip((row, col), *self._shapes, self.labels.shape, strict=True)
        )
        return down, across

    def to_position(self, down: int, across: int) -> tuple[float, float]:
        """Return the middle of a cell in px of the scan.

        Parameters
        ----------
        down, across : int
            Indices of the cell.

        Returns
        -------
        row, col : float
            px; whole numbers are the middles of pixels.
        """
        row, col = (
            (at * self.grid.pitch + self.grid.window / 2) * own / made - 0.5
            for at, made, own in zip((down, across), *self._shapes, strict=True)
        )
        return row, col

    @property
    def _shapes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Shapes in px of the prepared map and of the scan."""
        return self.file.shape, self.scan.heights.shape
