"""The steps from a scan to a figure, and what of them is done for the scan that is looked at."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image

from napari_stmml.text import counted, number, percent
from napari_stmml.viewer.correct.session_layers import correction_of
from napari_stmml.viewer.io.layers import KEY, NAMES
from napari_stmml.viewer.io.levelling import AS_RECORDED, levelling_of, recorded_scan
from napari_stmml.viewer.io.predicted_layer import prediction_of, shown_map
from napari_stmml.viewer.shared.in_sight import is_of_same_scan
from napari_stmml.viewer.shared.shared_state import shared_state
from napari_stmml.viewer.shared.temporary_layers import lasting_layers
from napari_stmml.viewer.structures.layers import structures_of

PLANE = {"poly_xy": "plane", "poly_xy_2": "second-order plane"}  # of a chain, in words
FLATTEN = "flatten"  # what the history of a flattened scan begins with


@dataclass(frozen=True)
class Step:
    """A step, and what it is for.

    Parameters
    ----------
    name : str
        As its button says.
    panel : str
        That does it; empty for a choice of files.
    hint : str
        What it is for, shown until it is done.
    needs : tuple of str
        Steps of which one has to be done before.
    skip : bool
        Whether one can go on without it.
    """

    name: str
    panel: str
    hint: str
    needs: tuple[str, ...] = ()
    skip: bool = False


STEPS = (
    Step("Open", "", "drop a scan file on the window, or choose one here"),
    Step("Browse", "Browse", "or see, sort and open all scans of a folder", skip=True),
    Step("Prepare", "Prepare", "other ways to flatten; the next steps flatten by themselves", skip=True),
    Step("Clusters", "Predict", "a class for every pixel: Predict finds them by itself", ("Open",)),
    Step("Structures", "Structures", "or every single object, sorted into types", ("Open",)),
    Step(
        "Correct", "Correct", "name and merge classes, paint what is wrong: the model learns", ("Clusters",)
    ),
    Step("Measure", "Measure", "number, density, area and height of each class", ("Clusters", "Structures")),
    Step("Figure", "Figure", "a figure for a paper, of what was measured", ("Measure",)),
)


def what_is_done(viewer: Any, image: Any) -> dict[str, str]:
    """Say what is done for a scan.

    Parameters
    ----------
    viewer : napari.Viewer
    image : napari Image layer or None
        The scan that is looked at; None where none is open.

    Returns
    -------
    dict of str to str
        By the names of `STEPS`, a few words each; a step that was not done is missing.
    """
    if image is None:
        return {}
    same = [one for one in lasting_layers(viewer, Image) if one is image or is_of_same_scan(one, image)]
    scan = recorded_scan(image)
    size = "" if scan.size_nm is None else ", {1} x {0} nm".format(*map(number, scan.size_nm))
    said = {
        "Open": f"{scan.short_name}{size}",
        "Prepare": _prepared(image, same),
        "Clusters": _clusters(viewer, scan),
        "Structures": _structures(viewer, same),
        "Correct": _corrected(viewer, same),
    }
    said |= {name: shared_state(viewer).noted(name, scan) for name in ("Measure", "Figure")}
    return {name: words for name, words in said.items() if words}


def what_comes_next(done: dict[str, str]) -> str:
    """Return the name of the step that comes next; empty after the last one.

    >>> what_comes_next({}), what_comes_next({"Open": "a scan", "Structures": "3 objects of 1 type"})
    ('Open', 'Measure')
    """
    if not done:
        return STEPS[0].name
    maps = [name for name in ("Clusters", "Structures") if name in done]
    left = [one for one in STEPS if one.name not in done and not one.skip]
    left = [one for one in left if not (maps and one.name in ("Clusters", "Structures"))]
    return next((one.name for one in left if not one.needs or set(one.needs) & set(done)), "")


def _prepared(image: Any, same: Sequence[Any]) -> str:
    histories = [one.metadata.get(KEY, {}).get("history") or () for one in reversed(same)]
    chains = [str(step) for history in histories for step in history if str(step).startswith(FLATTEN)]
    if chains:
        return f"flattened: {_in_words(chains[0])}"
    shown = levelling_of(image)
    return f"seen with {shown}" if shown and shown != AS_RECORDED else ""


def _in_words(step: str) -> str:
    """Write a step of a history, which names a chain of methods, for people.

    >>> _in_words("flatten row_median + poly_xy"), _in_words("flattened with poly_xy+scars")
    ('row median + plane', 'plane + scars')
    """
    names = re.sub(f"^{FLATTEN}(ed with)?[ ,]*", "", step).split("+")
    return " + ".join(PLANE.get(name.strip(), name.strip().replace("_", " ")) for name in names)


def _clusters(viewer: Any, scan: Any) -> str:
    layer = shown_map(viewer, [scan])
    made = None if layer is None else prediction_of(layer)
    if layer is None or made is None:
        return ""
    classes = counted(len(layer.metadata.get(NAMES) or np.unique(made.labels[made.labels > 0])), "class")
    return f"{classes}, model {made.model.stem}"


def _structures(viewer: Any, same: Sequence[Any]) -> str:
    layers = structures_of(viewer)
    key = next((key for key in map(layers.key_of, same) if key is not None), None)
    found = layers.session.structures
    if found is None or key not in layers.session.keys:
        return ""
    objects = found.table[found.table["scan"] == layers.session.keys.index(key)]
    kinds = int(objects["type"][objects["type"] > 0].nunique())
    return f"{counted(len(objects), 'object')} of {counted(kinds, 'type')}"


def _corrected(viewer: Any, same: Sequence[Any]) -> str:
    correction = correction_of(viewer)
    one = next((one for one in correction.session.scans if correction.of(one).image in same), None)
    if one is None or correction.session.classifier is None:
        return ""
    classes = len(correction.session.classifier.classes.order)
    painted = float((one.truth > 0).mean())
    return f"{counted(classes, 'class', 'classes')}, {percent(painted)} painted"
