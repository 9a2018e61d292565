"""Scans in one ``.npz`` file, to hand them to another process."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_stmml.scan import Scan


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
    np.savez(path, settings=np.array(json.dumps(settings)), **arrays)  # type: ignore[arg-type]


def load_scans(path: str | Path) -> list[Scan]:
    """Read the scans that `save_scans` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Scan
    """
    with np.load(path, allow_pickle=False) as file:
        settings = json.loads(str(file["settings"]))
        scans = [Scan.from_settings(file[f"heights_{i}"], known) for i, known in enumerate(settings)]
        return [
            replace(scan, other=file[name]) if (name := f"other_{i}") in file else scan
            for i, scan in enumerate(scans)
        ]
