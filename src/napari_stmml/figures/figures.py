"""Pictures for people: scan and labels side by side, clusters, curves; the only door to matplotlib."""

import difflib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.colours import NO_COLOUR, NOT_SCANNED, STM_COLOURS, as_rgb, paint_classes, robust_limits
from napari_stmml.heights.flatten import flatten
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan
from napari_stmml.system.files import atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from napari_stmml.model.classifier import SurfaceClassifier


MOST_SHOWN = 800  # px of a map in a figure, where it gets 520
MOST_ROWS = 60  # clusters in a figure of them
MOST_IN_STRIP = 20  # classes whose most typical place stands below a map


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


def labels_figure(scan: Scan, labels: LabelMap, exemplars: np.ndarray | None = None) -> "Figure":
    """Draw a scan, flattened for the eye, and its labels side by side, row 0 at the top, in nm.

    With ``exemplars`` of the model's clusters, (n_clusters, n, side, side), the most typical place of each
    class that is there stands below, in a frame of its colour.
    """
    from matplotlib.colors import LinearSegmentedColormap

    shape = scan.heights.shape
    height, width = scan.size_nm or shape
    unit = "px" if scan.size_nm is None else "nm"
    used = [int(label) for label in np.unique(labels.labels) if label]
    shown = used[:40]
    room = 40 if len(shown) < 26 else 24  # letters of a name, in one column or two
    handles = [_patch(labels.colours.get(i, NO_COLOUR), labels.names.get(i, str(i)), room) for i in shown]
    typical = [] if exemplars is None else [i for i in shown if i <= len(exemplars)][:MOST_IN_STRIP]
    figure, left, right, bar = _side_by_side(height / width, handles, 0.75 if typical else 0.0)
    if exemplars is not None and typical:
        _strip(figure, exemplars, {i: labels.colours.get(i, NO_COLOUR) for i in typical})
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


def _strip(figure: "Figure", exemplars: np.ndarray, colours: Mapping[int, str]) -> None:
    """Add an exemplar of some labels, each in a frame of its colour, along the foot of a figure.

    It is the first that no edge of a map cuts.
    """
    side, frame = exemplars.shape[-1], 3
    wide, high = figure.get_size_inches()
    step = side + 2 * frame + 4
    strip = np.full((side + 2 * frame, MOST_IN_STRIP * step, 4), 255, np.uint8)
    pictures = exemplar_pictures(exemplars)
    whole = np.isfinite(exemplars).sum((2, 3)).argmax(1)
    for place, (label, colour) in enumerate(colours.items()):
        tile = strip[:, place * step : (place + 1) * step - 4]
        tile[..., :3] = as_rgb(colour)
        there = pictures[label - 1, whole[label - 1]]
        tile[frame:-frame, frame:-frame] = np.where(there[..., 3:] > 0, there, 255)
    across = wide - 0.75 - 0.3
    tall = across * strip.shape[0] / strip.shape[1]
    axes = figure.add_axes((0.75 / wide, 0.1 / high, across / wide, tall / high))
    axes.imshow(strip, aspect="auto")
    axes.set_axis_off()


