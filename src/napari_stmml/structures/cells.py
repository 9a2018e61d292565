"""Work on cells of about 0.25 nm instead of pixels, where what is looked for is wider than that."""

import numpy as np

CELL_NM = 0.25
Cells = tuple[int, int]


def cells_of(pixel: tuple[float, float]) -> Cells:
    """Return how many pixels a cell has along rows and columns, 1 at least."""
    return max(1, round(CELL_NM / pixel[0])), max(1, round(CELL_NM / pixel[1]))


def averaged(values: np.ndarray, cells: Cells) -> np.ndarray:
    """Return the mean of each cell of a map, (rows, cols)."""
    return np.asarray(_split(values, cells).mean((1, 3)))


def highest(values: np.ndarray, cells: Cells) -> np.ndarray:
    """Return the highest value of each cell of a map, (rows, cols)."""
    return np.asarray(_split(values, cells).max((1, 3)))


def enlarged(values: np.ndarray, cells: Cells, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate values on cells to the pixels of a map of ``shape``, as float32."""
    from scipy.ndimage import zoom

    if cells != (1, 1):
        values = zoom(values.astype(np.float32), cells, order=1, mode="nearest", grid_mode=True)
    return values[: shape[0], : shape[1]]


def repeated(values: np.ndarray, cells: Cells, shape: tuple[int, ...]) -> np.ndarray:
    """Give all pixels of a map of ``shape`` the value of their cell; the last values are repeated."""
    whole = values if cells == (1, 1) else values.repeat(cells[0], 0).repeat(cells[1], 1)
    if whole.shape == shape:
        return whole
    return np.pad(whole, [(0, side - own) for side, own in zip(shape, whole.shape, strict=True)], mode="edge")


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
    return np.asarray(gaussian_filter(values.astype(np.float32), sigma, mode="nearest", truncate=3))


def _split(values: np.ndarray, cells: Cells) -> np.ndarray:
    """Cut a map into cells, (n, cell rows, m, cell columns); it is continued where the last are not full."""
    framed = np.pad(
        values, [(0, -side % n) for side, n in zip(values.shape, cells, strict=True)], mode="edge"
    )
    return framed.reshape(framed.shape[0] // cells[0], cells[0], framed.shape[1] // cells[1], cells[1])
