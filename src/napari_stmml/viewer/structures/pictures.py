"""Small pictures of heights for lists and galleries, in the colours of STM images."""

import numpy as np
from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QColor, QPainter, QPixmap

from napari_stmml.colours import robust_limits
from napari_stmml.figures.colour_maps import colour_heights
from napari_stmml.viewer.shared.painting import painting, picture_of

FRAME = 2  # px on the screen, in the colour of the type


def picture(heights: np.ndarray, side: int, limits: tuple[float, float] | None = None) -> QPixmap:
    """Paint heights as a square picture.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        nm; NaN where not scanned.
    side : int
        px on the screen.
    limits : (float, float), optional
        Of the colours, nm; half a percent of the heights is left out without them.

    Returns
    -------
    QPixmap
    """
    colours = colour_heights(heights, "stm", limits or robust_limits(heights))
    whole = np.concatenate([colours, np.full((*colours.shape[:2], 1), 255, np.uint8)], axis=2)
    made = QPixmap(side, side)
    with painting(made) as painter:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRect(0, 0, side, side), picture_of(whole))
    return made


def framed(inside: QPixmap | None, side: int, colour: str, corner: str = "") -> QPixmap:
    """Put a frame around a picture, and a sign into its corner.

    Parameters
    ----------
    inside : QPixmap or None
        None: grey.
    side : int
        px of the result.
    colour : str
        ``#rrggbb`` of the frame.
    corner : str
        One letter, such as the key that stands for it.

    Returns
    -------
    QPixmap
    """
    made, within = QPixmap(side, side), QRect(0, 0, side, side).adjusted(FRAME, FRAME, -FRAME, -FRAME)
    made.fill(QColor(colour))
    with painting(made) as painter:
        painter.fillRect(within, QColor("#555555"))
        if inside is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(within, inside)
        if corner:
            font = painter.font()
            font.setPixelSize(11)
            font.setBold(True)
            painter.setFont(font)
            badge = QRect(FRAME, FRAME, 11, 13)
            painter.fillRect(badge, QColor(0, 0, 0, 170))
            painter.setPen(QColor("white"))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, corner)
    return made
