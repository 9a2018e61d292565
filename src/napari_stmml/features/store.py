"""Keep prepared maps and features in files, so that a scan is prepared and encoded once for all who ask."""

import os
import shutil
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.features.borders import MOST_NEIGHBOUR
from napari_stmml.features.encoder import Encoder, Place
from napari_stmml.features.intake import complete_windows, prepare_scan
from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.heights.stored_map import StoredMap
from napari_stmml.heights.two_biases import first_map
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.system.array_file import open_array, read_arrays
from napari_stmml.system.atomic import atomic
from napari_stmml.system.temporary import TemporaryFolder, sweep_temporary

TOTAL = 2 << 30  # bytes of features, and as many of prepared maps
Pieces = Iterator[tuple[Place, np.ndarray]]


@dataclass(frozen=True, eq=False)
class EncodedMap:
    """What an encoder makes of a prepared map; it is made, or read, when it is asked for.

    Parameters
    ----------
    encoder : Encoder
    shape : (int, int)
        px of the prepared map.
    complete : ndarray of bool, shape (rows, cols) of the encoder's grid
        The windows or cells without a missing height.
    encode : callable
        Gets the windows that are wanted, and yields features as `Encoder.encode` does.
    nearest : callable
        Gets centres, owners and the windows that are wanted, and returns what `Encoder.nearest` does.
    path : Path, optional
        The file in which the features lie once they have been made: ``.npy``, (cells down, cells across,
        n_features) float32, NaN where a cell is not complete. None if they are not kept.
    borders : ndarray of uint8, shape ``shape``, optional
        Which cell each pixel has its label from, once features have been made: `features.borders`. None where
        features know no objects.
    """

    encoder: Encoder
    shape: tuple[int, int]
    complete: np.ndarray
    encode: Callable[[np.ndarray], Pieces]
    nearest: Callable[[np.ndarray, np.ndarray, np.ndarray], Any]
    path: Path | None = None
    borders: np.ndarray | None = None

    @classmethod
    def of(cls, heights: np.ndarray, encoder: Encoder) -> "EncodedMap":
        """Take prepared heights, (rows, cols) or (2, rows, cols) float32; their features are not kept.

        Parameters
        ----------
        heights : ndarray of float32, shape (rows, cols) or (2, rows, cols)
            NaN where nothing was scanned.
        encoder : Encoder

        Returns
        -------
        EncodedMap
            Its ``path`` is None.
        """
        rows, cols = first_map(heights).shape
        complete = encoder.grid.complete(first_map(heights))
        borders = None if encoder.of_object is None else np.zeros((rows, cols), np.uint8)
        encode = partial(encoder.encode, heights, borders=borders)
        return cls(encoder, (rows, cols), complete, encode, partial(encoder.nearest, heights), None, borders)


def encode_scan(
    scan: Scan, recipe: Recipe, encoder: Encoder, store: "FeatureStore | None" = None
) -> EncodedMap:
    """Prepare a scan for an encoder, unless a store has kept what comes of it.

    Parameters
    ----------
    scan : Scan
    recipe : Recipe
        Says how heights are prepared.
    encoder : Encoder
    store : FeatureStore, optional
        Where to look for what is kept, and to keep what is made; nothing is kept without one.

    Returns
    -------
    EncodedMap

    Raises
    ------
    NotUsable
        If the scan cannot be prepared; the message names it.
    """
    if store is not None:
        return store.encoded_scan(scan, recipe, encoder)
    return EncodedMap.of(prepare_scan(scan, recipe, encoder.grid).heights, encoder)


def write_features(made: EncodedMap, path: str | Path) -> Pieces:
    """Write the features of all cells of a map as `EncodedMap.path` says, and yield them as they are made.

    Parameters
    ----------
    made : EncodedMap
    path : str or Path
        The ``.npy`` file, which appears there when the last piece has been taken.

    Yields
    ------
    place : index into the grid
        As `Encoder.encode` yields it.
    features : ndarray of float32, shape (cells down, cells across, n_features)
        As they were made; in the file they are NaN where a cell is not complete.
    """
    with atomic(path, durable=False) as beside:
        np.lib.format.open_memmap(beside, "w+", np.float32, (*made.complete.shape, made.encoder.n_features))
        for place, some in made.encode(made.complete):
            known = made.complete[place][..., None]
            # Mapped anew for each piece, so that what was written does not count as memory in use.
            np.load(beside, mmap_mode="r+")[place] = np.where(known, some, np.float32(np.nan))
            yield place, some


