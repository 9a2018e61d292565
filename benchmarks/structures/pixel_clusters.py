"""What clusters of pixels give as objects: every piece of a cluster that is not the commonest one."""

import numpy as np

from napari_stmml.model.training import train_classifier
from napari_stmml.scan import Scan


def find(scans: list[Scan]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each scan places, (n, 2) px, and types, (n,): clusters of recipe ``instant``."""
    from scipy.ndimage import center_of_mass, label

    model = train_classifier(scans, recipe="instant", seed=0)
    maps = [model.predict(scan) for scan in scans]
    commonest = int(np.bincount(np.concatenate([one.ravel() for one in maps])).argmax())
    found = []
    for one in maps:
        places, types = [np.empty((0, 2))], [np.empty(0, int)]
        for cluster in np.setdiff1d(np.unique(one), [0, commonest]):
            pieces, count = label(one == cluster)
            places.append(np.reshape(center_of_mass(pieces > 0, pieces, range(1, count + 1)), (-1, 2)))
            types.append(np.full(count, cluster))
        found.append((np.concatenate(places), np.concatenate(types)))
    return found
