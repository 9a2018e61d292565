"""Colours of classes and of heights: the same for the same class, and the same height map, everywhere."""

import colorsys
from collections.abc import Mapping

import numpy as np

STM_COLOURS = (
    (0.0, 0.0, 0.0),
    (0.48, 0.23, 0.0),
    (1.0, 0.55, 0.1),
    (1.0, 0.85, 0.63),
    (1.0, 1.0, 1.0),
)  # red, green, blue from the lowest height to the highest, as STM images are shown
NOT_SCANNED = (0.35, 0.42, 0.48)  # a blue grey that no height has
NO_COLOUR = "#8c8c8c"  # of a class that was given none
UNLABELLED = "transparent"  # label 0 in a viewer: the scan below is seen
PAPER = (255, 255, 255)  # label 0 in a picture of labels alone

_GOLDEN = 0.6180339887498949  # steps of the golden ratio never fall on an earlier hue


def class_colours(n: int) -> tuple[str, ...]:
    """Return ``#rrggbb`` of classes 1 to ``n``; more classes never change the colours of the first.

    Parameters
    ----------
    n : int

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> class_colours(2) == class_colours(20)[:2]
    True
    """
    colours = []
    for i in range(n):
        hue = (0.58 + i * _GOLDEN) % 1
        lightness, saturation = ((0.55, 0.75), (0.42, 0.85), (0.72, 0.65))[i % 3]
        red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
        colours.append(f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}")
    return tuple(colours)


def type_colour(number: int) -> str:
    """Return the ``#rrggbb`` of a type of structure.

    Parameters
    ----------
    number : int
        From 1; objects unlike any other, 0, are grey.

    Returns
    -------
    str

    Examples
    --------
    >>> type_colour(1) == class_colours(1)[0], type_colour(0) == NO_COLOUR
    (True, True)
    """
    return class_colours(number)[-1] if number else NO_COLOUR


def paint_classes(labels: np.ndarray, colours: Mapping[int, str]) -> np.ndarray:
    """Paint labels in the colours of their classes, white where unlabelled.

    Parameters
    ----------
    labels : ndarray of int, shape (rows, cols)
    colours : mapping of int to str
        ``#rrggbb`` of labels; one without a colour is grey.

    Returns
    -------
    ndarray of uint8, shape (rows, cols, 3)

    Examples
    --------
    >>> paint_classes(np.array([[0, 2]]), {2: "#ff8000"}).tolist()
    [[[255, 255, 255], [255, 128, 0]]]
    """
    most = int(labels.max())
    if most < 2**16:  # one look into a table; only labels far apart need to be sorted
        used, places = np.arange(most + 1), labels
    else:
        used, places = np.unique(labels, return_inverse=True)
        places = places.reshape(labels.shape)
    table = [as_rgb(colours.get(int(label), NO_COLOUR)) if label else PAPER for label in used]
    return np.array(table, np.uint8)[places]


def as_rgb(colour: str) -> tuple[int, int, int]:
    """Read ``#rrggbb`` or ``#rrggbbaa`` as red, green and blue, 0 to 255; any other text is grey.

    Parameters
    ----------
    colour : str

    Returns
    -------
    (int, int, int)

    Examples
    --------
    >>> as_rgb("#ff800080"), as_rgb("no colour")
    ((255, 128, 0), (140, 140, 140))
    """
    try:
        red, green, blue = bytes.fromhex(colour.removeprefix("#"))[:3]
    except ValueError:
        return as_rgb(NO_COLOUR)
    return red, green, blue


def robust_limits(heights: np.ndarray) -> tuple[float, float]:
    """Return contrast limits that leave out half a percent of the heights at either end.

    Parameters
    ----------
    heights : ndarray
        In any unit; NaN is left out.

    Returns
    -------
    (float, float)
        Never equal.

    Examples
    --------
    >>> robust_limits(np.array([[np.nan, 2.0], [2.0, 2.0]]))
    (1.5, 2.5)
    """
    finite = heights[np.isfinite(heights)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(limit) for limit in np.percentile(finite, (0.5, 99.5)))
    return (low, high) if high > low else (low - 0.5, high + 0.5)
