"""Colours of classes: distinct, and the same for the same class everywhere."""

import colorsys

_GOLDEN = 0.6180339887498949  # steps of the golden ratio never fall on an earlier hue


def class_colours(n: int) -> tuple[str, ...]:
    """Return ``#rrggbb`` of classes 1 to ``n``; more classes never change the colours of the first.

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
