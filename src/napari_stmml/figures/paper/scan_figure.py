"""A figure of scans for a paper: heights, classes and their legend, at the exact width of a column."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING

from napari_stmml.figures.paper.legend import Legend, entries
from napari_stmml.figures.paper.map_drawing import (
    BAR_GAP,
    LEAST_BAR,
    bar_room,
    draw_colour_bar,
    draw_heights,
    draw_outlines,
    draw_overlay,
    draw_scale_bar,
)
from napari_stmml.figures.paper.map_frame import axes_room, settings_line
from napari_stmml.figures.paper.options import AUTO, NONE, FigureOptions
from napari_stmml.figures.paper.page import PT, Page, fitted, line_mm
from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.text import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SCANS = 24
OVER = ("overlay", "both")  # ways to show classes that colour the heights
MARGIN, GAP = 1.0, 3.5  # mm: around all, between maps
TALLEST, NARROWEST = 125.0, 10.0  # mm: height of a map, where it is not narrower then
_SMALLEST = 20.0  # mm: side of a map, below which fewer are laid in a row
_LEGEND_BESIDE = 26.0  # mm that a legend beside the maps needs


@dataclass(frozen=True)
class Part:
    """One map of a figure: which scan, how its classes are shown, and whether it has a colour bar."""

    shown: ShownScan
    classes: str
    bar: bool
    first: bool = True

    def head(self, options: FigureOptions) -> list[str]:
        """Return the lines above the map."""
        named = [self.shown.scan.stem] if options.names and self.first else []
        return [*named, *([settings_line(self.shown)] if options.settings and self.first else [])]


def scans_figure(scans: Sequence[ShownScan], options: FigureOptions | None = None) -> "Figure":
    """Draw scans and their classes for a paper.

    Parameters
    ----------
    scans : sequence of ShownScan
        One to 24.
    options : FigureOptions, optional

    Returns
    -------
    Figure
        Exactly as wide as asked for; as high as it must be.

    Raises
    ------
    ValueError
        If there is no scan, there are too many, or the scale bar is longer than a scan.
    """
    options = options or FigureOptions()
    if not 1 <= len(scans) <= MOST_SCANS:
        raise ValueError(f"a figure has 1 to {MOST_SCANS} scans, got {len(scans)}")
    parts = _parts(scans, options)
    drawn = [(part.shown, part.classes in OVER) for part in parts if part.classes != NONE]
    listed = entries(drawn, options) if options.legend else []
    columns = min(len(parts), _columns(parts, options))
    layout = _layout(parts, columns, options, bool(listed))
    while not options.columns and columns > 1 and layout.side < _SMALLEST:
        columns -= 1
        layout = _layout(parts, columns, options, bool(listed))
    legend = Legend.within(listed, layout.legend_width, options.font_size)
    tall = max(layout.height, legend.height) if layout.beside else layout.height + legend.height
    below = GAP if listed and not layout.beside else 0.0
    page = Page(options.mm, tall + below + 2 * MARGIN, options.font_size)
    layout.draw(page)
    legend.draw(page, layout.legend_left, MARGIN + (layout.head if layout.beside else layout.height + below))
    return page.figure


def _layout(parts: list[Part], columns: int, options: FigureOptions, legend: bool) -> "_Layout":
    rows = [parts[at : at + columns] for at in range(0, len(parts), columns)]
    return _Layout(rows, options, legend)


def _parts(scans: Sequence[ShownScan], options: FigureOptions) -> list[Part]:
    """Say which maps are drawn, and how."""
    parts: list[Part] = []
    for shown in scans:
        how = NONE if shown.labels is None else options.classes
        alone = "outlines" if shown.labels is not None and shown.labels.objects is not None else "overlay"
        if how == "beside" or (how == AUTO and options.wide and len(scans) <= 2):
            parts += [Part(shown, NONE, options.colour_bar), Part(shown, alone, False, first=False)]
        else:
            parts.append(Part(shown, alone if how == AUTO else how, options.colour_bar))
    return parts


def _columns(parts: Sequence[Part], options: FigureOptions) -> int:
    if options.columns:
        return options.columns
    if options.wide:
        return 2 if len(parts) <= 4 else 3
    return 1 if len(parts) == 1 else 2 if any(not part.first for part in parts) or len(parts) > 2 else 1


class _Layout:
    """Where the maps of a figure lie, in mm."""

    def __init__(self, rows: list[list[Part]], options: FigureOptions, legend: bool) -> None:
        self.rows, self.options = rows, options
        self.line = line_mm(options.font_size)
        self.axis_left, self.axis_below = axes_room(options)
        full = options.mm - 2 * MARGIN
        columns = max(map(len, rows))
        about = full / columns
        self.bars = [[bar_room(one.shown, options, about) if one.bar else 0.0 for one in row] for row in rows]
        taken = max(map(sum, self.bars)) + columns * self.axis_left + (columns - 1) * GAP
        side = (full - taken) / columns
        highest = max(self._aspect(one) for row in rows for one in row)
        self.side = min(max(side, 1.0), max(TALLEST / highest, NARROWEST))
        if side < NARROWEST and options.columns:
            raise ValueError(
                f"{columns} maps in a row are too many for {number(options.mm)} mm: choose fewer columns"
            )
        self._lay_legend(full, taken + columns * self.side, legend)
        self._lay_heads()

    def _lay_legend(self, full: float, used: float, legend: bool) -> None:
        """Place the legend beside the maps, which have used so many mm, or below them."""
        self.beside = legend and full - used - GAP >= _LEGEND_BESIDE
        self.left = MARGIN if self.beside else MARGIN + max(0.0, (full - used) / 2)
        self.legend_left = MARGIN + used + GAP if self.beside else MARGIN
        self.legend_width = full - used - GAP if self.beside else full

    def _lay_heads(self) -> None:
        """Give each row the height of the lines above its maps."""
        rows, options = self.rows, self.options
        heads = [max(len(one.head(options)) for one in row) for row in rows]
        letters = options.letters and sum(map(len, rows)) > 1
        self.heads = [self.line * max(n, 1 if letters else 0) + (0.6 if n or letters else 0.0) for n in heads]
        self.letters = ascii_lowercase if letters else ""
        self.head = self.heads[0]

    def _aspect(self, part: Part) -> float:
        tall, wide = part.shown.size
        return tall / wide

    def _row_height(self, row: list[Part]) -> float:
        least = LEAST_BAR if any(part.bar for part in row) else 0.0
        return max(self.side * max(map(self._aspect, row)) + self.axis_below, least)

    @property
    def height(self) -> float:
        """Of all maps, in mm."""
        return sum(map(self._row_height, self.rows)) + sum(self.heads) + GAP * (len(self.rows) - 1)

    def draw(self, page: Page) -> None:
        """Draw the maps."""
        top, number = MARGIN, 0
        for row, bars, head in zip(self.rows, self.bars, self.heads, strict=True):
            left = self.left
            for part, bar in zip(row, bars, strict=True):
                self._draw_head(page, part, left, top, number, bar)
                self._draw_part(page, part, left + self.axis_left, top + head)
                left += self.axis_left + self.side + bar + GAP
                number += 1
            top += head + self._row_height(row) + GAP

    def _draw_head(self, page: Page, part: Part, left: float, top: float, number: int, bar: float) -> None:
        size, room, lines = self.options.font_size, self.side + self.axis_left, part.head(self.options)
        if self.letters:
            page.text(left, top - 0.2, self.letters[number % 26], fontsize=size + 1, weight="bold")
            left, room = left + 1.4 * size * PT, room - 1.4 * size * PT
        for place, text in enumerate(lines):
            page.text(left, top + place * self.line, fitted(text, size, room + bar))

    def _draw_part(self, page: Page, part: Part, left: float, top: float) -> None:
        options, tall = self.options, self.side * self._aspect(part)
        grey = any(one.classes != NONE for row in self.rows for one in row)
        axes = page.axes(left, top, self.side, tall)
        image = draw_heights(axes, part.shown, options, grey)
        if part.classes in OVER:
            draw_overlay(axes, part.shown, options)
        if part.classes in ("outlines", "both"):
            draw_outlines(axes, part.shown, options)
        if options.scale_bar:
            draw_scale_bar(axes, part.shown, options, self.side)
        if part.bar:
            place = (left + self.side + BAR_GAP, top, max(tall, LEAST_BAR))
            draw_colour_bar(page, place, image, part.shown, options)
