"""What suits the scans that are chosen: a recipe to cluster them at once, and the way back of each."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.heights.two_biases import paired
from napari_stmml.recipe import Recipe, get_recipe
from napari_stmml.scan import Scan

MOST_DENSITY, LEAST_DENSITY = 15.0, 0.01  # px/nm; finer shows no more, coarser is no recipe's
_BACK = {"forward": "backward", "backward": "forward"}


def instant_recipe(scans: Sequence[Scan], n_clusters: int, both_biases: bool = False) -> Recipe:
    """Return the recipe that clusters these scans at once, at a pixel density that suits most of them.

    >>> import numpy as np
    >>> instant_recipe([Scan(np.zeros((9, 9)), (0.2, 0.2))], 8).pixel_density
    5.0
    """
    own = [(scan.pixel_size[0] * scan.pixel_size[1]) ** -0.5 for scan in scans if scan.pixel_size is not None]
    density = round(min(MOST_DENSITY, median(own)), 4) if own else 0.0
    scaled = {"pixel_density": density} if density >= LEAST_DENSITY else {"resample": False}
    return get_recipe("instant-both" if both_biases else "instant", num_clusters=n_clusters, **scaled)


def holds_both_ways(scans: Iterable[Scan]) -> bool:
    """Say whether among the scans there are forward and backward of one frame."""
    seen: set[tuple[object, ...]] = set()
    for scan in scans:
        way, _, slow = scan.direction.partition("/")
        frame = (scan.source, scan.channel, slow, scan.heights.shape)
        if way and (*frame, _BACK[way]) in seen:
            return True
        seen.add((*frame, way))
    return False


def with_way_back(
    scans: Sequence[Scan], others: Sequence[Scan], preparation: Preprocessing
) -> Iterator[Scan]:
    """Yield each scan, with the heights of its way back where that is among the others and asked for.

    Of several, one with the same history is taken: a flattened scan goes with a flattened one.
    """
    for scan in scans:
        backs = [other for other in (*scans, *others) if holds_both_ways([scan, other])]
        backs.sort(key=lambda other: other.history == scan.history)
        yield next(paired([scan, *backs[-1:]], preparation))
