"""Painting with Qt, safely: a painter that ends whatever happens, and pictures made of arrays."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from qtpy.QtGui import QImage, QPaintDevice, QPainter


@contextmanager
def painting(device: QPaintDevice) -> Iterator[QPainter]:
    """Give a painter on a widget or a picture, and end it: Qt crashes where one outlives what it paints on.

    Parameters
    ----------
    device : QPaintDevice

    Yields
    ------
    QPainter
    """
    painter = QPainter(device)
    try:
        yield painter
    finally:
        painter.end()


def picture_of(pixels: np.ndarray, kind: QImage.Format = QImage.Format.Format_RGBA8888) -> QImage:
    """Make a picture of an array; Qt itself would read beyond the end of one that is smaller than it says.

    Parameters
    ----------
    pixels : ndarray, shape (rows, cols, 4) of uint8, or (rows, cols) of uint32
    kind : QImage.Format
        What the four bytes of a pixel are.

    Returns
    -------
    QImage
        A copy.

    Raises
    ------
    ValueError
        If a pixel has not four bytes.
    """
    pixels = np.ascontiguousarray(pixels)
    rows, cols = pixels.shape[:2]
    if pixels.nbytes != 4 * rows * cols:
        raise ValueError(f"a picture needs four bytes a pixel, got {pixels.shape} of {pixels.dtype}")
    return QImage(pixels.data, cols, rows, 4 * cols, kind).copy()
