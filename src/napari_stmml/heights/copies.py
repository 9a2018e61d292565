"""What a lattice leaves in the rest, such as corner holes: what is there again a few periods further on."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from napari_stmml.heights.pyramid import blurred

_NEAREST, _FARTHEST = 28, 80  # px, of a copy: beyond a defect, and not so far that drift or a domain matters
_COPIES = 6  # translations, each taken both ways
_ALIKE = 0.2  # autocorrelation, from which on a translation shows what is left of a lattice
_PIECE = 256  # px a side, about, of the pieces that have translations of their own
_APART = 9  # px a side of the window in which one translation is the best


def repeated(rest: np.ndarray, limit: float) -> np.ndarray:
    """Return the part of the rest that is repeated by the lattice; (rows, cols) float32.

    The map is cut into pieces. In the autocorrelation of each, the highest maxima are translations that
    bring what is left of a lattice onto itself; the median of the rest and its copies is what all cells
    have in common. A defect, in one copy of many, is not. Where fewer than six translations do so, nothing
    is repeated: the median of copies that have nothing in common would add noise.

    Parameters
    ----------
    rest : ndarray of float32, shape (rows, cols)
        Heights without ground and lattice.
    limit : float
        At which what stands out is cut off, where translations are looked for.
    """
    common = np.zeros_like(rest)
    flat = blurred(np.clip(rest, -limit, limit), 1.0)
    for rows in _pieces(rest.shape[0]):
        for cols in _pieces(rest.shape[1]):
            there = translations(flat[rows, cols])
            if len(there) == _COPIES:
                common[rows, cols] = _median([rest[rows, cols], *_copies(rest, rows, cols, there)])
    return common


def translations(flat: np.ndarray) -> list[tuple[int, int]]:
    """List by how many rows and columns a map, (rows, cols), can be moved onto itself, the best first."""
    from scipy import fft
    from scipy.ndimage import maximum_filter

    far = min(_FARTHEST, min(flat.shape) // 2)
    sides = [fft.next_fast_len(size + far, real=True) for size in flat.shape]
    spectrum = fft.rfft2(flat - flat.mean(), sides)
    alike = np.roll(fft.irfft2(spectrum.real**2 + spectrum.imag**2, sides), (far, far), (0, 1))
    alike = alike[: 2 * far + 1, : 2 * far + 1]
    for axis, size in enumerate(flat.shape):  # fewer pixels overlap, the farther the copy
        overlap = 1 - np.abs(np.arange(-far, far + 1)) / size
        alike = alike / (overlap[:, None] if axis == 0 else overlap)
    length = np.hypot(*np.ogrid[-far : far + 1, -far : far + 1])
    good = (maximum_filter(alike, _APART) == alike) & (alike > _ALIKE * alike[far, far])
    good &= (length >= _NEAREST) & (length <= _FARTHEST)
    good[:far] = good[far, :far] = False  # the other way is the same
    found = np.argwhere(good)
    best = found[np.argsort(-alike[good], kind="stable")[:_COPIES]] - far
    return [(int(down), int(right)) for down, right in best]


def _pieces(size: int) -> Iterator[slice]:
    edges = np.linspace(0, size, max(1, round(size / _PIECE)) + 1).round().astype(int).tolist()
    return (slice(*pair) for pair in pairwise(edges))


def _copies(rest: np.ndarray, rows: slice, cols: slice, there: list[tuple[int, int]]) -> Iterator[np.ndarray]:
    """Move the map both ways; pixels that come from beyond it are high and low in turns: no matter."""
    beyond = np.inf
    for way in (1, -1):
        for down, right in there:
            beyond = -beyond
            yield _moved(rest, rows, cols, way * down, way * right, beyond)


def _moved(rest: np.ndarray, rows: slice, cols: slice, down: int, right: int, beyond: float) -> np.ndarray:
    copy = np.full((rows.stop - rows.start, cols.stop - cols.start), beyond, np.float32)
    first = [max(rows.start + down, 0), max(cols.start + right, 0)]
    some = rest[first[0] : max(rows.stop + down, 0), first[1] : max(cols.stop + right, 0)]
    top, left = first[0] - rows.start - down, first[1] - cols.start - right
    copy[top : top + some.shape[0], left : left + some.shape[1]] = some
    return copy


def _median(maps: list[np.ndarray]) -> np.ndarray:
    """Return the median of an odd number of maps."""
    middle = len(maps) // 2
    return np.asarray(np.partition(np.stack(maps, -1), middle, axis=-1)[..., middle])
