"""A page in mm from its top left corner: axes, and text of known width."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from napari_stmml.figures.drawing import axes_at, text_at

MM = 1 / 25.4  # inches
PT = 25.4 / 72  # mm
LEADING = 1.35  # from line to line, in sizes of the font


class Page:
    """A figure of exact width, on which places and sizes are in mm.

    Parameters
    ----------
    width, height : float
        mm.
    font_size : float
        pt.
    """

    def __init__(self, width: float, height: float, font_size: float) -> None:
        from matplotlib.figure import Figure

        self.figure: Figure = Figure(figsize=(width * MM, height * MM), dpi=110)
        self.width, self.height, self.font_size = width, height, font_size

    def axes(self, left: float, top: float, width: float, height: float) -> Any:
        """Add axes with thin lines and text of the size of the page."""
        axes = axes_at(self.figure, *(one * MM for one in (left, top, width, height)))
        axes.tick_params(labelsize=self.font_size, width=0.5, length=2, pad=1.5)
        for side in axes.spines.values():
            side.set_linewidth(0.5)
        return axes

    def text(self, left: float, top: float, text: str, **look: Any) -> None:
        """Write a line of text whose top left corner is given."""
        look = {"fontsize": self.font_size, "va": "top", "parse_math": False} | look
        text_at(self.figure, left * MM, top * MM, text, **look)

    def lines(self, left: float, bottom: float, lines: Sequence[str]) -> None:
        """Write grey lines of text that end at a height."""
        top = bottom - len(lines) * line_mm(self.font_size)
        for place, line in enumerate(lines):
            self.text(left, top + place * line_mm(self.font_size), line, color="0.35")

    def chip(self, left: float, top: float, side: float, colour: Any) -> None:
        """Draw a small square."""
        from matplotlib.patches import Rectangle

        place = (left / self.width, 1 - (top + side) / self.height)
        look = {"facecolor": colour, "edgecolor": "0.2", "linewidth": 0.4}
        self.figure.add_artist(Rectangle(place, side / self.width, side / self.height, **look))


def line_mm(font_size: float) -> float:
    """Return the distance from line to line of a font, in mm."""
    return font_size * PT * LEADING


@lru_cache(maxsize=4096)
def text_mm(text: str, font_size: float, weight: str = "normal") -> float:
    """Return how wide a line of text is, in mm."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans", size=font_size, weight=weight)
    return float(TextPath((0, 0), f"{text}.", prop=font, usetex=False).get_extents().width) * PT


def folded_all(texts: Iterable[str], font_size: float, width: float) -> list[str]:
    """Break texts into lines, each text on a line of its own, as `folded` does."""
    return [line for text in texts for line in folded(text, font_size, width)]


def folded(text: str, font_size: float, width: float) -> list[str]:
    """Break a text between words into lines no wider than so many mm.

    >>> folded("regions that touch are one", 7.0, 20.0)
    ['regions that', 'touch are one']
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else ""
        if longer and text_mm(longer, font_size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def fitted(text: str, font_size: float, width: float, middle: bool = True) -> str:
    """Shorten a line of text, in its middle or at its end, until it is no wider than so many mm."""
    most, short = len(text), text
    while most > 4 and text_mm(short, font_size) > width:
        most -= 1
        first = most // 3 if middle else most - 1
        short = f"{text[:first]}…{text[len(text) - (most - first - 1) :]}"
    return short
