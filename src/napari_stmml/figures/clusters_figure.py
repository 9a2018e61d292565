"""Pictures of the clusters of a model: its most typical windows or cells, on one scale of heights."""

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.colours import NOT_SCANNED, robust_limits
from napari_stmml.figures.colour_maps import colour_table, stm_colormap
from napari_stmml.figures.drawing import axes_at, shortened, text_at, unit_rgb
from napari_stmml.text import number, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from napari_stmml.model.classifier import SurfaceClassifier

MOST_ROWS = 60  # clusters in a figure
_LEFT, _TOP, _SIDE = 2.1, 0.5, 0.56  # inches: beside and above the pictures, from picture to picture


def exemplar_pictures(exemplars: np.ndarray) -> np.ndarray:
    """Paint the exemplars of clusters in the colours of heights, all on one scale.

    Parameters
    ----------
    exemplars : ndarray, shape (n_clusters, n, side, side)
        Prepared heights; NaN beyond the edge of a map, and all NaN where a cluster has fewer.

    Returns
    -------
    ndarray of uint8, shape (n_clusters, n, side, side, 4)
        Red, green, blue and opacity, which is 0 where there is no exemplar.
    """
    heights = exemplars.astype(np.float32)
    low, high = robust_limits(heights)
    known = np.isfinite(heights)
    shades = np.clip((np.where(known, heights, low) - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    painted = np.full((*heights.shape, 4), 255, np.uint8)
    painted[..., :3] = colour_table("stm")[shades]
    painted[~known, :3] = np.rint(255 * np.array(NOT_SCANNED))
    painted[~known.any((2, 3)), ..., 3] = 0
    return painted


def exemplar_width(classifier: "SurfaceClassifier") -> str:
    """Return how wide the picture of an exemplar is, in nm where the recipe resamples to a pixel density.

    Parameters
    ----------
    classifier : SurfaceClassifier

    Returns
    -------
    str
        A number with its unit, nm or px.
    """
    side = 0 if classifier.exemplars is None else classifier.exemplars.shape[-1]
    recipe = classifier.recipe
    in_nm = recipe.resample and recipe.pixel_density > 0
    return f"{number(side / recipe.pixel_density, 3)} nm" if in_nm else f"{side} px"


def cluster_shares(classifier: "SurfaceClassifier") -> list[float]:
    """Return the share of each cluster in the training data, 0 to 1; NaN where it is not known.

    Parameters
    ----------
    classifier : SurfaceClassifier

    Returns
    -------
    list of float, of length ``n_clusters``
    """
    sizes = np.array(classifier.training.get("cluster_sizes", ()), float)
    if len(sizes) != classifier.n_clusters or not sizes.sum():
        return [float("nan")] * classifier.n_clusters
    return (sizes / sizes.sum()).tolist()


def clusters_figure(classifier: "SurfaceClassifier") -> "Figure":
    """Draw a row a cluster: its colour, name and share, and its exemplars.

    Parameters
    ----------
    classifier : SurfaceClassifier

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If the model has kept no exemplars.
    """
    from matplotlib.figure import Figure

    if classifier.exemplars is None:
        raise ValueError(f"a model of recipe {classifier.recipe.title} keeps no exemplars to show")
    rows, n, side, _ = classifier.exemplars[:MOST_ROWS].shape
    wide, high, step = n * _SIDE, rows * _SIDE, side + 4
    mosaic = np.full((rows, step, n, step, 4), 255, np.uint8)
    pictures = exemplar_pictures(classifier.exemplars)[:rows]
    pictures[pictures[..., 3] == 0] = 255
    mosaic[:, 2:-2, :, 2:-2] = pictures.transpose(0, 2, 1, 3, 4)
    figure = Figure(figsize=(_LEFT + wide + 0.9, _TOP + high + 0.15), dpi=110)
    axes = axes_at(figure, _LEFT, _TOP, wide, high)
    axes.imshow(mosaic.reshape(rows * step, n * step, 4), extent=(0, n, rows, 0), aspect="auto")
    axes.set_axis_off()
    _name_rows(axes, classifier, rows)
    more = "" if rows == classifier.n_clusters else f"; {classifier.n_clusters - rows} more are not shown"
    title = f"Typical examples of each cluster; a picture is {exemplar_width(classifier)} wide{more}"
    text_at(figure, 0.1, 0.3, title, fontsize=10, va="center")
    _add_height_bar(figure, classifier, _LEFT + wide + 0.1, min(high, 2.2))
    return figure


def _name_rows(axes: Any, classifier: "SurfaceClassifier", rows: int) -> None:
    """Write colour, name and share of each cluster beside its row."""
    from matplotlib.patches import Rectangle

    shares = cluster_shares(classifier)
    for row in range(rows):
        _, name, colour = classifier.classes.look(row)
        chip = Rectangle((-3.6, row + 0.2), 0.4, 0.6, color=unit_rgb(colour), clip_on=False)
        axes.add_patch(chip)
        axes.text(-3.05, row + 0.4, shortened(name, 22), fontsize=9, va="center")
        axes.text(-3.05, row + 0.72, percent(shares[row]), fontsize=8, va="center", color="0.4")


def _add_height_bar(figure: "Figure", classifier: "SurfaceClassifier", left: float, high: float) -> None:
    """Add the scale of heights of all exemplars; place and size are in inches."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    assert classifier.exemplars is not None
    limits = robust_limits(classifier.exemplars.astype(np.float32))
    bar = axes_at(figure, left, _TOP, 0.12, high)
    label = "nm" if classifier.recipe.normalisation == "nm" else "prepared height"
    figure.colorbar(ScalarMappable(Normalize(*limits), stm_colormap()), cax=bar).set_label(label, fontsize=8)
    bar.tick_params(labelsize=7)
