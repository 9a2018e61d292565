"""Numbers of classes in a figure: a small table of count, density, share of the area and height."""

from typing import Any

import numpy as np
import pandas as pd

from napari_stmml.figures.drawing import unit_rgb
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.figures.paper.page import PT, Page, fitted, line_mm, text_mm
from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.text import number, percent, with_error

MOST_ROWS = 12
_APART = 2.0  # mm between columns


class Numbers:
    """A table of the classes of a scan, that with the most regions first, in a width in mm.

    Parameters
    ----------
    shown : ShownScan
    classes : DataFrame
        Of `measuring.measurements.Measurements`.
    options : FigureOptions
    width : float
        mm.
    """

    def __init__(self, shown: ShownScan, classes: pd.DataFrame, options: FigureOptions, width: float) -> None:
        self.shown, self.options, self.width = shown, options, width
        order = classes.sort_values(["background", "count"], ascending=[True, False], kind="stable")
        listed = list(order.itertuples())[:MOST_ROWS]
        self.labels = [one.label for one in listed]
        self.rows = [("", "n", f"per {shown.unit}²", "area", "height (nm)"), *map(_cells, listed)]
        size = options.font_size
        widths = [max(text_mm(row[at], size) for row in self.rows) + _APART for at in range(1, 5)]
        names = max(text_mm(row[0], size) for row in self.rows) + 1.6 * size * PT + _APART
        self.above = names > width - sum(widths)  # names have lines of their own
        self.widths = [width - sum(widths) if self.above else names, *widths]

    @property
    def height(self) -> float:
        """In mm."""
        lines = 2 * len(self.rows) - 1 if self.above else len(self.rows)
        return line_mm(self.options.font_size) * lines

    def draw(self, page: Page, left: float, top: float) -> None:
        """Draw it on a page; numbers are flush right."""
        size, line = self.options.font_size, line_mm(self.options.font_size)
        colours, chip = self.shown.colours(self.options), 1.6 * size * PT
        y, room = top, (self.width if self.above else self.widths[0] - _APART) - chip
        for place, row in enumerate(self.rows):
            right = left + self.widths[0]
            if place and (colour := colours.get(self.labels[place - 1])):
                page.chip(left, y + 0.1, size * PT * 0.95, unit_rgb(colour))
            page.text(left + chip, y, fitted(row[0], size, room, middle=False))
            y += line if self.above and place else 0
            for text, width in zip(row[1:], self.widths[1:], strict=True):
                right += width
                page.text(right, y, text, ha="right", color="black" if place else "0.35")
            y += line


def _cells(one: Any) -> tuple[str, ...]:
    """Write the numbers of a class, a row of the table of classes."""
    coverage = percent(float(one.coverage))
    if one.background:
        return one.name, "", "background", coverage, ""
    height = with_error(one.height_mean, one.height_std) if np.isfinite(one.height_mean) else ""
    density = with_error(one.density, one.density_error)
    return one.name, number(int(one.n)), density, coverage, height.replace("-", "−")
