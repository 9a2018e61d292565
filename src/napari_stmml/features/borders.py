"""Which cell a pixel has its label from: outlines of objects and steps are finer than cells."""

import numpy as np

from napari_stmml.heights.windows import WindowGrid

_AROUND = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))  # rows, columns to 1 to 8
MOST_NEIGHBOUR = len(_AROUND)


def borders_of(of_pixel: np.ndarray, of_cell: np.ndarray, cell: int) -> np.ndarray:
    """Find the nearest cell of its own for each pixel that belongs to something else than its cell.

    Parameters
    ----------
    of_pixel : ndarray of int, shape (rows, cols)
        What each pixel belongs to: the number of an object, of steps, or 0.
    of_cell : ndarray of int, shape (cells down, cells across)
        The same of each cell.
    cell : int
        px a side of a cell.

    Returns
    -------
    ndarray of uint8, shape (rows, cols)
        0 where a pixel has the label of its cell, else 1 to 8, the neighbour of the cell whose label it has.

    Examples
    --------
    The second pixel belongs to what the second cell belongs to, 4 is the cell to the right:

    >>> borders_of(np.array([[0, 5, 5, 5]] * 2), np.array([[0, 5]]), cell=2)
    array([[0, 4, 0, 0],
           [0, 4, 0, 0]], dtype=uint8)
    """
    rows, cols = of_pixel.shape
    of_own_cell = np.repeat(np.repeat(of_cell, cell, 0), cell, 1)[:rows, :cols]
    place = np.stack(np.nonzero(of_pixel != of_own_cell))
    wanted = of_pixel[tuple(place)]
    best, found = np.full(place.shape[1], np.inf), np.zeros(place.shape[1], np.uint8)
    for number, step in enumerate(_AROUND, 1):
        at = place // cell + np.array(step)[:, None]
        inside = ((at >= 0) & (at < np.array(of_cell.shape)[:, None])).all(0)
        far = (((at + 0.5) * cell - place - 0.5) ** 2).sum(0)
        nearer = inside & (far < best)
        nearer[nearer] = of_cell[tuple(at[:, nearer])] == wanted[nearer]
        best[nearer], found[nearer] = far[nearer], number
    borders = np.zeros(of_pixel.shape, np.uint8)
    borders[tuple(place)] = found
    return borders


def paint_cells(
    values: np.ndarray, grid: WindowGrid, shape: tuple[int, int], borders: np.ndarray | None = None
) -> np.ndarray:
    """Paint values of windows or cells on the prepared map, with borders as fine as its pixels.

    Parameters
    ----------
    values : ndarray, shape (rows, cols) of the grid
    grid : WindowGrid
    shape : (int, int)
        px of the map.
    borders : ndarray of uint8, shape ``shape``, optional
        As `borders_of` returns it.

    Returns
    -------
    ndarray of the same type, shape ``shape``
        0 where no window is near.
    """
    painted = grid.paint(values, shape)
    if borders is not None:
        place = np.stack(np.nonzero(borders))
        steps = np.array([(0, 0), *_AROUND]).T[:, borders[tuple(place)]]
        last = np.array(values.shape)[:, None] - 1
        painted[tuple(place)] = values[tuple(np.clip(place // grid.window + steps, 0, last))]
    return painted
