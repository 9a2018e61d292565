"""One picture of what was measured: the scan with its regions, and a row of plots for each class."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.colours import NO_COLOUR, NOT_SCANNED, STM_COLOURS, as_rgb, robust_limits
from napari_stmml.figures.figures import MOST_SHOWN, caption
from napari_stmml.measuring.class_details import ClassDetails
from napari_stmml.measuring.regions import ClassStatistics, Measurements
from napari_stmml.scan import Scan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 6
MOST_LINES = 12
MOST_NUMBERS = 150  # of regions, beyond which numbers would hide the picture
_SCAN, _ROW, _PLOT, _HIGH = 6.6, 1.85, 2.1, 1.2  # inches: side of the scan, from row to row, a plot
_LEFT, _TOP, _GAP, _BAR, _LINE = 0.7, 0.75, 0.85, 0.15, 0.21


def measure_figure(
    scan: Scan,
    heights: np.ndarray,
    measurements: Measurements,
    details: Sequence[ClassDetails],
    colours: Mapping[int, str],
) -> "Figure":
    """Draw a scan with its regions, outlined and numbered, and average, profile and distances of classes.

    Below it stands what each class counts. Of more than six classes of structures those with the most regions
    have plots; outlines are of all.

    Parameters
    ----------
    scan : Scan
    heights : ndarray, shape (rows, cols)
        Those that were measured: flattened, in nm.
    measurements : Measurements
    details : sequence of ClassDetails
        That with the most regions first, as ``class_details`` returns them.
    colours : mapping of int to str
        ``#rrggbb`` of a label.
    """
    from matplotlib.figure import Figure

    shown, unit = details[:MOST_CLASSES], measurements.unit
    rows, cols = heights.shape
    tall, wide = scan.size_nm or (rows, cols)
    across, down = (_SCAN, _SCAN * tall / wide) if tall <= wide else (_SCAN * wide / tall, _SCAN)
    first = _LEFT + across + 0.1 + _BAR + 1.1  # inches where the plots begin
    listed = sorted(measurements.classes, key=lambda one: (not one.background, -one.count))[:MOST_LINES]
    high = _TOP + max(down + 0.75 + _LINE * len(listed), _ROW * len(shown) + 0.1)
    total = first + 3 * (_PLOT + _GAP) if shown else first
    figure = Figure(figsize=(total, high), dpi=110)

    def axes(left: float, top: float, width: float, height: float) -> Any:
        return figure.add_axes((left / total, 1 - (top + height) / high, width / total, height / high))

    bar = axes(_LEFT + across + 0.1, _TOP, _BAR, down)
    _draw_scan(axes(_LEFT, _TOP, across, down), bar, scan, heights, measurements, colours)
    more = len(details) - len(shown)
    text = f"{scan.name}\n{caption(scan)}"
    figure.text(_LEFT / total, 1 - 0.12 / high, text, fontsize=10, va="top")
    if more:
        note = f"with fewer regions, outlined only: {more} more"
        figure.text(first / total, 1 - 0.12 / high, note, fontsize=8, va="top", color="0.4")
    for i, line in enumerate(listed):
        place = _LEFT / total, 1 - (_TOP + down + 0.7 + i * _LINE) / high
        figure.text(*place, "■", fontsize=9, color=_rgb(colours.get(line.label, NO_COLOUR)))
        figure.text(place[0] + 0.18 / total, place[1], class_sentence(line, unit), fontsize=8)
    for i, one in enumerate(shown):
        places = [
            axes(first + j * (_PLOT + _GAP), _TOP + i * _ROW, _PLOT - 0.2 * (j == 0), _HIGH) for j in range(3)
        ]
        _draw_class(places, one, _rgb(colours.get(one.label, NO_COLOUR)), unit, i == len(shown) - 1)
    return figure


def class_sentence(one: ClassStatistics, unit: str) -> str:
    """Say what a class counts in one line, for people."""
    if one.background:
        return f"{one.name}: background, {100 * one.coverage:.3g} % of the area"
    parts = [
        _regions(one.count),
        f"{one.density:.2g} ± {one.density_error:.1g} per {unit}²",
        f"{100 * one.coverage:.3g} % of the area",
    ]
    if np.isfinite(one.height_mean):
        spread = f" ± {one.height_std:.2g}" if np.isfinite(one.height_std) else ""
        parts.append(f"height {one.height_mean:.2g}{spread} nm")
    return f"{one.name}: {', '.join(parts)}"


def _regions(count: int) -> str:
    return f"{count} region{'' if count == 1 else 's'}"


def _draw_scan(
    axes: Any,
    bar: Any,
    scan: Scan,
    heights: np.ndarray,
    measurements: Measurements,
    colours: Mapping[int, str],
) -> None:
    rows, cols = heights.shape
    tall, wide = scan.size_nm or (rows, cols)
    step = max(1, max(heights.shape) // MOST_SHOWN)
    low, high = robust_limits(heights)
    look = {"cmap": _stm(), "vmin": low, "vmax": high, "interpolation": "nearest"}
    image = axes.imshow(heights[::step, ::step], extent=(0, wide, tall, 0), **look)
    axes.figure.colorbar(image, cax=bar).set_label("height (nm)", fontsize=8)
    bar.tick_params(labelsize=7)
    axes.set(xlabel=f"x ({measurements.unit})", ylabel=f"y ({measurements.unit})")
    owners = np.array([0, *(one.label for one in measurements.regions)])
    labels = owners[measurements.numbers]
    x, y = (np.arange(cols) + 0.5) * wide / cols, (np.arange(rows) + 0.5) * tall / rows
    for label in np.unique(owners[1:]).tolist():
        colour = [_rgb(colours.get(label, NO_COLOUR))]
        axes.contour(x, y, labels == label, levels=[0.5], colors=colour, linewidths=0.9)
    if len(measurements.regions) <= MOST_NUMBERS:
        _draw_numbers(axes, x, y, measurements, colours)


def _draw_numbers(
    axes: Any, x: np.ndarray, y: np.ndarray, measurements: Measurements, colours: Mapping[int, str]
) -> None:
    """Write the number of each region, as the table has it, at its rightmost pixel."""
    from scipy.ndimage import find_objects

    for one, place in zip(measurements.regions, find_objects(measurements.numbers), strict=True):
        last = place[1].stop - 1
        row = place[0].start + int(np.flatnonzero(measurements.numbers[place][:, -1] == one.number)[0])
        axes.annotate(
            *(str(one.number), (x[last], y[row])),
            xytext=(1, 0),
            textcoords="offset points",
            va="center",
            fontsize=5.5,
            color=_rgb(colours.get(one.label, NO_COLOUR)),
            annotation_clip=True,
            bbox={"facecolor": "white", "alpha": 0.6, "linewidth": 0, "pad": 0.4},
        )


def _draw_class(places: Sequence[Any], one: ClassDetails, colour: Any, unit: str, last: bool) -> None:
    """Draw average, profile and pair distances of a class; only the last row has names below."""
    image, profile, pairs = places
    for axes in places:
        axes.tick_params(labelsize=7)
        axes.locator_params(nbins=4 if axes is image else 5)
    averaged = "" if one.averaged == one.count else f", {one.averaged} averaged"
    name = one.name if len(one.name) <= 30 else f"{one.name[:29]}…"
    image.set_title(f"■ {name}: {_regions(one.count)}{averaged}", fontsize=9, loc="left", color=colour)
    _draw_average(image, one, unit)
    _draw_profile(profile, one, colour)
    _draw_pairs(pairs, one, colour)
    if last:
        for axes, what in zip(places, ("from the centre", "distance to centre", "distance"), strict=True):
            axes.set_xlabel(f"{what} ({unit})", fontsize=8)


def _draw_average(axes: Any, one: ClassDetails, unit: str) -> None:
    mean = one.average.mean
    tall, wide = (n * size / 2 for n, size in zip(mean.shape, one.average.pixel_size, strict=True))
    low, high = robust_limits(mean)
    look = {"cmap": _stm(), "vmin": low, "vmax": high, "interpolation": "nearest"}
    picture = axes.imshow(mean, extent=(-wide, wide, tall, -tall), **look)
    bar = axes.figure.colorbar(picture, ax=axes, fraction=0.08, pad=0.04)
    bar.ax.tick_params(labelsize=6)
    bar.ax.locator_params(nbins=4)
    axes.set_ylabel(unit, fontsize=8)


def _draw_profile(axes: Any, one: ClassDetails, colour: Any) -> None:
    profile = one.profile
    axes.fill_between(
        *(profile.distance, profile.mean - profile.std, profile.mean + profile.std),
        color=colour,
        alpha=0.25,
        linewidth=0,
    )
    axes.plot(profile.distance, profile.mean, color=colour, linewidth=1.5)
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
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = (
            np.where(pairs.random > 0, one / pairs.random, np.nan) for one in (pairs.low, pairs.high)
        )
    axes.stairs(high, pairs.edges, baseline=low, fill=True, color="0.85")
    axes.stairs(pairs.ratio, pairs.edges, color=colour, linewidth=1.5)
    axes.axhline(1, color="0.5", linewidth=0.6)
    axes.set_xlim(0, pairs.edges[-1])
    axes.set_ylim(bottom=0)


def _stm() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("stm", STM_COLOURS).with_extremes(bad=NOT_SCANNED)


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(part / 255 for part in as_rgb(colour))
