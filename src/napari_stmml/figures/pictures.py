"""Pictures of scans, windows and labels, written quickly enough for ten thousand scans."""

from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from napari_stmml.colours import NO_COLOUR, as_rgb, paint_classes, robust_limits
from napari_stmml.figures.colour_maps import colour_heights
from napari_stmml.figures.footer import PAPER, footer_of
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan
from napari_stmml.system.atomic import atomic

LEAST_SIDE = 256  # px of a scan's picture; smaller ones are enlarged by a whole factor


def save_scan_jpg(path: str | Path, scan: Scan, flat: np.ndarray, *, cmap: str = "stm") -> Path:
    """Write a scan as JPG, row 0 at the top, with its settings on a footer below it, never over it.

    Parameters
    ----------
    path : str or Path
    scan : Scan
        Its settings are shown, ``?`` where one is not known.
    flat : ndarray, shape (rows, cols)
        Its heights, flattened, at any pixel density; NaN where not scanned.
    cmap : str
        Colour map of the heights.
    """
    limits = robust_limits(flat)
    picture = _in_frame(Image.fromarray(colour_heights(flat, cmap, limits)), scan)
    enlarged = max(1, -(-LEAST_SIDE // min(picture.size)))
    picture = picture.resize((picture.width * enlarged, picture.height * enlarged), 0)
    footer = footer_of(picture.width, scan, flat, limits, cmap)
    page = Image.new("RGB", (picture.width, picture.height + footer.height), PAPER)
    page.paste(picture, (0, 0))
    page.paste(footer, (0, picture.height))
    return _save(page, path, quality=92, subsampling=0)


def save_window_jpgs(folder: str | Path, stem: str, windows: np.ndarray, *, first: int = 0) -> list[Path]:
    """Write windows as grey JPGs ``stem_00000.jpg``, ``stem_00001.jpg``, ...

    Parameters
    ----------
    folder : str or Path
    stem : str
    windows : ndarray, shape (n, window, window)
        0 (black) to 1 (white).
    first : int
        Number of the first one.

    Returns
    -------
    list of Path
    """
    grey = np.rint(np.clip(np.nan_to_num(windows, nan=0.0), 0, 1) * 255).astype(np.uint8)
    return [
        _save(Image.fromarray(window), Path(folder) / f"{stem}_{number:05d}.jpg", quality=92)
        for number, window in enumerate(grey, first)
    ]


def save_thumbnail(path: str | Path, flat: np.ndarray, *, cmap: str = "stm", side: int = 96) -> Path:
    """Write a small JPG of heights.

    Parameters
    ----------
    path : str or Path
    flat : ndarray, shape (rows, cols)
        Flattened; NaN where not scanned.
    cmap : str
    side : int
        Longer side of the picture in px.

    Returns
    -------
    Path
    """
    step = max(1, max(flat.shape) // (3 * side))  # enough to average over, and quick
    picture = Image.fromarray(colour_heights(flat[::step, ::step], cmap))
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
    below = Image.fromarray(colour_heights(flat, cmap)).resize((cols, rows), 0)
    classes = Image.fromarray(paint_classes(labels.labels, labels.colours))
    opacity = Image.fromarray(np.where(labels.labels > 0, round(255 * alpha), 0).astype(np.uint8))
    below.paste(classes, (0, 0), opacity)
    return _save(_in_frame(below, scan), path, compress_level=4)


def save_outlines(
    path: str | Path, scan: Scan, flat: np.ndarray, labels: LabelMap, *, side: int = 320
) -> Path:
    """Write a small JPG of a scan with the outlines of its objects in the colours of their classes.

    Parameters
    ----------
    path : str or Path
    scan : Scan
        The picture has the aspect of its frame.
    flat : ndarray, shape (rows, cols)
        Its heights, flattened; NaN where not scanned.
    labels : LabelMap
        With objects; those of no class have grey outlines.
    side : int
        Longer side of the picture in px.

    Returns
    -------
    Path
    """
    objects = np.zeros(flat.shape, int) if labels.objects is None else labels.objects.astype(int)
    below = _in_frame(Image.fromarray(colour_heights(flat, "gray")), scan)
    scale = side / max(below.size)
    cols, rows = (max(1, round(length * scale)) for length in below.size)
    picture = np.array(below.resize((cols, rows), Image.Resampling.BOX if scale < 1 else 0))
    at = np.ix_(*(np.arange(n) * length // n for n, length in zip((rows, cols), flat.shape, strict=True)))
    marks = _outlines(objects[at], labels.labels[at].astype(int))
    for kind in np.unique(marks[marks >= 0]).tolist():
        picture[marks == kind] = as_rgb(labels.colours.get(kind, NO_COLOUR))
    return _save(Image.fromarray(picture), path, quality=88, subsampling=0)


def _outlines(objects: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Return the class of each pixel on the outline of an object, inside or just outside of it; else -1."""
    marks = np.where(objects > 0, -2, -1)
    around, around_kinds = np.pad(objects, 1, mode="edge"), np.pad(kinds, 1, mode="edge")
    for place in np.s_[:-2, 1:-1], np.s_[2:, 1:-1], np.s_[1:-1, :-2], np.s_[1:-1, 2:]:
        other = around[place]
        marks = np.where((objects > 0) & (other != objects), kinds, marks)
        marks = np.where((objects == 0) & (other > 0), around_kinds[place], marks)
    return np.maximum(marks, -1)


def as_data(heights: np.ndarray, side: int = 96) -> str:
    """Return a small picture of heights as the text of a link, for a page that needs no other file.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        NaN where there is none.
    side : int
        Of the picture in px.

    Returns
    -------
    str
        ``data:image/png;base64,...``
    """
    content = BytesIO()
    Image.fromarray(colour_heights(heights)).resize((side, side), Image.Resampling.BICUBIC).save(
        content, format="PNG"
    )
    return f"data:image/png;base64,{b64encode(content.getvalue()).decode('ascii')}"


def _in_frame(picture: Image.Image, scan: Scan) -> Image.Image:
    """Stretch a picture until its sides are as those of the scan's frame; square pixels stay as they are."""
    if scan.size_nm is None:
        return picture
    aspect = scan.size_nm[0] / scan.size_nm[1]
    cols, rows = picture.size
    tall, wide = max(rows, round(cols * aspect)), max(cols, round(rows / aspect))
    if tall - rows <= 1 and wide - cols <= 1:  # rounding of the resampling
        return picture
    return picture.resize((wide, tall), 0)


def _save(picture: Image.Image, path: str | Path, **options: Any) -> Path:
    path = Path(path)
    with atomic(path) as beside:
        picture.save(beside, format="PNG" if path.suffix.lower() == ".png" else "JPEG", **options)
    return path
