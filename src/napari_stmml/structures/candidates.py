"""All that may be an object on one scan, measured: which of it counts, a threshold or a person says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from napari_stmml.scan import Scan
from napari_stmml.structures.describe import polar_patches
from napari_stmml.structures.detect import Detection
from napari_stmml.structures.measure import near_border, own_outlines
from napari_stmml.structures.significance import SMALLEST_NM, gaussian

_SAME_NM = 0.4  # so near to the middle of a candidate, that candidate is meant
_REACH_NM = 0.5  # an object that a person adds has its outline within this distance
MEASURED = {
    "row": float, "col": float, "y_nm": float, "x_nm": float, "score": float, "peak_nm": float,
    "area_nm2": float, "border": bool, "limit": float, "disordered": bool,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates of one scan.

    Parameters
    ----------
    scan : Scan
    detection : Detection
    outlines : ndarray of int32, shape (rows, cols)
        On the pixels of the residual: the number of a candidate, from 1, or 0.
    table : DataFrame
        One row a candidate, with the columns of ``MEASURED``; ``limit`` is the score from which on it
        counts, ``disordered`` says whether it lies in a disordered area.
    patches : ndarray of float32, shape (n, rings, angles)
        nm, as `polar_patches` gives them.
    """

    scan: Scan
    detection: Detection
    outlines: np.ndarray
    table: pd.DataFrame
    patches: np.ndarray

    def __len__(self) -> int:
        return len(self.table)

    def at(self, row: float, col: float) -> int | None:
        """Return the candidate within 0.4 nm of a place, in px of the scan; None where there is none."""
        if not len(self):
            return None
        size = np.array(self.detection.residual.pixel_size) / self.detection.residual.binning
        apart = np.hypot(*((self.table[["row", "col"]].to_numpy() - (row, col)) * size).T)
        nearest = int(apart.argmin())
        return nearest if apart[nearest] < _SAME_NM else None

    def with_objects_at(self, places: Sequence[tuple[float, float]]) -> "Candidates":
        """Return the candidates and new ones, the last, where a person sees objects.

        Their outlines are within 0.5 nm, without pixels that are nearer to the middle of another candidate.

        Parameters
        ----------
        places : sequence of (float, float)
            Rows and columns in px of the scan.

        Returns
        -------
        Candidates

        Raises
        ------
        ValueError
            If a place is not on the scan, or lies in the middle of a candidate.
        """
        detection = self.detection
        for row, col in places:
            detection = _with_object(detection, self.scan.name, row, col)
        return candidates_of(self.scan, detection)


def _with_object(found: Detection, name: str, row: float, col: float) -> Detection:
    residual = found.residual
    binning, size = np.array(residual.binning), np.array(residual.pixel_size)
    place = (np.array([row, col]) + 0.5) / binning - 0.5
    if not ((place > -1) & (place < np.array(found.labels.shape))).all():
        raise ValueError(f"{name}: row {row:.0f}, column {col:.0f} is not on the scan")
    rows, cols = np.indices(found.labels.shape, np.float32)
    apart = np.hypot((rows - place[0]) * size[0], (cols - place[1]) * size[1])
    middles = np.vstack([[[np.inf, np.inf]], found.middles])[found.labels]
    others = np.hypot((rows - middles[..., 0]) * size[0], (cols - middles[..., 1]) * size[1])
    mine = (apart <= max(_REACH_NM, size.max())) & (apart < others)
    if not mine.any():
        raise ValueError(f"{name}: there is an object at row {row:.0f}, column {col:.0f} already")
    smooth = gaussian(residual.heights, SMALLEST_NM, residual.pixel_size)
    strongest = smooth[mine][np.abs(smooth[mine]).argmax()]
    labels = np.where(mine, len(found.signs) + 1, found.labels)
    return replace(
        found,
        labels=labels,
        middles=np.vstack([_middles_after(found, labels), place]),
        signs=np.append(found.signs, 1 if strongest > 0 else -1),
        levels=np.append(found.levels, 0.0),
    )


def _middles_after(found: Detection, labels: np.ndarray) -> np.ndarray:
    """Return the middles of candidates, (n, 2): those that lost pixels have theirs in what is left."""
    from scipy.ndimage import center_of_mass

    middles = found.middles.copy()
    lost = np.unique(found.labels[found.labels != labels])
    lost = np.intersect1d(lost[lost > 0], labels)
    if len(lost):
        middles[lost - 1] = center_of_mass(labels > 0, labels, lost)
    return middles


def candidates_of(scan: Scan, detection: Detection) -> Candidates:
    """Measure all candidates of a scan.

    Parameters
    ----------
    scan : Scan
    detection : Detection
        Of this scan.

    Returns
    -------
    Candidates
    """
    residual, count = detection.residual, len(detection.levels)
    size, binning = np.array(residual.pixel_size), np.array(residual.binning)
    every = np.ones(count, bool)
    outlines, heights = own_outlines(detection, every)
    at_nm = (detection.middles + 0.5) * size
    own = (detection.middles + 0.5) * binning - 0.5
    inside = np.zeros(count + 1, bool)
    inside[np.unique(detection.labels[detection.disordered])] = True
    values = {
        "row": own[:, 0], "col": own[:, 1], "y_nm": at_nm[:, 0], "x_nm": at_nm[:, 1],
        "score": detection.levels, "peak_nm": heights,
        "area_nm2": np.bincount(outlines.ravel(), minlength=count + 1)[1:] * size.prod(),
        "border": near_border(detection, every),
        "limit": np.where(detection.signs > 0, *detection.thresholds), "disordered": inside[1:],
    }  # fmt: skip
    table = pd.DataFrame(values).astype(MEASURED)
    return Candidates(scan, detection, outlines, table, polar_patches(detection, every))
