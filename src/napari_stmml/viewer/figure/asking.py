"""What a person asks for in the panel, as a figure; or one sentence that says what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from napari_stmml.figures.paper.paper_figure import PaperFigure
from napari_stmml.viewer.figure.source import (
    VERSIONS_OF,
    drawn_lines,
    image_below,
    map_over,
    maps_of,
    shown_scan,
    structure_facts,
    with_background_of,
)
from napari_stmml.viewer.measure.scan_choice import misfit

NO_SCAN = "Open a scan first: drop its file on the window."
NO_LINE = "Press Draw a line, then drag on the scan from one end to the other."
NO_MAP = "There is no map on this scan: Predict, Structures or Correct make one."


@dataclass(frozen=True)
class Asked:
    """What is chosen in the panel.

    Parameters
    ----------
    kind : str
        ``scans``, ``measured`` or ``profile``.
    image, layer : napari layers or None
        The scan, and the map on it.
    images : sequence of napari Image layers
        All that may be scans.
    every : bool
        Whether all open maps are parts of the figure.
    background : set of int, optional
        Labels of the map that are no structure; None as the map says.
    least : float
        nm² (px): smaller regions are not measured.
    """

    kind: str
    image: Any
    layer: Any
    images: Sequence[Any] = ()
    every: bool = False
    background: set[int] | None = field(default=None)
    least: float = 0.0

    def figure(self, viewer: Any) -> PaperFigure:
        """Return what is to be drawn, of copies of the layers.

        Parameters
        ----------
        viewer : napari.Viewer

        Returns
        -------
        PaperFigure

        Raises
        ------
        ValueError
            If a scan, a map or a line is missing, or the map does not lie on the scan.
        """
        if self.kind == "scans" and self.every:
            pairs = [(image_below(viewer, one, self.images), one) for one in maps_of(viewer)]
            every = tuple(shown_scan(viewer, *pair) for pair in pairs if pair[0] is not None)
            if every:
                more = structure_facts(viewer, self.layer)
                return PaperFigure(self.kind, every, versions_of=VERSIONS_OF, more=more)
        if self.image is None:
            raise ValueError(NO_SCAN)
        return self._profile(viewer) if self.kind == "profile" else self._of_map(viewer)

    def _profile(self, viewer: Any) -> PaperFigure:
        lines = tuple(drawn_lines(viewer, self.image))
        if not lines:
            raise ValueError(NO_LINE)
        shown = shown_scan(viewer, self.image)
        return PaperFigure(self.kind, (shown,), lines, versions_of=VERSIONS_OF)

    def _of_map(self, viewer: Any) -> PaperFigure:
        layer = self.layer
        if layer is None and self.kind == "measured":
            raise ValueError(NO_MAP)
        if layer is not None and (why := misfit(layer, self.image)):
            raise ValueError(f"{why}: choose the scan that the map was made of.")
        shown, more = shown_scan(viewer, self.image, layer), structure_facts(viewer, layer)
        if self.kind == "measured" and self.background is not None:
            shown = with_background_of(shown, self.background)
        return PaperFigure(self.kind, (shown,), min_area=self.least, versions_of=VERSIONS_OF, more=more)


def seen_layer(viewer: Any, maps: Sequence[Any], images: Sequence[Any]) -> Any:
    """Return the map or scan that a person looks at: the active one, or else the topmost that is visible.

    Parameters
    ----------
    viewer : napari.Viewer
    maps, images : sequence of napari layers
        Those to choose from; a map on the active scan comes before the scan.

    Returns
    -------
    napari layer or None
    """
    active = viewer.layers.selection.active
    if active in maps:
        return active
    if active in images:
        return map_over(viewer, active, maps) or active
    seen = [one for one in reversed(viewer.layers) if one.visible and (one in maps or one in images)]
    return next((one for one in seen if one in maps), next(iter(seen), None))
