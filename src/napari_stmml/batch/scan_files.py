"""The files that a job leaves of every scan: windows, their places, settings, pictures."""

from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.batch.job_folder import one_name
from napari_stmml.figures.pictures import save_scan_jpg, save_window_jpgs
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.io.tables import save_coordinates, save_metadata
from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan
from napari_stmml.system.files import atomic, write_array

AT_ONCE = 4096  # windows in memory at a time


def write(
    scan: Scan,
    flat: np.ndarray,
    prepared: np.ndarray,
    places: np.ndarray,
    name: str,
    folder: Path,
    values: dict[str, Any],
    recipe: Recipe,
) -> list[str]:
    """Write what the job asks for of one direction; return the paths, relative to the job's folder.

    Parameters
    ----------
    scan : Scan
    flat : ndarray, shape (rows, cols)
        Flattened heights at the recipe's density, in the scan's unit.
    prepared : ndarray, shape (rows, cols)
        The same in 0..1, which windows are cut from.
    places : ndarray of int, shape (n, 2)
        Row and column of every window in the grid of training.
    name : str
        Place of the scan in the tree, with its direction.
    folder : Path
    values : dict
        The parameters of the job.
    recipe : Recipe
    """
    short = one_name(name, "_") if values["collate"] else name
    stem = Path(name).name if not values["collate"] else short
    windows_in = "windows" if values["collate"] else f"windows/{name}"
    about = {
        "flatten_method": recipe.flatten_method,
        "normalisation": recipe.normalisation,
        "pixel_density": density_of(scan, recipe),
        "window_size": recipe.window_size,
        "window_pitch": recipe.window_pitch,
        "windows": len(places),
    }
    written: list[str] = []

    def to(path: str) -> Path:
        written.append(path)
        return folder / path

    def note(place: str, ending: str) -> None:
        """Note files of one window each: their folder, or all of them where others have theirs there too."""
        numbers = range(len(places)) if values["collate"] else (0, len(places) - 1)
        written.extend([] if values["collate"] else [place])
        written.extend(f"{place}/{stem}_{number:05d}.{ending}" for number in numbers)

    if values["save_windows"]:
        if values["together"]:
            _save_together(to(f"{windows_in}/{stem}_windows.npy"), prepared, places, recipe)
        else:
            _save_apart(folder / windows_in, stem, prepared, places, recipe)
            note(windows_in, "npy")
        save_coordinates(
            to(f"{windows_in}/{stem}_coordinates.txt"),
            starts_of(prepared, places, recipe.training_grid),
            window=recipe.window_size,
            pixel_density=density_of(scan, recipe),
        )
        if values["save_meta"]:
            save_metadata(to(f"{windows_in}/{stem}.txt"), scan, about)
    if values["save_jpg"]:
        save_scan_jpg(to(f"jpg/{short}.jpg"), scan, flat, cmap=values["cmap"])
        if values["save_meta"]:
            save_metadata(to(f"jpg/{short}.txt"), scan, about)
    if values["save_window_jpgs"]:
        pictures_in = "windows-jpg" if values["collate"] else f"windows-jpg/{name}"
        for start in range(0, len(places), AT_ONCE):
            some = recipe.training_grid.extract(prepared, places[start : start + AT_ONCE])
            save_window_jpgs(folder / pictures_in, stem, some, first=start)
        note(pictures_in, "jpg")
    return written


def starts_of(prepared: np.ndarray, places: np.ndarray, grid: WindowGrid) -> np.ndarray:
    """Return the first row and column, in px of the prepared map, of windows of a grid, (n, 2)."""
    rows, cols = grid.starts(prepared.shape[0]), grid.starts(prepared.shape[1])
    return np.column_stack([rows[places[:, 0]], cols[places[:, 1]]])


def density_of(scan: Scan, recipe: Recipe) -> float | None:
    """Return the px/nm of the prepared map, None where it is not known or not the same along both axes."""
    if scan.pixel_size is None:
        return None
    if recipe.resample and recipe.pixel_density > 0:
        return recipe.pixel_density
    rows, cols = scan.pixel_size
    factor = -recipe.pixel_density if recipe.resample else 1.0
    return factor / rows if rows == cols else None


def _save_together(path: Path, prepared: np.ndarray, places: np.ndarray, recipe: Recipe) -> None:
    """Write all windows as one array, (n, window, window) float32, a part at a time."""
    shape = (len(places), recipe.window_size, recipe.window_size)
    with atomic(path) as beside:
        file = np.lib.format.open_memmap(beside, "w+", np.float32, shape)
        for start in range(0, len(places), AT_ONCE):
            some = places[start : start + AT_ONCE]
            file[start : start + len(some)] = recipe.training_grid.extract(prepared, some)
        file.flush()
        del file


def _save_apart(folder: Path, stem: str, prepared: np.ndarray, places: np.ndarray, recipe: Recipe) -> None:
    """Write every window as an array of its own, (window, window) float32."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(len(places)):
        (window,) = recipe.training_grid.extract(prepared, places[number : number + 1])
        write_array(folder / f"{stem}_{number:05d}.npy", window)
