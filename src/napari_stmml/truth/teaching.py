"""Teach a model what people have painted on scans, from the sidecars beside these."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.scan import Scan
from napari_stmml.truth.recall import recall
from napari_stmml.truth.truth_file import TruthFile

Event = dict[str, Any]


def teach(
    classifier: SurfaceClassifier,
    scans: Iterable[Scan],
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> SurfaceClassifier:
    """Return a model that has learnt from what was painted on scans; those without strokes are passed over.

    Parameters
    ----------
    classifier : SurfaceClassifier
    scans : iterable of Scan
        With ``other`` where the recipe takes both biases.
    on_event : callable
        Gets ``learnt`` (``scan``, ``painted`` px) of each scan that taught, and ``skipped`` (``scan``,
        ``why``) of each that could not.
    """
    for scan in scans:
        file = TruthFile(scan)
        try:
            found = recall(file, classifier.classes, lineage(classifier.training))
            if found is not None:
                known = replace(classifier, classes=found.classes)
                classifier = known.learn(scan, found.labels)
                painted = int((found.labels > 0).sum())
                on_event({"event": "learnt", "scan": scan.name, "painted": painted})
        except ValueError as error:
            on_event({"event": "skipped", "scan": scan.name, "why": str(error)})
        if file.problem:
            on_event({"event": "skipped", "scan": scan.name, "why": file.problem})
    return classifier
