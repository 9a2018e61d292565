"""Types over many scans together, from the objects that were found on each of them alone."""

from collections.abc import Sequence

import numpy as np

from napari_stmml.structures.structures import Structures


def typed_together(
    parts: Sequence[Structures], *, seed: int = 0, like: Structures | None = None
) -> Structures:
    """Join structures of several scans, with types over all of them.

    Parameters
    ----------
    parts : sequence of Structures
        One at least; found with the same options, each on scans of its own. Their types are not used.
    seed : int
    like : Structures, optional
        Whose types the objects are sorted into; without it, types are found.

    Returns
    -------
    Structures
        The same as if `find_structures` had found them on all scans at once.
    """
    on = tuple(one for part in parts for one in part.candidates)
    count = sum(map(len, on))
    joined = parts[0].changed(
        given={}, candidates=on, all_types=np.zeros(count, int), all_angles=np.zeros(count)
    )
    return joined.retyped(seed) if like is None else joined.sorted_like(like)
