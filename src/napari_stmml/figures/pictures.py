"""Pictures of scans, windows and labels, quick enough for ten thousand scans; the only door to Pillow."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.colours import NOT_SCANNED, paint_classes, robust_limits
from napari_stmml.figures.figures import colour_table, font_file
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.tables import utc
from napari_stmml.scan import Scan
from napari_stmml.system.files import atomic

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

LEAST_SIDE = 256  # px of a scan's picture; smaller ones are enlarged by a whole factor
PAPER, INK, FAINT = (250, 249, 246), (24, 24, 28), (105, 105, 112)  # of the footer


def check_cmap(name: str) -> None:
    """Refuse a colour map that is not known.

    Raises
    ------
    ValueError
        Naming the colour map and the nearest that is known.
    """
    colour_table(name)


def colour_heights(
    heights: np.ndarray, cmap: str = "stm", limits: tuple[float, float] | None = None
) -> np.ndarray:
    """Colour heights, (rows, cols), as (rows, cols, 3) uint8; what is missing is a blue grey.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        In any unit; NaN where not scanned.
    cmap : str
        ``stm``, or any colour map of matplotlib's.
    limits : (float, float), optional
        Heights of the first and the last colour; without them half a percent is left out at either end.

    Raises
    ------
    ValueError
        If the colour map is not known.

    Examples
    --------
    >>> colour_heights(np.array([[0.0, 1.0, np.nan]]), "gray").tolist()
    [[[0, 0, 0], [255, 255, 255], [89, 107, 122]]]
    """
    low, high = limits or robust_limits(heights)
    steps = (np.asarray(heights, np.float32) - np.float32(low)) * np.float32(255 / (high - low or 1.0))
    missing = ~np.isfinite(steps)
    steps[missing] = 0
    painted = colour_table(cmap)[np.rint(np.clip(steps, 0, 255, out=steps), out=steps).astype(np.uint8)]
    painted[missing] = [round(255 * part) for part in NOT_SCANNED]
    return painted


def save_scan_jpg(path: str | Path, scan: Scan, flat: np.ndarray, *, cmap: str = "stm") -> Path:
    """Write a scan as JPG, row 0 at the top, with its settings on a footer below it, never over it.

    Parameters
    ----------
    path : str or Path
    scan : Scan
        Whose settings are shown; what it does not know is shown as ``?``.
    flat : ndarray, shape (rows, cols)
        Its heights, flattened, at any pixel density; NaN where not scanned.
    cmap : str
        Colour map of the heights.
    """
    limits = robust_limits(flat)
    picture = _in_frame(_picture(colour_heights(flat, cmap, limits)), scan)
    enlarged = max(1, -(-LEAST_SIDE // min(picture.size)))
    picture = picture.resize((picture.width * enlarged, picture.height * enlarged), 0)
    footer = _footer(picture.width, scan, flat, limits, cmap)
    page = _blank(picture.width, picture.height + footer.height)
    page.paste(picture, (0, 0))
    page.paste(footer, (0, picture.height))
    return _save(page, path, quality=92, subsampling=0)


def save_window_jpgs(folder: str | Path, stem: str, windows: np.ndarray, *, first: int = 0) -> list[Path]:
    """Write windows, (n, window, window) of 0 to 1, as grey JPGs ``stem_00000.jpg``, from ``first`` on."""
    grey = np.rint(np.clip(np.nan_to_num(windows, nan=0.0), 0, 1) * 255).astype(np.uint8)
    return [
        _save(_picture(window), Path(folder) / f"{stem}_{number:05d}.jpg", quality=92)
        for number, window in enumerate(grey, first)
    ]


def save_thumbnail(path: str | Path, flat: np.ndarray, *, cmap: str = "stm", side: int = 96) -> Path:
    """Write a small JPG of heights, (rows, cols), whose longer side is ``side`` px."""
    step = max(1, max(flat.shape) // (3 * side))  # enough to average over, and quick
    picture = _picture(colour_heights(flat[::step, ::step], cmap))
    scale = side / max(flat.shape)
    rows, cols = (max(1, round(length * scale)) for length in flat.shape)
    smaller = cols <= picture.width and rows <= picture.height
    return _save(picture.resize((cols, rows), 4 if smaller else 0), path, quality=85)


def save_overlay(
    path: str | Path,
    scan: Scan,
    flat: np.ndarray,
    labels: LabelMap,
    *,
    alpha: float = 0.45,
    cmap: str = "gray",
) -> Path:
    """Write a PNG of a scan with its classes laid over it in their colours.

    Parameters
    ----------
    path : str or Path
    scan : Scan
        On whose own pixels the picture is; stretched to the aspect of its frame.
    flat : ndarray, shape (rows, cols)
        Its heights, flattened; at another pixel density they are brought to that of the labels.
    labels : LabelMap
        Label 0 shows the heights alone.
    alpha : float
        Opacity of the classes, 0 to 1.
    cmap : str
        Colour map of the heights.

    Raises
    ------
    ValueError
        If ``alpha`` is not 0 to 1 or the colour map is not known.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha (opacity of the classes) must be 0 to 1, got {alpha}")
    rows, cols = labels.labels.shape
    below = _picture(colour_heights(flat, cmap)).resize((cols, rows), 0)
    classes = _picture(paint_classes(labels.labels, labels.colours))
    opacity = _picture(np.where(labels.labels > 0, round(255 * alpha), 0).astype(np.uint8))
    below.paste(classes, (0, 0), opacity)
    return _save(_in_frame(below, scan), path, compress_level=4)


