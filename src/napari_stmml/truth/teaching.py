"""Teach a model what people have painted on scans, from the sidecars beside these."""

from collections.abc import Iterable
from dataclasses import replace

from napari_stmml.events import Learned, Listener, Skipped, ignore
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.scan import Scan
from napari_stmml.truth.recall import recall
from napari_stmml.truth.truth_file import TruthFile


def teach(
    classifier: SurfaceClassifier,
    scans: Iterable[Scan],
    *,
    on_event: Listener = ignore,
) -> SurfaceClassifier:
    """Return a model that has learnt from what was painted on scans; those without strokes are passed over.

    Parameters
    ----------
    classifier : SurfaceClassifier
    scans : iterable of Scan
        With ``other`` where the recipe takes both biases.
    on_event : callable
        Gets `Learned` of each scan with painted pixels, and `Skipped` of each that cannot be used.
    """
    for scan in scans:
        file = TruthFile(scan)
        try:
            found = recall(file, classifier.classes, lineage(classifier.training))
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
