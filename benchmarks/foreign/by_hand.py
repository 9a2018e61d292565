"""What a person marked on a part of a scan, twice, and how far both rounds agree.

A file of marks is JSON: ``image`` (a name), ``part`` (first row, end, first column, end), ``pixel_nm``, and
``rounds``, two lists of marks. A mark has a ``class`` and either an ``ellipse`` (row, column, long and short
diameter, degrees from the rows' direction towards larger rows), a ``line`` of points with a ``width``, or an
``area`` with its corners; all in px of the part.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.foreign.measure import NEAR
from benchmarks.quality.metrics import contingency, scores

HERE = Path(__file__).parent / "marks"  # of images whose licence allows it
UNSURE, SURFACE = "unsure", "surface"
NO_OBJECTS = ("step edge", "disordered", "bright island", UNSURE)
AGREE_NM = 0.4
Mark = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Round:
    """Marks of one round, the class of each pixel from 0, surface, and which pixels have an unsure mark."""

    marks: list[Mark]
    labels: np.ndarray = field(repr=False)
    unsure: np.ndarray = field(repr=False)

    @property
    def objects(self) -> list[Mark]:
        """Marks of objects, which a finder should find."""
        return [mark for mark in self.marks if mark["class"] not in NO_OBJECTS]

    @property
    def elsewhere(self) -> np.ndarray:
        """Pixels of other marks, where finds do not count, (rows, cols) bool."""
        others = [_pixels(one, self.labels.shape) for one in self.marks if one["class"] in NO_OBJECTS]
        return np.any([np.zeros(self.labels.shape, bool), *others], axis=0)

    @property
    def scored(self) -> np.ndarray:
        """Pixels that count: sure ones, without a rim of surface around each mark, (rows, cols) bool."""
        from scipy.ndimage import distance_transform_edt

        marked = (self.labels > 0) | self.unsure
        rim = ~marked & (distance_transform_edt(~marked) <= NEAR) if marked.any() else marked
        return ~self.unsure & ~rim


@dataclass(frozen=True, eq=False)
class Marked:
    """A part of an image that was marked twice."""

    image: str
    part: tuple[slice, slice]
    pixel_nm: float
    classes: tuple[str, ...]
    rounds: tuple[Round, Round]


def read_marks(path: Path) -> Marked:
    """Read a file of marks.

    Raises
    ------
    ValueError
        In one sentence that names the file, if it is none.
    """
    try:
        read = json.loads(path.read_text("utf-8"))
        top, bottom, left, right = read["part"]
        rounds = read["rounds"]
        names = list(dict.fromkeys(mark["class"] for marks in rounds for mark in marks))
        classes = (SURFACE, *(name for name in names if name != UNSURE))
        one, other = (_round(marks, classes, (bottom - top, right - left)) for marks in rounds)
        part = slice(top, bottom), slice(left, right)
        return Marked(read["image"], part, float(read["pixel_nm"]), classes, (one, other))
    except (KeyError, TypeError, ValueError) as why:
        raise ValueError(f"{path} is no file of marks ({why}); see benchmarks/foreign/by_hand.py") from why


def agreement(marked: Marked) -> dict[str, float]:
    """Return how both rounds agree: F1 of middles, kappa of classes, and macro-F1 of pixels."""
    from sklearn.metrics import cohen_kappa_score

    one, other = marked.rounds
    middles = np.array([middle(mark) for mark in other.objects]).reshape(-1, 2)
    pairs = {far: paired(middles, one.objects, marked.pixel_nm, far) for far in (AGREE_NM, 1.0)}
    numbers = {f"F1, {far} nm": f1(len(pairs[far]), len(middles), len(one.objects)) for far in pairs}
    named = [[one.objects[i]["class"], other.objects[j]["class"]] for j, i in pairs[1.0]]
    kinds = {name for pair in named for name in pair}
    numbers["kappa"] = cohen_kappa_score(*zip(*named, strict=True)) if len(kinds) > 1 else float("nan")
    sure = ~one.unsure & ~other.unsure
    for what, kept in (("pixels, all", sure), ("pixels, without rim", sure & one.scored)):
        table = contingency(other.labels[kept], one.labels[kept], len(marked.classes), len(marked.classes))
        numbers[what] = scores(table, np.arange(len(marked.classes))).macro_f1
    return numbers


def paired(
    places: np.ndarray, marks: Sequence[Mark], pixel_nm: float, far_nm: float, inside: bool = False
) -> list[tuple[int, int]]:
    """Pair places, (n, 2) in px, one to one with marks whose middle is near.

    Parameters
    ----------
    places : ndarray of float, shape (n, 2)
        Row and column.
    marks : sequence of dict
    pixel_nm : float
    far_nm : float
        As far a middle may be.
    inside : bool
        Whether places within a mark are near, too, however long it is.

    Returns
    -------
    list of (int, int)
        Number of the place, and of the mark.
    """
    from scipy.optimize import linear_sum_assignment

    if not len(places) or not marks:
        return []
    middles = np.array([middle(mark) for mark in marks])
    apart = np.hypot(*np.moveaxis(places[:, None] - middles[None], 2, 0)) * pixel_nm
    near = apart <= far_nm
    if inside:
        reach = np.ceil(np.max([*places.max(0), *middles.max(0)]) + 2).astype(int)
        at = tuple(np.rint(places).astype(int).T)
        near |= np.stack([_pixels(mark, (reach, reach))[at] for mark in marks], 1)
    first, second = linear_sum_assignment(np.where(near, apart, 1e3))
    return [(int(i), int(j)) for i, j in zip(first, second, strict=True) if near[i, j]]


def f1(pairs: int, found: int, true: int) -> float:
    """Return the harmonic mean of precision and recall."""
    return 2 * pairs / (found + true) if found + true else float("nan")


def middle(mark: Mark) -> np.ndarray:
    """Return row and column of the middle of a mark, (2,)."""
    if "ellipse" in mark:
        return np.array(mark["ellipse"][:2], float)
    points = np.array(mark.get("line") or mark.get("area"), float)
    if "area" in mark:
        return points.mean(0)
    lengths = np.append(0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    return np.array([np.interp(lengths[-1] / 2, lengths, points[:, axis]) for axis in (0, 1)])


def _round(marks: list[Mark], classes: Sequence[str], shape: tuple[int, int]) -> Round:
    """Draw the marks: smaller ones lie on larger ones."""
    labels, unsure = np.zeros(shape, np.uint8), np.zeros(shape, bool)
    drawn = sorted(((_pixels(mark, shape), mark["class"]) for mark in marks), key=lambda one: -one[0].sum())
    for pixels, name in drawn:
        unsure[pixels] = name == UNSURE
        labels[pixels] = 0 if name == UNSURE else classes.index(name)
    return Round(marks, labels, unsure)


def _pixels(mark: Mark, shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a mark, (rows, cols) bool."""
    from matplotlib.path import Path as Outline

    rows, cols = np.indices(shape)
    if "ellipse" in mark:
        row, col, long, short, degrees = mark["ellipse"]
        down, right = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
        along = (rows - row) * down + (cols - col) * right
        across = (rows - row) * right - (cols - col) * down
        return np.asarray((2 * along / long) ** 2 + (2 * across / short) ** 2 <= 1)
    if "area" in mark:
        points = np.column_stack([rows.ravel(), cols.ravel()])
        return np.asarray(Outline(mark["area"]).contains_points(points, radius=1e-9).reshape(shape))
    near = np.zeros(shape, bool)
    points = np.array(mark["line"], float)
    for one, other in pairwise(points):
        way = other - one
        share = ((rows - one[0]) * way[0] + (cols - one[1]) * way[1]) / max(way @ way, 1e-9)
        share = np.clip(share, 0, 1)
        near |= np.hypot(rows - one[0] - share * way[0], cols - one[1] - share * way[1]) <= mark["width"] / 2
    return near
