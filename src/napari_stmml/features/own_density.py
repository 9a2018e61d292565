"""The pixel density of scans for a recipe that has none of its own: that of the first of them."""

from collections.abc import Iterable, Iterator
from itertools import chain

from napari_stmml.recipe import Recipe
from napari_stmml.scan import Scan

_SCANS, _PIXELS = 100, 16_000_000  # that are looked at, at most: they are in memory at the same time


def with_density_of(recipe: Recipe, scans: Iterable[Scan]) -> tuple[Recipe, Iterator[Scan]]:
    """Give a recipe the density of scans, if it names none, as `Recipe.at_density_of` does.

    Parameters
    ----------
    recipe : Recipe
    scans : iterable of Scan
        Of very many, or very large ones, the first count.

    Returns
    -------
    recipe : Recipe
    scans : iterator of Scan
        All of them.
    """
    scans, first, pixels = iter(scans), list[Scan](), 0
    if recipe.takes_own_density:
        for scan in scans:
            first.append(scan)
            pixels += scan.heights.size
            if len(first) == _SCANS or pixels > _PIXELS:
                break
    return recipe.at_density_of(scan.pixel_size for scan in first), chain(first, scans)
