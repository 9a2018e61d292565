"""Read maps without a microscope's header: NumPy arrays, TIFF and PNG, with the scale that somebody gave."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from napari_stmml.io.file_errors import one_sentence
from napari_stmml.io.given_scale import GivenScale, given_scale
from napari_stmml.io.label_tiff import is_label_map
from napari_stmml.io.named_settings import NamedSettings
from napari_stmml.io.settings import Setting
from napari_stmml.io.tiff_page import opened_page
from napari_stmml.scan import Scan, ScanFileError
from napari_stmml.system.array_file import open_array, read_arrays
from napari_stmml.system.regular_file import check_file

PATTERNS = ("*.npy", "*.npz", "*.tif", "*.tiff", "*.png")
MOST_BYTES = 1 << 28
MOST_PIXELS = 2**24  # 4096 x 4096


class NoScale(ScanFileError):
    """A picture that does not say how large a pixel is, and for which nobody has said it."""


def read_picture(path: str | Path) -> list[Scan]:
    """Read one map of numbers as a scan.

    Parameters
    ----------
    path : str or Path
        ``.npy``, ``.npz`` with one map, ``.tif`` of one page, or ``.png``; grey, row 0 at the top.

    Returns
    -------
    list of Scan
        One, at the pixel size that was given or that the TIFF has (ImageJ's unit; a resolution finer than
        1 µm). Values are heights in nm where a height scale was given, else they have no unit. Direction,
        bias and all else are not known.

    Raises
    ------
    NoScale
        If nobody knows the size of a pixel.
    ScanFileError
        If the file holds no map, or is damaged.
    """
    path = Path(path)
    with one_sentence(path.name):
        check_file(path, MOST_BYTES)
        values, own = _READERS[path.suffix.lower()](path)
        values = np.asarray(values)
        if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "fiub":
            raise ScanFileError(f"Not a map: {path.name} holds {values.dtype} of shape {values.shape}.")
        if values.size > MOST_PIXELS:
            raise ScanFileError(f"Too large: {path.name} has {values.size} pixels, at most {MOST_PIXELS}.")
        given = given_scale(path)
        pixel_size = (given.pixel_size, given.pixel_size) if given else own
        if pixel_size is None:
            raise NoScale(
                f"No scale: {path.name} does not say how large a pixel is; give it with --pixel-size NM, as"
                " pixel_size in a job file, or open it in napari, which asks."
            )
        nm = given.height_scale if given else 0.0
        heights = np.array(values, np.float64) * (nm or 1.0)
        return [Scan(heights, pixel_size, unit="nm" if nm else "", source=str(path))]


def read_settings(path: str | Path) -> NamedSettings:
    """Return the little that is known of a picture: its scale, and who says it.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    NamedSettings

    Raises
    ------
    ScanFileError
        As `read_picture`.
    """
    (scan,) = read_picture(path)
    given = given_scale(Path(path))
    assert scan.pixel_size is not None
    found = [
        Setting("Pixel size", scan.pixel_size[1] * 1e-9, "Meter"),
        Setting("Scale is from", "a person" if given else "the file"),
    ]
    if given and given.height_scale:
        found.append(Setting("Height of a unit", given.height_scale * 1e-9, "Meter"))
    return NamedSettings(str(path), None, {one.name: one for one in found})


def is_picture(path: Path) -> bool:
    """Say whether the name is that of a picture, whose scale can be given."""
    return path.suffix.lower() in _READERS


def give_scale(paths: Iterable[str | Path], pixel_size: float, height_scale: float = 0.0) -> None:
    """Keep the scale for those of the paths that are pictures; 0 for the pixel size means none.

    Parameters
    ----------
    paths : iterable of str or Path
    pixel_size : float
        nm per pixel.
    height_scale : float
        nm per unit of the values; 0: not known.

    Raises
    ------
    ValueError
        If a number is impossible.
    OSError
        If it cannot be kept.
    """
    if pixel_size:
        scale = GivenScale(pixel_size, height_scale)
        for path in filter(is_picture, map(Path, paths)):
            scale.keep_for(path)


_PixelSize = tuple[float, float] | None


def _npy(path: Path) -> tuple[np.ndarray, _PixelSize]:
    return open_array(path), None


def _npz(path: Path) -> tuple[np.ndarray, _PixelSize]:
    arrays = read_arrays(path)
    maps = [name for name, array in arrays.items() if array.ndim == 2]
    if len(maps) != 1:
        names = ", ".join(maps)[:80] or "none"
        raise ScanFileError(f"Not a map: {path.name} must hold one map (rows, cols), and holds {names}.")
    return arrays[maps[0]], None


def _tiff(path: Path) -> tuple[np.ndarray, _PixelSize]:
    if is_label_map(path):
        raise ScanFileError(f"Not a scan: {path.name} is a label map of napari-stmml.")
    with opened_page(path) as page:
        return page.maps(1)[0], page.pixel_size


def _png(path: Path) -> tuple[np.ndarray, _PixelSize]:
    from PIL import Image

    with Image.open(path, formats=("PNG",)) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise ScanFileError(f"Too large: {path.name} has {picture.width} x {picture.height} pixels.")
        grey = picture.mode in ("1", "L") or picture.mode.startswith("I")
        values = np.asarray(picture if grey else picture.convert("RGB"))
    if values.ndim == 3:
        if not (values == values[..., :1]).all():
            raise ScanFileError(f"Not a map: {path.name} is coloured; save it in grey, or as numbers.")
        values = values[..., 0]
    return values, None


_READERS = {".npy": _npy, ".npz": _npz, ".tif": _tiff, ".tiff": _tiff, ".png": _png}
