"""ScanLayers: the flattened heights of a scan, the outlines of its objects, and their centres."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Points
from napari.utils.colormaps import DirectLabelColormap

from napari_stmml.colours import NO_COLOUR, UNLABELLED, as_rgb
from napari_stmml.structures.structures import Structures
from napari_stmml.viewer.io.layers import KEY, scan_to_layer
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.io.structure_layers import structures_to_layers
from napari_stmml.viewer.structures.objects import colours_of, edges

STEP = "flatten, as structures are searched"  # in the history of the flattened scan
CONTOUR = 1
WIDEST = 3.01  # sensitivity, a little above the highest that can be chosen
_CENTRE = 0.6  # of the usual size: the object is to be seen


class ScanLayers:
    """Layers of one scan; they lie exactly on its image.

    Parameters
    ----------
    image : napari Image layer
        The scan.
    found : Structures
    scan : int
        Its index.
    others : iterable of napari layers
        Those that there are: the flattened heights of this scan may be among them.
    """

    def __init__(self, image: Any, found: Structures, scan: int, others: Iterable[Any] = ()) -> None:
        self.image = image
        data, about, _ = scan_to_layer(found.scans[scan].with_heights(
            found.flattened(scan), STEP, found.scans[scan].pixel_size))  # fmt: skip
        there = [one for one in others if is_flat(one) and _settings(one) == about["metadata"][KEY]]
        about |= place_of(image) | {"name": f"flattened {_brief(found, scan)}"}
        self.flat = there[0] if there else Image(data, **about)
        (outlines, of_outlines, _), (centres, of_centres, _) = structures_to_layers(found, scan)
        look: dict[str, Any] = {"name": f"structures {_brief(found, scan)}", "opacity": 1.0}
        # As int32, colours are looked up by their number; napari would map all of 65536 labels of uint16.
        self.outlines = Labels(outlines.astype(np.int32), **of_outlines | place_of(image) | look)
        size = _CENTRE * float(of_centres["size"])
        look = {"size": size, "border_width": 0.1, "name": f"centres {_brief(found, scan)}"}
        self.centres = Points(centres, **of_centres | place_of(image) | look)
        self.centres.current_size = size
        self._candidates: _Candidates | None = None  # while the sensitivity is moved
        for layer in (self.outlines, self.centres):
            layer.editable = False

    @property
    def all(self) -> tuple[Any, ...]:
        """All layers, from the bottom up."""
        return self.image, self.flat, self.outlines, self.centres

    def show_contours(self) -> None:
        """Show outlines in place of areas; napari computes them at each change of the layer."""
        self.outlines.contour = CONTOUR

    def refresh(self, found: Structures, scan: int, hidden: Collection[int]) -> None:
        """Show all there is to say of the objects of the scan: outlines, centres, and their features."""
        self._candidates = None
        (outlines, of_outlines, _), (centres, of_centres, _) = structures_to_layers(found, scan)
        self._draw(outlines.astype(np.int32), colours_of(found, scan, hidden))
        self.outlines.contour = CONTOUR
        self.outlines.features = of_outlines["features"]
        self.outlines.metadata = {**self.outlines.metadata, **of_outlines["metadata"]}
        self._draw_centres(centres, _rgba(colours_of(found, scan, hidden)))
        self.centres.features = of_centres["features"]

    def refresh_quickly(self, found: Structures, scan: int, hidden: Collection[int]) -> None:
        """Show which objects count, in milliseconds; ``refresh`` is to follow.

        The rims of all that may count, and their colours, are drawn once: napari takes 40 ms for contours of
        a map of 1024 x 1024 px, and as long for new colours.
        """
        if self._candidates is None:
            self._candidates = _candidates(found, scan, hidden)
            widest = found.at(WIDEST)
            self._draw(self._candidates.rims.copy(), colours_of(widest, scan, hidden))
            self._draw_centres(self._candidates.centres, _rgba(colours_of(widest, scan, hidden)))
        one = self._candidates
        counts = found.counts[one.indices]
        numbers = np.where(counts, np.arange(1, len(counts) + 1), 0).astype(np.int32)
        np.concatenate([[np.int32(0)], numbers]).take(one.rims, out=self.outlines.data)
        self.outlines.refresh(thumbnail=False, highlight=False, extent=False)
        self._colour_centres(one.colours * np.where(counts, 1.0, 0.0)[:, None])

    def recolour(self, found: Structures, scan: int, hidden: Collection[int]) -> None:
        """Show or hide types."""
        colours = colours_of(found, scan, hidden)
        self.outlines.colormap = _colormap(colours)
        self._colour_centres(_rgba(colours))

    def _draw(self, labels: np.ndarray, colours: list[str]) -> None:
        self.outlines.contour = 0  # first, and last where it is wanted: each change draws the layer
        self.outlines.data = labels
        self.outlines.colormap = _colormap(colours)
        self.outlines.editable = False  # a new array lets napari decide anew

    def _draw_centres(self, centres: np.ndarray, colours: np.ndarray) -> None:
        self.centres.selected_data = set()
        self.centres.data = centres
        self._colour_centres(colours)
        self.centres.editable = False

    def _colour_centres(self, colours: np.ndarray) -> None:
        """Colour the centres; napari 0.9.2 draws points whose ``shown`` is off, but none without opacity."""
        if len(colours) and len(colours) == len(self.centres.data):
            self.centres.face_color = colours
            self.centres.border_color = np.ones((1, 4)) * colours[:, 3:]


@dataclass(frozen=True, eq=False)
class _Candidates:
    """What counts on a scan at the highest sensitivity.

    Parameters
    ----------
    rims : ndarray of int32, shape (rows, cols)
        Number of an object at the rim of its outline.
    indices : ndarray of int, shape (n,)
        Of these objects, among all candidates.
    centres : ndarray of float, shape (n, 2)
    colours : ndarray of float, shape (n, 4)
        Red, green, blue, opacity of each, 0 to 1.
    """

    rims: np.ndarray
    indices: np.ndarray
    centres: np.ndarray
    colours: np.ndarray


def _candidates(found: Structures, scan: int, hidden: Collection[int]) -> _Candidates:
    widest = found.at(WIDEST)
    own = widest.table[["row", "col"]][widest.table.scan == scan].to_numpy()
    indices = np.flatnonzero(widest.counts & (widest.scan_of_each == scan))
    colours = _rgba(colours_of(widest, scan, hidden))
    return _Candidates(edges(widest.labels(scan)).astype(np.int32), indices, own, colours)


def _rgba(colours: list[str]) -> np.ndarray:
    """Return red, green, blue, opacity of colours, (n, 4), 0 to 1; all 0 where they are transparent."""
    known = {one: (*as_rgb(one), 255) for one in set(colours)} | {"transparent": (0, 0, 0, 0)}
    return np.array([known[one] for one in colours], float).reshape(-1, 4) / 255


def is_flat(layer: Any) -> bool:
    """Say whether a layer has the flattened heights of a scan whose structures were found."""
    return isinstance(layer, Image) and list(_settings(layer).get("history", ()))[-1:] == [STEP]


def _settings(layer: Any) -> dict[str, Any]:
    return dict(layer.metadata.get(KEY) or {})


def _colormap(colours: list[str]) -> DirectLabelColormap:
    known: dict[Any, str] = dict(enumerate(colours, 1))
    return DirectLabelColormap(color_dict={**known, 0: UNLABELLED, None: NO_COLOUR})


def _brief(found: Structures, scan: int) -> str:
    return found.scans[scan].short_name
