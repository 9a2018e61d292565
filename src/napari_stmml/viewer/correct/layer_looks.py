"""How the layers of a scan under correction look: opacity, colours and names of classes."""

from collections.abc import Collection
from typing import Any

from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_stmml.classes import Classes
from napari_stmml.colours import UNLABELLED
from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.viewer.io.layers import KEY, NAMES, categories
from napari_stmml.viewer.io.placement import place_of

PREDICTED, TRUTH = "predicted", "truth"  # what a layer is, in its metadata
ROLE = "stmml_role"
_OPACITY = {PREDICTED: 0.45, TRUTH: 0.8}
_FAINT = {PREDICTED: 0.25, TRUTH: 1.0}  # opacity of background


def new_layer(role: str, one: CorrectedScan, image: Any) -> Labels:
    """Make the layer of a scan's prediction or truth, which lies exactly on its image."""
    data = one.predicted if role == PREDICTED else one.truth
    about = {"metadata": {KEY: one.scan.settings(), ROLE: role}, **place_of(image)}
    return Labels(data, name=f"{role} {one.name}", opacity=_OPACITY[role], **about)


def colormap_of(classes: Classes, hidden: Collection[int], faint: float) -> DirectLabelColormap:
    """Return the colours of all labels, merged ones as they are now; ``faint``: opacity of background."""
    colours: dict[Any, Any] = {0: UNLABELLED, None: UNLABELLED}
    for label, now in enumerate(classes.lookup.tolist()[1:], 1):
        entry = classes.entries[now - 1]
        alpha = round(255 * (faint if entry.background else 1))
        colours[label] = UNLABELLED if not now or now in hidden else f"{entry.colour}{alpha:02x}"
    return DirectLabelColormap(color_dict=colours)


def features_of(classes: Classes) -> dict[str, Any]:
    """Return names of labels as napari shows them under the mouse, and as other plugins read them."""
    names = ["unlabelled", *classes.names]
    return {"index": list(range(len(names))), "class": categories(names)}


def show_classes(role: str, layer: Labels, classes: Classes, hidden: Collection[int]) -> None:
    """Give a layer the colours and names of classes; of its other features, what was measured stays."""
    features = features_of(classes)
    layer.colormap = colormap_of(classes, hidden, _FAINT[role])
    layer.metadata[NAMES] = dict(enumerate(classes.names, 1))
    if list(layer.features.get("class", ())) != list(features["class"]):
        layer.features = features
