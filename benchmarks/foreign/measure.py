"""How right maps are: by clusters, by strokes, and on the same surface recorded otherwise."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import mean

import numpy as np

from benchmarks.foreign.families import Family, Seeds, foreign_family
from benchmarks.foreign.surfaces import Microscope
from benchmarks.quality.metrics import best_classes, pooled, scores
from benchmarks.quality.models import features_of, places_on
from benchmarks.quality.strokes import paint
from benchmarks.quality.taught import TREES
from benchmarks.structures.surfaces import EASY
from napari_stmml import Scan, SurfaceClassifier, train_classifier
from napari_stmml.features.intake import prepare_scan
from napari_stmml.features.store import FeatureStore
from napari_stmml.recipe import at_once_recipe, get_recipe

BORDER = 8  # px along the edges where nobody paints or is scored
NEAR = 2  # px from another class
CLUSTERS, STROKES = 20, (3, 5)
TAUGHT = ("objects", "instant")
PLAIN = replace(EASY, size_nm=26.0)
CHANGES = {
    "plain": (PLAIN, None),
    "half the signal to noise": (replace(PLAIN, noise_nm=2 * PLAIN.noise_nm), None),
    "pixel density x 0.5": (replace(PLAIN, pixel_nm=2 * PLAIN.pixel_nm), None),
    "pixel density x 2": (replace(PLAIN, pixel_nm=PLAIN.pixel_nm / 2), None),
    "blunt tip": (PLAIN, Microscope(blunt_nm=0.1)),
    "tip change": (replace(PLAIN, tip_change=True), None),
}
ANGLES = tuple(range(0, 180, 15))  # degrees, of the lattice
HOW = ("fitted to such scans", "fitted to plain scans")
Numbers = dict[str, float]
Learn = Callable[[int, np.ndarray], list[np.ndarray]]  # number and strokes of a scan to maps of all, from 0


def fitted(family: Family, name: str, seed: int = 0) -> SurfaceClassifier:
    """Fit a recipe to the training scans, at the pixel density of a map at once.

    ``objects`` finds the number of its classes; ``objects 20`` and all others have 20 clusters.
    """
    density = at_once_recipe(family.training, CLUSTERS).pixel_density
    count = 0 if name == "objects" else CLUSTERS
    recipe = get_recipe(name.removesuffix(" 20"), num_clusters=count, pixel_density=density)
    return train_classifier(family.training, recipe=recipe, seed=seed)


def measure(family: Family, name: str) -> Numbers:
    """Score a recipe by its clusters and, where it is one of `TAUGHT`, by strokes; time it."""
    started = time.perf_counter()
    model, store = fitted(family, name), FeatureStore()
    between = time.perf_counter()
    maps = [model.predict(scan, store=store) for scan in family.tests]
    numbers = {"s to fit": between - started, "s a scan": (time.perf_counter() - between) / len(maps)}
    numbers |= by_clusters(maps, family.truth, len(family.classes)) | {"classes": model.n_clusters}
    if name == "objects":
        other = fitted(family, name, seed=1).predict(family.tests[0])
        numbers["two seeds, ARI"] = agreement(maps[0], other)
    if name in TAUGHT:
        numbers |= by_strokes(family, lambda at, painted: product(model, family.tests, at, painted, store))
    if name == "instant":
        forest = by_strokes(family, forest_on(model, family.tests))
        numbers |= {f"forest {what}": value for what, value in forest.items()}
    return numbers


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Return the adjusted Rand index of two maps."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one.ravel(), other.ravel()))


def by_clusters(maps: Sequence[np.ndarray], truth: Sequence[np.ndarray], n_classes: int) -> Numbers:
    """Give each cluster to its best class; return macro-F1 of all pixels, near borders and elsewhere."""
    maps, near = [_inner(one) for one in maps], [_inner(near_borders(one)) for one in truth]
    truth = [_inner(one) for one in truth]
    classes = best_classes(pooled(maps, truth, n_classes))

    def score(kept: Sequence[np.ndarray]) -> float:
        found, known = (
            np.concatenate([one[at] for one, at in zip(some, kept, strict=True)]) for some in (maps, truth)
        )
        if not len(found):
            return float("nan")
        table = pooled([found], [known], n_classes)
        return scores(table, classes[: len(table)]).macro_f1

    return {
        "F1": score([np.ones_like(one) for one in near]),
        "boundary": score(near),
        "interior": score([~one for one in near]),
    }


def near_borders(truth: np.ndarray) -> np.ndarray:
    """Say which pixels have another class within `NEAR` px, (rows, cols) bool."""
    from scipy.ndimage import maximum_filter, minimum_filter

    down, right = np.mgrid[-NEAR : NEAR + 1, -NEAR : NEAR + 1]
    disc = down**2 + right**2 <= NEAR**2
    return maximum_filter(truth, footprint=disc) != minimum_filter(truth, footprint=disc)


def by_strokes(family: Family, learn: Learn) -> Numbers:
    """Paint every test scan in turn; return macro-F1 of the painted scan and of the others.

    Pixels that are given to no painted class are missed.
    """
    numbers, n_classes = {}, len(family.classes)
    for strokes in STROKES:
        found: dict[str, list[float]] = {"painted": [], "unseen": []}
        for at, known in enumerate(family.truth):
            painted = paint(known, strokes, seed=1000 * strokes + at, border=BORDER)
            for number, said in enumerate(learn(at, painted)):
                table = pooled([_inner(said)], [_inner(family.truth[number])], n_classes + 1)
                table = np.pad(table, ((0, n_classes + 1 - len(table)), (0, 0)))
                score = scores(table, np.arange(n_classes + 1)).macro_f1
                found["painted" if number == at else "unseen"].append(score)
        numbers |= {f"{strokes} {where}": mean(values) for where, values in found.items()}
    return numbers


def _inner(values: np.ndarray) -> np.ndarray:
    return values[BORDER:-BORDER, BORDER:-BORDER]


def product(
    model: SurfaceClassifier, scans: Sequence[Scan], at: int, painted: np.ndarray, store: FeatureStore
) -> list[np.ndarray]:
    """Learn classes that are all new; what is shown as another one, or as none, comes after the last."""
    own, none = model.n_classes, int(painted.max())
    known = model.learn(scans[at], np.where(painted > 0, painted + own, 0).astype(np.uint8), store=store)
    maps = [known.predict(scan, store=store).astype(int) for scan in scans]
    return [np.where(labels > own, labels - own - 1, none) for labels in maps]


def forest_on(model: SurfaceClassifier, scans: Sequence[Scan]) -> Learn:
    """Return what fits a random forest to the filters of a model, whose heights have no lattice."""
    from sklearn.ensemble import RandomForestClassifier

    features, places = [], []
    for scan in scans:
        heights = prepare_scan(scan, model.recipe, model.encoder.grid).heights
        made = features_of(model.encoder, heights)
        features.append(made.reshape(-1, made.shape[-1]))
        places.append(places_on(model.encoder.grid, heights.shape[-2:], scan))

    def learn(at: int, painted: np.ndarray) -> list[np.ndarray]:
        there = (painted > 0) & (places[at] >= 0)
        forest = RandomForestClassifier(TREES, random_state=0)
        forest.fit(features[at][places[at][there]], painted[there].astype(int) - 1)
        return [forest.predict(some)[place] for some, place in zip(features, places, strict=True)]

    return learn


def invariance(kind: str, seeds: Seeds) -> dict[str, Numbers]:
    """Score `objects` on a surface recorded otherwise: fitted to such scans, and fitted to plain ones."""
    found, plain = {}, None
    for what, (settings, microscope) in CHANGES.items():
        family = foreign_family(kind, False, seeds, settings, microscope)
        own = fitted(family, "objects")
        plain = plain or own
        found[what] = dict(zip(HOW, (scored(own, family), scored(plain, family)), strict=True))
    return found


def over_angles(kind: str, seeds: Seeds) -> dict[str, Numbers]:
    """Score `objects` on lattices at 12 angles, best and worst: fitted to the same, and to 0 degrees."""
    found, first = [], None
    for angle in ANGLES:
        family = foreign_family(kind, False, seeds, replace(PLAIN, angle=float(angle)))
        own = fitted(family, "objects")
        first = first or own
        found.append((scored(own, family), scored(first, family)))
    return {
        f"{what} of {len(ANGLES)} lattice angles": dict(zip(HOW, which(found, axis=0).tolist(), strict=True))
        for what, which in (("best", np.max), ("worst", np.min))
    }


def scored(model: SurfaceClassifier, family: Family) -> float:
    """Return macro-F1 of a model's clusters on the test scans."""
    maps = [model.predict(scan) for scan in family.tests]
    return by_clusters(maps, family.truth, len(family.classes))["F1"]
