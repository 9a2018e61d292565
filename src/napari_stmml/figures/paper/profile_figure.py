"""A figure of the heights along lines, for a paper: the lines on the scan, and heights over distance."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_stmml.figures.paper.map_frame import MapFrame, head_mm
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.figures.paper.page import PT, Page
from napari_stmml.figures.paper.scan_figure import GAP, MARGIN
from napari_stmml.figures.paper.shown_scan import SAFE, ShownScan
from napari_stmml.measuring.line_profile import line_profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (SAFE[5], SAFE[0], SAFE[2], SAFE[6], SAFE[1], SAFE[4])
MOST_LINES = len(COLOURS)
_PLOT, _TALLEST = 42.0, 110.0  # mm: heights of plot and map


def profiles_of(shown: ShownScan, lines: Sequence[np.ndarray], options: FigureOptions) -> list[pd.DataFrame]:
    """Return the heights along lines as the figure draws them, from the darkest colour of the scan up.

    Parameters
    ----------
    shown : ShownScan
    lines : sequence of ndarray of float, shape (2, 2)
        Row and column of start and end, in px.
    options : FigureOptions

    Returns
    -------
    list of DataFrame
        As `line_profile` returns them.

    Raises
    ------
    ValueError
        If a line meets no heights.
    """
    from dataclasses import replace

    scan = replace(shown.scan, heights=shown.heights(options)[0], other=None)
    tables = [line_profile(scan, line) for line in lines]
    for number, table in enumerate(tables, 1):
        if not np.isfinite(table.height).any():
            raise ValueError(f"there are no heights along line {number}: draw it on the scan")
    return tables


def profile_figure(
    shown: ShownScan, lines: Sequence[np.ndarray], options: FigureOptions | None = None
) -> "Figure":
    """Draw a scan with lines on it, and the heights along them.

    Parameters
    ----------
    shown : ShownScan
    lines : sequence of ndarray of float, shape (2, 2)
        Row and column of start and end, in px; one to six.
    options : FigureOptions, optional

    Returns
    -------
    Figure
        In a double column the plot stands beside the scan, else below it.

    Raises
    ------
    ValueError
        If there is no line, or there are too many.
    """
    options = options or FigureOptions()
    if not 1 <= len(lines) <= MOST_LINES:
        raise ValueError(f"a figure has 1 to {MOST_LINES} lines, got {len(lines)}")
    full = options.mm - 2 * MARGIN
    wide = (full - GAP) / 2 if options.wide else full
    frame, head = MapFrame(shown, options, wide, _TALLEST), head_mm(options)
    below = 3.6 * options.font_size * PT
    tall = max(_PLOT, min(frame.height - head - below, _TALLEST)) if options.wide else _PLOT
    plot = head + tall + below
    high = max(frame.height, plot) if options.wide else frame.height + GAP + plot
    page = Page(options.mm, high + 2 * MARGIN, options.font_size)
    tables = profiles_of(shown, lines, options)
    on = _on_lines(shown, tables)
    axes = frame.draw(page, MARGIN, MARGIN, "a" if options.letters else "", on)
    _draw_lines(axes, tables, options)
    axes.set(xlim=(0, shown.size[1]), ylim=(shown.size[0], 0))  # whatever leaves the scan
    left, top = (MARGIN + wide + GAP, MARGIN) if options.wide else (MARGIN, MARGIN + frame.height + GAP)
    if options.letters:
        page.text(left, top - 0.2, "b", fontsize=options.font_size + 1, weight="bold")
    ticks = 5.6 * options.font_size * PT
    _plot(page.axes(left + ticks, top + head, wide - ticks - 1.8, tall), tables, shown, options)
    return page.figure


def _on_lines(shown: ShownScan, tables: Sequence[pd.DataFrame]) -> np.ndarray:
    """Say which pixels lie on lines, (rows, cols) bool."""
    n_rows, n_cols = shown.scan.heights.shape
    on, (tall, wide) = np.zeros((n_rows, n_cols), bool), shown.size
    for table in tables:
        known = table[np.isfinite(table.height)]
        rows, cols = (known.y / tall * n_rows).astype(int), (known.x / wide * n_cols).astype(int)
        on[np.clip(rows, 0, n_rows - 1), np.clip(cols, 0, n_cols - 1)] = True
    return on


def _draw_lines(axes: Any, tables: Sequence[pd.DataFrame], options: FigureOptions) -> None:
    """Draw the lines on the map, with a number at the start of each if there are several."""
    from matplotlib.patheffects import Normal, Stroke

    for number, (table, colour) in enumerate(zip(tables, COLOURS, strict=False), 1):
        start, end = table.iloc[0], table.iloc[-1]
        dark = [Stroke(linewidth=options.line_width + 1.4, foreground="black", alpha=0.6), Normal()]
        look: dict[str, Any] = {"color": colour, "linewidth": options.line_width + 0.5, "path_effects": dark}
        axes.plot([start.x, end.x], [start.y, end.y], **look)
        axes.plot(
            start.x, start.y, "o", color=colour, markersize=3, markeredgecolor="black", markeredgewidth=0.4
        )
        if len(tables) > 1:
            box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.6}
            place: dict[str, Any] = {"xytext": (3, 3), "textcoords": "offset points", "bbox": box}
            axes.annotate(str(number), (start.x, start.y), fontsize=options.font_size, **place)


def _plot(axes: Any, tables: Sequence[pd.DataFrame], shown: ShownScan, options: FigureOptions) -> None:
    for number, (table, colour) in enumerate(zip(tables, COLOURS, strict=False), 1):
        axes.plot(table.distance, table.height, color=colour, linewidth=1, label=f"line {number}")
    axes.set_xlim(0, max(float(one.distance.iloc[-1]) for one in tables))
    axes.locator_params(nbins=5, steps=[1, 2, 5, 10])
    axes.margins(y=0.08)
    what = "height" if shown.scan.unit == "nm" else shown.scan.channel
    unit = f" ({shown.scan.unit})" if shown.scan.unit else ""
    axes.set_xlabel(f"distance along the line ({shown.unit})", fontsize=options.font_size, labelpad=1.5)
    axes.set_ylabel(f"{what}{unit}", fontsize=options.font_size, labelpad=1.5)
    if len(tables) > 1 and options.legend:
        axes.legend(fontsize=options.font_size, frameon=False, handlelength=1.2, borderaxespad=0.2)