class FeatureStore:
    """Prepared maps and features in files, the least recently used given up first.

    Features of windows are never kept: there are too many.

    Parameters
    ----------
    folder : path, optional
        For the features, shared with other processes; a private one of this store if not given. Prepared
        maps always lie in a private folder, for as long as this store or the caller holds them.
    total : int
        Bytes of features, and of prepared maps that nobody else holds; what is larger is not kept.
    """

    def __init__(self, folder: str | Path | None = None, *, total: int = TOTAL) -> None:
        sweep_temporary()
        self._own = TemporaryFolder()
        self._folder = self._own.path / "features" if folder is None else Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._maps: OrderedDict[str, StoredMap] = OrderedDict()
        self._total = total

    def prepare(self, scan: Scan, recipe: Recipe, grid: WindowGrid) -> StoredMap:
        """Prepare a scan into a file, unless that has been done.

        Parameters
        ----------
        scan : Scan
        recipe : Recipe
            Says how heights are prepared.
        grid : WindowGrid
            Windows or cells, of which one at least has to fit.

        Returns
        -------
        StoredMap
            The file of the prepared heights; it goes with the store, or when nobody holds this any more.

        Raises
        ------
        NotUsable
            If the scan cannot be prepared, or no window or cell of the grid fits; the message names it.
        """
        key = _key_of(scan, recipe.preprocessing)
        if (known := self._maps.get(key)) is not None:
            complete_windows(known.load(), recipe, grid, scan.name)
            self._maps.move_to_end(key)
            return known
        stored = StoredMap(self._own.path / f"{key}.npy", key)
        np.save(stored.path, prepare_scan(scan, recipe, grid).heights, allow_pickle=False)
        weakref.finalize(stored, stored.path.unlink, missing_ok=True)
        self._maps[key] = stored
        sizes = [one.path.stat().st_size for one in self._maps.values()]
        while len(sizes) > 1 and sum(sizes) > self._total:
            self._maps.popitem(last=False)
            sizes.pop(0)
        return stored

    def encoded_scan(self, scan: Scan, recipe: Recipe, encoder: Encoder) -> EncodedMap:
        """Return what an encoder makes of a scan; what is kept is not made again.

        Raises
        ------
        NotUsable
            As ``prepare``.
        """
        key = _key_of(scan, recipe.preprocessing)
        if (found := self._kept(key, encoder)) is not None:
            return found
        if key in self._maps:
            heights = self.prepare(scan, recipe, encoder.grid).load()
        else:
            heights = prepare_scan(scan, recipe, encoder.grid).heights
        return self._keeping(key, EncodedMap.of(heights, encoder))

    def encoded(self, stored: StoredMap, encoder: Encoder, *, keep: bool = True) -> EncodedMap:
        """Return what an encoder makes of a prepared map, to be kept unless told otherwise.

        Parameters
        ----------
        stored : StoredMap
            As ``prepare`` returns it.
        encoder : Encoder
        keep : bool
            Keep the features in a file when they are made, if the encoder allows it and there is room.

        Returns
        -------
        EncodedMap
        """
        if (found := self._kept(stored.key, encoder)) is not None:
            return found
        made = EncodedMap.of(stored.load(), encoder)
        return self._keeping(stored.key, made) if keep else made

    def holds(self, maps: Sequence[StoredMap], encoder: Encoder) -> bool:
        """Say whether the features of all these maps together can be kept.

        Parameters
        ----------
        maps : sequence of StoredMap
        encoder : Encoder

        Returns
        -------
        bool
            Whether they take no more than ``total`` bytes; free space on the disk is not looked at.
        """
        shapes = (encoder.grid.shape(first_map(one.load()).shape) for one in maps)
        return 4 * encoder.n_features * sum(rows * cols for rows, cols in shapes) <= self._total

    # ---- inside

    def _path(self, key: str, encoder: Encoder) -> Path:
        return self._folder / f"{_name(key, encoder)}.npy"

    def _kept(self, key: str, encoder: Encoder) -> EncodedMap | None:
        """Return what an encoder has made of a map, if it is kept."""
        if not (key and encoder.keeps_features):
            return None
        path = self._path(key, encoder)
        try:
            os.utime(path)
            about = read_arrays(about_of(path))
            (rows, cols), complete, places = about["shape"].tolist(), about["complete"], about["places"]
            if open_array(path).shape != (*complete.shape, encoder.n_features):
                return None
            borders = None if encoder.of_object is None else _unpacked(about, (rows, cols))
        except (OSError, ValueError, KeyError):  # never made, given up by another process, or damaged
            return None

        def encode(wanted: np.ndarray) -> Pieces:
            for top, bottom, left, right in places.tolist():
                place = slice(top, bottom), slice(left, right)
                yield place, np.array(open_array(path)[place])

        return EncodedMap(encoder, (rows, cols), complete, encode, lambda *ask: None, path, borders)

    def _keeping(self, key: str, made: EncodedMap) -> EncodedMap:
        """Return a map that keeps its features in a file when they are made, if there is room for them."""
        size = 4 * made.complete.size * made.encoder.n_features
        if not (key and made.encoder.keeps_features and self._has_room(size)):
            return made
        path = self._path(key, made.encoder)

        def encode(wanted: np.ndarray) -> Pieces:
            places = []
            for place, some in write_features(made, path):
                places.append([place[0].start, place[0].stop, place[1].start, place[1].stop])
                yield place, some
            write_about(about_of(path), made, places)

        return replace(made, encode=encode, path=path)

    def _has_room(self, size: int) -> bool:
        """Give up what was not used for longest until there is room; say whether there is."""
        if size > self._total or shutil.disk_usage(self._folder).free < 2 * size:
            return False
        with suppress(OSError):  # another process may give up the same
            found = ((one.stat(), one) for one in self._folder.glob("*.npy"))
            known = sorted((about.st_mtime_ns, about.st_size, one) for about, one in found)
            while known and sum(taken for _, taken, _ in known) + size > self._total:
                *_, oldest = known.pop(0)
                about_of(oldest).unlink(missing_ok=True)
                oldest.unlink(missing_ok=True)
        return True


