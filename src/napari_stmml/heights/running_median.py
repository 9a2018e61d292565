"""The running median of a map, from windows that are partitioned: as scipy has it, several times faster."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from napari_stmml.system.threads import in_threads

_AT_ONCE = 200_000  # values, so that windows stay in the cache


def running_median(values: np.ndarray, widths: Sequence[int]) -> np.ndarray:
    """Return the median of the window around each pixel; values at the border are repeated beyond it.

    Parameters
    ----------
    values : ndarray of float, shape (rows, cols)
        Without NaN, in any unit.
    widths : (int, int)
        Rows and columns of the window; odd.

    Returns
    -------
    ndarray, shape and dtype of ``values``

    Examples
    --------
    >>> running_median(np.array([[1.0, 9.0, 2.0, 3.0]]), (1, 3))
    array([[1., 2., 3., 3.]])
    """
    framed = np.pad(values, [(width // 2, width // 2) for width in widths], mode="edge")
    found = np.empty_like(values)
    size = widths[0] * widths[1]
    step = max(1, _AT_ONCE // (values.shape[1] * size))

    def fill(top: int) -> None:
        windows = sliding_window_view(framed[top : top + step + widths[0] - 1], tuple(widths))
        ordered = np.array(windows, order="C").reshape(-1, size)
        ordered.partition(size // 2, axis=1)
        found[top : top + step] = ordered[:, size // 2].reshape(-1, values.shape[1])

    in_threads(fill, range(0, len(values), step))
    return found
