"""Measure one contender on one kind of surface."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.quality import cache
from benchmarks.quality.contenders import Contender
from benchmarks.quality.metrics import agreement, best_classes, mutual_information, pooled, scores
from benchmarks.quality.models import scan_of
from benchmarks.quality.strokes import Reducer, answers
from benchmarks.quality.surfaces import benchmark_surface
from benchmarks.quality.taught import taught
from benchmarks.surfaces import TwoBiases
from napari_stmml import Scan

KS = (8, 20)
TRAINING = tuple(range(6))
TESTS = (2000, 2001, 2002, 2003)  # features and clustering were chosen while looking at 1000 to 1003
STROKES = (1, 3, 10)
BORDER = 16  # px along the edges that nobody is scored on: recipes of windows leave them unlabelled
SECOND_SEED = 1
AGREED_ON = 2  # unseen surfaces that two seeds are compared on
SECOND_SEED_KINDS = {"srsml24": ("si001", "hexagonal")}  # minutes of training for each seed
MEASURED_WITH = ("surfaces", "metrics", "strokes", "measure", "models", "baselines", "taught")
SIMULATED_WITH = ("kinds", "lattices", "patches", "recording", "two_biases")
TO_REDUCE = 1500  # feature vectors of each training surface that features are standardised by


@dataclass(frozen=True, eq=False)
class Result:
    """Numbers, and the first unseen surface's label map with the class each label was given to."""

    numbers: dict[str, Any]
    labels: np.ndarray = field(repr=False)
    given: np.ndarray = field(repr=False)


@lru_cache(maxsize=64)
def surface_of(kind: str, seed: int, both: bool) -> TwoBiases:
    """Simulate a surface, once."""
    return benchmark_surface(kind, seed, both_biases=both)


def result_of(
    contender: Contender, kind: str, tests: Sequence[int] = TESTS, fresh: bool = True
) -> Result | None:
    """Return what is known of a contender on a kind; if ``fresh``, measure it unless it still holds."""
    key = cache.fingerprint(
        contender.code(),
        cache.code_of_benchmark(*MEASURED_WITH),
        cache.code_of_benchmark(*(f"../surfaces/{one}" for one in SIMULATED_WITH)),
        cache.code_of_package(("simulate.surfaces",)),
        list(tests),
    )
    quick = "" if tuple(tests) == TESTS else "-quick"
    place = cache.folder("results") / f"{contender.name}-{kind}{quick}"
    known = _read(place)
    if known is not None and (not fresh or known.numbers["key"] == key):
        return known
    if not fresh:
        return None
    result = measured(contender, kind, tests)
    result.numbers["key"] = key
    np.savez_compressed(place.with_suffix(".npz"), labels=result.labels, given=result.given)
    place.with_suffix(".json").write_text(json.dumps(result.numbers, indent=1))
    return result


def _read(place: Any) -> Result | None:
    try:
        numbers = json.loads(place.with_suffix(".json").read_text())
        with np.load(place.with_suffix(".npz")) as arrays:
            return Result(numbers, arrays["labels"], arrays["given"])
    except (OSError, ValueError, KeyError):
        return None


