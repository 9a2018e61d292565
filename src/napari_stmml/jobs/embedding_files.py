"""What is laid out and where it then lies, as files: arrays are too long for a line of JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.clustering.centres import Prototypes
from napari_stmml.clustering.embedding import Drawn, Latent
from napari_stmml.system.array_file import read_arrays


def save_question(path: str | Path, groups: Sequence[np.ndarray], space: Prototypes) -> None:
    """Write what is laid out, ``groups`` and ``space`` as `clustering.embedding.look` takes them.

    Parameters
    ----------
    path : str or Path
    groups : sequence of ndarray of int, shape (cells,)
        Class of each cell of each scan.
    space : Prototypes
    """
    arrays: dict[str, Any] = {f"group/{number}": group for number, group in enumerate(groups)}
    arrays |= {f"space/{name}": array for name, array in space.arrays().items()}
    np.savez(path, **arrays)


def load_question(path: str | Path) -> tuple[list[np.ndarray], Prototypes]:
    """Read what `save_question` wrote."""
    known = read_arrays(path)
    space = {name.removeprefix("space/"): known[name] for name in known if name.startswith("space/")}
    groups = [known[f"group/{number}"] for number in range(len(known) - len(space))]
    return groups, Prototypes.of_arrays(space)


def save_view(path: str | Path, view: Latent) -> None:
    """Write where the cells lie."""
    arrays: dict[str, Any] = {f"points/{number}": one for number, one in enumerate(view.points)}
    arrays |= {"scans": view.drawn.scans, "cells": view.drawn.cells, "axes": _as_bytes(view.axes)}
    np.savez(path, **arrays)


def load_view(path: str | Path) -> Latent:
    """Read what `save_view` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Latent
    """
    known = read_arrays(path)
    points = tuple(known[f"points/{number}"] for number in range(len(known) - 3))
    first, second = known["axes"].tobytes().decode().split("\n")
    return Latent((first, second), points, Drawn(known["scans"], known["cells"]))


def _as_bytes(names: Sequence[str]) -> np.ndarray:
    """Return names as numbers: files of ours hold no text."""
    return np.frombuffer("\n".join(names).encode(), np.uint8)
