"""A figure of what was measured, for a paper: outlines on the scan; average, profile and pair distances."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_stmml.colours import robust_limits
from napari_stmml.figures.colour_maps import colour_table
from napari_stmml.figures.drawing import unit_rgb
from napari_stmml.figures.paper.map_drawing import draw_outlines, round_length
from napari_stmml.figures.paper.map_frame import MapFrame, head_mm
from napari_stmml.figures.paper.numbers import Numbers
from napari_stmml.figures.paper.options import AUTO, FigureOptions
from napari_stmml.figures.paper.page import PT, Page, fitted, line_mm
from napari_stmml.figures.paper.scan_figure import GAP, MARGIN
from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.measuring.class_details import ClassDetails
from napari_stmml.text import counted, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 6
_BLOCK, _PLOT, _TALLEST = 84.0, 19.0, 110.0  # mm: width of the plots of a class; heights of plot and map


def measured_figure(
    shown: ShownScan,
    classes: pd.DataFrame,
    details: Sequence[ClassDetails],
    options: FigureOptions | None = None,
) -> "Figure":
    """Draw a scan with the outlines of its regions, and what was measured of each class.

    Parameters
    ----------
    shown : ShownScan
        With the labels that were measured.
    classes : DataFrame
        Of `measuring.measurements.Measurements`: a table of it stands below the scan.
    details : sequence of ClassDetails
        That with the most regions first; the first six are plotted.
    options : FigureOptions, optional

    Returns
    -------
    Figure
        In a double column the plots stand beside the scan, else below it.
    """
    options = options or FigureOptions()
    plotted = details[:MOST_CLASSES]
    beside = options.mm >= 2 * _BLOCK and bool(plotted)
    full = options.mm - 2 * MARGIN
    frame = MapFrame(shown, options, full - _BLOCK - GAP if beside else full, _TALLEST)
    row = _row_height(options)
    left = MARGIN + full - _BLOCK if beside else MARGIN
    numbers = Numbers(shown, classes, options, full - _BLOCK - GAP if beside else full)
    foot = MARGIN + frame.height + GAP
    top = MARGIN if beside else foot + numbers.height + GAP
    below = row * len(plotted)
    high = max(foot + numbers.height - MARGIN, below) if beside else top - MARGIN + below
    page = Page(options.mm, high + 2 * MARGIN, options.font_size)
    draw_outlines(frame.draw(page, MARGIN, MARGIN), shown, options)
    numbers.draw(page, MARGIN, foot)
    width = _BLOCK if beside else full
    for place, one in enumerate(plotted):
        _Row(page, options, shown, left, top + place * row, width).draw(one)
    return page.figure


def _row_height(options: FigureOptions) -> float:
    return head_mm(options) + _PLOT + 4.2 * options.font_size * PT


class _Row:
    """The three plots of a class, from a place on a page on."""

    def __init__(
        self, page: Page, options: FigureOptions, shown: ShownScan, left: float, top: float, width: float
    ) -> None:
        self.page, self.options, self.shown = page, options, shown
        self.left, self.top, self.width = left, top, width
        self.size = options.font_size

    def draw(self, one: ClassDetails) -> None:
        """Draw name and count, average image, profile and pair distances."""
        colour = unit_rgb(self.shown.colours(self.options)[one.label])
        line, side = line_mm(self.size), self.size * PT * 0.95
        if self.options.legend:
            self.page.chip(self.left, self.top + 0.1, side, colour)
            averaged = "" if one.averaged == one.count else f", {one.averaged} averaged"
            text = f"{one.name}: {counted(one.count, 'region')}{averaged}"
            text = fitted(text, self.size, self.width - 1.6 * self.size * PT)
            self.page.text(self.left + 1.6 * self.size * PT, self.top, text)
        top, ticks = self.top + line + 0.6, 4.6 * self.size * PT
        third = self.width / 3
        image = self.page.axes(self.left + 0.62 * ticks, top, _PLOT, _PLOT)
        profile = self.page.axes(self.left + third + ticks, top, third - ticks - 1.6, _PLOT)
        pairs = self.page.axes(self.left + 2 * third + ticks, top, third - ticks - 1.6, _PLOT)
        self._draw_average(image, one)
        self._draw_profile(profile, one, colour)
        self._draw_pairs(pairs, one, colour)

    def _name_axes(self, axes: Any, x: str, y: str) -> None:
        axes.locator_params(nbins=3, steps=[1, 2, 5, 10])
        axes.set_xlabel(f"{x} ({self.shown.unit})", fontsize=self.size, labelpad=1)
        axes.set_ylabel(y, fontsize=self.size, labelpad=1)

    def _draw_average(self, axes: Any, one: ClassDetails) -> None:
        from matplotlib.colors import ListedColormap

        name = "gray" if self.options.colour_map == AUTO else self.options.colour_map
        pixel = self.shown.scan.pixel_size or (1.0, 1.0)
        tall, wide = (n * size / 2 for n, size in zip(one.average.shape, pixel, strict=True))
        low, high = robust_limits(one.average)
        look: dict[str, Any] = {"vmin": low, "vmax": high, "interpolation": "antialiased"}
        colours = ListedColormap(colour_table(name) / 255)
        axes.imshow(one.average, extent=(-wide, wide, tall, -tall), cmap=colours, **look)
        self._name_axes(axes, "from the centre", "")
        round_one = round_length(0.85 * wide)
        ticks, texts = [-round_one, 0.0, round_one], [f"−{number(round_one)}", "0", number(round_one)]
        axes.set_xticks(ticks, texts)
        axes.set_yticks(ticks if tall >= round_one else [0.0], texts if tall >= round_one else ["0"])

    def _draw_profile(self, axes: Any, one: ClassDetails, colour: Any) -> None:
        table = one.profile
        height, spread = table["profile"], table["std"]
        low, high = height - spread, height + spread
        axes.fill_between(table.radius, low, high, color=colour, alpha=0.3, linewidth=0)
        axes.plot(table.radius, height, color=colour, linewidth=1)
        axes.axhline(0, color="0.5", linewidth=0.4)
        axes.set_xlim(0, float(np.nanmax(table.radius)))
        self._name_axes(axes, "to the centre", "height (nm)")

    def _draw_pairs(self, axes: Any, one: ClassDetails, colour: Any) -> None:
        self._name_axes(axes, "distance", "pairs / random")
        if one.pairs is None:
            axes.text(
                0.5, 0.5, "one region", ha="center", va="center", fontsize=self.size, transform=axes.transAxes
            )
            axes.set(xticks=[], yticks=[])
            return
        edges = [*one.pairs["from"], one.pairs["to"].iloc[-1]]
        random = one.pairs.random.where(one.pairs.random > 0)
        axes.stairs(one.pairs.high / random, edges, baseline=one.pairs.low / random, fill=True, color="0.85")
        axes.stairs(one.pairs.ratio, edges, color=colour, linewidth=1)
        axes.axhline(1, color="0.5", linewidth=0.4)
        axes.set_xlim(0, edges[-1])
        axes.set_ylim(bottom=0)
