"""A prepared map in a file: what training streams from disk."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_stmml.system.array_file import open_array


@dataclass(frozen=True, eq=False)
class StoredMap:
    """A prepared map in a ``.npy`` file; ``key`` tells from which heights and how, where that is known."""

    path: Path
    key: str = ""

    def load(self) -> np.ndarray:
        """Return the heights, (rows, cols) or (2, rows, cols) float32, mapped: only what is used is read.

        Returns
        -------
        ndarray of float32, shape (rows, cols) or (2, rows, cols)

        Raises
        ------
        OSError, ValueError
            If there is no such file, or it holds no heights; the message names it.
        """
        heights = open_array(self.path)
        if heights.dtype != np.float32 or heights.shape[:-2] not in ((), (2,)) or heights.ndim < 2:
            about = f"{heights.dtype} of shape {heights.shape}"
            raise ValueError(f"{self.path.name} holds no prepared heights but {about}; remove it")
        return heights
