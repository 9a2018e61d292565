"""Files of curves of any microscope: which they are, and one way to read them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from napari_stmml.io.curves import Curve
from napari_stmml.io.folder_search import files_below
from napari_stmml.io.matrix.curves import is_matrix_curve, read_matrix_curves
from napari_stmml.io.nanonis_curves import is_nanonis_curve, read_nanonis_curves
from napari_stmml.io.nanonis_grid import is_grid_file
from napari_stmml.scan import ScanFileError


def is_curve_file(path: str | Path) -> bool:
    """Say whether a file holds curves; one of Nanonis is looked into, as others end in ``.dat`` too.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    bool
    """
    return is_matrix_curve(Path(path)) or is_nanonis_curve(Path(path))


def read_curves(path: str | Path) -> list[Curve]:
    """Read one file of curves: each sweep and each quantity is a curve.

    Parameters
    ----------
    path : str or Path
        ``....I(V)_mtrx`` and the like of MATRIX, ``....dat`` of Nanonis.

    Returns
    -------
    list of Curve

    Raises
    ------
    ScanFileError
        If there is no such file, it holds no curves, or it is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise ScanFileError(f"No such file: {path}")
    if is_matrix_curve(path):
        return read_matrix_curves(path)
    if is_nanonis_curve(path):
        return read_nanonis_curves(path)
    raise ScanFileError(f"Not a curve: {path.name} is neither I(V)_mtrx nor the like, nor a .dat of Nanonis.")


def curve_files(paths: Iterable[str | Path]) -> Iterator[Path]:
    """List the files of curves, and of grids of them, that paths are, or that lie below them.

    Parameters
    ----------
    paths : iterable of str or Path

    Yields
    ------
    Path
    """
    for path in map(Path, paths):
        below = sorted(files_below(path)[0]) if path.is_dir() else [path]
        yield from (file for file in below if is_grid_file(file) or is_curve_file(file))
