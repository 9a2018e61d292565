"""The legend of a figure: a chip and a name for each class, in columns that fit a width in mm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from napari_stmml.figures.drawing import unit_rgb
from napari_stmml.figures.paper.map_drawing import FAINT
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.figures.paper.page import PT, Page, fitted, line_mm, text_mm
from napari_stmml.figures.paper.shown_scan import ShownScan

MOST = 60  # classes in a legend
_APART = 3.5  # mm between columns
_GREY = 0.62  # of heights below a half transparent colour, on average


@dataclass(frozen=True)
class Entry:
    """A class: the colour that it is seen in, and its name."""

    colour: Any
    text: str


def entries(parts: Sequence[tuple[ShownScan, bool]], options: FigureOptions) -> list[Entry]:
    """List the classes of scans, each once; with each scan, whether its classes colour the heights."""
    found: dict[tuple[int, str], Entry] = {}
    for shown, overlay in parts:
        colours = shown.colours(options)
        for label in shown.there:
            name, opaque = shown.name(label), 1.0
            if overlay:
                opaque = options.opacity * (FAINT if label in shown.background else 1.0)
            elif label in shown.background:
                continue
            colour = tuple(opaque * one + (1 - opaque) * _GREY for one in unit_rgb(colours[label]))
            counted = f" ({shown.amount(label)})" if options.counts and len(parts) == 1 else ""
            found.setdefault((label, name), Entry(colour, f"{name}{counted}"))
    listed = list(found.values())
    more = len(listed) - MOST
    return listed if more <= 0 else [*listed[:MOST], Entry(None, f"and {more} more")]


@dataclass(frozen=True)
class Legend:
    """Entries laid out in columns, each as wide as its longest name, in mm."""

    columns: tuple[tuple[Entry, ...], ...]
    widths: tuple[float, ...]
    font_size: float

    @classmethod
    def within(cls, listed: Sequence[Entry], width: float, font_size: float) -> "Legend":
        """Lay entries out in as many columns as fit a width; columns are filled one after the other."""
        chip = font_size * PT * 1.6
        rows, made, widths = 1, [tuple(listed)], [width]
        for rows in range(1, len(listed) + 1):
            made = [tuple(listed[at : at + rows]) for at in range(0, len(listed), rows)]
            widths = [chip + max(text_mm(one.text, font_size) for one in some) + _APART for some in made]
            if sum(widths) - _APART <= width:
                break
        else:
            widths = [width]
        return cls(tuple(made), tuple(widths), font_size)

    @property
    def height(self) -> float:
        """In mm."""
        return line_mm(self.font_size) * max((len(some) for some in self.columns), default=0)

    def draw(self, page: Page, left: float, top: float) -> None:
        """Draw it on a page."""
        line, side, chip = line_mm(self.font_size), self.font_size * PT * 0.95, self.font_size * PT * 1.6
        for some, width in zip(self.columns, self.widths, strict=True):
            for row, one in enumerate(some):
                y = top + line * row + 0.1
                if one.colour is not None:
                    page.chip(left, y, side, one.colour)
                text = fitted(one.text, self.font_size, width - chip)
                page.text(left + chip, y + side / 2, text, va="center_baseline")
            left += width
