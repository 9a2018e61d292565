"""Clusters as the data have them: types of objects, the surface between them, its steps and other areas.

How many there are is found. Objects are sorted into types as `napari_stmml.structures` sorts them. What lies
between is divided finely first; parts that lie mixed on the scans are joined again. The largest is the
surface, with the halos around objects; what differs from it, with a gap between, is an area of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from napari_stmml.clustering.balanced import examples_of, fit_prototypes
from napari_stmml.clustering.centres import Prototypes
from napari_stmml.clustering.kmeans import group_by_means, means_in_one_thread
from napari_stmml.clustering.sampling import Sample
from napari_stmml.features.filters import NO_LATTICE
from napari_stmml.features.objects import STEP_VALUE
from napari_stmml.structures.names import UNLIKE
from napari_stmml.structures.sorting import ALIKE, sort_new
from napari_stmml.system.threads import in_threads
from napari_stmml.text import counted

SURFACE, STEP = "surface", "step edge"
_FINE = 10  # parts that what lies between objects is divided into first
_TURNS, _TURN = 3, 1000  # divisions until one has an area, and from one seed to the next
_TIMES = 2.0  # these features lie nearer to each other than the whole descriptions that sorting is made for
_FEW = 60  # objects, as on one scan, below which those that are alike are a type, and density says nothing
_CENTRES = 8  # of a type at most
_OBJECTS = 4000  # that types are found among
_MIXED = 0.06  # from here on two parts are one; 1 is how often their cells are neighbours at random
_DIFFERENT = 5.0  # distance between an area and a part of the surface, each of which is about 1 wide
_GAP = 4.4  # standard deviations between them; the halves of a bell are 2.7 apart
_SMALLEST_NM2 = 10.0  # of an area on all scans together
_SMALLEST_SHARE = 0.01  # of all cells between objects are an area
_AROUND_NM = 1.5  # within which objects lie around a cell
_FRAME = 5  # cells from the frame; an area that lies there for the most part is none
_STEP_NM = 1.0  # from a step; the same
_FEWEST, _STEP_CENTRES = 40, 4  # cells of step edges, and centres of them
_APART = 30.0  # between objects, steps and the rest; each part is as wide as 1
_BEYOND = 2.0  # times the usual distance of an object to the nearest centre of its type it is unlike them
_USUAL = 0.9  # quantile of that distance


@dataclass(frozen=True, eq=False)
class TypesAndAreas:
    """Clusters, the first of which is the surface, their names, and what was found, in a sentence.

    ``assigned`` is what ``clusters.assign`` says of the sample.
    """

    clusters: Prototypes
    names: tuple[str, ...]
    sentence: str
    assigned: tuple[np.ndarray, np.ndarray] = field(repr=False)


@dataclass(frozen=True, eq=False)
class _Block:
    """A part of the feature vector in a space of its own, as wide as 1, and centres with their owners."""

    part: slice
    mean: np.ndarray = field(repr=False)
    matrix: np.ndarray = field(repr=False)
    centres: np.ndarray = field(repr=False)
    owners: np.ndarray = field(repr=False)

    def scaled(self, width: float) -> "_Block":
        """Return it, where what was as wide as this is as wide as 1."""
        return replace(self, matrix=self.matrix / width, centres=self.centres / width)


def fit_types_and_areas(sample: Sample, of_object: int, cell_nm: float, *, seed: int) -> TypesAndAreas:
    """Find clusters of cells, and how many there are.

    Parameters
    ----------
    sample : Sample
        Neighbours among its cells say which parts lie mixed.
    of_object : int
        Where the features of objects begin, as `Encoder.of_object` says; the feature before says whether the
        cell lies on a step.
    cell_nm : float
        Side of a cell.
    seed : int

    Returns
    -------
    TypesAndAreas

    Raises
    ------
    ValueError
        If there are too few cells between objects.
    """
    features, filters = sample.features, slice(0, of_object - 1)
    on_object, at_step = features[:, -1] > 0, features[:, of_object - 1] > 0
    between = ~on_object & ~at_step
    if between.sum() <= _FINE:
        there = counted(int(between.sum()), "cell")
        raise ValueError(f"only {there} lie between objects and steps: give a number of clusters instead")
    whole, number = np.unique(features[on_object, of_object:-1], axis=0, return_inverse=True)
    density = len(sample) / (sample.n_cells * cell_nm**2)  # cells of the sample in a nm2
    around = _objects_around(sample, between, on_object, number.ravel(), _AROUND_NM / cell_nm)
    with means_in_one_thread():
        types, type_names = _types(whole, slice(of_object, features.shape[1] - 1), seed)
        aside = _at_frame(sample)[between] | _near(sample, between, at_step, _STEP_NM / cell_nm)
        smallest = _SMALLEST_NM2 * density

        def divided(turn: int) -> tuple[_Block, int]:
            return _areas(sample, between, filters, around, aside, smallest, seed + turn * _TURN)

        areas, n_areas = divided(0)
        if n_areas == 1:  # what lies between can be divided beside a rare area by chance
            turns = in_threads(divided, range(1, _TURNS))
            areas, n_areas = next((one for one in turns if one[1] > 1), turns[-1])
        steps = _steps(features[~on_object & at_step, filters], areas, seed)
    names = [SURFACE, *type_names, *(f"area {number}" for number in range(1, n_areas))]
    names += [STEP] if len(steps) else []
    areas = replace(areas, owners=_later(areas.owners, len(type_names)))
    joined = _joined(areas, replace(types, owners=types.owners + 1), steps, of_object, features.shape[1])
    assigned = joined.assign(features)
    cluster = assigned[0]
    examples, counts = examples_of(cluster, np.bincount(cluster, minlength=len(names)), seed)
    kept = replace(joined, examples=features[examples].astype(np.float16), counts=counts)
    of_map = (features[between & (sample.maps == one), of_object - 2] for one in range(len(sample.stored)))
    without = sum(bool(np.median(one) < NO_LATTICE) for one in of_map if len(one))
    sentence = _sentence(names, len(whole), without, len(sample.stored))
    return TypesAndAreas(kept, tuple(names), sentence, assigned)


def _later(areas: np.ndarray, types: int) -> np.ndarray:
    """Return numbers of areas that leave room for the types after the surface."""
    return np.where(areas > 0, areas + types, 0)


def _joined(areas: _Block, types: _Block, steps: np.ndarray, of_object: int, width: int) -> Prototypes:
    """Put all into one space: objects, steps and the rest are far apart, each as wide as in its own block."""
    n_areas, n_types = areas.matrix.shape[1], types.matrix.shape[1]
    mean, matrix = np.zeros(width), np.zeros((width, n_areas + n_types + 2))
    mean[areas.part], mean[types.part] = areas.mean, types.mean
    matrix[areas.part, :n_areas], matrix[types.part, n_areas:-2] = areas.matrix, types.matrix
    matrix[of_object - 1, -2] = _APART / STEP_VALUE
    matrix[-1, -1] = _APART
    nothing = -mean @ matrix  # where a cell without any feature is
    centres = np.repeat(nothing[None], len(areas.centres) + len(steps) + len(types.centres), axis=0)
    first, last = len(areas.centres), len(areas.centres) + len(steps)
    centres[:last, :n_areas] = np.concatenate([areas.centres, steps]) if len(steps) else areas.centres
    centres[first:last, -2] = _APART
    centres[last:, n_areas:-2], centres[last:, -1] = types.centres, _APART
    at_step = np.full(len(steps), max(areas.owners.max(), types.owners.max(initial=0)) + 1)
    owners = np.concatenate([areas.owners, at_step, types.owners])
    return Prototypes(
        centres.astype(np.float32), owners, mean.astype(np.float32), matrix.astype(np.float32), limit=1.0
    )


def _steps(filters: np.ndarray, areas: _Block, seed: int) -> np.ndarray:
    """Return centres of the cells of step edges, in the space of areas; none where there are few."""
    if len(filters) < _FEWEST:
        return np.zeros((0, areas.matrix.shape[1]))
    return group_by_means((filters - areas.mean) @ areas.matrix, _STEP_CENTRES, seed=seed)


def _sentence(names: Sequence[str], objects: int, without: int, maps: int) -> str:
    """Say what was found; ``without`` is the number of maps without a lattice."""
    lattice = "no lattice found" if without else ""
    lattice += f" on {without} of {maps} scans" if 0 < without < maps else ""
    if names == [SURFACE]:
        return "; ".join(part for part in ("nothing stands out from the surface", lattice) if part)
    n_types = sum(name.startswith("type ") for name in names)
    parts = [SURFACE, f"{counted(objects, 'object')} of {counted(n_types, 'type')}" if n_types else ""]
    parts += [name for name in names if name in (STEP, UNLIKE) or name.startswith("area ")]
    found = f"found in the data: {', '.join(part for part in parts if part)}"
    return f"{found}; {lattice}" if lattice else found


def _areas(
    sample: Sample,
    between: np.ndarray,
    part: slice,
    around: np.ndarray,
    aside: np.ndarray,
    smallest: float,
    seed: int,
) -> tuple[_Block, int]:
    """Divide what lies between objects and steps, and join what lies mixed; the first is the surface.

    What has one object ``around`` it is its halo, and surface as well, and so is what lies ``aside`` for the
    most part. ``smallest`` is the least number of cells of an area.
    """
    from scipy.sparse.csgraph import connected_components

    some = np.ascontiguousarray(sample.features[between, part])
    fine = fit_prototypes(some, _FINE, seed=seed)
    of_cell = np.full(len(sample), -1)
    of_cell[between] = fine.assign(some)[0]
    mixing, sizes = _mixing(sample, of_cell, _FINE)
    _, piece = connected_components(mixing > _MIXED, directed=False)
    large = np.bincount(piece, sizes)
    surface = int(large.argmax())
    points, own = fine.project(some), of_cell[between]
    number, n_areas = np.zeros(len(large), int), 1
    for one in np.argsort(-large, kind="stable"):
        if one == surface or large[one] < max(_SMALLEST_SHARE * large.sum(), smallest):
            continue
        nearest = [points[own == other] for other in np.flatnonzero((piece == surface) & (sizes > 0))]
        cells = piece[own] == one
        is_halo = np.median(around[cells]) == 1
        if not is_halo and aside[cells].mean() < 0.5 and _is_apart(points[cells], nearest):
            number[one], n_areas = n_areas, n_areas + 1
    assert fine.mean is not None
    assert fine.matrix is not None
    owners = number[piece][fine.owners]
    return _Block(part, fine.mean, fine.matrix, fine.centres, owners).scaled(fine.limit**0.5), n_areas


def _objects_around(
    sample: Sample, between: np.ndarray, on_object: np.ndarray, number: np.ndarray, reach: float
) -> np.ndarray:
    """Count the objects whose middle lies within ``reach`` cells of each cell between objects.

    ``number``, (cells on objects,), says which object each of them belongs to.
    """
    from scipy.spatial import KDTree

    found = np.zeros(len(sample), int)
    for one in range(len(sample.stored)):
        own, here = on_object & (sample.maps == one), between & (sample.maps == one)
        if not own.any() or not here.any():
            continue
        _, of_cell, sizes = np.unique(number[own[on_object]], return_inverse=True, return_counts=True)
        middles = np.stack([np.bincount(of_cell, axis) / sizes for axis in sample.cells[own].T], axis=1)
        found[here] = KDTree(middles).query_ball_point(sample.cells[here], reach, return_length=True)
    return found[between]


def _near(sample: Sample, wanted: np.ndarray, others: np.ndarray, reach: float) -> np.ndarray:
    """Say which of the wanted cells have one of the others within ``reach`` cells, (wanted,) bool."""
    from scipy.spatial import KDTree

    found = np.zeros(len(sample), bool)
    for one in range(len(sample.stored)):
        here, there = wanted & (sample.maps == one), others & (sample.maps == one)
        if here.any() and there.any():
            far = KDTree(sample.cells[there]).query(sample.cells[here], distance_upper_bound=reach)[0]
            found[here] = np.isfinite(far)
    return found[wanted]


def _at_frame(sample: Sample) -> np.ndarray:
    """Say which cells lie at the frame of their map, where less is known of their surroundings, (n,)."""
    found = np.zeros(len(sample), bool)
    for one in range(len(sample.stored)):
        own = sample.maps == one
        cells = sample.cells[own]
        if len(cells):
            last = cells.max(0)
            found[own] = (np.minimum(cells, last - cells) < _FRAME).any(1)
    return found


def _is_apart(area: np.ndarray, surface: Sequence[np.ndarray]) -> bool:
    """Say whether cells differ from each part of the surface, with a gap between them."""
    for one in surface:
        along = area.mean(0) - one.mean(0)
        apart = float(np.linalg.norm(along))
        if apart < _DIFFERENT:
            return False
        here, there = area @ along / apart, one @ along / apart
        spread = np.sqrt((here.var() * len(here) + there.var() * len(there)) / (len(here) + len(there)))
        if apart < _GAP * spread:
            return False
    return True


def _mixing(sample: Sample, part: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how mixed cells of every two parts lie, (count, count), and the cells of each part.

    It is the share of neighbours of one part that are of the other, over its share of the cells of both: 1
    where they lie at random, 0 where they do not touch.
    """
    pairs = np.zeros((count + 1, count + 1))
    for first, second in sample.neighbours():
        np.add.at(pairs, (part[first], part[second]), 1)  # part -1, of no part, comes last
    pairs = (pairs + pairs.T)[:count, :count]
    sizes = np.bincount(part[part >= 0], minlength=count)
    share = sizes / np.maximum(sizes[:, None] + sizes, 1)
    found = pairs / np.maximum(pairs.sum(1, keepdims=True), 1) / np.maximum(share, 1e-9)
    return np.maximum(found, found.T), sizes


