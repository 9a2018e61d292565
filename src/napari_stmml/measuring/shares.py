"""How much of a map each class has: regions, area and share, fast enough to follow every stroke."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Share:
    """Regions, area (nm², or px where the scale is not known) and share of what has a label, 0 to 1."""

    regions: int = 0
    area: float = 0.0
    share: float = 0.0


def class_shares(labels: np.ndarray, pixel_size: tuple[float, float] | None = None) -> dict[int, Share]:
    """Return how much of a label map, (rows, cols), each label has; 0 is left out.

    A region is what hangs together, corners included.

    >>> class_shares(np.array([[1, 0, 1], [2, 2, 0]]), (0.5, 0.5))[1]
    Share(regions=2, area=0.5, share=0.5)
    """
    from skimage.measure import label

    labels = np.asarray(labels)
    sizes = np.bincount(labels.ravel())
    regions, n = label(labels, background=0, connectivity=2, return_num=True)
    of_region = np.zeros(n + 1, labels.dtype)
    of_region[regions.ravel()] = labels.ravel()
    counts = np.bincount(of_region[1:], minlength=len(sizes))
    pixel = 1.0 if pixel_size is None else pixel_size[0] * pixel_size[1]
    labelled = max(int(sizes[1:].sum()), 1)
    return {
        one: Share(int(counts[one]), float(sizes[one] * pixel), float(sizes[one] / labelled))
        for one in np.flatnonzero(sizes).tolist()
        if one
    }
