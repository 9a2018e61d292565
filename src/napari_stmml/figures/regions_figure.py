"""A figure of what was measured: the scan with its regions, and a row of plots for each class."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_stmml.colours import NO_COLOUR
from napari_stmml.figures.drawing import axes_at, caption, shortened, show_heights, text_at, unit_rgb
from napari_stmml.measuring.class_details import ClassDetails
from napari_stmml.measuring.measurements import Measurements
from napari_stmml.scan import Scan
from napari_stmml.text import counted, number, with_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 6
MOST_LINES = 12
MOST_NUMBERS = 150  # regions, beyond which their numbers would hide the picture
_SCAN, _ROW, _PLOT, _HIGH = 6.6, 1.85, 2.1, 1.2  # inches: side of the scan, from row to row, a plot
_LEFT, _TOP, _GAP, _BAR, _LINE = 0.7, 0.75, 0.85, 0.15, 0.21


def regions_figure(
    scan: Scan, measurements: Measurements, details: Sequence[ClassDetails], colours: Mapping[int, str]
) -> "Figure":
    """Draw a scan with its regions, outlined and numbered; average, profile and distances of each class.

    A line below says what each class counts. Of more than six classes those with the most regions have plots;
    all have outlines.

    Parameters
    ----------
    scan : Scan
    measurements : Measurements
    details : sequence of ClassDetails
        That with the most regions first, as `class_details` returns them.
    colours : mapping of int to str
        ``#rrggbb`` of a label.
    """
    from matplotlib.figure import Figure

    shown, unit = details[:MOST_CLASSES], measurements.unit
    tall, wide = _size(measurements)
    across, down = (_SCAN, _SCAN * tall / wide) if tall <= wide else (_SCAN * wide / tall, _SCAN)
    first = _LEFT + across + 0.1 + _BAR + 1.1  # inches where the plots begin
    listed = measurements.classes.sort_values(["background", "count"], ascending=False)[:MOST_LINES]
    high = _TOP + max(down + 0.75 + _LINE * len(listed), _ROW * len(shown) + 0.1)
    figure = Figure(figsize=(first + 3 * (_PLOT + _GAP) if shown else first, high), dpi=110)
    bar = axes_at(figure, _LEFT + across + 0.1, _TOP, _BAR, down)
    _draw_scan(axes_at(figure, _LEFT, _TOP, across, down), bar, measurements, colours)
    text_at(figure, _LEFT, 0.12, f"{scan.name}\n{caption(scan)}", fontsize=10, va="top")
    if more := len(details) - len(shown):
        note = f"with fewer regions, outlined only: {more} more"
        text_at(figure, first, 0.12, note, fontsize=8, va="top", color="0.4")
    for i, one in enumerate(listed.itertuples()):
        top, colour = _TOP + down + 0.7 + i * _LINE, unit_rgb(colours.get(one.label, NO_COLOUR))
        text_at(figure, _LEFT, top, "■", fontsize=9, color=colour)
        text_at(figure, _LEFT + 0.18, top, class_sentence(one, unit), fontsize=8)
    for i, one in enumerate(shown):
        top, left = _TOP + i * _ROW, [first + j * (_PLOT + _GAP) for j in range(3)]
        plots = [axes_at(figure, left[j], top, _PLOT - 0.2 * (j == 0), _HIGH) for j in range(3)]
        _draw_class(
            plots, one, unit_rgb(colours.get(one.label, NO_COLOUR)), measurements, i == len(shown) - 1
        )
    return figure


def class_sentence(one: Any, unit: str) -> str:
    """Say what a class counts in one line.

    Parameters
    ----------
    one : namedtuple
        A row of ``Measurements.classes``.
    unit : str
        Of lengths: ``nm`` or ``px``.
    """
    coverage = f"{number(100 * one.coverage, 3)} % of the area"
    if one.background:
        return f"{one.name}: background, {coverage}"
    density = f"{with_error(one.density, one.density_error)} per {unit}² (n = {one.n})"
    known = pd.notna(one.height_mean)
    height = [f"height {with_error(one.height_mean, one.height_std)} nm"] if known else []
    doubts = [f"{one.touching} may be several objects"] if one.touching else []
    doubts += [f"mostly inside {one.inside}"] if one.inside else []
    return f"{one.name}: {', '.join([counted(one.count, 'region'), density, coverage, *height, *doubts])}"


def _size(measurements: Measurements) -> tuple[float, ...]:
    """Return height and width of the scan in nm (px)."""
    return tuple(n * one for n, one in zip(measurements.heights.shape, measurements.pixel_size, strict=True))


def _draw_scan(axes: Any, bar: Any, measurements: Measurements, colours: Mapping[int, str]) -> None:
    """Draw heights, outlines and numbers of the regions."""
    (tall, wide), (rows, cols) = _size(measurements), measurements.heights.shape
    image = show_heights(axes, measurements.heights, (0, wide, tall, 0))
    axes.figure.colorbar(image, cax=bar).set_label("height (nm)", fontsize=8)
    bar.tick_params(labelsize=7)
    axes.set(xlabel=f"x ({measurements.unit})", ylabel=f"y ({measurements.unit})")
    regions = measurements.regions
    labels = np.array([0, *regions.label])[measurements.numbers]
    x, y = (np.arange(cols) + 0.5) * wide / cols, (np.arange(rows) + 0.5) * tall / rows
    for label in np.unique(regions.label).tolist():
        colour = [unit_rgb(colours.get(label, NO_COLOUR))]
        axes.contour(x, y, labels == label, levels=[0.5], colors=colour, linewidths=0.9)
    if len(regions) <= MOST_NUMBERS:
        _draw_numbers(axes, x, y, measurements, colours)


def _draw_numbers(
    axes: Any, x: np.ndarray, y: np.ndarray, measurements: Measurements, colours: Mapping[int, str]
) -> None:
    """Write the number of each region, as the table has it, at its rightmost pixel."""
    from scipy.ndimage import find_objects

    for one, box in zip(measurements.regions.itertuples(), find_objects(measurements.numbers), strict=True):
        last = box[1].stop - 1
        row = box[0].start + int(np.flatnonzero(measurements.numbers[box][:, -1] == one.number)[0])
        axes.annotate(
            *(str(one.number), (x[last], y[row])),
            xytext=(1, 0),
            textcoords="offset points",
            va="center",
            fontsize=5.5,
            color=unit_rgb(colours.get(one.label, NO_COLOUR)),
            annotation_clip=True,
            bbox={"facecolor": "white", "alpha": 0.6, "linewidth": 0, "pad": 0.4},
        )


def _draw_class(
    places: Sequence[Any], one: ClassDetails, colour: Any, measured: Measurements, last: bool
) -> None:
    """Draw average, profile and pair distances of a class; only the last row has names below."""
    image, profile, pairs = places
    for axes in places:
        axes.tick_params(labelsize=7)
        axes.locator_params(nbins=4 if axes is image else 5)
    averaged = "" if one.averaged == one.count else f", {one.averaged} averaged"
    title = f"■ {shortened(one.name, 30)}: {counted(one.count, 'region')}{averaged}"
    image.set_title(title, fontsize=9, loc="left", color=colour)
    _draw_average(image, one, measured)
    _draw_profile(profile, one, colour)
    _draw_pairs(pairs, one, colour)
    if last:
        for axes, what in zip(places, ("from the centre", "distance to centre", "distance"), strict=True):
            axes.set_xlabel(f"{what} ({measured.unit})", fontsize=8)


def _draw_average(axes: Any, one: ClassDetails, measured: Measurements) -> None:
    tall, wide = (n * size / 2 for n, size in zip(one.average.shape, measured.pixel_size, strict=True))
    picture = show_heights(axes, one.average, (-wide, wide, tall, -tall))
    bar = axes.figure.colorbar(picture, ax=axes, fraction=0.08, pad=0.04)
    bar.ax.tick_params(labelsize=6)
    bar.ax.locator_params(nbins=4)
    axes.set_ylabel(measured.unit, fontsize=8)


def _draw_profile(axes: Any, one: ClassDetails, colour: Any) -> None:
    profile = one.profile
    radius, height, spread = profile.radius, profile["profile"], profile["std"]
    axes.fill_between(radius, height - spread, height + spread, color=colour, alpha=0.25, linewidth=0)
    axes.plot(radius, height, color=colour, linewidth=1.5)
    axes.axhline(0, color="0.5", linewidth=0.6)
    axes.set_xlim(left=0)
    axes.set_ylabel("height (nm)", fontsize=8)


def _draw_pairs(axes: Any, one: ClassDetails, colour: Any) -> None:
    """Draw observed over random pairs, with the band that holds 95 % of random placements."""
    axes.set_ylabel("pairs / random", fontsize=8)
    pairs = one.pairs
    if pairs is None:
        axes.text(0.5, 0.5, "one region", ha="center", va="center", fontsize=8, transform=axes.transAxes)
        return
    edges, random = [*pairs["from"], pairs["to"].iloc[-1]], pairs.random.where(pairs.random > 0)
    axes.stairs(pairs.high / random, edges, baseline=pairs.low / random, fill=True, color="0.85")
    axes.stairs(pairs.ratio, edges, color=colour, linewidth=1.5)
    axes.axhline(1, color="0.5", linewidth=0.6)
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(bottom=0)