def _footer(width: int, scan: Scan, flat: np.ndarray, limits: tuple[float, float], cmap: str) -> "Image":
    """Draw name, settings and a colour bar on paper as wide as the picture, as high as it must be."""
    size = max(13, width // 46)
    margin, line = size, round(size * 1.45)
    bold, plain = _font(size, True), _font(size, False)
    title = list(_wrapped([scan.stem], bold, width - 2 * margin))
    lines = list(_wrapped(settings_words(scan, flat), plain, width - 2 * margin))
    footer = _blank(width, 2 * margin + line * (len(title) + len(lines)) + round(line * 1.4))
    draw = _pen(footer)
    for number, text in enumerate([*title, *lines]):
        font, ink = (bold, INK) if number < len(title) else (plain, INK)
        draw.text((margin, margin + number * line), text, ink, font)
    top = margin + line * (len(title) + len(lines)) + round(line * 0.4)
    _bar(footer, draw, (margin, top, width - margin, size), limits, (scan.unit, cmap))
    return footer


def settings_words(scan: Scan, flat: np.ndarray) -> list[str]:
    """Say what a scan was taken with in words for a footer; ``?`` where it is not known.

    >>> settings_words(Scan(np.zeros((10, 20)), (0.5, 0.5), bias=-1.7), np.zeros((10, 20)))[:4]
    ['10 x 5 nm', '20 x 10 px', '2 px/nm', 'bias -1.7 V']
    """
    rows, cols = scan.heights.shape
    size = "? nm" if scan.size_nm is None else f"{scan.size_nm[1]:.4g} x {scan.size_nm[0]:.4g} nm"
    densities = dict.fromkeys(f"{1 / size:.4g}" for size in reversed(scan.pixel_size or ()))
    prepared = (
        [] if flat.shape == scan.heights.shape else [f"prepared to {flat.shape[1]} x {flat.shape[0]} px"]
    )
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
        *prepared,
        f"height range {_range(flat, scan.unit)}",
    ]


def _known(number: float | None) -> str:
    return "?" if number is None or not np.isfinite(number) else f"{number:.4g}"


def _range(flat: np.ndarray, unit: str) -> str:
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return "?"
    factor, small = _smaller(float(np.ptp(finite)), unit)
    return f"{np.ptp(finite) * factor:.3g} {small}"


def _smaller(span: float, unit: str) -> tuple[float, str]:
    """Return the factor and the unit that a span is best said in: pm below half a nanometre."""
    small = {"nm": "pm", "nA": "pA"}.get(unit)
    return (1000.0, small) if small and abs(span) < 0.5 else (1.0, unit)


def _bar(
    footer: "Image",
    draw: "ImageDraw",
    place: tuple[int, int, int, int],
    limits: tuple[float, float],
    look: Any,
) -> None:
    """Draw the colours from the lowest height to the highest, with both heights beside them."""
    left, top, right, size = place
    unit, cmap = look
    factor, unit = _smaller(limits[1] - limits[0], unit)
    low, high = (f"{limit * factor:.3g}" for limit in limits)
    font = _font(size, False)
    draw.text((left, top), low, INK, font)
    left += round(draw.textlength(low, font)) + size // 2
    width = max(
        size, min(right - left - round(draw.textlength(f"{high} {unit}", font)) - size // 2, 16 * size)
    )
    colours = colour_heights(np.tile(np.arange(width, dtype=np.float32), (size, 1)), cmap, (0, width - 1))
    footer.paste(_picture(colours), (left, top + size // 5))
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


@lru_cache(maxsize=16)
def _font(size: int, bold: bool) -> Any:
    from PIL import ImageFont

    file = font_file(bold)
    return ImageFont.load_default(size) if file is None else ImageFont.truetype(str(file), size)


def _in_frame(picture: "Image", scan: Scan) -> "Image":
    """Stretch a picture until its sides are as those of the scan's frame; square pixels stay as they are."""
    if scan.size_nm is None:
        return picture
    aspect = scan.size_nm[0] / scan.size_nm[1]
    cols, rows = picture.size
    tall, wide = max(rows, round(cols * aspect)), max(cols, round(rows / aspect))
    if tall - rows <= 1 and wide - cols <= 1:  # no more than resampling rounds
        return picture
    return picture.resize((wide, tall), 0)


def _picture(pixels: np.ndarray) -> "Image":
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(pixels))


def _blank(width: int, height: int) -> "Image":
    from PIL import Image

    return Image.new("RGB", (width, height), PAPER)


def _pen(picture: "Image") -> "ImageDraw":
    from PIL import ImageDraw

    return ImageDraw.Draw(picture)


def _save(picture: "Image", path: str | Path, **options: Any) -> Path:
    path = Path(path)
    with atomic(path) as beside:
        picture.save(beside, format="PNG" if path.suffix.lower() == ".png" else "JPEG", **options)
    return path