def about_of(path: Path) -> Path:
    """Return the path of the file that says more about a file of features."""
    return path.with_suffix(".npz")


def write_about(path: Path, made: EncodedMap, places: Sequence[Sequence[int]] = ()) -> None:
    """Write what is known of a map whose features were made, beside them.

    Parameters
    ----------
    path : Path
    made : EncodedMap
    places : sequence of (top, bottom, left, right)
        Of the pieces in which they were made.
    """
    about: dict[str, Any] = {
        "shape": made.shape,
        "complete": made.complete,
        "places": np.array(places).reshape(-1, 4),
    }
    if made.borders is not None:  # the few pixels that are none of their cell's
        at = np.flatnonzero(made.borders)
        about |= {"border_pixels": at, "border_cells": made.borders.ravel()[at]}
    with atomic(path, durable=False) as beside:
        np.savez(beside, **about)


def kept_borders(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Return borders of a map of this shape from what lies beside its features; None where nothing does."""
    try:
        return _unpacked(read_arrays(about_of(path)), shape)
    except (OSError, ValueError, KeyError):
        return None


def _unpacked(about: dict[str, np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Return borders, (rows, cols) uint8, from what is kept.

    Raises
    ------
    ValueError, KeyError
        If none are kept, or others.
    """
    at, cells = about["border_pixels"], about["border_cells"]
    if at.ndim != 1 or at.shape != cells.shape or at.dtype.kind not in "iu" or cells.dtype.kind not in "iu":
        raise ValueError("borders are numbers of pixels and of neighbours")
    pixels = range(shape[0] * shape[1])
    if len(at) and not (at.min() in pixels and at.max() in pixels and 0 < cells.min() <= cells.max()):
        raise ValueError("borders of another map")
    if cells.max(initial=0) > MOST_NEIGHBOUR:
        raise ValueError(f"a cell has {MOST_NEIGHBOUR} neighbours")
    borders = np.zeros(shape, np.uint8)
    np.put(borders, at, cells)
    return borders


def _key_of(scan: Scan, preparation: Preprocessing) -> str:
    """Return what tells a prepared map from others: a hash of the heights, and of how they are prepared."""
    about = (preparation, scan.pixel_size, scan.heights.dtype, scan.heights.shape)
    other = (scan.other, scan.bias, scan.other_bias) if preparation.both_biases else (None,)
    digest = blake2b(repr((about, other[1:])).encode(), digest_size=16)
    for heights in (scan.heights, other[0]):
        if heights is not None:
            digest.update(np.ascontiguousarray(heights).data)
    return digest.hexdigest()


def _name(key: str, encoder: Encoder) -> str:
    """Return what tells the features of a map from others."""
    digest = blake2b(repr((key, encoder.unit, encoder.grid, encoder.n_features)).encode(), digest_size=16)
    for name, array in encoder.arrays().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
