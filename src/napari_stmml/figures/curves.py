"""Curves of a training: losses over the epochs, silhouettes over numbers of clusters, k-means."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANEL, _PAGE = (4, 2.2), (7, 4.2)  # inches
Points = Sequence[tuple[float, float]]


def loss_figure(paper: str = "white", ink: str = "black") -> tuple["Figure", Any]:
    """Make an empty plot of losses for a panel, in two colours.

    Returns
    -------
    figure : Figure
    draw : callable
        Takes the training losses as (epoch, loss) pairs, and the validation losses likewise, and draws them.
    """
    from matplotlib.ticker import LogFormatter

    figure, axes = _plot("epoch", "loss", paper, ink)
    axes.set(yscale="log", xlim=(0, 1), ylim=(1e-3, 0.1))
    # Plain numbers: typesetting powers anew would take longer than drawing.
    for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.4)))
    lines = [
        axes.plot([], [], style, label=name, markersize=4, linewidth=1.5)[0]
        for name, style in (("training", "-"), ("validation", "o--"))
    ]
    axes.legend(loc="upper right", fontsize=8, facecolor=paper, edgecolor=ink, labelcolor=ink)

    def draw(training: Points, validation: Points) -> None:
        for line, losses in zip(lines, (training, validation), strict=True):
            line.set_data(np.reshape(losses, (-1, 2)).T)
        if training or validation:
            axes.relim()
            axes.autoscale()
            axes.autoscale_view()

    return figure, draw


def proposal_figure(paper: str = "white", ink: str = "black") -> tuple["Figure", Any]:
    """Make an empty plot of silhouettes over numbers of clusters for a panel, in two colours.

    Returns
    -------
    figure : Figure
    draw : callable
        Takes (number of clusters, silhouette) pairs and the number that is proposed, and draws them.
    """
    figure, axes = _plot("number of clusters", "silhouette", paper, ink)
    (line,) = axes.plot([], [], "o-", markersize=4, linewidth=1.5)
    mark = axes.axvline(0, color=ink, linestyle="--", linewidth=1, visible=False)

    def draw(curve: Points, proposed: int) -> None:
        line.set_data(np.reshape(curve, (-1, 2)).T)
        mark.set_xdata([proposed, proposed])
        mark.set_visible(True)
        axes.relim()
        axes.autoscale_view()

    return figure, draw


def history_figure(history: Sequence[Mapping[str, float]]) -> "Figure":
    """Draw the losses of a training over its epochs.

    Parameters
    ----------
    history : sequence of mapping
        Of each epoch: ``loss``, and where they are known ``val_loss`` and ``epoch``.
    """
    figure, axes = _plot("epoch", "loss (MSE)")
    axes.set_yscale("log")
    for name, key, style in (("training", "loss", "-o"), ("validation", "val_loss", "--s")):
        points = [(one.get("epoch", i + 1), one[key]) for i, one in enumerate(history) if one.get(key)]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=name, markersize=4)
            axes.legend()
    axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def convergence_figure(inertia: Sequence[float], windows: Sequence[int]) -> "Figure":
    """Draw how k-means converges.

    Parameters
    ----------
    inertia : sequence of float
        Per window, after each batch.
    windows : sequence of int
        Seen by then.
    """
    figure, axes = _plot("windows seen", "inertia per window")
    axes.plot(windows, inertia, "-o", markersize=3)
    return figure


def _plot(across: str, up: str, paper: str = "", ink: str = "") -> tuple["Figure", Any]:
    """Make an empty plot for a page, or in two colours for a panel; fixed margins are quick to draw."""
    from matplotlib.figure import Figure

    if not paper:
        figure = Figure(figsize=_PAGE, dpi=110)
        axes = figure.add_axes((0.12, 0.13, 0.85, 0.83), xlabel=across, ylabel=up)
    else:
        figure = Figure(figsize=_PANEL, dpi=90, facecolor=paper)
        axes = figure.add_axes((0.19, 0.22, 0.78, 0.73), facecolor=paper)
        axes.set_xlabel(across, color=ink)
        axes.set_ylabel(up, color=ink)
        axes.tick_params(which="both", colors=ink, labelsize=8)
        axes.spines[:].set_color(ink)
    axes.grid(alpha=0.3)
    return figure, axes
