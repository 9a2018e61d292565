"""Flatten heights: chains of methods that take out tilt, bow, line offsets, scars and spikes."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_stmml.heights import levelling, repair
from napari_stmml.heights.spread import robust_sigma

__all__ = ["FLATTEN_METHODS", "METHODS", "Method", "flatten", "parse_chain", "table"]

_OUT = 2.0  # robust standard deviations off the median, from which on `mask` leaves heights out
_WHOLE = 0.9  # of a row


@dataclass(frozen=True)
class Method:
    """A way to flatten; ``gwyddion`` and ``spiepy`` are what others call it, empty where they have none.

    ``fast`` says that it takes well below 100 ms at 1024 x 1024. ``function`` takes heights, (rows, cols)
    with NaN where missing, and which of them to use, and returns new heights; `mask` and `repeat` have none.
    """

    name: str
    help: str
    gwyddion: str = ""
    spiepy: str = ""
    fast: bool = True
    function: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None


METHODS = {
    method.name: method
    for method in (
        Method("none", "leave the heights as they are", function=lambda heights, use: heights.copy()),
        Method(
            "poly_xy",
            "subtract the plane, with a term x*y, that fits all heights best",
            "Polynomial Background, 1 by 1",
            "flatten_poly_xy(deg=1)",
            function=levelling.polynomial,
        ),
        Method(
            "poly_xy_2",
            "subtract the polynomial of 2nd order in x and in y that fits all heights best",
            "Polynomial Background, 2 by 2",
            "flatten_poly_xy(deg=2)",
            function=partial(levelling.polynomial, degree=2),
        ),
        Method(
            "xy",
            "subtract the mean slope of all rows and of all columns, then the mean",
            "",
            "flatten_xy",
            function=levelling.average_lines,
        ),
        Method(
            "peaks",
            "subtract the polynomial of 2nd order through the local maxima, such as atoms",
            "",
            "flatten_by_peaks",
            False,
            levelling.peaks,
        ),
        Method(
            "iterate_mask",
            "fit the plane again and again without the heights that stand out of it",
            "",
            "flatten_by_iterate_mask",
            False,
            levelling.iterate_mask,
        ),
        Method(
            "row_mean",
            "subtract from each row its mean",
            "Align Rows: Polynomial, degree 0",
            function=levelling.row_mean,
        ),
        Method(
            "row_mean_and_slope",
            "subtract from each row the line that fits it best",
            "Align Rows: Polynomial, degree 1",
            function=levelling.row_mean_and_slope,
        ),
        Method(
            "row_median",
            "subtract from each row its median, which tall things hardly change",
            "Align Rows: Median",
            function=levelling.row_median,
        ),
        Method(
            "median_of_differences",
            "shift each row to the one before by the median of their differences; a step stays, and a tilt",
            "Align Rows: Median of differences",
            function=levelling.median_of_differences,
        ),
        Method(
            "facet",
            "make the slope that most of the surface has horizontal, so that terraces lie flat",
            "Facet Level",
            "",
            False,
            levelling.facet,
        ),
        Method(
            "terraces",
            "find the terraces between steps, fit slopes that all share and an offset for each",
            "",
            "",
            False,
            levelling.terraces,
        ),
        Method(
            "scars",
            "bridge bright or dark streaks along the rows, up to 4 rows wide",
            "Remove Scars",
            fast=False,
            function=repair.scars,
        ),
        Method(
            "line_jumps",
            "shift back rows, or parts of 16 px or more, that jump and come back with the next row",
            "Step Line Correction",
            fast=False,
            function=repair.line_jumps,
        ),
        Method(
            "clip_spikes",
            "set single pixels that stand far out of their neighbours to the median around them",
            "",
            "",
            False,
            repair.clip_spikes,
        ),
        Method(
            "mask",
            f"from here on, leave out what is more than {_OUT:g} robust standard deviations off the median",
            "Mask by Threshold",
        ),
        Method("repeat", "do the methods before the mask once more, now with the mask"),
    )
}
FLATTEN_METHODS = {name: method.help for name, method in METHODS.items()}


def table() -> str:
    """Return the table of all methods, in Markdown, for `docs/flattening.md`."""
    head = ["| name | what it does | Gwyddion | SPIEPy |", "|---|---|---|---|"]
    rows = [
        f"| `{one.name}` | {one.help} | {one.gwyddion or '-'} | {f'`{one.spiepy}`' if one.spiepy else '-'} |"
        for one in METHODS.values()
    ]
    return "\n".join(head + rows) + "\n"


_OF_LINES = {  # they look at rows and single pixels as they were recorded
    *("row_mean", "row_mean_and_slope", "row_median", "median_of_differences"),
    *("scars", "line_jumps", "clip_spikes"),
}


def needs_own_pixels(method: str | Sequence[str]) -> bool:
    """Say whether a chain has a method that looks at recorded rows or single pixels: before any resampling.

    >>> needs_own_pixels("clip_spikes + poly_xy"), needs_own_pixels("poly_xy")
    (True, False)
    """
    return not _OF_LINES.isdisjoint(parse_chain(method))


def parse_chain(method: str | Sequence[str]) -> tuple[str, ...]:
    """Read a chain of methods, ``"row_median + poly_xy"`` or a sequence of names, as names in order.

    >>> parse_chain("row_median + poly_xy")
    ('row_median', 'poly_xy')

    Raises
    ------
    ValueError
        If a method is not known, naming it and the nearest that is, or ``repeat`` has nothing to repeat.
    """
    names = method.split("+") if isinstance(method, str) else list(method)
    chain = tuple(str(name).strip() for name in names)
    for name in chain:
        if name not in METHODS:
            near = difflib.get_close_matches(name, METHODS, n=1, cutoff=0)[0]
            raise ValueError(
                f"flatten_method {name!r} is not known; did you mean {near!r}? There are:"
                f" {', '.join(METHODS)}"
            )
    if not chain:
        raise ValueError("flatten_method names no method; 'none' leaves the heights as they are")
    for i, name in enumerate(chain):
        if name == "repeat" and not _before_mask(chain[:i]):
            raise ValueError(
                f"flatten_method {' + '.join(chain)!r}: 'repeat' does the methods before 'mask' once more, so"
                " a method and then 'mask' have to come before it, as in 'poly_xy + mask + repeat'"
            )
    return chain


def _before_mask(chain: tuple[str, ...]) -> tuple[str, ...]:
    """Return the methods before the last mask of a chain; none without a mask."""
    masks = [i for i, name in enumerate(chain) if name == "mask"]
    return tuple(name for name in chain[: masks[-1]] if METHODS[name].function) if masks else ()


def flatten(
    heights: np.ndarray, method: str | Sequence[str] = "poly_xy", *, leave_out: np.ndarray | None = None
) -> np.ndarray:
    """Flatten ``heights``, (rows, cols), by a chain of methods; NaN stays NaN and is left out of every fit.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        In nm, or any other unit. Infinite ones are taken for missing.
    method : str or sequence of str
        One of ``METHODS``, or several joined by ``+``, done in this order.
    leave_out : ndarray of bool, shape (rows, cols), optional
        Pixels that no fit takes notice of, as classes of a label map; they are flattened all the same. A row
        that is left out altogether gets its offset from the rows around it.

    Returns
    -------
    ndarray of float64, shape (rows, cols)

    Raises
    ------
    ValueError
        If a method is not known, no height is finite, or ``leave_out`` has another shape or leaves nothing.

    Warns
    -----
    UserWarning
        If ``iterate_mask`` does not settle.

    Examples
    --------
    >>> tilted = np.add.outer(np.arange(20.0), 3 * np.arange(30.0))
    >>> bool(np.abs(flatten(tilted)).max() < 1e-9)
    True
    """
    chain = parse_chain(method)
    heights = np.array(heights, dtype=float)
    heights[~np.isfinite(heights)] = np.nan
    use = _used(heights, leave_out)
    box = _box(use if leave_out is None else np.isfinite(heights))
    heights[box] = _flatten(heights[box], use[box], chain)
    return heights


def _used(heights: np.ndarray, leave_out: np.ndarray | None) -> np.ndarray:
    use = np.isfinite(heights)
    if not use.any():
        raise ValueError("nothing to flatten: every height is missing (NaN)")
    if leave_out is None:
        return use
    leave_out = np.asarray(leave_out)
    if leave_out.shape != heights.shape:
        raise ValueError(f"leave_out has the shape {leave_out.shape}, the heights {heights.shape}")
    use &= ~leave_out.astype(bool)
    if not use.any():
        raise ValueError("nothing to flatten by: every height is missing (NaN) or left out")
    return use


def _box(there: np.ndarray) -> tuple[slice, slice]:
    """Return the smallest rectangle that holds every pixel that is there."""
    rows, cols = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)


def _flatten(heights: np.ndarray, use: np.ndarray, chain: tuple[str, ...]) -> np.ndarray:
    fitted = use
    for i, name in enumerate(chain):
        if name == "mask":
            fitted = use & ~_stands_out(heights, use)
        for step in _before_mask(chain[:i]) if name == "repeat" else (name,):
            function = METHODS[step].function
            heights = function(heights, fitted) if function else heights
    return heights


def _stands_out(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Say which heights are more than 2 robust standard deviations off the median of those used.

    A row that stands out nearly as a whole is taken to have a wrong offset rather than a high surface: there,
    it is what stands out of the row itself.
    """
    off = heights - np.median(heights[use])
    far = _OUT * robust_sigma(off[use], centre=0.0)
    out = np.abs(off) > far
    rows = np.flatnonzero((out & use).sum(1) > _WHOLE * use.sum(1))
    if rows.size:
        own, _ = levelling.medians(off[rows], use[rows])
        out[rows] = np.abs(off[rows] - own[:, None]) > far
    return out
