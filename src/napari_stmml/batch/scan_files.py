"""The files that a job leaves of every scan: windows, their coordinates, settings, pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.job_folder import one_name
from napari_stmml.features.intake import PreparedScan
from napari_stmml.heights.two_biases import first_map
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.io.tables import save_coordinates, save_metadata
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.system.atomic import atomic
from napari_stmml.system.files import write_array

AT_ONCE = 4096  # windows in memory at a time


@dataclass(frozen=True)
class _Names:
    """Where the files of a direction go: in the tree of folders, or all of a kind in one folder."""

    name: str  # of the direction in the tree
    collate: bool

    @property
    def flat(self) -> str:
        """Its place in the tree, as the name of a file where files of a kind share a folder."""
        return one_name(self.name, "_") if self.collate else self.name

    @property
    def stem(self) -> str:
        """How the names of its files begin."""
        return Path(self.flat).name

    def folder(self, kind: str) -> str:
        """Return the folder of its windows (``windows``) or of their pictures (``windows-jpg``)."""
        return kind if self.collate else f"{kind}/{self.name}"


def possible(name: str, collate: bool) -> list[str]:
    """List all that ``write`` can leave of a direction: files, folders, and patterns that end in ``*``."""
    at = _Names(name, collate)
    folders = [at.folder(kind) for kind in ("windows", "windows-jpg")]
    if collate:
        return [*(f"{folder}/{at.stem}_*" for folder in folders), f"windows/{at.stem}.txt", *_pictures(at)]
    return [*folders, *_pictures(at)]


def _pictures(at: _Names) -> list[str]:
    return [f"jpg/{at.flat}.jpg", f"jpg/{at.flat}.txt"]


def write(prepared: PreparedScan, name: str, job: JobFile, *, with_windows: bool) -> list[str]:
    """Write what a job asks for of one direction.

    Parameters
    ----------
    prepared : PreparedScan
        With its windows in the grid of training.
    name : str
        Place of the scan in the tree, with its direction.
    job : JobFile
    with_windows : bool
        Whether windows may be written, if the job asks for them.

    Returns
    -------
    list of str
        What was written, relative to the job's folder.
    """
    at, values = _Names(name, job.values["collate"]), job.values
    written: list[str] = []
    if with_windows and values["save_windows"]:
        written += _write_windows(prepared, at, job)
    if values["save_jpg"]:
        from napari_stmml.figures.pictures import save_scan_jpg

        picture, text = _pictures(at)
        save_scan_jpg(job.folder / picture, prepared.scan, prepared.flat, cmap=values["cmap"])
        written.append(picture)
        if values["save_meta"]:
            save_metadata(job.folder / text, prepared.scan, _about(prepared, job.recipe))
            written.append(text)
    if with_windows and values["save_window_jpgs"]:
        from napari_stmml.figures.pictures import save_window_jpgs

        folder = at.folder("windows-jpg")
        for start, some in _cut(prepared, job.recipe.training_grid):
            save_window_jpgs(job.folder / folder, at.stem, some, first=start)
        written += _each_of(at, folder, len(prepared.windows), "jpg")
    return written


def _write_windows(prepared: PreparedScan, at: _Names, job: JobFile) -> list[str]:
    folder, grid = at.folder("windows"), job.recipe.training_grid
    if job.values["together"]:
        written = [f"{folder}/{at.stem}_windows.npy"]
        _save_together(job.folder / written[0], prepared, grid)
    else:
        for start, some in _cut(prepared, grid):
            for number, window in enumerate(some, start):
                write_array(job.folder / folder / f"{at.stem}_{number:05d}.npy", window)
        written = _each_of(at, folder, len(prepared.windows), "npy")
    coordinates, text = f"{folder}/{at.stem}_coordinates.txt", f"{folder}/{at.stem}.txt"
    save_coordinates(
        job.folder / coordinates,
        starts_of(prepared.windows, grid, first_map(prepared.heights).shape),
        window=grid.window,
        pixel_density=density_of(prepared.scan, job.recipe),
    )
    written.append(coordinates)
    if job.values["save_meta"]:
        save_metadata(job.folder / text, prepared.scan, _about(prepared, job.recipe))
        written.append(text)
    return written


def _each_of(at: _Names, folder: str, count: int, ending: str) -> list[str]:
    """List files of one window each: their folder, first and last; all of them in a folder with others."""
    name = partial("{}/{}_{:05d}.{}".format, folder, at.stem)
    if at.collate:
        return [name(number, ending) for number in range(count)]
    return [folder, name(0, ending), name(count - 1, ending)]


def starts_of(windows: np.ndarray, grid: WindowGrid, shape: tuple[int, ...]) -> np.ndarray:
    """Return the first row and column, in px of a map of this shape, of windows of a grid, (n, 2)."""
    rows, cols = (grid.starts(length) for length in shape)
    return np.column_stack([rows[windows[:, 0]], cols[windows[:, 1]]])


def density_of(scan: Scan, recipe: Recipe) -> float | None:
    """Return the px/nm of the prepared map, None where it is not known or not the same along both axes."""
    if scan.pixel_size is None:
        return None
    if recipe.resample and recipe.pixel_density > 0:
        return recipe.pixel_density
    rows, cols = scan.pixel_size
    factor = -recipe.pixel_density or 1.0 if recipe.resample else 1.0
    return factor / rows if rows == cols else None


def _about(prepared: PreparedScan, recipe: Recipe) -> dict[str, str | float | None]:
    """Return what is written beside windows and pictures in addition to the settings of the scan."""
    return {
        "flatten_method": recipe.flatten_method,
        "normalisation": recipe.normalisation,
        "pixel_density": density_of(prepared.scan, recipe),
        "window_size": recipe.window_size,
        "window_pitch": recipe.window_pitch,
        "windows": len(prepared.windows),
    }


def _cut(prepared: PreparedScan, grid: WindowGrid) -> Iterator[tuple[int, np.ndarray]]:
    """Cut all windows, some at a time: the number of the first, and (n, window, window) float32."""
    heights = first_map(prepared.heights)
    for start in range(0, len(prepared.windows), AT_ONCE):
        yield start, grid.extract(heights, prepared.windows[start : start + AT_ONCE])


def _save_together(path: Path, prepared: PreparedScan, grid: WindowGrid) -> None:
    """Write all windows as one array, (n, window, window) float32, a part at a time."""
    shape = (len(prepared.windows), grid.window, grid.window)
    with atomic(path) as beside:
        file = np.lib.format.open_memmap(beside, "w+", np.float32, shape)
        for start, some in _cut(prepared, grid):
            file[start : start + len(some)] = some
        file.flush()
        del file
