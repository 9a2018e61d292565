"""Outline: all that a scan says but its heights, so that thousands of files are listed in seconds."""

from dataclasses import dataclass, replace

import numpy as np

from napari_stmml.scan import Scan


@dataclass(frozen=True, eq=False)
class Outline:
    """A scan without its heights.

    Parameters
    ----------
    scan : Scan
        Its heights are all missing, NaN, and take no memory; shape, settings and names are the scan's own.
    scanned_rows : int
        Rows that hold heights.
    """

    scan: Scan
    scanned_rows: int

    @property
    def complete(self) -> bool:
        """Whether every row was scanned."""
        return self.scanned_rows == self.scan.heights.shape[0]


def no_heights(shape: tuple[int, int]) -> np.ndarray:
    """Return a map of missing heights that takes the memory of one.

    Parameters
    ----------
    shape : (int, int)

    Returns
    -------
    ndarray of float32
        NaN everywhere; it cannot be written to.
    """
    return np.broadcast_to(np.float32(np.nan), shape)


def outline_of(scan: Scan) -> Outline:
    """Return the outline of a scan whose heights were read.

    Parameters
    ----------
    scan : Scan

    Returns
    -------
    Outline
    """
    rows = int(np.isfinite(scan.heights).any(axis=1).sum())
    return Outline(replace(scan, heights=no_heights(scan.heights.shape), other=None), rows)
