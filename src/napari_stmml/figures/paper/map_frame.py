"""MapFrame: one map of a figure with its settings above, its axes and its colour bar, in a given width."""

from typing import Any

import numpy as np

from napari_stmml.figures.drawing import caption
from napari_stmml.figures.paper.map_drawing import (
    BAR_GAP,
    bar_room,
    draw_colour_bar,
    draw_heights,
    draw_scale_bar,
)
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.figures.paper.page import PT, Page, fitted, line_mm
from napari_stmml.figures.paper.shown_scan import ShownScan


def settings_line(shown: ShownScan) -> str:
    """Write size, bias and setpoint as a paper does."""
    return caption(shown.scan).replace("-", "−").replace(" x ", " × ")


def axes_room(options: FigureOptions) -> tuple[float, float]:
    """Return the mm at the left of a map and below it that its axes need."""
    size = options.font_size * PT if options.axes else 0.0
    return 5.2 * size, 3.4 * size


def head_mm(options: FigureOptions) -> float:
    """Return the mm above a map that a line of text needs."""
    return line_mm(options.font_size) + 0.6


class MapFrame:
    """A map of heights, as large as a width in mm and the greatest height let it be.

    Parameters
    ----------
    shown : ShownScan
    options : FigureOptions
    width, tallest : float
        mm: of all, and of the map alone.
    """

    def __init__(self, shown: ShownScan, options: FigureOptions, width: float, tallest: float) -> None:
        self.shown, self.options, self.width = shown, options, width
        self.axis_left, axis_below = axes_room(options)
        aspect = shown.size[0] / shown.size[1]
        self.side = min(width - self.axis_left - bar_room(shown, options, width * aspect), tallest / aspect)
        self.tall = self.side * aspect
        self.height = head_mm(options) + self.tall + axis_below

    def draw(
        self, page: Page, left: float, top: float, letter: str = "", free: np.ndarray | None = None
    ) -> Any:
        """Draw it with its top left corner at a place in mm; return the axes of the map.

        ``free``, (rows, cols) bool, says where the scale bar is not to be.
        """
        options, at, size = self.options, left, self.options.font_size
        if letter:
            page.text(left, top - 0.2, letter, fontsize=size + 1, weight="bold")
            at += 1.4 * size * PT
        if options.settings:
            page.text(at, top, fitted(settings_line(self.shown), size, self.width + left - at))
        left, top = left + self.axis_left, top + head_mm(options)
        axes = page.axes(left, top, self.side, self.tall)
        image = draw_heights(axes, self.shown, options, grey=True)
        if options.scale_bar:
            draw_scale_bar(axes, self.shown, options, self.side, free)
        if options.colour_bar:
            place = (left + self.side + BAR_GAP, top, self.tall)
            draw_colour_bar(page, place, image, self.shown, options)
        return axes
