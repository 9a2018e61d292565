"""Flatten heights: take out tilt, bow, line offsets, scars and spikes; the only door to SPIEPy."""

import difflib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

FLATTEN_METHODS = {
    "none": "leave the heights as they are",
    "poly_xy": "subtract the plane that fits all heights best",
    "iterate_mask": "fit the plane again and again without the heights that stand out of it",
}


def parse_chain(method: str | Sequence[str]) -> tuple[str, ...]:
    """Read a chain of methods, ``"row_median + poly_xy"`` or a sequence of names, as names in order.

    >>> parse_chain("poly_xy + iterate_mask")
    ('poly_xy', 'iterate_mask')

    Raises
    ------
    ValueError
        If a method is not known, naming it and the nearest that is.
    """
    names = method.split("+") if isinstance(method, str) else list(method)
    chain = tuple(str(name).strip() for name in names)
    for name in chain:
        if name not in FLATTEN_METHODS:
            near = difflib.get_close_matches(name, FLATTEN_METHODS, n=1, cutoff=0)[0]
            raise ValueError(
                f"flatten_method {name!r} is not known; did you mean {near!r}? There are:"
                f" {', '.join(FLATTEN_METHODS)}"
            )
    if not chain:
        raise ValueError("flatten_method names no method; 'none' leaves the heights as they are")
    return chain


def flatten(
    heights: np.ndarray, method: str | Sequence[str] = "poly_xy", *, leave_out: np.ndarray | None = None
) -> np.ndarray:
    """Flatten ``heights``, (rows, cols), by a chain of methods; NaN stays NaN and is left out of every fit.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
    method : str or sequence of str
        One of ``FLATTEN_METHODS``, or several joined by ``+``, done in this order.
    leave_out : ndarray of bool, shape (rows, cols), optional
        Pixels that no fit takes notice of, as classes of a label map; they are flattened all the same.

    Raises
    ------
    ValueError
        If a method is not known, no height is finite, or ``leave_out`` has another shape.

    Examples
    --------
    >>> tilted = np.add.outer(np.arange(20.0), 3 * np.arange(30.0))
    >>> bool(np.abs(flatten(tilted)).max() < 1e-9)
    True
    """
    chain = parse_chain(method)
    heights = np.array(heights, dtype=float)
    missing = ~np.isfinite(heights)
    if missing.all():
        raise ValueError("nothing to flatten: every height is missing (NaN)")
    for name in chain:
        heights = _one(heights, missing, name)
    return heights


def _one(heights: np.ndarray, missing: np.ndarray, method: str) -> np.ndarray:
    if method == "none":
        return heights.copy()
    box = _filled_box(missing)
    part, mask = heights[box], missing[box]
    flat = np.full(heights.shape, np.nan)
    flat[box] = _spiepy(fill_nearest(part, mask), mask, method)
    flat[missing] = np.nan
    return flat


def _filled_box(missing: np.ndarray) -> tuple[slice, slice]:
    """Return the smallest rectangle that holds every finite height."""
    rows, cols = (np.flatnonzero(~missing.all(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)


def fill_nearest(heights: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Give every missing height the value of the nearest one that is there."""
    if not missing.any() or missing.all():
        return heights
    from scipy.ndimage import distance_transform_edt

    nearest: Any = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return heights[tuple(nearest)]


def _spiepy(heights: np.ndarray, mask: np.ndarray, method: str) -> np.ndarray:
    """Call SPIEPy on complete heights, leaving out what is masked."""
    import spiepy

    if min(heights.shape) < 2 or (~mask).sum() < 4:  # too little to fit a plane to
        return heights - heights[~mask].mean()
    master = mask if mask.any() else None
    if method == "poly_xy":
        return spiepy.flatten_poly_xy(heights, mask=master, deg=1)[0]
    if master is not None:
        # Its mask forgets single points: on the plane of the others they do no harm.
        heights = np.where(mask, spiepy.flatten_poly_xy(heights, mask=master, deg=1)[1], heights)
    flat, _, rounds = spiepy.flatten_by_iterate_mask(heights, master_mask=master)
    if rounds == 0:
        warnings.warn("iterate_mask did not settle within 100 rounds; look at the result", stacklevel=2)
    return flat
