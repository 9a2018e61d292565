"""Pictures for people: scan and labels side by side, and the loss curve; the only door to matplotlib."""

import difflib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.colours import NO_COLOUR, NOT_SCANNED, STM_COLOURS, as_rgb, paint_classes, robust_limits
from napari_stmml.files import atomic
from napari_stmml.flattening import flatten
from napari_stmml.labelmap import LabelMap
from napari_stmml.scan import Scan

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MOST_SHOWN = 800  # px of a map in a figure, where it gets 520


def caption(scan: Scan) -> str:
    """Say size, bias and setpoint in one line, as a figure in a paper does.

    >>> caption(Scan(np.zeros((10, 20)), (0.5, 0.5), bias=-1.7, setpoint=0.05))
    '10 x 5 nm, -1.7 V, 50 pA'
    """
    rows, cols = scan.heights.shape
    size = (
        f"{cols} x {rows} px" if scan.size_nm is None else f"{scan.size_nm[1]:.4g} x {scan.size_nm[0]:.4g} nm"
    )
    bias = [] if scan.bias is None else [f"{scan.bias:.4g} V"]
    setpoint = [] if scan.setpoint is None else [f"{scan.setpoint * 1000:.4g} pA"]
    return ", ".join([size, *bias, *setpoint])


def labels_figure(scan: Scan, labels: LabelMap) -> "Figure":
    """Draw a scan, flattened for the eye, and its labels side by side, row 0 at the top, in nm."""
    from matplotlib.colors import LinearSegmentedColormap

    shape = scan.heights.shape
    height, width = scan.size_nm or shape
    unit = "px" if scan.size_nm is None else "nm"
    used = [int(label) for label in np.unique(labels.labels) if label]
    shown = used[:40]
    room = 40 if len(shown) < 26 else 24  # letters of a name, in one column or two
    handles = [_patch(labels.colours.get(i, NO_COLOUR), labels.names.get(i, str(i)), room) for i in shown]
    figure, left, right, bar = _side_by_side(height / width, handles)
    place: dict[str, Any] = {"extent": (0, width, height, 0), "interpolation": "nearest"}
    step = max(1, max(shape) // MOST_SHOWN)
    seen = scan.heights[::step, ::step]
    if np.isfinite(seen).any():
        seen = flatten(seen, "poly_xy")
    low, high = robust_limits(seen)
    colours = LinearSegmentedColormap.from_list("stm", STM_COLOURS).with_extremes(bad=NOT_SCANNED)
    image = left.imshow(seen, cmap=colours, vmin=low, vmax=high, **place)
    figure.colorbar(image, cax=bar, label=f"{scan.channel} ({scan.unit})")
    left.set_title(f"{scan.name}\n{caption(scan)}", fontsize=9)
    right.imshow(paint_classes(labels.labels[::step, ::step], labels.colours), **place)
    right.set_title(f"{len(used)} classes, white: unlabelled", fontsize=9)
    left.set(xlabel=unit, ylabel=unit)
    right.set_xlabel(unit)
    return figure


def _side_by_side(aspect: float, handles: list[Any]) -> tuple["Figure", Any, Any, Any]:
    """Make a figure 12 inches wide: axes for heights, for labels with their legend, and for a colour bar.

    Its places are reckoned here: laying out takes matplotlib as long as drawing.
    """
    from matplotlib.figure import Figure

    columns = 1 + len(handles) // 26
    longest = max((len(handle.get_label()) for handle in handles), default=0)
    legend = columns * (0.5 + 0.065 * longest) if handles else 0.0
    side = (12 - 0.75 - 1.2 - 0.3 - legend) / 2
    tall = side * float(np.clip(aspect, 0.4, 2.5))
    high = max(tall + 1.05, 0.5 + 0.19 * -(-len(handles) // columns))
    figure = Figure(figsize=(12, high), dpi=110)

    def place(start: float, wide: float) -> tuple[float, float, float, float]:
        return start / 12, (high - 0.5 - tall) / high, wide / 12, tall / high

    # Anchored at the top: maps of a very long frame are lower than their places.
    left = figure.add_axes(place(0.75, side), anchor="N")
    right = figure.add_axes(place(0.75 + side + 1.2, side), anchor="N")
    bar = figure.add_axes(place(0.75 + side + 0.1, 0.15))
    right.tick_params(labelleft=False)
    if handles:
        look: dict[str, Any] = {
            "loc": "upper left",
            "bbox_to_anchor": (1.01, 1.0),
            "borderaxespad": 0.0,
            "frameon": False,
        }
        right.legend(handles=handles, fontsize=8, ncols=columns, **look)
    return figure, left, right, bar


@cache
def colour_table(cmap: str) -> np.ndarray:
    """Return the 256 colours of a colour map, (256, 3) uint8: ``stm``, or any of matplotlib's.

    Raises
    ------
    ValueError
        If it is not known, naming the nearest that is.
    """
    if cmap == "stm":
        places = np.linspace(0, len(STM_COLOURS) - 1, 256)
        parts = [np.interp(places, range(len(STM_COLOURS)), part) for part in zip(*STM_COLOURS, strict=True)]
        return np.rint(255 * np.stack(parts, axis=1)).astype(np.uint8)
    from matplotlib import colormaps

    known = {name.lower(): name for name in ("stm", *colormaps)}
    if cmap not in colormaps:
        near = difflib.get_close_matches(cmap.lower(), known, n=1, cutoff=0)[0]
        raise ValueError(
            f"cmap {cmap!r} is not known; did you mean {known[near]!r}? There are stm and those of matplotlib"
        )
    return colormaps[cmap](np.linspace(0, 1, 256), bytes=True)[:, :3]


def font_file(bold: bool = False) -> Path | None:
    """Find the typeface that matplotlib brings, which knows most of Europe's letters; None if it is gone."""
    import matplotlib

    file = Path(matplotlib.get_data_path(), "fonts", "ttf", f"DejaVuSans{'-Bold' if bold else ''}.ttf")
    return file if file.is_file() else None


def loss_figure(paper: str = "white", ink: str = "black") -> tuple["Figure", Any]:
    """Make an empty loss plot in two colours; return the figure and a function that draws losses into it.

    The function takes the training losses as (epochs, loss) and the validation losses likewise.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    figure = Figure(figsize=(4, 2.2), dpi=90, facecolor=paper)
    # Fixed margins and plain numbers: laying out and typesetting anew would take longer than drawing.
    axes = figure.add_axes(
        (0.19, 0.22, 0.78, 0.73), facecolor=paper, yscale="log", xlim=(0, 1), ylim=(1e-3, 0.1)
    )
    for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.4)))
    lines = [
        axes.plot([], [], style, label=name, markersize=4, linewidth=1.5)[0]
        for name, style in (("training", "-"), ("validation", "o--"))
    ]
    axes.set_xlabel("epoch", color=ink)
    axes.set_ylabel("loss (MSE)", color=ink)
    axes.legend(loc="upper right", fontsize=8, facecolor=paper, edgecolor=ink, labelcolor=ink)
    axes.tick_params(which="both", colors=ink, labelsize=8)
    axes.spines[:].set_color(ink)
    axes.grid(alpha=0.3)

    def draw(training: list[tuple[float, float]], validation: list[tuple[float, float]]) -> None:
        for line, losses in zip(lines, (training, validation), strict=True):
            line.set_data(np.reshape(losses, (-1, 2)).T)
        if training or validation:
            axes.relim()
            axes.autoscale()
            axes.autoscale_view()

    return figure, draw


def history_figure(history: list[dict[str, float]]) -> "Figure":
    """Draw the losses of a training, ``loss`` and where there is one ``val_loss``, against ``epoch``."""
    curves = {
        name: [(entry.get("epoch", i + 1), entry[key]) for i, entry in enumerate(history) if entry.get(key)]
        for name, key in (("training", "loss"), ("validation", "val_loss"))
    }
    figure, axes = _plot("epoch", "loss (MSE)")
    axes.set_yscale("log")
    for (name, points), style in zip(curves.items(), ("-o", "--s"), strict=True):
        if points:
            axes.plot(*zip(*points, strict=True), style, label=name, markersize=4)
    if axes.lines:
        axes.legend()
    axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def convergence_figure(inertia: list[float], windows: list[int]) -> "Figure":
    """Draw how clusters settle: inertia per window against how many windows were seen by then."""
    figure, axes = _plot("windows seen", "inertia per window")
    axes.plot(windows, inertia, "-o", markersize=3)
    return figure


def _plot(across: str, up: str) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), dpi=110)
    axes = figure.add_axes((0.12, 0.13, 0.85, 0.83), xlabel=across, ylabel=up)
    axes.grid(alpha=0.3)
    return figure, axes


def save_figure(figure: "Figure", path: str | Path) -> Path:
    """Write a figure as PNG or JPG, as the name ends, atomically.

    Raises
    ------
    ValueError
        If the name ends in something else.
    """
    kinds = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
    kind = kinds.get(Path(path).suffix.lower())
    if kind is None:
        raise ValueError(f"a figure is written as {', '.join(kinds)}, not as {Path(path).name}")
    with atomic(path) as beside:
        figure.savefig(beside, format=kind, pil_kwargs={"compress_level": 4} if kind == "png" else None)
    return Path(path)


def _patch(colour: str, name: str, room: int) -> Any:
    from matplotlib.patches import Patch

    short = name if len(name) <= room else f"{name[: room - 1]}…"
    red, green, blue = as_rgb(colour)
    return Patch(color=(red / 255, green / 255, blue / 255), label=short)