def _types(whole: np.ndarray, part: slice, seed: int) -> tuple[_Block, list[str]]:
    """Sort objects, (n, features), into types; those unlike any other are one more."""
    rng = np.random.default_rng((seed, 4))
    if len(whole) > _OBJECTS:
        whole = whole[np.sort(rng.choice(len(whole), _OBJECTS, replace=False))]
    if not len(whole):
        none = np.zeros((part.stop - part.start, 0))
        return _Block(part, np.zeros(len(none)), none, np.zeros((0, 0)), np.zeros(0, int)), []
    found, sorter = sort_new(_TIMES * whole, seed, _FEW)
    names = [f"type {number}" for number in range(1, found.max() + 1)]
    found = np.where(found == 0, len(names) + 1, found) - 1
    names += [UNLIKE] if found.max() == len(names) else []
    placed = sorter.place(_TIMES * whole)
    centres = [
        group_by_means(own, min(_CENTRES, -(-len(own) // 3)), seed=seed)
        for own in (placed[found == one] for one in range(len(names)))
    ]
    owners = np.repeat(np.arange(len(names)), [len(some) for some in centres])
    mean, matrix = sorter.mean / _TIMES, _TIMES * sorter.components.T
    block = _Block(part, mean, matrix, np.concatenate(centres), owners)
    return block.scaled(_width(placed, found, block)), names


def _width(placed: np.ndarray, found: np.ndarray, block: _Block) -> float:
    """Return how far from the centres of its type an object can be."""
    apart = np.linalg.norm(placed[:, None] - block.centres, axis=2)
    apart[found[:, None] != block.owners] = np.inf
    return max(ALIKE, float(_BEYOND * np.quantile(apart.min(1), _USUAL)))
