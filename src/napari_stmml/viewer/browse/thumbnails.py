"""Thumbnails of scans: made in threads, the newest wish first, and kept in the person's cache."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage

from napari_stmml.colours import robust_limits
from napari_stmml.figures.colour_maps import colour_heights
from napari_stmml.heights.flatten import flatten
from napari_stmml.io.formats import read_scan_file
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan, ScanFileError
from napari_stmml.system.files import sha256
from napari_stmml.system.user_folder import cache_folder
from napari_stmml.viewer.shared.painting import picture_of

SIDE = 112  # px of a thumbnail
CHAIN = "poly_xy + row_median"  # of a tilted row the median is that of a few pixels
MOST_WISHES = 240  # that wait; of more the oldest, which nobody sees any more, are dropped
MOST_CACHED = 20_000  # files in the cache, of some 10 kB each
THREADS = 2
MOST_DOTS = 8  # classes of a map


@dataclass(frozen=True)
class Wish:
    """A thumbnail that is wanted: of a file, of one direction, with the label map that is known of it."""

    file: Path
    direction: str
    labels: str = ""


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """What came of a wish.

    Parameters
    ----------
    image : QImage or None
        None where the file gives no scan.
    colours : tuple of str
        ``#rrggbb`` of the classes of its label map.
    problem : str
        Why there is no image, in a sentence.
    """

    image: QImage | None
    colours: tuple[str, ...] = ()
    problem: str = field(default="")


def make_thumbnail(wish: Wish, side: int = SIDE) -> Thumbnail:
    """Make a thumbnail, or take it from the cache; it touches no window.

    Parameters
    ----------
    wish : Wish
    side : int
        px of its longer side.

    Returns
    -------
    Thumbnail
    """
    colours = _colours(wish.labels)
    digest = None
    with suppress(OSError):
        digest = sha256(wish.file)
    kept = cache_folder() / "thumbnails" / f"{digest}_{wish.direction.replace('/', '-')}_{side}.png"
    if digest and kept.is_file() and not (image := QImage(str(kept))).isNull():
        return Thumbnail(image, colours)
    try:
        scans = read_scan_file(wish.file)
    except ScanFileError as error:
        return Thumbnail(None, colours, str(error))
    scan = next((one for one in scans if one.direction == wish.direction), scans[0])
    image = draw(scan, side)
    if digest:
        _keep(image, kept)
    return Thumbnail(image, colours)


def draw(scan: Scan, side: int = SIDE) -> QImage:
    """Draw a scan, flattened, in the colours of STM images.

    Parameters
    ----------
    scan : Scan
    side : int
        px of its longer side.

    Returns
    -------
    QImage
    """
    heights = _coarser(scan.heights, 2 * side)
    if np.isfinite(heights).any():
        heights = flatten(heights, CHAIN)
    pixels = colour_heights(heights, "stm", robust_limits(heights))
    opaque = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    image = picture_of(np.concatenate([pixels, opaque], axis=2))
    tall, wide = scan.size_nm or scan.heights.shape
    scale = side / max(tall, wide)
    return image.scaled(
        max(1, round(wide * scale)),
        max(1, round(tall * scale)),
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    ).convertToFormat(QImage.Format.Format_RGB32)


class Thumbnails:
    """Fulfils wishes in threads that live as long as there are any.

    Parameters
    ----------
    done : callable
        Gets a wish and its thumbnail, in one of the threads.
    """

    def __init__(self, done: Callable[[Wish, Thumbnail], None]) -> None:
        self._done = done
        self._wishes: dict[Wish, None] = {}  # the newest last
        self._lock = threading.Lock()
        self._running = 0
        self._pruned = False

    def want(self, wish: Wish) -> None:
        """Ask for a thumbnail; one that waits already comes before all others now."""
        with self._lock:
            self._wishes.pop(wish, None)
            self._wishes[wish] = None
            while len(self._wishes) > MOST_WISHES:
                del self._wishes[next(iter(self._wishes))]
            if self._running >= THREADS:
                return
            self._running += 1
        threading.Thread(target=self._work, name="stmml-thumbnail", daemon=True).start()

    def forget(self) -> None:
        """Fulfil no more wishes."""
        with self._lock:
            self._wishes.clear()

    @property
    def busy(self) -> bool:
        """Whether there are wishes, or one is being fulfilled."""
        return self._running > 0

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wishes:
                    self._running -= 1
                    break
                wish = self._wishes.popitem()[0]
            try:
                made = make_thumbnail(wish)
            except Exception as error:  # noqa: BLE001 - a file of a stranger must not end the thread
                made = Thumbnail(None, problem=f"{wish.file.name} cannot be drawn ({type(error).__name__})")
            self._done(wish, made)
        if not self._pruned:
            self._pruned = True
            prune(cache_folder() / "thumbnails")


def prune(folder: Path, most: int = MOST_CACHED) -> None:
    """Delete the oldest files of a cache beyond so many.

    Parameters
    ----------
    folder : Path
        Need not exist.
    most : int
        Files that stay.
    """
    with suppress(OSError):
        files = [(one.stat().st_mtime, one.path) for one in os.scandir(folder)]
        for _, path in sorted(files)[: max(0, len(files) - most)]:
            with suppress(OSError):
                os.unlink(path)


def _keep(image: QImage, path: Path) -> None:
    """Write a thumbnail whole, or not at all: another window may read it meanwhile."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        if image.save(str(part), "PNG"):
            os.replace(part, path)


def _coarser(heights: np.ndarray, most: int) -> np.ndarray:
    """Return the means of blocks of pixels, so that no side has more than about ``most``."""
    step = max(1, max(heights.shape) // most)
    rows, cols = (max(1, n // step) for n in heights.shape)
    if step == 1 or min(heights.shape) < step:
        return heights
    return heights[: rows * step, : cols * step].reshape(rows, step, cols, step).mean(axis=(1, 3))


def _colours(labels: str) -> tuple[str, ...]:
    """Return the colours of the classes that are in a label map, the largest first."""
    if not labels:
        return ()
    try:
        found = LabelMap.read(labels)
    except (ValueError, OSError):
        return ()
    sizes = np.bincount(found.labels.ravel())
    there = [label for label in np.argsort(-sizes, kind="stable").tolist() if label and sizes[label]]
    return tuple(found.colours[label] for label in there if label in found.colours)[:MOST_DOTS]
