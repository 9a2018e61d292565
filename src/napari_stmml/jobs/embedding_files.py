"""What is laid out and where it then lies, as files: arrays are too long for a line of JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.clustering.centres import Prototypes
from napari_stmml.clustering.embedding import Drawn, Latent


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
    with np.load(path, allow_pickle=False) as known:
        space = {name.removeprefix("space/"): known[name] for name in known.files if "space/" in name}
        groups = [known[f"group/{number}"] for number in range(len(known.files) - len(space))]
    return groups, Prototypes.of_arrays(space)


def save_view(path: str | Path, view: Latent) -> None:
    """Write where the cells lie."""
    arrays: dict[str, Any] = {f"points/{number}": one for number, one in enumerate(view.points)}
    arrays |= {"scans": view.drawn.scans, "cells": view.drawn.cells, "axes": np.array(view.axes)}
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
    with np.load(path, allow_pickle=False) as known:
        points = tuple(known[f"points/{number}"] for number in range(len(known.files) - 3))
        first, second = map(str, known["axes"])
        return Latent((first, second), points, Drawn(known["scans"], known["cells"]))
