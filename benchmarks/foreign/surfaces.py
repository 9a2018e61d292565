"""Surfaces with a known class at every pixel, of the generator of objects, not of `napari_stmml.simulate`.

What counts as an object is what the tips see of it: pixels where the image changes by a third of the object's
own largest change, if it is taken away. Mirror images are one class, for no feature of a pixel can tell them.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.structures.surfaces import EASY, KINDS, Drawn, Settings, draw, hard
from napari_stmml.scan import Scan

_OUTLINE = 1 / 3
_REACH_NM = 1.8
_STEP_NM = 0.35  # so near to a step, a pixel is step edge
_FEWEST = 60  # pixels of a class
SURFACE, STEP = "surface", "step edge"


@dataclass(frozen=True, eq=False)
class ForeignSurface:
    """A scan and the class of each pixel, (rows, cols) uint8, an index into ``classes``."""

    scan: Scan
    labels: np.ndarray = field(repr=False)
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Microscope:
    """What is added beside the settings of the objects: a blunt tip, mains hum."""

    blunt_nm: float = 0.0
    hum_nm: float = 0.0
    hum_px: float = 37.3


def foreign_surface(
    kind: str,
    seed: int,
    is_hard: bool = False,
    settings: Settings | None = None,
    microscope: Microscope | None = None,
) -> ForeignSurface:
    """Make a surface of a kind (`KINDS`); the same seed gives the same one.

    Parameters
    ----------
    kind : str
    seed : int
        0 to 99 to choose by, 200 and above for tests.
    is_hard : bool
        Twice the noise, objects that touch, 0.04 to 0.25 nm/px, tips, tip changes, creep, hum, blunting.
    settings : Settings, optional
    microscope : Microscope, optional

    Returns
    -------
    ForeignSurface
    """
    how = settings or _settings(kind, seed, is_hard)
    drawn = draw(kind, seed, is_hard, how)
    rng = np.random.default_rng([seed, 77])
    if microscope is None and is_hard:
        microscope = Microscope(float(rng.uniform(0.03, 0.1)), float(rng.uniform(0.0, 0.006)))
    microscope = microscope or Microscope()
    heights = drawn.image(drawn.placed)
    heights = _recorded(heights, how, microscope, rng)
    scan = Scan(heights.astype(np.float32), (how.pixel_nm, how.pixel_nm), source=f"{kind}-{seed}")
    return ForeignSurface(scan, *_classes(kind, drawn))


def _settings(kind: str, seed: int, is_hard: bool) -> Settings:
    if not is_hard:
        return replace(EASY, size_nm=26.0)
    how = hard(np.random.default_rng([seed, sorted(KINDS).index(kind), 5]))
    pixel = min(how.pixel_nm, 0.17) if kind == "7x7" else how.pixel_nm
    return replace(how, pixel_nm=pixel, size_nm=min(max(28.0, 260 * pixel), 640 * pixel))


def _recorded(
    heights: np.ndarray, how: Settings, microscope: Microscope, rng: np.random.Generator
) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    rows, cols = heights.shape
    if microscope.blunt_nm:
        heights = gaussian_filter(heights, microscope.blunt_nm / how.pixel_nm)
    if how.tip_change:
        row = int(rows * rng.uniform(0.3, 0.7))
        blunt = gaussian_filter(heights, rng.uniform(0.06, 0.14) / how.pixel_nm) + rng.uniform(-0.05, 0.05)
        heights = np.where(np.arange(rows)[:, None] < row, heights, blunt)
    heights = heights + rng.normal(0, how.noise_nm, heights.shape)
    heights = heights + rng.normal(0, how.line_noise_nm, (rows, 1))
    when = np.arange(rows * cols).reshape(rows, cols)  # px since the start, line after line
    heights = heights + microscope.hum_nm * np.sin(2 * np.pi * when / microscope.hum_px)
    return heights + 0.5 * np.linspace(-1, 1, rows)[:, None] + 0.3 * np.linspace(-1, 1, cols)[None]


def _classes(kind: str, drawn: Drawn) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the class of each pixel, and the names of classes that have `_FEWEST` px."""
    named = [one.name.removeprefix("left ").removeprefix("right ") for one in KINDS[kind]]
    names = list(dict.fromkeys((SURFACE, *named, STEP)))
    labels = np.zeros((len(drawn.y_nm), len(drawn.x_nm)), np.uint8)
    if drawn.step_distance is not None:
        off = drawn.step_distance(drawn.y_nm[:, None], drawn.x_nm[None])
        labels[off < _STEP_NM] = names.index(STEP)
    strongest = np.zeros(labels.shape)
    for one in drawn.placed:
        number, _, y, x, *_ = one
        rows = np.flatnonzero(np.abs(drawn.y_nm - y) < _REACH_NM)
        cols = np.flatnonzero(np.abs(drawn.x_nm - x) < _REACH_NM)
        if not len(rows) or not len(cols):
            continue
        part = replace(drawn, y_nm=drawn.y_nm[rows], x_nm=drawn.x_nm[cols])
        changed = np.abs(
            part.image(drawn.placed) - part.image([other for other in drawn.placed if other is not one])
        )
        share = changed / max(changed.max(), 1e-9)
        at = np.ix_(rows, cols)
        mine = (share >= _OUTLINE) & (changed > strongest[at])
        labels[at] = np.where(mine, names.index(named[number - 1]), labels[at])
        strongest[at] = np.where(mine, changed, strongest[at])
    counts = np.bincount(labels.ravel(), minlength=len(names))
    kept = [name for name, count in zip(names, counts, strict=True) if count >= _FEWEST]
    table = np.array([kept.index(name) if name in kept else 0 for name in names], np.uint8)
    return table[labels], tuple(kept)
