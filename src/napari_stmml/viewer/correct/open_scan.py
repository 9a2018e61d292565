"""A scan that is being corrected: its layers, what the model says of its cells, and what a person painted."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_stmml.classes import Classes
from napari_stmml.colours import UNLABELLED
from napari_stmml.heights.prepare import to_own_pixels
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.model.cell_store import CellFile
from napari_stmml.model.painted_cells import painted_places
from napari_stmml.scan import Scan
from napari_stmml.scan_key import ScanKey
from napari_stmml.truth.doubts import Answers
from napari_stmml.truth.truth import over
from napari_stmml.viewer.io.layers import KEY
from napari_stmml.viewer.shared.panel import brief_name, place_of

PREDICTED, TRUTH = "predicted", "truth"  # what a layer is, in its metadata
ROLE = "stmml_role"
_OPACITY = {PREDICTED: 0.45, TRUTH: 0.8}
_FAINT = 0.25  # of background


@dataclass(eq=False)
class OpenScan:
    """What belongs to one scan; ``cells`` is (cells down, cells across, n), as ``cellfiles`` wrote it."""

    layer: Image
    scan: Scan
    key: ScanKey
    predicted: Labels
    truth: Labels
    grid: WindowGrid
    file: CellFile
    cells: np.ndarray
    labels: np.ndarray = field(init=False)
    runner_up: np.ndarray = field(init=False)
    confidence: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        shape = self.cells.shape[:2]
        self.labels, self.runner_up = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        self.confidence = np.full(shape, np.nan, np.float32)

    @property
    def name(self) -> str:
        """What to call it."""
        return brief_name(self.layer)

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

    def to_pixels(self, values: np.ndarray) -> np.ndarray:
        """Bring values on cells onto the scan's own pixels; 0 where no cell is, or nothing was scanned."""
        painted = to_own_pixels(self.grid.paint(values, self.file.shape), self.scan.heights.shape)
        painted[~np.isfinite(self.scan.heights)] = 0
        return painted

    def to_cell(self, row: float, col: float) -> tuple[int, int]:
        """Return the cell of a place on the scan's own pixels, the nearest there is."""
        margin = (self.grid.window - self.grid.pitch) / 2
        return tuple(  # type: ignore[return-value]
            int(np.clip((at * made / own - margin) // self.grid.pitch, 0, cells - 1))
            for at, made, own, cells in zip(
                (row + 0.5, col + 0.5),
                self.file.shape,
                self.scan.heights.shape,
                self.labels.shape,
                strict=True,
            )
        )

    def to_place(self, row: int, col: int) -> tuple[float, float]:
        """Return the place, on the scan's own pixels, of the middle of a cell."""
        return tuple(
            (at * self.grid.pitch + self.grid.window / 2) * own / made - 0.5
            for at, made, own in zip((row, col), self.file.shape, self.scan.heights.shape, strict=True)
        )

    def shown(self, classes: Classes) -> np.ndarray:
        """Return the labels as they are shown, (rows, cols): a person's over the model's."""
        return over(self.predicted.data, classes.of_painted(self.truth.data))

    def painted_cells(self) -> np.ndarray:
        """Return what a person painted, as it was painted, on cells; 0 = untouched."""
        return painted_places(self.truth.data, self.grid, self.file.shape)

    def answers(self, known: np.ndarray) -> Answers:
        """Return what the model says of the cells, for a look at where it is least sure."""
        return Answers(self.labels, self.runner_up, self.confidence, known)

    def recolour(self, classes: Classes, hidden: Collection[int]) -> None:
        """Show classes in their colours, those that are hidden not at all."""
        features = features_of(classes)
        for layer, faint in ((self.predicted, _FAINT), (self.truth, 1.0)):
            layer.colormap = colormap_of(classes, hidden, faint)
            if list(layer.features.get("class", ())) != features["class"]:  # what was measured stays
                layer.features = features


def new_layers(layer: Image, scan: Scan, painted: np.ndarray | None) -> tuple[Labels, Labels]:
    """Make the layers of a scan: what the model says, which nobody paints on, and what a person painted."""
    made = []
    shape = scan.heights.shape
    blank = np.zeros(shape, np.uint8) if painted is None else np.array(painted, np.uint8)
    for role, data in ((PREDICTED, np.zeros(shape, np.uint8)), (TRUTH, blank)):
        one = Labels(
            data,
            name=f"{role} {brief_name(layer)}",
            opacity=_OPACITY[role],
            metadata={KEY: scan.settings(), ROLE: role},
            **place_of(layer),
        )
        made.append(one)
    made[0].editable = False
    return made[0], made[1]


def colormap_of(classes: Classes, hidden: Collection[int], faint: float) -> DirectLabelColormap:
    """Return the colours of all labels, merged ones as what they are now; ``faint`` is for background."""
    colours: dict[Any, Any] = {0: UNLABELLED, None: UNLABELLED}
    lookup = classes.lookup
    for label in range(1, len(lookup)):
        now = int(lookup[label])
        if not now or now in hidden:
            colours[label] = UNLABELLED
            continue
        entry = classes.entries[now - 1]
        alpha = round(255 * (faint if entry.background else 1))
        colours[label] = f"{entry.colour}{alpha:02x}"
    return DirectLabelColormap(color_dict=colours)


def features_of(classes: Classes) -> dict[str, list[Any]]:
    """Return names of labels as napari shows them under the mouse, and as other plugins read them."""
    names = ["unlabelled", *classes.names]
    return {"index": list(range(len(names))), "class": names}
