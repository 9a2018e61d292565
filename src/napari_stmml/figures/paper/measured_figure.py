"""A figure of what was measured, for a paper: outlines on the scan; average, profile and pair distances."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.colours import robust_limits
from napari_stmml.figures.colour_maps import colour_table
from napari_stmml.figures.drawing import save_figure, unit_rgb
from napari_stmml.figures.paper.map_drawing import draw_outlines, round_length
from napari_stmml.figures.paper.map_frame import MapFrame, head_mm
from napari_stmml.figures.paper.numbers import Numbers
from napari_stmml.figures.paper.options import AUTO, FigureOptions
from napari_stmml.figures.paper.page import PT, Page, fitted, folded_all, line_mm
from napari_stmml.figures.paper.scan_figure import GAP, MARGIN
from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.io.label_tiff import BACKGROUND, LabelMap
from napari_stmml.measuring.cautions import cautions
from napari_stmml.measuring.class_details import ClassDetails
from napari_stmml.measuring.measurements import Measurements
from napari_stmml.scan import Scan
from napari_stmml.text import counted, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 6
MOST_NUMBERS = 150  # regions, beyond which their numbers would hide the picture
PICTURE_DPI = 200
_BLOCK, _PLOT, _TALLEST = 84.0, 19.0, 110.0  # mm: width of the plots of a class; heights of plot and map


def measured_figure(
    shown: ShownScan,
    measured: Measurements,
    details: Sequence[ClassDetails],
    options: FigureOptions | None = None,
    notes: Sequence[str] = (),
) -> "Figure":
    """Draw a scan with the outlines of its regions, and what was measured of each class.

    Parameters
    ----------
    shown : ShownScan
        With the labels that were measured.
    measured : Measurements
        What was measured with them: regions are outlined, and a table of classes stands below the scan.
    details : sequence of ClassDetails
        That with the most regions first; the first six are plotted.
    options : FigureOptions, optional
    notes : sequence of str
        Sentences below the table.

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
    room = full - _BLOCK - GAP if beside else full
    numbers = Numbers(shown, measured.classes, options, room)
    lines = folded_all(notes, options.font_size, room)
    said = numbers.height + line_mm(options.font_size) * (len(lines) + 0.5)
    foot = MARGIN + frame.height + GAP
    top = MARGIN if beside else foot + said + GAP
    below = row * len(plotted)
    high = max(foot + said - MARGIN, below) if beside else top - MARGIN + below
    page = Page(options.mm, high + 2 * MARGIN, options.font_size)
    _draw_regions(frame.draw(page, MARGIN, MARGIN), shown, measured, options)
    numbers.draw(page, MARGIN, foot)
    page.lines(MARGIN, foot + said, lines)
    width = _BLOCK if beside else full
    for place, one in enumerate(plotted):
        _Row(page, options, shown, left, top + place * row, width).draw(one)
    return page.figure


def save_picture(
    path: str | Path,
    scan: Scan,
    labels: LabelMap,
    measured: Measurements,
    details: Sequence[ClassDetails],
) -> Path:
    """Write the picture that stands beside the tables of a map: regions have their numbers, doubts are said.

    Parameters
    ----------
    path : str or Path
    scan : Scan
    labels : LabelMap
        That was measured.
    measured : Measurements
    details : sequence of ClassDetails

    Returns
    -------
    Path
    """
    background = measured.classes.label[measured.classes.background.astype(bool)].tolist()
    shown = ShownScan(scan, replace(labels, scan={**labels.scan, BACKGROUND: background}))
    options = FigureOptions(width="double", axes=True, numbers=True)
    figure = measured_figure(shown, measured, details, options, cautions(measured))
    return save_figure(figure, path, PICTURE_DPI)


def _draw_regions(axes: Any, shown: ShownScan, measured: Measurements, options: FigureOptions) -> None:
    """Draw outlines of what was measured, as smaller regions were left out; and numbers, if asked for."""
    assert shown.labels is not None
    labels = np.array([0, *measured.regions.label], np.int64)[measured.numbers]
    draw_outlines(axes, replace(shown, labels=replace(shown.labels, labels=labels)), options)
    if options.numbers and len(measured.regions) <= MOST_NUMBERS:
        _draw_numbers(axes, measured)


def _draw_numbers(axes: Any, measured: Measurements) -> None:
    """Write the number of each region at its rightmost pixel."""
    from scipy.ndimage import find_objects

    tall, wide = measured.pixel_size
    look: dict[str, Any] = {"xytext": (1, 0), "textcoords": "offset points", "va": "center", "fontsize": 5}
    look["bbox"] = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.2}
    for one, box in zip(measured.regions.itertuples(), find_objects(measured.numbers), strict=True):
        last = box[1].stop - 1
        row = box[0].start + int(np.flatnonzero(measured.numbers[box][:, -1] == one.number)[0])
        place = (last + 0.5) * wide, (row + 0.5) * tall
        axes.annotate(str(one.number), place, annotation_clip=True, **look)


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
