"""TIFFs of a page or two: written whole, read within limits that are checked; the only door to tifffile."""

import logging
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.system.atomic import atomic
from napari_stmml.system.regular_file import check_file
from napari_stmml.text import shortened

MOST_BYTES = 256 << 20  # of a file whose pixels are read
MOST_IN_MEMORY = 128 << 20  # bytes of pixels: 11 585 x 11 585 labels of one byte
MOST_TEXT = 8 << 20  # bytes of a description that is read
IMAGEJ = "ImageJ=1.11a\nimages=1\nunit=nm\n"  # begins a description, so that ImageJ knows the scale
_PLAIN, _DEFLATE = 1, (8, 32946)  # kinds of compression
_NM_PER_CM = 1e7
_NM_PER = {2: 2.54e7, 3: _NM_PER_CM, "cm": 1e7, "mm": 1e6, "um": 1e3, "µm": 1e3, "\\u00B5m": 1e3}
_NM_PER |= {"micron": 1e3, "nm": 1.0, "pm": 1e-3}
_COARSEST = 1e3  # nm: a resolution in cm or inches that is coarser is that of a screen or a printer
_MOST_PER_CM = 2**32 - 1  # px per cm that a TIFF can state: 0.0023 nm/px
# What tifffile finds wrong is said in our sentence, and not on the terminal as well.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Page:
    """The first page of a TIFF: its description, and what reads so many pages, (rows, cols) each.

    ``pixel_size`` is in nm along rows and columns, None where the page does not say it; ``is_whole``: whole
    numbers.
    """

    description: str
    maps: Callable[[int], list[np.ndarray]]
    pixel_size: tuple[float, float] | None = None
    is_whole: bool = False


def write_page(
    path: str | Path,
    pixels: np.ndarray,
    pixel_size: tuple[float, float] | None,
    description: str | None = None,
    second: np.ndarray | None = None,
) -> Path:
    """Write a map as a TIFF of one page, packed by zlib, with ImageJ's scale: pixels per nm.

    With a second page, of which ImageJ would make a stack, the resolution is in pixels per cm.

    Parameters
    ----------
    path : str or Path
    pixels : ndarray, shape (rows, cols)
    pixel_size : (float, float) or None
        nm per pixel along rows and along columns.
    description : str, optional
        For the tag ImageDescription.
    second : ndarray, shape (rows, cols), optional
        Of a second page.

    Returns
    -------
    Path
    """
    import tifffile

    about: dict[str, Any] = {"compression": "zlib", "photometric": "minisblack", "metadata": None}
    if pixel_size is not None and second is None:
        about |= {"resolution": (1 / pixel_size[1], 1 / pixel_size[0]), "resolutionunit": "NONE"}
        description = IMAGEJ + (description or "")
    elif pixel_size is not None:
        along_rows, along_cols = (min(_NM_PER_CM / size, _MOST_PER_CM) for size in pixel_size)
        about |= {"resolution": (along_cols, along_rows), "resolutionunit": "CENTIMETER"}
    with atomic(path) as beside, tifffile.TiffWriter(beside) as file:
        file.write(pixels, description=description, software="napari-stmml", **about)
        if second is not None:
            file.write(second, software="napari-stmml", **about)
    return Path(path)


@contextmanager
def opened_page(path: str | Path) -> Iterator[Page]:
    """Open the first page of a TIFF.

    Parameters
    ----------
    path : str or Path

    Yields
    ------
    Page
        Its pixels are read only if they take no more than `MOST_IN_MEMORY`, as the tags say and as they are.

    Raises
    ------
    ValueError
        In one sentence that names the file: it is no TIFF, is damaged or too large, or its pixels are not one
        map. Its cause is an OSError where the file could not be read at all.
    """
    path = Path(path)
    try:
        check_file(path)
        import tifffile

        # No dialect of any vendor is looked for: reading those takes pages, and trust.
        plain = {f"is_{name}": False for name in tifffile.TIFF.FILE_FLAGS}
        with tifffile.TiffFile(path, **plain) as file:
            page: Any = file.pages[0]
            text = page.tags.get("ImageDescription")
            known = text is not None and text.count <= MOST_TEXT and isinstance(text.value, str)
            about = text.value if known else ""
            whole = page.dtype is not None and page.dtype.kind in "iub"
            yield Page(about, lambda count: _maps(path, file, count), _pixel_size(page, about), whole)
    except Exception as error:
        why = str(error) or type(error).__name__
        raise ValueError(f"{path.name} cannot be read as a TIFF: {shortened(why, 160)}") from error


