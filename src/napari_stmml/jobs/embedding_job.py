"""Lay out the feature space in a process of its own, that can be killed: question and answer are files."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.clustering.centres import Prototypes
from napari_stmml.clustering.embedding import Drawn, Latent, look


def ask(
    folder: str | Path, files: Sequence[str], groups: Sequence[np.ndarray], space: Prototypes, method: str
) -> list[str]:
    """Write what is to be laid out; return the arguments of Python that do it.

    Parameters
    ----------
    folder : path
        Of its own, for question and answer.
    files : sequence of str
        Of each scan's cells, as ``cellfiles`` wrote them.
    groups, space, method
        As ``latent.look`` takes them.
    """
    asked: dict[str, Any] = {f"group/{number}": group for number, group in enumerate(groups)}
    asked |= {f"space/{name}": array for name, array in space.arrays().items()}
    np.savez(Path(folder) / "asked.npz", **asked)
    return ["-m", "napari_stmml.jobs.embedding_job", str(folder), method, *files]


def answer(folder: str | Path) -> Latent:
    """Read what came of it."""
    with np.load(Path(folder) / "answer.npz", allow_pickle=False) as found:
        points = tuple(found[f"points/{number}"] for number in range(len(found.files) - 3))
        first, second = (str(axis) for axis in found["axes"])
        return Latent((first, second), points, Drawn(found["scans"], found["cells"]))


def main(arguments: Sequence[str]) -> str | None:
    """Answer; return a sentence where it could not be done."""
    folder, method, *files = arguments
    features = [np.load(file, mmap_mode="r", allow_pickle=False) for file in files]
    features = [one.reshape(-1, one.shape[-1]) for one in features]
    with np.load(Path(folder) / "asked.npz", allow_pickle=False) as asked:
        groups = [asked[f"group/{number}"] for number in range(len(files))]
        named = {
            name.removeprefix("space/"): asked[name] for name in asked.files if name.startswith("space/")
        }
    try:
        found = look(features, groups, Prototypes.of_arrays(named), method)
    except ValueError as error:
        return str(error)
    said: dict[str, Any] = {f"points/{number}": one for number, one in enumerate(found.points)}
    said |= {"scans": found.drawn.scans, "cells": found.drawn.cells, "axes": np.array(found.axes)}
    np.savez(Path(folder) / "answer.npz", **said)
    return None


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(5)  # the viewer goes first
    sys.exit(main(sys.argv[1:]))
