"""A figure of the objects of a scan: outlines in the colours of types, and the mean image of each type."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.colours import robust_limits, type_colour
from napari_stmml.figures.colour_maps import stm_colormap
from napari_stmml.figures.drawing import axes_at, caption, shortened, show_heights, text_at, unit_rgb
from napari_stmml.structures.averages import MeanImage
from napari_stmml.structures.found_objects import StructureType
from napari_stmml.structures.structures import Structures
from napari_stmml.text import with_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TYPES = 12
_SIDE, _LEFT, _TOP, _IMAGE, _ROW = 7.0, 0.7, 0.75, 0.95, 1.15  # inches


def structures_figure(found: Structures, scan: int, means: Mapping[int, MeanImage] | None = None) -> "Figure":
    """Draw the flattened heights of a scan with the outlines of its objects, and a legend of types.

    Parameters
    ----------
    found : Structures
    scan : int
        Index of the scan.
    means : mapping of int to MeanImage, optional
        Mean images of types over more scans than are at hand: counts and densities are those of this scan.

    Returns
    -------
    Figure
        Disordered areas are hatched, and steps dotted: no objects are looked for there.
    """
    from matplotlib.figure import Figure

    shown = found.types[:MOST_TYPES]
    one, flat = found.scans[scan], found.flattened(scan)
    tall, wide = one.size_nm or flat.shape
    across, down = (_SIDE, _SIDE * tall / wide) if tall <= wide else (_SIDE * wide / tall, _SIDE)
    high = _TOP + max(down + 0.6, _ROW * len(shown) + 0.4)
    figure = Figure(figsize=(_LEFT + across + 3.6, high), dpi=110)
    axes = axes_at(figure, _LEFT, _TOP, across, down)
    show_heights(axes, flat, (0, wide, tall, 0))
    axes.set(xlabel="x (nm)", ylabel="y (nm)")
    _outline(axes, found, scan, (tall, wide))
    text_at(figure, _LEFT, 0.12, f"{one.name}\n{caption(one)}", fontsize=10, va="top")
    for row, kind in enumerate(shown):
        here = int(found.count(scan, kind.number))
        counts = f"{here} here, {kind.count} in all" if means is None else f"{here} here"
        mean = kind.mean if means is None else means.get(kind.number)
        _legend(figure, _LEFT + across + 0.4, _TOP + row * _ROW, kind, mean, counts)
    return figure


def _outline(axes: Any, found: Structures, scan: int, size: tuple[float, float]) -> None:
    labels = found.labels(scan, "type")
    objects = found.labels(scan) > 0
    y, x = ((np.arange(n) + 0.5) * length / n for n, length in zip(labels.shape, size, strict=True))
    for number in np.unique(labels[objects]).tolist():
        colour = unit_rgb(type_colour(number))
        axes.contour(x, y, objects & (labels == number), levels=[0.5], colors=[colour], linewidths=0.9)
    for area, hatch in ((found.disordered(scan), "//"), (found.at_steps(scan), "....")):
        if area.any():
            axes.contourf(x, y, area, levels=[0.5, 1.5], colors="none", hatches=[hatch])


def _legend(
    figure: "Figure", left: float, top: float, kind: StructureType, mean: MeanImage | None, counts: str
) -> None:
    if mean is not None:
        low, high = robust_limits(mean.heights)
        axes = axes_at(figure, left, top, _IMAGE, _IMAGE, xticks=[], yticks=[])
        axes.imshow(mean.heights, cmap=stm_colormap(), vmin=low, vmax=high)
        for side in axes.spines.values():
            side.set(color=unit_rgb(type_colour(kind.number)), linewidth=2)
    lines = [
        shortened(kind.name, 24),
        counts,
        f"{with_error(kind.density_per_nm2, kind.error_per_nm2)} per nm²",
    ]
    text_at(figure, left + _IMAGE + 0.12, top + 0.05, "\n".join(lines), fontsize=8, va="top")
