"""What a person should know of the map of a scan: classes inside one another, and what is not sure."""

from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.measuring.nesting import nested_classes
from napari_stmml.model.classifier import SurfaceClassifier

NESTED = "Most pieces of {} lie inside {}: if both are one kind of object, select both rows and click Merge."
NOT_SURE = (
    "{:.1%} of this scan is not sure to be of any of your classes: paint there, or lower Not sure below."
)
_LEAST = 0.0005  # share of a scan that is not sure; a smaller one is not said


def remarks(one: CorrectedScan, classifier: SurfaceClassifier) -> str:
    """Say what is remarkable about the map of a scan as it is shown, a line each; empty if nothing is.

    Parameters
    ----------
    one : CorrectedScan
    classifier : SurfaceClassifier
        That has labelled it.

    Returns
    -------
    str
        Which classes lie inside which, but for those in the background; and where only the classes of a
        person are shown, which share has none.
    """
    classes, shown = classifier.classes, one.shown(classifier.classes)
    said = []
    for pair in nested_classes(shown):
        inner, outer = (classes.entries[label - 1] for label in (pair.inner, pair.outer))
        if not outer.background:
            said.append(NESTED.format(inner.name, outer.name))
    unsure = float((shown == 0).mean())
    if classifier.shows_only_painted and unsure >= _LEAST:
        said.append(NOT_SURE.format(unsure))
    return "\n".join(said)
