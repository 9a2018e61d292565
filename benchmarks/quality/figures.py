"""Draw one unseen surface of each kind: heights, truth, and what contenders see."""

from pathlib import Path

import numpy as np

from benchmarks.quality.measure import BORDER, TESTS, Result, surface_of
from benchmarks.quality.models import scan_of
from napari_stmml.colours import class_colours, paint_classes
from napari_stmml.figures.colour_maps import colour_heights
from napari_stmml.recipe import get_recipe

SHOWN = ("srsml24", "instant", "learned")
SURFACE = "#d9d9d9"  # the bare surface is most of a picture
COLOURS = 128  # of a picture, so that it stays small


def save_figure(path: Path, kind: str, results: dict[str, Result], seed: int = TESTS[0]) -> Path:
    """Draw clusters in the colour of the class that each was given to.

    Parameters
    ----------
    path : Path
        ``.png``
    kind : str
    results : dict of str to Result
        By contender; those of ``SHOWN`` are drawn.
    seed : int
        Of the surface.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
    from PIL import Image

    surface = surface_of(kind, seed, False)
    flat = get_recipe("instant").preprocessing.flat(scan_of(surface, False))
    colours = (SURFACE, *class_colours(len(surface.classes) - 1))
    painted = dict(enumerate(colours, 1))
    panels = {"heights": colour_heights(flat), "truth": paint_classes(surface.labels + 1, painted)}
    for name in SHOWN:
        if name in results:
            found = results[name]
            classes = np.where(found.labels > 0, found.given[found.labels] + 1, 0)
            panels[f"{name}, F1 {found.numbers['f1 20']:.2f}"] = paint_classes(classes, painted)
    figure = Figure(figsize=(3 * len(panels), 3.7), dpi=100, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.08)
    for axes, (name, panel) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        axes.imshow(panel[BORDER:-BORDER, BORDER:-BORDER], interpolation="nearest")
        axes.set_title(name, fontsize=11)
        axes.set_axis_off()
    legend = [Patch(color=one, label=name) for one, name in zip(colours, surface.classes, strict=True)]
    figure.legend(handles=legend, loc="outside lower center", ncols=len(legend), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    picture = Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    return path
