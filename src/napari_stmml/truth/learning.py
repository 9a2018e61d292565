"""Let a model learn from what people have painted on scans, as read from the files beside these."""

from collections.abc import Iterable
from dataclasses import replace

from napari_stmml.events import Learned, Listener, Skipped, ignore
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.scan import Scan
from napari_stmml.truth.overlay import read_truth
from napari_stmml.truth.truth_file import TruthFile


def learn_from_truths(
    classifier: SurfaceClassifier,
    scans: Iterable[Scan],
    *,
    on_event: Listener = ignore,
) -> SurfaceClassifier:
    """Return a model that has learnt from what was painted on scans; unpainted scans are passed over.

    Parameters
    ----------
    classifier : SurfaceClassifier
    scans : iterable of Scan
        With ``other`` where the recipe takes both biases.
    on_event : callable
        Gets `Learned` of each scan that was learnt from, and `Skipped` of each that cannot be used.

    Returns
    -------
    SurfaceClassifier
    """
    for scan in scans:
        file = TruthFile(scan)
        try:
            found = read_truth(file, classifier.classes, lineage(classifier.training))
            if found is not None:
                known = replace(classifier, classes=found.classes)
                classifier = known.learn(scan, found.labels)
                painted = int((found.labels > 0).sum())
                on_event(Learned(scan.name, painted))
        except ValueError as error:
            on_event(Skipped(scan.name, str(error)))
        if file.problem:
            on_event(Skipped(scan.name, file.problem))
    return classifier
