"""Flatten heights: chains of methods that take out tilt, bow, line offsets, scars and spikes."""

import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_stmml.heights.flatten_methods import planes, repair, rows, steps
from napari_stmml.heights.spread import robust_sigma
from napari_stmml.text import quoted, shortened

MOST_METHODS = 100  # of a chain

_OUT = 2.0  # robust standard deviations off the median, from which on `mask` leaves heights out
_WHOLE = 0.9  # of a row


@dataclass(frozen=True)
class Method:
    """A way to flatten.

    Parameters
    ----------
    name : str
        As in a chain.
    function : callable or None
        Takes heights, (rows, cols) with NaN where missing, and which of them to use, and returns new heights;
        `mask` and `repeat` have none. The first line of its docstring is its help.
    gwyddion, spiepy : str
        What these programs call it, empty where they have none.
    note : str
        The help of a method without a function.
    """

    name: str
    function: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    gwyddion: str = ""
    spiepy: str = ""
    note: str = ""

    @property
    def help(self) -> str:
        """What it does, in one line."""
        line = self.note or (inspect.getdoc(self.function) or self.name).partition("\n")[0]
        return line[:1].lower() + line[1:].rstrip(".")

    @property
    def on_rows(self) -> bool:
        """Whether it looks at recorded rows or single pixels, and so comes before any resampling."""
        return getattr(self.function, "__module__", "") in (rows.__name__, repair.__name__)


