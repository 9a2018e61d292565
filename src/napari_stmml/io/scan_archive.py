"""Scans in one ``.npz`` file, to hand them to another process."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_stmml.scan import Scan
from napari_stmml.system.array_file import read_arrays
from napari_stmml.text import shortened


def save_scans(path: str | Path, scans: Iterable[Scan]) -> None:
    """Write scans to one ``.npz`` file, to hand them to another process; no pickle.

    Parameters
    ----------
    path : str or Path
    scans : iterable of Scan
    """
    arrays: dict[str, np.ndarray] = {}
    settings = []
    for number, scan in enumerate(scans):
        arrays[f"heights_{number}"] = scan.heights
        if scan.other is not None:
            arrays[f"other_{number}"] = scan.other
        settings.append(scan.settings())
    known = np.frombuffer(json.dumps(settings).encode(), np.uint8)
    np.savez(path, settings=known, **arrays)  # type: ignore[arg-type]


def load_scans(path: str | Path) -> list[Scan]:
    """Read the scans that `save_scans` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Scan

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        In one sentence that names the file: it is no file of scans, or damaged.
    """
    arrays = read_arrays(path)
    try:
        settings = json.loads(arrays["settings"].tobytes())
        scans = [Scan.from_settings(arrays[f"heights_{i}"], known) for i, known in enumerate(settings)]
        return [replace(scan, other=arrays.get(f"other_{i}")) for i, scan in enumerate(scans)]
    except Exception as error:
        why = f"it has no {error.args[0]}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{Path(path).name} holds no scans: {shortened(why, 160)}") from error
