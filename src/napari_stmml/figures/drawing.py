"""What all figures share: maps of heights, axes placed in inches, captions, and writing to a file."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.colours import as_rgb, robust_limits
from napari_stmml.figures.colour_maps import stm_colormap
from napari_stmml.scan import Scan
from napari_stmml.system.atomic import atomic
from napari_stmml.text import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_SHOWN = 800  # px of a map in a figure, where it gets 520


def show_heights(axes: Any, heights: np.ndarray, extent: tuple[float, float, float, float]) -> Any:
    """Draw heights, (rows, cols), in their colours, thinned out to what can be seen; return the image."""
    low, high = robust_limits(heights)
    step = max(1, max(heights.shape) // MOST_SHOWN)
    look = {"cmap": stm_colormap(), "vmin": low, "vmax": high, "interpolation": "nearest"}
    return axes.imshow(heights[::step, ::step], extent=extent, **look)


def axes_at(figure: "Figure", left: float, top: float, width: float, height: float, **options: Any) -> Any:
    """Add axes at a place in inches, from the left and from the top of the figure.

    Laying a figure out automatically takes matplotlib as long as drawing it.
    """
    wide, high = figure.get_size_inches()
    return figure.add_axes((left / wide, 1 - (top + height) / high, width / wide, height / high), **options)


def text_at(figure: "Figure", left: float, top: float, text: str, **options: Any) -> None:
    """Write text at a place in inches, from the left and from the top of the figure."""
    wide, high = figure.get_size_inches()
    figure.text(left / wide, 1 - top / high, text, **options)


def unit_rgb(colour: str) -> tuple[float, float, float]:
    """Return ``#rrggbb`` as red, green and blue from 0 to 1."""
    red, green, blue = as_rgb(colour)
    return red / 255, green / 255, blue / 255


def shortened(name: str, most: int) -> str:
    """Cut a name that is longer than so many letters.

    >>> shortened("vacancies", 5)
    'vaca…'
    """
    return name if len(name) <= most else f"{name[: most - 1]}…"


def caption(scan: Scan) -> str:
    """Write size, bias and setpoint in one line, as a figure in a paper does.

    >>> caption(Scan(np.zeros((10, 20)), (0.5, 0.5), bias=-1.7, setpoint=0.05))
    '10 x 5 nm, -1.7 V, 50 pA'
    """
    (tall, wide), unit = (scan.size_nm, "nm") if scan.size_nm else (scan.heights.shape, "px")
    bias = [] if scan.bias is None else [f"{number(scan.bias)} V"]
    setpoint = [] if scan.setpoint is None else [f"{number(scan.setpoint * 1000)} pA"]
    return ", ".join([f"{number(wide)} x {number(tall)} {unit}", *bias, *setpoint])


def font_file(bold: bool = False) -> Path | None:
    """Find the typeface that matplotlib brings, which has most of Europe's letters; None if it is gone."""
    import matplotlib

    file = Path(matplotlib.get_data_path(), "fonts", "ttf", f"DejaVuSans{'-Bold' if bold else ''}.ttf")
    return file if file.is_file() else None


def save_figure(figure: "Figure", path: str | Path, dpi: float | None = None) -> Path:
    """Write a figure as PNG, JPG, SVG or PDF, as the name ends, atomically; text in SVG and PDF stays text.

    Parameters
    ----------
    figure : Figure
    path : str or Path
    dpi : float, optional
        Pixels per inch, also of maps within SVG and PDF; those of the figure if not given.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the name ends in something else.
    """
    import matplotlib

    kinds = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".svg": "svg", ".pdf": "pdf"}
    kind = kinds.get(Path(path).suffix.lower())
    if kind is None:
        raise ValueError(f"a figure is written as {', '.join(kinds)}, not as {Path(path).name}")
    as_text = matplotlib.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42})
    with atomic(path) as beside, warnings.catch_warnings(), as_text:
        warnings.filterwarnings("ignore", "Glyph")  # a letter of a name that the font has not got is a box
        compressed: dict[str, Any] = {"pil_kwargs": {"compress_level": 4}} if kind == "png" else {}
        figure.savefig(beside, format=kind, dpi=dpi or "figure", **compressed)
    return Path(path)


def pixels_of(figure: "Figure", dpi: float) -> np.ndarray:
    """Draw a figure as pixels, (rows, cols, 4) uint8: red, green, blue, opacity."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()
