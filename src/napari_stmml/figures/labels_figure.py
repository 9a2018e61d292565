"""A figure of a scan and its labels side by side, with a legend of the classes and a picture of each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.colours import NO_COLOUR, as_rgb, paint_classes
from napari_stmml.figures.clusters_figure import exemplar_pictures
from napari_stmml.figures.drawing import (
    MOST_SHOWN,
    axes_at,
    caption,
    shortened,
    show_heights,
    unit_rgb,
)
from napari_stmml.heights.flatten import flatten
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan
from napari_stmml.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_IN_STRIP = 20  # classes that have a picture below the maps
_MOST_NAMES, _ONE_COLUMN = 40, 26  # in the legend
_WIDE, _LEFT, _TOP, _BETWEEN, _RIGHT = 12, 0.75, 0.5, 1.2, 0.3  # inches


def labels_figure(scan: Scan, labels: LabelMap, exemplars: np.ndarray | None = None) -> "Figure":
    """Draw a scan, flattened to be seen, and its labels side by side, row 0 at the top, in nm.

    Parameters
    ----------
    scan : Scan
    labels : LabelMap
    exemplars : ndarray, shape (n_clusters, n, side, side), optional
        Typical windows or cells of the model's clusters: one of each class on the map is drawn below, in a
        frame of its colour.
    """
    tall, wide = scan.size_nm or scan.heights.shape
    used = [int(label) for label in np.unique(labels.labels) if label]
    colours = {label: labels.colours.get(label, NO_COLOUR) for label in used}
    names = {label: labels.names.get(label, str(label)) for label in used[:_MOST_NAMES]}
    n = 0 if exemplars is None else len(exemplars)
    typical = {label: colours[label] for label in list(names)[:MOST_IN_STRIP] if label <= n}
    figure, left, right, bar = _side_by_side(tall / wide, names, colours, 0.75 if typical else 0.0)
    if exemplars is not None and typical:
        _add_strip(figure, exemplars, typical)
    _draw_maps(left, right, bar, scan, labels, extent=(0, wide, tall, 0))
    left.set_title(f"{scan.name}\n{caption(scan)}", fontsize=9)
    right.set_title(f"{counted(len(used), 'class')}, white: unlabelled", fontsize=9)
    for axes in (left, right):
        axes.set_xlabel("px" if scan.size_nm is None else "nm")
    left.set_ylabel(left.get_xlabel())
    return figure


def _draw_maps(
    left: Any, right: Any, bar: Any, scan: Scan, labels: LabelMap, extent: tuple[float, float, float, float]
) -> None:
    step = max(1, max(scan.heights.shape) // MOST_SHOWN)
    heights = scan.heights[::step, ::step]
    if np.isfinite(heights).any():
        heights = flatten(heights, "poly_xy")
    image = show_heights(left, heights, extent)
    left.figure.colorbar(image, cax=bar, label=f"{scan.channel} ({scan.unit})")
    painted = paint_classes(labels.labels[::step, ::step], labels.colours)
    right.imshow(painted, extent=extent, interpolation="nearest")


def _side_by_side(
    aspect: float, names: Mapping[int, str], colours: Mapping[int, str], foot: float
) -> tuple["Figure", Any, Any, Any]:
    """Make a figure with axes for heights, for labels with their legend, and for a colour bar.

    ``foot`` inches are left free below.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    columns, most = (1, 40) if len(names) < _ONE_COLUMN else (2, 24)  # letters of a name
    texts = {label: shortened(name, most) for label, name in names.items()}
    handles = [Patch(color=unit_rgb(colours[label]), label=text) for label, text in texts.items()]
    longest = max(map(len, texts.values()), default=0)
    legend = columns * (0.5 + 0.065 * longest) if handles else 0.0
    side = (_WIDE - _LEFT - _BETWEEN - _RIGHT - legend) / 2
    tall = side * float(np.clip(aspect, 0.4, 2.5))
    high = foot + max(tall + 1.05, 0.5 + 0.19 * -(-len(handles) // columns))
    figure = Figure(figsize=(_WIDE, high), dpi=110)
    # Anchored at the top: maps of a very long frame are lower than their axes.
    left = axes_at(figure, _LEFT, _TOP, side, tall, anchor="N")
    right = axes_at(figure, _LEFT + side + _BETWEEN, _TOP, side, tall, anchor="N")
    bar = axes_at(figure, _LEFT + side + 0.1, _TOP, 0.15, tall)
    right.tick_params(labelleft=False)
    if handles:
        beside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
        right.legend(handles=handles, fontsize=8, ncols=columns, frameon=False, **beside)
    return figure, left, right, bar


def _add_strip(figure: "Figure", exemplars: np.ndarray, colours: Mapping[int, str]) -> None:
    """Add a picture of each label, in a frame of its colour, along the foot of a figure.

    It is the first exemplar that no edge of a map cuts.
    """
    side, frame = exemplars.shape[-1], 3
    step = side + 2 * frame + 4
    strip = np.full((side + 2 * frame, MOST_IN_STRIP * step, 4), 255, np.uint8)
    pictures = exemplar_pictures(exemplars)
    whole = np.isfinite(exemplars).sum((2, 3)).argmax(1)
    for place, (label, colour) in enumerate(colours.items()):
        tile = strip[:, place * step : (place + 1) * step - 4]
        tile[..., :3] = as_rgb(colour)
        picture = pictures[label - 1, whole[label - 1]]
        tile[frame:-frame, frame:-frame] = np.where(picture[..., 3:] > 0, picture, 255)
    wide, high = figure.get_size_inches()
    across = wide - _LEFT - _RIGHT
    tall = across * strip.shape[0] / strip.shape[1]
    axes = axes_at(figure, _LEFT, high - 0.1 - tall, across, tall)
    axes.imshow(strip, aspect="auto")
    axes.set_axis_off()
