"""Colours of the points of Explore, by class, by confidence or by scan, each with a legend."""

from collections.abc import Sequence
from html import escape

import numpy as np
from napari.utils.colormaps import ensure_colormap

from napari_stmml.classes import Classes
from napari_stmml.clustering.embedding import Drawn
from napari_stmml.colours import NO_COLOUR, class_colours
from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.viewer.explore.scatter import packed
from napari_stmml.viewer.model.confidence import UNLIKE

CLASS, CONFIDENCE, SCAN = BY = ("class", "confidence", "scan")
SHADES = "viridis"  # of confidence, from 0 to 1
MOST_NAMES = 16  # in the legend

Coloured = tuple[np.ndarray, str]  # packed colours, (n,); the legend, as Qt's rich text


def by_class(drawn: Drawn, shown: Sequence[np.ndarray], classes: Classes) -> Coloured:
    """Colour drawn cells by what they are shown as, (cells,) for each scan."""
    labels = drawn.of(shown)
    table = packed([NO_COLOUR, *classes.colours])
    there = [label for label in classes.order if (labels == label).any()]
    names = [(classes.entries[label - 1].colour, classes.entries[label - 1].name) for label in there]
    return table[labels], _legend(names)


def by_confidence(drawn: Drawn, scans: Sequence[CorrectedScan]) -> Coloured:
    """Colour drawn cells by the confidence of their label."""
    confidence = drawn.of([one.confidence.ravel() for one in scans])
    shades = np.rint(255 * ensure_colormap(SHADES).map(np.linspace(0, 1, 256))[:, :3]).astype(int)
    hexes = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in shades]
    table = packed([*hexes, UNLIKE, NO_COLOUR])
    entries = (255 * np.clip(np.nan_to_num(confidence), 0, 1)).astype(int)
    entries[confidence < 0], entries[np.isnan(confidence)] = 256, 257
    names = [(hexes[0], "0"), (hexes[128], "0.5"), (hexes[255], "1"), (UNLIKE, "unlike all examples")]
    return table[entries], _legend(names)


def by_scan(drawn: Drawn, scans: Sequence[CorrectedScan]) -> Coloured:
    """Colour drawn cells by their scan."""
    colours = class_colours(len(scans))
    return packed(colours)[drawn.scans], _legend(list(zip(colours, (one.name for one in scans), strict=True)))


def _legend(names: list[tuple[str, str]]) -> str:
    shown = [
        f'<span style="color:{escape(colour)}">■</span>&nbsp;{escape(name).replace(" ", "&nbsp;")}'
        for colour, name in names[:MOST_NAMES]
    ]
    more = [f"and {len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return " &nbsp;".join(shown + more)
