"""Make the pictures of docs/concepts.md from simulated scans, in a few seconds.

Run as ``MPLBACKEND=agg python docs/make_concepts.py``.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import distance_transform_edt

from napari_stmml import Scan, find_structures, flatten, train_classifier
from napari_stmml.colours import paint_classes
from napari_stmml.figures.colour_maps import stm_colormap
from napari_stmml.heights.lattice import split_lattice
from napari_stmml.measuring.measurements import FLATTENED
from napari_stmml.simulate.surfaces import simulate_si001, with_artefacts

OUT = Path(__file__).resolve().parent / "concepts"
SIZE = 14.0  # nm


def main() -> None:
    """Make both pictures."""
    OUT.mkdir(exist_ok=True)
    surface = simulate_si001((224, 224), SIZE, seed=8, angle=20, clusters=0)
    scan = Scan(with_artefacts(surface, seed=1).heights, surface.pixel_size)
    way(scan)
    objects(scan)


def way(scan: Scan) -> None:
    """Draw what becomes of a scan: recorded, flattened, without its lattice, clusters, classes."""
    flat = flatten(scan.heights, FLATTENED)
    residual, lattice = split_lattice(flat)
    model = train_classifier([scan], recipe="instant", n_clusters=8)
    clusters = model.predict(scan)
    classes = train_classifier([scan], recipe="objects")
    figure, panels = plt.subplots(2, 3, figsize=(10, 6), layout="constrained")
    for axes, title, values in zip(
        panels.flat,
        ("1  as recorded", "2  flattened", "3  its lattice", "4  what is left: the residual"),
        (scan.heights, flat, lattice, residual),
        strict=False,
    ):
        heights(axes, title, values)
    labels(panels[1, 1], "5  eight clusters (instant)", clusters, model)
    labels(panels[1, 2], "6  objects by type (objects)", classes.predict(scan), classes)
    keep(figure, "way")


def objects(scan: Scan) -> None:
    """Draw the objects of a scan, and how the height of one is measured."""
    found = find_structures(replace(scan))
    flat, own = found.flattened(0), found.labels(0)
    figure, (whole, one) = plt.subplots(1, 2, figsize=(8.4, 4.1), layout="constrained")
    x = (np.arange(flat.shape[1]) + 0.5) * SIZE / flat.shape[1]
    for axes in (whole, one):
        heights(axes, "", flat)
        axes.contour(x, x, own > 0, levels=[0.5], colors="#35d0ff", linewidths=1)
    whole.set_title(
        "outlines of the objects; those that touch\nthe border count, and are not averaged", fontsize=9
    )
    inside = found.table[~found.table.border].iloc[0]
    mine = own == own[round(inside.row), round(inside.col)]
    one.contour(
        x, x, distance_transform_edt(~mine), levels=[3, 8], colors="white", linewidths=1, linestyles="--"
    )
    one.contourf(x, x, mine, levels=[0.5, 1.5], colors="none", hatches=["//"])
    one.set(xlim=(inside.x_nm - 1.8, inside.x_nm + 1.8), ylim=(inside.y_nm + 1.8, inside.y_nm - 1.8))
    one.set_title(
        "apparent height: the region (hatched)\nagainst a ring of 3 to 8 px around it (dashed)", fontsize=9
    )
    keep(figure, "objects")


def keep(figure: Any, name: str) -> None:
    """Write a picture."""
    figure.savefig(OUT / f"{name}.png", dpi=90)


def heights(axes: Any, title: str, values: np.ndarray) -> None:
    """Draw a map of heights with its colour bar."""
    low, high = np.nanpercentile(values, (1, 99))
    image = axes.imshow(values, cmap=stm_colormap(), vmin=low, vmax=high, extent=(0, SIZE, SIZE, 0))
    axes.set_title(title, fontsize=10, loc="left")
    axes.figure.colorbar(image, ax=axes, label="nm", shrink=0.7)


def labels(axes: Any, title: str, values: np.ndarray, model: Any) -> None:
    """Draw a map of labels in the colours of the model."""
    colours = dict(enumerate(model.class_colours, 1))
    axes.imshow(paint_classes(values, colours), extent=(0, SIZE, SIZE, 0), interpolation="nearest")
    axes.set_title(title, fontsize=10, loc="left")


if __name__ == "__main__":
    main()