def _side_by_side(aspect: float, handles: list[Any], foot: float = 0.0) -> tuple["Figure", Any, Any, Any]:
    """Make a figure 12 inches wide: axes for heights, for labels with their legend, and for a colour bar.

    ``foot`` inches are left free below.


    Its places are reckoned here: laying out takes matplotlib as long as drawing.
    """
    from matplotlib.figure import Figure

    columns = 1 + len(handles) // 26
    longest = max((len(handle.get_label()) for handle in handles), default=0)
    legend = columns * (0.5 + 0.065 * longest) if handles else 0.0
    side = (12 - 0.75 - 1.2 - 0.3 - legend) / 2
    tall = side * float(np.clip(aspect, 0.4, 2.5))
    high = foot + max(tall + 1.05, 0.5 + 0.19 * -(-len(handles) // columns))
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


def exemplar_pictures(exemplars: np.ndarray) -> np.ndarray:
    """Paint the most typical windows of clusters in the colours of heights, all on one scale.

    Parameters
    ----------
    exemplars : ndarray, shape (n_clusters, n, side, side)
        Prepared heights; NaN beyond the edge of a map, and all NaN where a cluster has fewer.

    Returns
    -------
    ndarray of uint8, shape (n_clusters, n, side, side, 4)
        Red, green, blue and opacity, which is 0 where there is no window.
    """
    heights = exemplars.astype(np.float32)
    low, high = robust_limits(heights)
    there = np.isfinite(heights)
    places = np.clip((np.where(there, heights, low) - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    painted = np.full((*heights.shape, 4), 255, np.uint8)
    painted[..., :3] = colour_table("stm")[places]
    painted[~there, :3] = np.rint(255 * np.array(NOT_SCANNED))
    painted[~there.any((2, 3)), ..., 3] = 0
    return painted


def exemplars_side(classifier: "SurfaceClassifier") -> str:
    """Say how wide the picture of an exemplar is, in nm where the recipe brings scans to a density."""
    side = 0 if classifier.exemplars is None else classifier.exemplars.shape[-1]
    recipe = classifier.recipe
    in_nm = recipe.resample and recipe.pixel_density > 0
    return f"{side / recipe.pixel_density:.3g} nm" if in_nm else f"{side} px"


def cluster_shares(classifier: "SurfaceClassifier") -> list[float]:
    """Return the share of each cluster in what the model was made of, 0 to 1; NaN where it is not known."""
    sizes = np.array(classifier.training.get("cluster_sizes", ()), float)
    if len(sizes) != classifier.n_clusters or not sizes.sum():
        return [float("nan")] * classifier.n_clusters
    return (sizes / sizes.sum()).tolist()


def share_text(share: float) -> str:
    """Write a share as per cent.

    >>> share_text(0.123456), share_text(0.0004), share_text(float("nan"))
    ('12.3 %', '0.04 %', '')
    """
    return "" if np.isnan(share) else f"{100 * share:.{1 if share >= 0.01 else 2}f} %"


def exemplars_figure(classifier: "SurfaceClassifier") -> "Figure":
    """Draw a row a cluster: its colour, name and share, and its most typical windows on one height scale.

    Raises
    ------
    ValueError
        If the model has kept no windows.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    if classifier.exemplars is None:
        raise ValueError(f"a model of recipe {classifier.recipe.name} keeps no windows to show")
    rows, n, side, _ = classifier.exemplars[:MOST_ROWS].shape
    step, inch = side + 4, 0.56  # px and inches from picture to picture
    mosaic = np.full((rows, step, n, step, 4), 255, np.uint8)
    pictures = exemplar_pictures(classifier.exemplars)[:rows]
    pictures[pictures[..., 3] == 0] = 255
    mosaic[:, 2:-2, :, 2:-2] = pictures.transpose(0, 2, 1, 3, 4)
    left, top, wide, high = 2.1, 0.5, n * inch, rows * inch
    size = (left + wide + 0.9, top + high + 0.15)
    figure = Figure(figsize=size, dpi=110)
    axes = figure.add_axes((left / size[0], 0.15 / size[1], wide / size[0], high / size[1]))
    axes.imshow(mosaic.reshape(rows * step, n * step, 4), extent=(0, n, rows, 0), aspect="auto")
    axes.set_axis_off()
    shares = cluster_shares(classifier)
    for row in range(rows):
        _, name, look = classifier.classes.look(row)
        colour = tuple(part / 255 for part in as_rgb(look))
        chip = Rectangle((-3.6, row + 0.2), 0.4, 0.6, color=colour, clip_on=False)
        axes.add_patch(chip)
        axes.text(-3.05, row + 0.4, _short(name, 22), fontsize=9, va="center")
        axes.text(-3.05, row + 0.72, share_text(shares[row]), fontsize=8, va="center", color="0.4")
    more = "" if rows == classifier.n_clusters else f"; {classifier.n_clusters - rows} more are not shown"
    title = f"The most typical places of each cluster; a picture is {exemplars_side(classifier)} wide{more}"
    figure.text(0.1 / size[0], 1 - 0.3 / size[1], title, fontsize=10, va="center")
    _height_bar(figure, classifier, (left + wide + 0.1, size[1] - top - min(high, 2.2), 0.12, min(high, 2.2)))
    return figure


def _height_bar(figure: "Figure", classifier: "SurfaceClassifier", place: tuple[float, ...]) -> None:
    """Add the scale of heights that all exemplars are drawn on; ``place`` is in inches."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    assert classifier.exemplars is not None
    low, high = robust_limits(classifier.exemplars.astype(np.float32))
    wide, tall = figure.get_size_inches()
    bar = figure.add_axes((place[0] / wide, place[1] / tall, place[2] / wide, place[3] / tall))
    colours = LinearSegmentedColormap.from_list("stm", STM_COLOURS)
    label = "nm" if classifier.recipe.normalisation == "nm" else "prepared height"
    figure.colorbar(ScalarMappable(Normalize(low, high), colours), cax=bar).set_label(label, fontsize=8)
    bar.tick_params(labelsize=7)


def loss_figure(paper: str = "white", ink: str = "black") -> tuple["Figure", Any]:
    """Make an empty loss plot in two colours; return the figure and a function that draws losses into it.

    The function takes the training losses as (epochs, loss) and the validation losses likewise.
    """
    from matplotlib.ticker import LogFormatter

    figure, axes = _small_plot(paper, ink, "epoch", "loss")
    axes.set(yscale="log", xlim=(0, 1), ylim=(1e-3, 0.1))
    # Plain numbers: typesetting powers anew would take longer than drawing.
    for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.4)))
    lines = [
        axes.plot([], [], style, label=name, markersize=4, linewidth=1.5)[0]
        for name, style in (("training", "-"), ("validation", "o--"))
    ]
    axes.legend(loc="upper right", fontsize=8, facecolor=paper, edgecolor=ink, labelcolor=ink)

    def draw(training: list[tuple[float, float]], validation: list[tuple[float, float]]) -> None:
        for line, losses in zip(lines, (training, validation), strict=True):
            line.set_data(np.reshape(losses, (-1, 2)).T)
        if training or validation:
            axes.relim()
            axes.autoscale()
            axes.autoscale_view()

    return figure, draw


def proposal_figure(paper: str = "white", ink: str = "black") -> tuple["Figure", Any]:
    """Make an empty plot of silhouettes against numbers of clusters; return it and what draws into it.

    The function takes (number of clusters, silhouette) pairs and the number that is proposed.
    """
    figure, axes = _small_plot(paper, ink, "number of clusters", "silhouette")
    (line,) = axes.plot([], [], "o-", markersize=4, linewidth=1.5)
    mark = axes.axvline(0, color=ink, linestyle="--", linewidth=1, visible=False)

    def draw(curve: list[tuple[int, float]], proposed: int) -> None:
        line.set_data(np.reshape(curve, (-1, 2)).T)
        mark.set_xdata([proposed, proposed])
        mark.set_visible(True)
        axes.relim()
        axes.autoscale_view()

    return figure, draw


def _small_plot(paper: str, ink: str, across: str, up: str) -> tuple["Figure", Any]:
    """Make an empty plot for a panel, in two colours.

    Its margins are fixed: laying out anew would take longer than drawing.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 2.2), dpi=90, facecolor=paper)
    axes = figure.add_axes((0.19, 0.22, 0.78, 0.73), facecolor=paper)
    axes.set_xlabel(across, color=ink)
    axes.set_ylabel(up, color=ink)
    axes.tick_params(which="both", colors=ink, labelsize=8)
    axes.spines[:].set_color(ink)
    axes.grid(alpha=0.3)
    return figure, axes


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

    red, green, blue = as_rgb(colour)
    return Patch(color=(red / 255, green / 255, blue / 255), label=_short(name, room))


def _short(name: str, room: int) -> str:
    return name if len(name) <= room else f"{name[: room - 1]}…"