def none(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Leave the heights as they are."""
    return heights.copy()


_IN_ORDER = (
    Method("none", none),
    Method("poly_xy", planes.poly_xy, "Polynomial Background, 1 by 1", "flatten_poly_xy(deg=1)"),
    Method("poly_xy_2", planes.poly_xy_2, "Polynomial Background, 2 by 2", "flatten_poly_xy(deg=2)"),
    Method("xy", planes.xy, "", "flatten_xy"),
    Method("peaks", planes.peaks, "", "flatten_by_peaks"),
    Method("iterate_mask", planes.iterate_mask, "", "flatten_by_iterate_mask"),
    Method("row_mean", rows.row_mean, "Align Rows: Polynomial, degree 0"),
    Method("row_mean_and_slope", rows.row_mean_and_slope, "Align Rows: Polynomial, degree 1"),
    Method("row_median", rows.row_median, "Align Rows: Median"),
    Method("median_of_differences", rows.median_of_differences, "Align Rows: Median of differences"),
    Method("facet", steps.facet, "Facet Level"),
    Method("terraces", steps.terraces),
    Method("scars", repair.scars, "Remove Scars"),
    Method("line_jumps", repair.line_jumps, "Step Line Correction"),
    Method("clip_spikes", repair.clip_spikes),
    Method(
        "mask",
        gwyddion="Mask by Threshold",
        note=f"from here on, leave out what is more than {_OUT:g} robust standard deviations off the median",
    ),
    Method("repeat", note="do the methods before the mask once more, now with the mask"),
)
METHODS = {method.name: method for method in _IN_ORDER}
FLATTEN_METHODS = {name: method.help for name, method in METHODS.items()}


def table() -> str:
    """Return the table of all methods, in Markdown, for `docs/flattening.md`."""
    head = ["| name | what it does | Gwyddion | SPIEPy |", "|---|---|---|---|"]
    lines = [
        f"| `{one.name}` | {one.help} | {one.gwyddion or '-'} | {f'`{one.spiepy}`' if one.spiepy else '-'} |"
        for one in METHODS.values()
    ]
    return "\n".join(head + lines) + "\n"


def needs_own_pixels(chain: str | Sequence[str]) -> bool:
    """Say whether a chain looks at recorded rows or single pixels, and so comes before any resampling.

    Parameters
    ----------
    chain : str or sequence of str

    Examples
    --------
    >>> needs_own_pixels("clip_spikes + poly_xy"), needs_own_pixels("poly_xy")
    (True, False)
    """
    return any(METHODS[name].on_rows for name in parse_chain(chain))


def parse_chain(chain: str | Sequence[str]) -> tuple[str, ...]:
    """Read a chain of methods.

    Parameters
    ----------
    chain : str or sequence of str
        Names of ``METHODS`` joined by ``+``, or one by one.

    Returns
    -------
    tuple of str
        The names in order.

    Raises
    ------
    ValueError
        If a method is not known, naming it and the nearest that is, ``repeat`` has nothing to repeat, or
        there are more than `MOST_METHODS`.

    Examples
    --------
    >>> parse_chain("row_median + poly_xy")
    ('row_median', 'poly_xy')
    """
    names = tuple(str(name).strip() for name in (chain.split("+") if isinstance(chain, str) else chain))
    if len(names) > MOST_METHODS:
        raise ValueError(f"flatten_method names {len(names)} methods, at most {MOST_METHODS} are done")
    for name in names:
        if name not in METHODS:
            name = shortened(name)
            near = difflib.get_close_matches(name, METHODS, n=1, cutoff=0)[0]
            raise ValueError(
                f"flatten_method {name!r} is not known; did you mean {near!r}? There are:"
                f" {', '.join(METHODS)}"
            )
    if not names:
        raise ValueError("flatten_method names no method; 'none' leaves the heights as they are")
    for i, name in enumerate(names):
        if name == "repeat" and not _before_mask(names[:i]):
            raise ValueError(
                f"flatten_method {quoted(' + '.join(names))}: 'repeat' does the methods before 'mask' once"
                " more, so a method and then 'mask' have to come before it, as in 'poly_xy + mask + repeat'"
            )
    return names


def _before_mask(chain: tuple[str, ...]) -> tuple[str, ...]:
    """Return the methods before the last mask of a chain; none without a mask."""
    masks = [i for i, name in enumerate(chain) if name == "mask"]
    return tuple(name for name in chain[: masks[-1]] if METHODS[name].function) if masks else ()


def flatten(
    heights: np.ndarray, chain: str | Sequence[str] = "poly_xy", *, leave_out: np.ndarray | None = None
) -> np.ndarray:
    """Flatten a height map by a chain of methods; NaN stays NaN and enters no fit.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        In nm, or any other unit. Infinite ones are taken for missing.
    chain : str or sequence of str
        One of ``METHODS``, or several joined by ``+``, done in this order.
    leave_out : ndarray of bool, shape (rows, cols), optional
        Pixels that enter no fit, such as classes of a label map; they are flattened all the same. A row that
        is left out as a whole gets its offset from the rows around it.

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
    names = parse_chain(chain)
    heights = np.asarray(heights)
    use = _used(heights, leave_out)
    box = _box(use if leave_out is None else np.isfinite(heights))
    flat = _flatten(_as_floats(heights[box]), use[box], names)
    if flat.shape == heights.shape:
        return flat
    found = np.full(heights.shape, np.nan)
    found[box] = flat
    return found


def _as_floats(heights: np.ndarray) -> np.ndarray:
    heights = np.array(heights, dtype=float)
    heights[~np.isfinite(heights)] = np.nan
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
    down, right = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
    return slice(down[0], down[-1] + 1), slice(right[0], right[-1] + 1)


def _flatten(heights: np.ndarray, use: np.ndarray, chain: tuple[str, ...]) -> np.ndarray:
    fitted = use
    for i, name in enumerate(chain):
        if name == "mask":
            fitted = use & ~_far_off(heights, use)
        for step in _before_mask(chain[:i]) if name == "repeat" else (name,):
            function = METHODS[step].function
            heights = function(heights, fitted) if function else heights
    return heights


def _far_off(heights: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Say which heights are more than 2 robust standard deviations off the median of those used.

    A row of which more than 90 % are is taken to have a wrong offset rather than a high surface: its heights
    are compared with its own median.
    """
    off = heights - np.median(heights[use])
    far = _OUT * robust_sigma(off[use], centre=0.0)
    out = np.abs(off) > far
    whole = np.flatnonzero((out & use).sum(1) > _WHOLE * use.sum(1))
    if whole.size:
        own, _ = rows.medians(off[whole], use[whole])
        out[whole] = np.abs(off[whole] - own[:, None]) > far
    return out
