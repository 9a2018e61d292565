"""Work on cells of about 0.25 nm instead of pixels, where what is looked for is wider than that."""

import numpy as np

CELL_NM = 0.25
_WIDE = 4.0  # cells, from which on a Gaussian is taken on the means of 2 x 2 of them
_TWICE = 1.0  # cells squared, by which means of 2 x 2 and what interpolates them widen it
_MANY = 65_536  # cells, below which that is no gain
Cells = tuple[int, int]


def cells_of(pixel: tuple[float, float]) -> Cells:
    """Return how many pixels a cell has along rows and columns, 1 at least."""
    return max(1, round(CELL_NM / pixel[0])), max(1, round(CELL_NM / pixel[1]))


def averaged(values: np.ndarray, cells: Cells) -> np.ndarray:
    """Return the mean of each cell of a map, (rows, cols)."""
    if cells == (1, 1):
        return values
    down, right = cells
    rows = _framed(values, cells).reshape(-1, down, values.shape[1] + -values.shape[1] % right).sum(1)
    return np.asarray(rows.reshape(len(rows), -1, right).mean(2) / np.float32(down))


def highest(values: np.ndarray, cells: Cells) -> np.ndarray:
    """Return the highest value of each cell of a map, (rows, cols)."""
    down, right = cells
    rows = _framed(values, cells).reshape(-1, down, values.shape[1] + -values.shape[1] % right).max(1)
    return np.asarray(rows.reshape(len(rows), -1, right).max(2))


def enlarged(values: np.ndarray, cells: Cells, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate values on cells to the pixels of a map of ``shape``, as float32."""
    if cells != (1, 1):
        wide = _stretched(values.astype(np.float32).T, cells[1])[: shape[1]]
        values = _stretched(np.ascontiguousarray(wide.T), cells[0])
    return values[: shape[0], : shape[1]]


def _stretched(values: np.ndarray, times: int) -> np.ndarray:
    """Interpolate the rows of a map of float32 to so many times as many."""
    framed = np.concatenate([values[:1], values, values[-1:]])
    found = np.empty((times * len(values), values.shape[1]), np.float32)
    for i in range(times):
        off = np.float32((i + 0.5) / times - 0.5)
        other = framed[:-2] if off < 0 else framed[2:]
        np.multiply(other, abs(off), out=found[i::times])
        found[i::times] += (1 - abs(off)) * values
    return found


def repeated(values: np.ndarray, cells: Cells, shape: tuple[int, ...]) -> np.ndarray:
    """Give all pixels of a map of ``shape`` the value of their cell; the last values are repeated."""
    whole = values if cells == (1, 1) else values.repeat(cells[0], 0).repeat(cells[1], 1)
    if whole.shape == shape:
        return whole
    return np.pad(whole, [(0, side - own) for side, own in zip(shape, whole.shape, strict=True)], mode="edge")


def highest_of_each(values: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Return the highest value of each label from 1 to ``count``, (count,); 0 for one that no pixel has."""
    places = np.flatnonzero(labels)
    found = np.full(count + 1, -np.inf, values.dtype)
    np.maximum.at(found, labels.ravel()[places], values.ravel()[places])
    return np.where(np.isneginf(found), found.dtype.type(0), found)[1:]


def slow(values: np.ndarray, sigma_nm: float, pixel: tuple[float, float]) -> np.ndarray:
    """Smooth values on cells with a Gaussian much wider than a cell.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        On cells.
    sigma_nm : float
    pixel : (float, float)
        nm per pixel of the map, not of the cells.

    Returns
    -------
    ndarray of float32, shape (n, m)
    """
    from scipy.ndimage import gaussian_filter

    sigma = [sigma_nm / size / n for size, n in zip(pixel, cells_of(pixel), strict=True)]
    twice = (1, 1)
    if min(sigma) >= _WIDE and values.size >= _MANY:
        twice, sigma = (2, 2), [np.sqrt(one**2 - _TWICE) / 2 for one in sigma]
    some = averaged(values, twice).astype(np.float32, copy=False)
    return enlarged(gaussian_filter(some, sigma, mode="nearest", truncate=3), twice, values.shape)


def _framed(values: np.ndarray, cells: Cells) -> np.ndarray:
    """Continue a map where its last cells are not full."""
    beyond = [(0, -side % n) for side, n in zip(values.shape, cells, strict=True)]
    return np.pad(values, beyond, mode="edge") if any(more for _, more in beyond) else values
