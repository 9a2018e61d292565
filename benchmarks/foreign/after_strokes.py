"""Measure that strokes never make a map worse: clusters are named, then corrected by a few strokes.

python -m benchmarks.foreign.after_strokes            # test seeds, recipe objects
python -m benchmarks.foreign.after_strokes --choose   # the seeds that the learner was mended on
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from statistics import mean

import numpy as np

from benchmarks.foreign.families import (
    CHOOSE,
    TEST,
    TRAINING_OF_QUALITY,
    Family,
    Seeds,
    foreign_family,
    quality_family,
)
from benchmarks.foreign.measure import BORDER, STROKES, Numbers, fitted
from benchmarks.foreign.tables import GROUPS, WHERE
from benchmarks.quality.metrics import best_classes, pooled, scores
from benchmarks.quality.strokes import paint
from benchmarks.quality.surfaces import KINDS as OF_QUALITY
from benchmarks.structures.surfaces import KINDS
from napari_stmml import SurfaceClassifier
from napari_stmml.classes import Classes
from napari_stmml.features.store import FeatureStore

RECIPE = "objects"
FALLS = 0.005  # of F1, that counts as worse


def families(seeds: Seeds, kinds: list[str]) -> Iterator[tuple[str, Family, Family]]:
    """Yield name, family and the same with the training scans as tests, whose classes are known then."""
    known = replace(seeds, tests=seeds.training, tests_of_quality=TRAINING_OF_QUALITY)
    for kind in OF_QUALITY:
        yield f"{kind}, {GROUPS[-1]}", quality_family(kind, seeds), quality_family(kind, known)
    for group in GROUPS[1::-1]:
        for kind in kinds:
            both = (foreign_family(kind, group == "hard", some) for some in (seeds, known))
            yield f"{kind}, {group}", *both


def named(model: SurfaceClassifier, family: Family, classes: tuple[str, ...]) -> SurfaceClassifier:
    """Name the clusters of a model on scans whose classes are known, each after its best class.

    Parameters
    ----------
    model : SurfaceClassifier
    family : Family
        Its test scans are those to name the clusters on.
    classes : tuple of str
        Their labels are 1, 2, ...
    """
    store = FeatureStore()
    maps = [model.predict(scan, store=store).astype(int) for scan in family.tests]
    names = [*classes, *(name for name in family.classes if name not in classes)]
    number = np.array([names.index(name) for name in family.classes])
    table = pooled(maps, [number[truth] for truth in family.truth], len(names))
    best = best_classes(np.pad(table, ((0, model.n_clusters + 1 - len(table)), (0, 0))))
    shown = Classes.plain(names).with_clusters((best[1:] + 1).tolist())
    return replace(model, classes=shown)


def before_and_after(model: SurfaceClassifier, family: Family) -> Numbers:
    """Return macro-F1 of a model with named classes, before strokes and after 3 and 5 a class."""
    store, n = FeatureStore(), max(len(family.classes), model.n_classes)

    def score(known: SurfaceClassifier, number: int) -> float:
        found = known.predict(family.tests[number], store=store).astype(int)
        maps = [one[BORDER:-BORDER, BORDER:-BORDER] for one in (found, family.truth[number])]
        table = pooled(maps[:1], [maps[1]], n + 1)
        table = np.pad(table, ((0, n + 1 - len(table)), (0, 0)))
        return scores(table, np.concatenate([[n], np.arange(n)])).macro_f1

    own = [score(model, number) for number in range(len(family.tests))]
    numbers = {"before": mean(own)}
    for strokes in STROKES:
        found: dict[str, list[float]] = {where: [] for where in WHERE}
        for at, truth in enumerate(family.truth):
            taught = model.learn(
                family.tests[at], paint(truth, strokes, seed=1000 * strokes + at, border=BORDER), store=store
            )
            for number in range(len(family.tests)):
                found[WHERE[number != at]].append(score(taught, number))
        numbers |= {f"{strokes} {where}": mean(values) for where, values in found.items()}
    return numbers


def main() -> None:
    """Measure all kinds and print a table; of each kind, whether it is never worse."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.foreign.after_strokes", description=__doc__)
    parser.add_argument("--choose", action="store_true", help="the seeds that the learner was mended on")
    options = parser.parse_args()
    seeds = CHOOSE if options.choose else TEST
    columns = [f"{n} {where}" for n in STROKES for where in WHERE]
    print(f"| surface | before | {' | '.join(columns)} | never worse |")
    print("|---" * (len(columns) + 3) + "|")
    kinds = [kind for kind in KINDS if not (options.choose and kind == "oxide")]
    for name, family, known in families(seeds, kinds):
        model = named(fitted(family, RECIPE), known, family.classes)
        found = before_and_after(model, family)
        kept = all(found[one] >= found["before"] - FALLS for one in columns)
        told = " | ".join(f"{found[one]:.3f}" for one in ("before", *columns))
        print(f"| {name} | {told} | {'yes' if kept else 'no'} |", flush=True)


if __name__ == "__main__":
    main()
