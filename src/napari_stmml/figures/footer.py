"""The footer of a scan's picture: its name, its settings and a bar of its colours, on paper below it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from napari_stmml.figures.colour_maps import colour_heights
from napari_stmml.figures.drawing import font_file
from napari_stmml.io.tables import utc
from napari_stmml.scan import Scan
from napari_stmml.text import number

PAPER, INK, FAINT = (250, 249, 246), (24, 24, 28), (105, 105, 112)


def footer_of(
    width: int, scan: Scan, flat: np.ndarray, limits: tuple[float, float], cmap: str
) -> Image.Image:
    """Draw name, settings and a colour bar on paper as wide as the picture, as high as it must be.

    Parameters
    ----------
    width : int
        px.
    scan : Scan
    flat : ndarray, shape (rows, cols)
        Its heights, flattened.
    limits : (float, float)
        Heights of the first and the last colour.
    cmap : str
        Colour map of the heights.
    """
    size = max(13, width // 46)
    margin, line = size, round(size * 1.45)
    bold, plain = _font(size, bold=True), _font(size)
    title = [(text, bold, INK) for text in _wrapped([scan.stem], bold, width - 2 * margin)]
    words = [(text, plain, INK) for text in _wrapped(settings_words(scan, flat), plain, width - 2 * margin)]
    bar = margin + line * (len(title) + len(words)) + round(line * 0.4)
    footer = Image.new("RGB", (width, bar + margin + line), PAPER)
    for row, (text, font, ink) in enumerate([*title, *words]):
        ImageDraw.Draw(footer).text((margin, margin + row * line), text, ink, font)
    _draw_bar(footer, (margin, bar, width - margin, size), plain, limits, scan.unit, cmap)
    return footer


def settings_words(scan: Scan, flat: np.ndarray) -> list[str]:
    """List the settings of a scan for a footer; ``?`` where one is not known.

    >>> settings_words(Scan(np.zeros((10, 20)), (0.5, 0.5), bias=-1.7), np.zeros((10, 20)))[:4]
    ['10 x 5 nm', '20 x 10 px', '2 px/nm', 'bias -1.7 V']
    """
    rows, cols = scan.heights.shape
    size = "? nm" if scan.size_nm is None else f"{_known(scan.size_nm[1])} x {_known(scan.size_nm[0])} nm"
    densities = dict.fromkeys(_known(1 / size) for size in reversed(scan.pixel_size or ()))
    prepared = f"prepared to {flat.shape[1]} x {flat.shape[0]} px"
    return [
        size,
        f"{cols} x {rows} px",
        f"{' x '.join(densities) or '?'} px/nm",
        f"bias {_known(scan.bias)} V",
        f"setpoint {_known(None if scan.setpoint is None else scan.setpoint * 1000)} pA",
        scan.direction or "direction ?",
        f"channel {scan.channel or '?'}",
        f"angle {_known(scan.angle)}°",
        "taken ?" if scan.taken is None else utc(scan.taken),
        *([] if flat.shape == scan.heights.shape else [prepared]),
        f"height range {_range(flat, scan.unit)}",
    ]


def _known(value: float | None) -> str:
    return "?" if value is None or not np.isfinite(value) else number(value)


def _range(flat: np.ndarray, unit: str) -> str:
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return "?"
    factor, unit = _fitting(float(np.ptp(finite)), unit)
    return f"{number(float(np.ptp(finite)) * factor, 3)} {unit}"


def _fitting(span: float, unit: str) -> tuple[float, str]:
    """Return the factor and the unit that a span is best written in: pm below half a nanometre."""
    small = {"nm": "pm", "nA": "pA"}.get(unit)
    return (1000.0, small) if small and abs(span) < 0.5 else (1.0, unit)


def _draw_bar(
    footer: Image.Image,
    place: tuple[int, int, int, int],
    font: Any,
    limits: tuple[float, float],
    unit: str,
    cmap: str,
) -> None:
    """Draw the colours from the lowest height to the highest, with both heights beside them."""
    left, top, right, size = place
    draw = ImageDraw.Draw(footer)
    factor, unit = _fitting(limits[1] - limits[0], unit)
    low, high = (number(limit * factor, 3) for limit in limits)
    draw.text((left, top), low, INK, font)
    left += round(draw.textlength(low, font)) + size // 2
    free = right - left - round(draw.textlength(f"{high} {unit}", font)) - size // 2
    width = max(size, min(free, 16 * size))
    colours = colour_heights(np.tile(np.arange(width, dtype=np.float32), (size, 1)), cmap, (0, width - 1))
    footer.paste(Image.fromarray(colours), (left, top + size // 5))
    draw.rectangle((left - 1, top + size // 5 - 1, left + width, top + size // 5 + size), outline=FAINT)
    draw.text((left + width + size // 2, top), f"{high} {unit}", INK, font)


def _wrapped(words: list[str], font: Any, width: int) -> Iterator[str]:
    """Join words into lines that fit a width in px; a word that is wider than that is broken."""
    line = ""
    for word in words:
        joined = f"{line}  ·  {word}" if line else word
        if font.getlength(joined) <= width:
            line = joined
            continue
        if line:
            yield line
        while font.getlength(word) > width and len(word) > 1:
            fits = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or font.getlength(word[:n]) <= width)
            yield word[:fits]
            word = word[fits:]
        line = word
    yield line


def _font(size: int, bold: bool = False) -> Any:
    file = font_file(bold)
    return ImageFont.load_default(size) if file is None else ImageFont.truetype(str(file), size)
