"""Draw one map of a figure: heights, colours or outlines of classes, a scale bar and a colour bar."""

from typing import Any

import numpy as np

from napari_stmml.colours import NOT_SCANNED
from napari_stmml.figures.colour_maps import colour_table
from napari_stmml.figures.drawing import unit_rgb
from napari_stmml.figures.paper.options import AUTO, FigureOptions
from napari_stmml.figures.paper.page import PT, Page, text_mm
from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.text import number

BAR, BAR_GAP = 2.0, 1.0  # mm: width of a colour bar, and between it and its map
LEAST_BAR = 15.0  # mm: height of a colour bar beside a very low map
FAINT = 0.3  # of the opacity of classes: that of background
MOST_OUTLINES = 400  # classes that get outlines
_INSET = 0.03  # of the width of a map: from its corner to the scale bar


def bar_room(shown: ShownScan, options: FigureOptions, tall: float) -> float:
    """Return the mm to the right of a map, so many mm high, that its colour bar and its texts need."""
    if not options.colour_bar:
        return 0.0
    _, texts = _ticks(shown.heights(options)[1], tall)
    widest = max(text_mm(text, options.font_size) for text in texts)
    return BAR_GAP + BAR + 1.6 + widest + 1.5 * options.font_size * PT


def _ticks(limits: tuple[float, float], tall: float) -> tuple[list[float], list[str]]:
    """Return round heights between two, and how they are written, all with so many decimals."""
    from matplotlib.ticker import MaxNLocator

    low, high = limits
    slack = 1e-6 * (high - low)
    about = 4 if tall < 40 else 5
    found = [float(one) for one in MaxNLocator(about, steps=[1, 2, 5, 10]).tick_values(low, high)]
    ticks = [one for one in found if low - slack <= one <= high + slack] or [low]
    step = ticks[1] - ticks[0] if len(ticks) > 1 else (high - low or 1.0)
    decimals = int(max(0, np.ceil(-np.log10(step) - 1e-9)))
    return ticks, [f"{one + 0.0:.{decimals}f}".replace("-", "−") for one in ticks]


def draw_heights(axes: Any, shown: ShownScan, options: FigureOptions, grey: bool) -> Any:
    """Draw the heights of a scan, (rows, cols), row 0 at the top, in nm; return the image."""
    from matplotlib.colors import ListedColormap

    heights, (low, high) = shown.heights(options)
    name = ("gray" if grey else "stm") if options.colour_map == AUTO else options.colour_map
    colours = ListedColormap(colour_table(name) / 255).with_extremes(bad=NOT_SCANNED)
    tall, wide = shown.size
    look: dict[str, Any] = {"cmap": colours, "vmin": low, "vmax": high, "interpolation": "antialiased"}
    image = axes.imshow(np.ma.masked_invalid(heights), extent=(0, wide, tall, 0), aspect="auto", **look)
    if options.axes:
        axes.locator_params(nbins=5)
        axes.set_xlabel(f"x ({shown.unit})", fontsize=options.font_size, labelpad=1.5)
        axes.set_ylabel(f"y ({shown.unit})", fontsize=options.font_size, labelpad=1.5)
    else:
        axes.set(xticks=[], yticks=[])
    return image


def draw_overlay(axes: Any, shown: ShownScan, options: FigureOptions) -> None:
    """Draw the classes in half transparent colours; what has no label stays as it is."""
    if shown.labels is None:
        return
    labels = shown.labels.labels
    there, places = np.unique(labels, return_inverse=True)
    colours, table = shown.colours(options), np.zeros((len(there), 4), np.uint8)
    for row, label in enumerate(there.tolist()):
        if label:
            opacity = options.opacity * (FAINT if label in shown.background else 1.0)
            table[row] = np.rint(255 * np.array((*unit_rgb(colours[label]), opacity)))
    tall, wide = shown.size
    painted = table[places.reshape(labels.shape)]
    axes.imshow(painted, extent=(0, wide, tall, 0), aspect="auto", interpolation="nearest")


def draw_outlines(axes: Any, shown: ShownScan, options: FigureOptions) -> None:
    """Draw a line around the regions of each class but background; dark edges show it on white."""
    if shown.labels is None:
        return
    from matplotlib.patheffects import Normal, Stroke

    labels, (tall, wide) = np.pad(_apart(shown.labels.labels, shown.labels.objects), 1), shown.size
    rows, cols = shown.scan.heights.shape
    x, y = (np.arange(cols + 2) - 0.5) * wide / cols, (np.arange(rows + 2) - 0.5) * tall / rows
    colours = shown.colours(options)
    for label in [one for one in shown.there if one not in shown.background][:MOST_OUTLINES]:
        own = labels == label
        if own.any():
            look: dict[str, Any] = {"colors": [unit_rgb(colours[label])], "linewidths": options.line_width}
            lines = axes.contour(x, y, own, levels=[0.5], **look)
            dark = Stroke(linewidth=options.line_width + 0.7, foreground="black", alpha=0.6)
            lines.set_path_effects([dark, Normal()])
    axes.set(xlim=(0, wide), ylim=(tall, 0))