def read_page(path: str | Path) -> np.ndarray:
    """Read the pixels of a TIFF of one page.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    ndarray, shape (rows, cols)

    Raises
    ------
    ValueError
        As `opened_page`.
    """
    with opened_page(path) as page:
        return page.maps(1)[0]


def _pixel_size(page: Any, description: str) -> tuple[float, float] | None:
    """Return nm per pixel by ImageJ's unit, or by a resolution in cm or inches that no screen has."""
    kind = page.tags.get("ResolutionUnit")
    unit, finest = _NM_PER.get(kind.value if kind else 0), _COARSEST
    if named := re.search(r"^unit=(.*)$", description, re.MULTILINE):
        unit, finest = _NM_PER.get(named[1].strip(), unit), np.inf
    sides = []
    for name in ("YResolution", "XResolution"):
        tag = page.tags.get(name)
        above, below = tag.value if tag and isinstance(tag.value, tuple) else (0, 0)
        if not (unit and above > 0 and below > 0):
            return None
        sides.append(unit * below / above)
    return (sides[0], sides[1]) if max(sides) < finest else None


def _maps(path: Path, file: Any, count: int) -> list[np.ndarray]:
    """Read the pixels of the pages of a file that must have so many."""
    check_file(path, MOST_BYTES)
    try:
        file.pages[count]
    except IndexError:
        pass
    else:
        raise ValueError("it has several pages, and a map is one" if count == 1 else "it has too many pages")
    return [_pixels(file, file.pages[number]) for number in range(count)]


def _pixels(file: Any, page: Any) -> np.ndarray:
    """Read the pixels of a page whose tags say nothing impossible."""
    rows, cols, most = _segments(page)
    if page.compression in _DEFLATE:
        _check_packed(file.filehandle, page, most)
    elif page.compression == _PLAIN:
        if (listed := sum(page.databytecounts)) < (needed := rows * ceil(cols * page.bitspersample / 8)):
            raise ValueError(f"its pixels need {needed} bytes, and {listed} are listed")
    else:
        how = shortened(str(page.compression))
        raise ValueError(f"its pixels are packed as {how}; save it without compression or with deflate")
    pixels = np.asarray(page.asarray(maxworkers=1))
    if pixels.shape != (rows, cols):
        raise ValueError(f"its tags say {rows} x {cols} px, and {pixels.shape} are there")
    return pixels


def _segments(page: Any) -> tuple[int, int, int]:
    """Return rows and columns of a page, and the most bytes of each strip or tile; refuse what is no map."""
    rows, cols, bits = page.imagelength, page.imagewidth, page.bitspersample
    if (
        page.samplesperpixel != 1
        or page.imagedepth != 1
        or page.dtype is None
        or bits not in (1, 8, 16, 32, 64)
    ):
        raise ValueError("its pixels are no map of numbers")
    tall, wide = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, cols)
    if min(rows, cols, tall, wide) < 1:
        raise ValueError(f"its tags say {rows} x {cols} px in pieces of {tall} x {wide}")
    tall = tall if page.is_tiled else min(tall, rows)
    if max(rows * cols, tall * wide) * max(bits // 8, 1) > MOST_IN_MEMORY:
        raise ValueError(f"it is too large: {rows} x {cols} px, at most {MOST_IN_MEMORY >> 20} MiB are read")
    count = ceil(rows / tall) * ceil(cols / wide)
    if not len(page.dataoffsets) == len(page.databytecounts) == count:
        raise ValueError(f"its pixels stand in {count} pieces, and {len(page.dataoffsets)} are listed")
    return rows, cols, tall * ceil(wide * bits / 8)


def _check_packed(file: Any, page: Any, most: int) -> None:
    """Unpack each strip or tile as far as it may be long; refuse what goes on."""
    for start, size in zip(page.dataoffsets, page.databytecounts, strict=True):
        if size > most + most // 8 + 1024:
            raise ValueError(f"a piece of {most} bytes is packed into {size}")
        file.seek(start)
        if len(zlib.decompressobj().decompress(file.read(size), most + 1)) > most:
            raise ValueError(f"a piece of its pixels unpacks to more than the {most} bytes that it should")
