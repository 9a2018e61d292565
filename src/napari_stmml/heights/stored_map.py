"""A prepared map in a file: what training streams from disk."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


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
        """
        return np.asarray(np.load(self.path, mmap_mode="r", allow_pickle=False))
