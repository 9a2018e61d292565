"""Pictures for people: scan and labels side by side, and the loss curve; the only door to matplotlib."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.files import atomic
from napari_stmml.flattening import flatten
from napari_stmml.labelmap import LabelMap
from napari_stmml.scan import Scan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STM_COLOURS = (
    "#000000",
    "#7a3a00",
    "#ff8c1a",
    "#ffd9a0",
    "#ffffff",
)  # dark to bright, as STM images are shown


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
    from matplotlib.figure import Figure

    rows, cols = scan.heights.shape
    height, width = scan.size_nm or (rows, cols)
    unit = "px" if scan.size_nm is None else "nm"
    tall = float(np.clip(height / width, 0.4, 2.5))
    figure = Figure(figsize=(12, 4.7 * tall + 0.7), layout="constrained", dpi=110)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    place: dict[str, Any] = {"extent": (0, width, height, 0), "interpolation": "nearest"}
    seen = flatten(scan.heights, "poly_xy")
    low, high = np.nanpercentile(seen, (0.5, 99.5))
    colours = LinearSegmentedColormap.from_list("stm", STM_COLOURS).with_extremes(bad="#5a6a7a")
    image = left.imshow(seen, cmap=colours, vmin=low, vmax=high, **place)
    figure.colorbar(image, ax=left, label=f"{scan.channel} ({scan.unit})", fraction=0.046, pad=0.02)
    left.set_title(f"{scan.name}\n{caption(scan)}", fontsize=9)
    right.imshow(colour_labels(labels), **place)
    used = [label for label in np.unique(labels.labels) if label]
    right.set_title(f"{len(used)} classes, white: unlabelled", fontsize=9)
    handles = [
        _patch(labels.colours.get(int(i), "#888888"), labels.names.get(int(i), str(i))) for i in used[:40]
    ]
    if handles:
        look = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0, "frameon": False}
        right.legend(handles=handles, fontsize=8, ncols=1 + len(handles) // 26, **look)
    for axes in (left, right):
        axes.set_xlabel(unit)
    left.set_ylabel(unit)
    return figure


def colour_labels(labels: LabelMap) -> np.ndarray:
    """Paint a label map in its classes' colours: (rows, cols, 3) float in 0..1, white where unlabelled."""
    from matplotlib.colors import to_rgb

    used, places = np.unique(labels.labels, return_inverse=True)
    table = [to_rgb(labels.colours.get(int(label), "#8c8c8c")[:7]) if label else (1, 1, 1) for label in used]
    return np.array(table, float)[places.reshape(labels.labels.shape)]


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


def save_figure(figure: "Figure", path: str | Path) -> Path:
    """Write a figure as PNG, atomically."""
    with atomic(path) as beside:
        figure.savefig(beside, format="png")
    return Path(path)


def _patch(colour: str, name: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour[:7], label=name)