def _apart(labels: np.ndarray, objects: np.ndarray | None) -> np.ndarray:
    """Return labels with a gap of a pixel between objects of one class that touch."""
    if objects is None:
        return labels
    parts = labels.copy()
    for axis in (0, 1):
        ahead = [slice(None), slice(None)]
        behind = [slice(None), slice(None)]
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        one, other = tuple(ahead), tuple(behind)
        touch = (objects[one] != objects[other]) & (labels[one] == labels[other])
        parts[one][touch] = 0
    return parts


def draw_scale_bar(
    axes: Any,
    shown: ShownScan,
    options: FigureOptions,
    wide_mm: float,
    free: np.ndarray | None = None,
) -> None:
    """Draw a bar of round length in a corner of a map, on a dark ground.

    ``free``, (rows, cols) bool, says what is not to be hidden; without it, structures are not.
    """
    from matplotlib.patches import Rectangle

    wide = shown.size[1]
    length = options.scale_bar_nm or round_length(wide / 4)
    if length > 0.9 * wide:
        asked = f"{number(wide)} nm, got {number(length)}"
        raise ValueError(f"scale_bar_nm must be less than the width of the scan, {asked}")
    per_mm = wide / wide_mm
    text, font = f"{number(length)} {shown.unit}", options.font_size * PT
    bar, gap, pad = 0.7 * per_mm, 0.45 * font * per_mm, 0.9 * per_mm
    text_wide = text_mm(text, options.font_size) * per_mm
    box_wide = max(length, text_wide) + 2 * pad
    box_tall = bar + gap + font * per_mm + 1.7 * pad
    if box_tall > 0.9 * shown.size[0]:
        return  # a map that is too low for it; its size stands above
    left, top = _corner(shown, box_wide, box_tall, _structures(shown) if free is None else free)
    axes.add_patch(
        Rectangle((left, top), box_wide, box_tall, color="black", alpha=0.6, linewidth=0, zorder=8)
    )
    middle, floor = left + box_wide / 2, top + box_tall - pad - bar
    axes.add_patch(Rectangle((middle - length / 2, floor), length, bar, color="white", linewidth=0, zorder=9))
    look: dict[str, Any] = {
        "color": "white",
        "fontsize": options.font_size,
        "ha": "center",
        "va": "baseline",
        "zorder": 9,
    }
    axes.text(middle, floor - gap, text, **look)


def _structures(shown: ShownScan) -> np.ndarray:
    """Say where there are structures, (rows, cols) bool."""
    if shown.labels is None:
        return np.zeros(shown.scan.heights.shape, bool)
    labels = shown.labels.labels
    return (labels > 0) & ~np.isin(labels, list(shown.background))


def _corner(shown: ShownScan, box_wide: float, box_tall: float, free: np.ndarray) -> tuple[float, float]:
    """Return left and top of a box in the corner where it hides least; the lower left comes first."""
    tall, wide = shown.size
    inset = _INSET * wide
    lefts, tops = (inset, wide - inset - box_wide), (tall - inset - box_tall, inset)
    places = [(left, top) for top in tops for left in lefts]
    rows, cols = free.shape

    def hidden(place: tuple[float, float]) -> int:
        left, top = max(place[0], 0) / wide * cols, max(place[1], 0) / tall * rows
        right, bottom = left + box_wide / wide * cols, top + box_tall / tall * rows
        return int(free[int(top) : int(bottom) + 1, int(left) : int(right) + 1].sum())

    return min(places, key=hidden)


def draw_colour_bar(
    page: Page, place: tuple[float, float, float], image: Any, shown: ShownScan, options: FigureOptions
) -> None:
    """Draw the colours of heights with a few numbers and their unit; place is left, top and height in mm."""
    left, top, tall = place
    axes = page.axes(left, top, BAR, tall)
    bar = page.figure.colorbar(image, cax=axes)
    bar.outline.set_linewidth(0.5)
    ticks, texts = _ticks(shown.heights(options)[1], tall)
    bar.set_ticks(ticks, labels=texts)
    bar.minorticks_off()
    what = "height" if shown.scan.unit == "nm" else shown.scan.channel
    label = f"{what} ({shown.scan.unit})" if shown.scan.unit else what
    bar.set_label(label, fontsize=options.font_size, labelpad=1.5)


def round_length(about: float) -> float:
    """Return the round length nearest below: 1, 2 or 5 times a power of ten.

    >>> [round_length(one) for one in (7.6, 24.0, 0.9)]
    [5.0, 20.0, 0.5]
    """
    power = 10.0 ** np.floor(np.log10(about))
    return float(max(step * power for step in (1.0, 2.0, 5.0) if step * power <= about * (1 + 1e-9)))
