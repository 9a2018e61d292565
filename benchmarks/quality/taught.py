"""What models make of strokes: the product, from clusters as a user would name them, and a random forest."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.quality.baselines import Plain
from benchmarks.quality.metrics import pooled, scores
from benchmarks.quality.models import OfPackage, features_of
from benchmarks.quality.strokes import paint
from napari_stmml import Scan
from napari_stmml.classes import Classes
from napari_stmml.features.intake import prepare_scan

STROKES = (1, 3, 5, 10)
TREES = 100
Answer = Callable[[np.ndarray], np.ndarray]  # features, (n, d), to classes, from 0
Cut = Callable[[np.ndarray], np.ndarray]


def taught(
    model: Any,
    named: np.ndarray,
    scans: Sequence[Scan],
    truth: Sequence[np.ndarray],
    classes: Sequence[str],
    border: int,
) -> dict[str, dict[str, float]] | None:
    """Paint on each surface in turn; score what was learnt on that surface, and on the others together.

    Parameters
    ----------
    model : Fitted
        A recipe of cells learns as the product does; plain filters teach a random forest; of others: None.
    named : ndarray of int, shape (n_clusters,)
        Class of each cluster, from 0, as it was named on the training surfaces.
    scans, truth : sequences of Scan, and of ndarray, shape (rows, cols)
        Class of each pixel, from 0.
    classes : sequence of str
    border : int
        px along the edges where nobody paints or is scored.

    Returns
    -------
    dict
        Macro-F1, "same" and "others", of 1, 3, 5 and 10 strokes a class and, for the product, of 0.
    """
    if isinstance(model, OfPackage) and model.classifier.encoder.keeps_features:
        features, learn, counts = *_product(model, named, scans, classes), (0, *STROKES)
    elif isinstance(model, Plain) and model.grid.window == model.grid.pitch:
        features = [np.concatenate(list(model.features(scan))) for scan in scans]
        learn, counts = _forest(features, [model.places(scan) for scan in scans]), STROKES
    else:
        return None
    places = [model.places(scan) for scan in scans]

    def inner(labels: np.ndarray) -> np.ndarray:
        return labels[border:-border, border:-border]

    found: dict[str, dict[str, float]] = {"same": {}, "others": {}}
    for n in counts:
        scored: dict[str, list[float]] = {"same": [], "others": []}
        for number, known in enumerate(truth):
            answer = learn(number, paint(known, n, seed=1000 * n + number, border=border))
            maps = [inner(answer(some)[at]) for some, at in zip(features, places, strict=True)]
            for where, chosen in (
                ("same", [number]),
                ("others", [i for i in range(len(truth)) if i != number]),
            ):
                if chosen:
                    table = pooled([maps[i] for i in chosen], [inner(truth[i]) for i in chosen], len(classes))
                    table = np.pad(table, ((0, len(classes) - len(table)), (0, 0)))
                    scored[where].append(scores(table, np.arange(len(classes))).macro_f1)
        for where, values in scored.items():
            found[where][str(n)] = float(np.mean(values)) if values else float("nan")
    return found


def _product(
    model: OfPackage, named: np.ndarray, scans: Sequence[Scan], classes: Sequence[str]
) -> tuple[list[np.ndarray], Callable[[int, np.ndarray], Answer]]:
    """Return features of the surfaces, and what learns through the public function."""
    shown = Classes.plain(list(classes)).with_clusters((named + 1).tolist())
    start = replace(model.classifier, classes=shown)
    recipe, features = start.recipe, []
    for scan in scans:
        made = features_of(start.encoder, prepare_scan(scan, recipe, start.encoder.grid).heights)
        features.append(made.reshape(-1, made.shape[-1]))

    def learn(number: int, painted: np.ndarray) -> Answer:
        known = start.learn(scans[number], painted)
        return lambda some: known.classify(some)[0].astype(int) - 1

    return features, learn


def _forest(
    features: Sequence[np.ndarray], places: Sequence[np.ndarray]
) -> Callable[[int, np.ndarray], Answer]:
    """Return what fits a random forest to painted pixels, as programs that learn pixels from strokes do."""
    from sklearn.ensemble import RandomForestClassifier

    def learn(number: int, painted: np.ndarray) -> Answer:
        there = (painted > 0) & (places[number] >= 0)
        forest = RandomForestClassifier(TREES, random_state=0)
        return forest.fit(features[number][places[number][there]], painted[there].astype(int) - 1).predict

    return learn