def measured(contender: Contender, kind: str, tests: Sequence[int]) -> Result:
    """Train on the training surfaces and score on the unseen ones."""
    training, unseen = (
        [surface_of(kind, seed, contender.both) for seed in seeds] for seeds in (TRAINING, tests)
    )
    classes = unseen[0].classes
    scans, test_scans = ([scan_of(one, contender.pairs) for one in some] for some in (training, unseen))
    truth = [inner(one.labels) for one in unseen]
    started = time.perf_counter()
    models = contender.fit(kind, scans, 0, KS)
    seconds = {"fit": time.perf_counter() - started}
    k, model = KS[-1], models[KS[-1]]
    known = [inner(model.labels(scan, coarse=True)) for scan in scans]
    table = pooled(known, [inner(one.labels) for one in training], len(classes))
    named = np.zeros(k + 1, int)
    named[: len(table)] = best_classes(table)
    reducer = _reducer(model, scans)
    maps: dict[int, list[np.ndarray]] = {one: [] for one in KS}
    cells = []
    for scan in test_scans:
        started = time.perf_counter()
        maps[k].append(model.labels(scan))
        seconds["label"] = time.perf_counter() - started
        for other in KS[:-1]:
            maps[other].append(models[other].labels(scan))
        if reducer is not None:
            cells.append(np.concatenate([reducer(some) for some in model.features(scan)]))
    whole, maps = maps[k][0], {one: [inner(labels) for labels in some] for one, some in maps.items()}
    numbers: dict[str, Any] = {"kind": kind, "name": contender.name, "classes": classes, "seconds": seconds}
    numbers["ami"] = {str(one): mutual_information(some, truth) for one, some in maps.items()}
    given = np.zeros(k + 1, int)
    for one, some in maps.items():
        table = pooled(some, truth, len(classes))
        best = best_classes(table)
        scored = scores(table, best)
        numbers[f"f1 {one}"], numbers[f"iou {one}"] = scored.macro_f1, scored.mean_iou
        if one == k:
            numbers["by class"] = scored.f1.tolist()
            numbers["named"] = scores(table, named[: len(table)]).macro_f1
            given[: len(best)] = best
    numbers["seeds"] = _agreement(contender, kind, scans, test_scans, maps[k])
    labels = [one.labels for one in unseen]
    numbers["strokes"] = _strokes(model, test_scans, labels, cells, len(classes))
    numbers["taught"] = taught(model, named[1:], test_scans, labels, classes, BORDER)
    return Result(numbers, whole.astype(np.uint8), given)


def inner(labels: np.ndarray) -> np.ndarray:
    """Leave out the border."""
    return labels[BORDER:-BORDER, BORDER:-BORDER]


def _agreement(
    contender: Contender, kind: str, scans: list[Scan], tests: list[Scan], own: list[np.ndarray]
) -> float | None:
    """Label some unseen surfaces again with a model of another seed."""
    if kind not in SECOND_SEED_KINDS.get(contender.name.removesuffix("-dense"), (kind,)):
        return None
    other = contender.fit(kind, scans, SECOND_SEED, KS[-1:])[KS[-1]]
    return agreement(own[:AGREED_ON], [inner(other.labels(scan)) for scan in tests[:AGREED_ON]])


def _reducer(model: Any, scans: list[Scan]) -> Reducer | None:
    """Fit to some of the features of the training surfaces."""
    rng, some = np.random.default_rng(0), []
    for scan in scans:
        found = model.features(scan, coarse=True)
        if found is None:
            return None
        made = np.concatenate(list(found))
        some.append(made[rng.choice(len(made), min(TO_REDUCE, len(made)), replace=False)])
    return Reducer.fit(np.concatenate(some))


def _strokes(
    model: Any, scans: list[Scan], truth: list[np.ndarray], cells: list[np.ndarray], n_classes: int
) -> dict[str, dict[str, float]] | None:
    """Score what is learnt from a few strokes: on the surface that was painted on, and on the others."""
    if not cells:
        return None
    places = [model.places(scan) for scan in scans]
    cut = [inner(one) for one in truth]
    found: dict[str, dict[str, float]] = {"same": {}, "others": {}}
    for n in STROKES:
        said = answers(cells, places, truth, n, seed=n, border=BORDER)
        scored: dict[str, list[float]] = {"same": [], "others": []}
        for painted, maps in enumerate(said):
            tables = [pooled([inner(one)], [known], n_classes) for one, known in zip(maps, cut, strict=True)]
            tables = [np.pad(table, ((0, n_classes - len(table)), (0, 0))) for table in tables]
            others = [table for number, table in enumerate(tables) if number != painted]
            scored["same"].append(scores(tables[painted], np.arange(n_classes)).macro_f1)
            if others:
                scored["others"].append(scores(sum(others), np.arange(n_classes)).macro_f1)
        for where, values in scored.items():
            found[where][str(n)] = float(np.mean(values)) if values else float("nan")
    return found
