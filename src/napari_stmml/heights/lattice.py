"""Split a map into its lattice, which is periodic, and the residual: defects, steps, everything else."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from napari_stmml.heights.ground import ground_below
from napari_stmml.heights.pyramid import blurred
from napari_stmml.heights.spread import map_sigma, median
from napari_stmml.system.threads import in_threads

BLOCK = 256  # px a side of the blocks in which a lattice is looked for: 17 nm at 15 px/nm
_STRONG = 1.8  # times the median amplitude of waves of the same length: a lattice from here on
_LOWEST = 3  # waves in a block, below which nothing is a lattice
_AT_ONCE = 4  # blocks, whose spectra stay in the cache
_TOGETHER = 8  # times as many at least, in as many threads as there are cores
_FLOOR = 0.15  # of the window at the sides of a block, as a part of its middle
_SPREAD = 0.8  # waves, over which the power of a spectrum is smoothed
_ROUNDS = 2  # the second starts from what the first has found
_CLIP = 4.0  # robust standard deviations, at which the residual is clipped before a spectrum is taken
_CLIP_CELLS = 3.0  # likewise, before translations are looked for
_BEYOND = 64  # px, to which the lattice is continued beyond the map, so that it is as sure at its border
_BAND = 8  # px, by which translated copies continue it at a time: no translation is shorter
_SAMPLED = 4  # px: every fourth one tells by how much heights vary
_SMALLEST = 16  # px

MOVED = 28, 80  # px, least and most of a translation: beyond a defect, within a domain and without drift
_TRANSLATIONS = 6  # each taken both ways
_ALIKE = 0.2  # autocorrelation, from which on a translation is one of the lattice
_COMMON = 0.1  # correlation with translated copies, from which on a residual has a common part
_PIECE = 256  # px a side, about, of the pieces that have translations of their own
_BLURRED = 3  # px, as far as what blurs a piece sees beyond it
_APART = 9  # px a side of the window in which one translation is the best


def split_lattice(
    heights: np.ndarray, block: int = BLOCK, moved: tuple[int, int] = MOVED
) -> tuple[np.ndarray, np.ndarray]:
    """Split a map into residual and lattice; their sum is the map.

    The map is cut into overlapping blocks. In the spectrum of each, waves of more power than other waves of
    the same length are the lattice; so every terrace, domain and stretch between two tip changes has a
    lattice of its own. The spectrum is that of the heights without their ground (terraces with sharp steps),
    with high and low features clipped, for clusters and steps would hide the lattice. Beyond its border the
    map is continued by its translated copies, in the second round by the lattice of the first. What then
    remains of a large cell in the residual is found by `common_part`.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        Flattened, without NaN, in any unit; 16 px a side or more.
    block : int
        Side of a block in px, even; some periods of the lattice, and larger than a defect.
    moved : (int, int)
        Least and largest length in px of the translations of `common_part`.

    Returns
    -------
    residual, lattice : ndarray of float32, shape (rows, cols)

    Raises
    ------
    ValueError
        If the block is odd or below 16 px, or the map is smaller than 16 px.

    Examples
    --------
    >>> waves = np.cos(2 * np.pi * np.arange(256) / 8) * np.ones((256, 1))
    >>> residual, lattice = split_lattice(waves)
    >>> bool(np.abs(residual).max() < 0.2 * np.abs(waves).max())
    True
    """
    if block < _SMALLEST or block % 2:
        raise ValueError(f"block must be an even number of px from {_SMALLEST} on, got {block}")
    if min(heights.shape) < _SMALLEST:
        raise ValueError(f"a map must be {_SMALLEST} px a side or larger, got {heights.shape}")
    heights = np.asarray(heights, np.float32)
    inside = tuple(slice(_BEYOND, _BEYOND + size) for size in heights.shape)
    whole = np.zeros([size + 2 * _BEYOND for size in heights.shape], np.float32)
    rings = _Rings.of(block)
    for number in range(_ROUNDS):
        flat = ground_below(heights - whole[inside])
        np.subtract(heights, flat, out=flat)
        framed = _continued(flat, moved[1]) if number == 0 else whole.copy()
        framed[inside] = flat
        del flat
        whole = _lattice(framed, whole, block, rings)
        del framed
    residual = heights - whole[inside]
    residual -= ground_below(residual)
    lattice = common_part(residual, float(_CLIP_CELLS * map_sigma(residual)), moved)
    lattice += whole[inside]
    return np.subtract(heights, lattice, out=residual), lattice


def _continued(flat: np.ndarray, farthest: int) -> np.ndarray:
    """Continue a map beyond its border by the mean of its translated copies; mirrored where it has none."""
    limit = _CLIP_CELLS * map_sigma(flat[::_SAMPLED, ::_SAMPLED])
    rows, cols = (list(_pieces(size)) for size in flat.shape)

    def moves_of(piece: tuple[int, int]) -> list[tuple[int, int]]:
        some = np.clip(flat[rows[piece[0]], cols[piece[1]]], -limit, limit)
        return translations(blurred(some, 1.0), (_BAND, farthest))

    pieces = [
        (i, j)
        for i in range(len(rows))
        for j in range(len(cols))
        if i in (0, len(rows) - 1) or j in (0, len(cols) - 1)
    ]
    found = dict(zip(pieces, in_threads(moves_of, pieces), strict=True))
    framed = np.pad(flat, _BEYOND, mode="reflect")
    inner, last = framed[:, _BEYOND:-_BEYOND], (len(rows) - 1, len(cols) - 1)
    for j, part in enumerate(cols):
        _continue_upwards(inner, part, found[0, j])
        _continue_upwards(inner[::-1], part, [(-down, right) for down, right in found[last[0], j]])
    for i, part in enumerate(rows):
        part = slice(part.start + _BEYOND * (i > 0), part.stop + _BEYOND * (1 + (i == last[0])))
        _continue_upwards(framed.T, part, [(right, down) for down, right in found[i, 0]])
        _continue_upwards(framed.T[::-1], part, [(-right, down) for down, right in found[i, last[1]]])
    return framed


def _continue_upwards(side: np.ndarray, cols: slice, found: list[tuple[int, int]]) -> None:
    """Fill the rows above a map, band by band, with the mean of what lies a translation farther down."""
    moves = [(down, right) for down, right in [*found, *((-d, -r) for d, r in found)] if down >= _BAND]
    for top in range(_BEYOND - _BAND, -1, -_BAND):
        total = np.zeros((_BAND, cols.stop - cols.start), np.float32)
        count = np.zeros(total.shape[1], np.float32)
        for down, right in moves:
            first, last = max(cols.start, -right), min(cols.stop, side.shape[1] - right)
            some = side[top + down : top + down + _BAND, first + right : last + right]
            if some.shape == (_BAND, last - first):
                total[:, first - cols.start : last - cols.start] += some
                count[first - cols.start : last - cols.start] += 1
        there = count > 0
        side[top : top + _BAND, cols][:, there] = total[:, there] / count[there]


def _lattice(flat: np.ndarray, known: np.ndarray, block: int, rings: "_Rings") -> np.ndarray:
    """Find the lattice in blocks of heights without their ground, which are lost.

    ``known`` is that of the round before.
    """
    flat -= known
    limit = _CLIP * map_sigma(flat)
    np.clip(flat, -limit, limit, out=flat)
    flat += known
    sides = [max(size, block) for size in flat.shape]  # of the map, reflected to hold one block
    if list(flat.shape) != sides:
        beyond = [(0, side - size) for side, size in zip(sides, flat.shape, strict=True)]
        flat = np.pad(flat, beyond, mode="reflect")
    tops, lefts = (_starts(side, block) for side in sides)
    window = _FLOOR + (1 - _FLOOR) * np.sin(np.pi * (np.arange(block, dtype=np.float32) + 0.5) / block)
    down, right = (_overlaps(starts, window, side) for starts, side in zip((tops, lefts), sides, strict=True))
    tapered = window[:, None] * window
    lattice = np.zeros(sides, np.float32)
    parts = [slice(first, first + _AT_ONCE) for first in range(0, len(lefts), _AT_ONCE)]

    def waves_at(some: tuple[int, slice]) -> np.ndarray:
        rows = flat[some[0] : some[0] + block]
        waves = _periodic(
            np.stack([rows[:, left : left + block] for left in lefts[some[1]]]) * tapered, rings
        )
        return np.multiply(waves, tapered, out=waves)

    rows = -(-_TOGETHER // len(parts))  # of blocks at a time, so that they need no memory
    for first in range(0, len(tops), rows):
        places = [(top, part) for top in tops[first : first + rows] for part in parts]
        for (top, part), found in zip(places, in_threads(waves_at, places), strict=True):
            for left, waves in zip(lefts[part], found, strict=True):
                lattice[top : top + block, left : left + block] += waves
    lattice /= down[:, None]
    lattice /= right
    return lattice[: known.shape[0], : known.shape[1]]


@dataclass(frozen=True, eq=False)
class _Rings:
    """Which waves of a block's spectrum, flattened, have one length: ring by ring, and the ring of each.

    The waves of ring i are ``waves[bounds[i] : bounds[i + 1]]``; waves that are too long for a lattice are in
    none, and ``number`` is that of the rings for them.
    """

    waves: np.ndarray
    bounds: np.ndarray
    number: np.ndarray

    @classmethod
    def of(cls, block: int) -> "_Rings":
        length = np.hypot(np.fft.fftfreq(block)[:, None], np.fft.rfftfreq(block)[None]) * block
        ring = np.minimum(length.round().astype(int), block // 2).ravel() - _LOWEST
        count = block // 2 - _LOWEST + 1
        order = np.argsort(ring, kind="stable")
        bounds = np.searchsorted(ring[order], np.arange(count + 1))
        return cls(order, bounds, np.where(ring < 0, count, ring))

    def medians(self, power: np.ndarray) -> np.ndarray:
        """Return the median of each ring, (blocks, rings + 1); the last is infinite, for waves of none."""
        found = np.full((len(power), len(self.bounds)), np.inf, np.float32)
        ordered = power.take(self.waves, axis=1)
        for i, (first, end) in enumerate(pairwise(self.bounds.tolist())):
            some = ordered[:, first:end]
            middle = (end - first) // 2
            some.partition(middle, axis=1)
            found[:, i] = some[:, middle]
            if (end - first) % 2 == 0:
                found[:, i] = (some[:, :middle].max(1) + some[:, middle]) / np.float32(2)
        return found


def _periodic(blocks: np.ndarray, rings: _Rings) -> np.ndarray:
    """Return the waves of each block that are strong among those of their length; as ``blocks``, float32."""
    from scipy import fft
    from scipy.ndimage import gaussian_filter

    spectra = fft.rfft2(blocks)
    power = spectra.real**2 + spectra.imag**2
    power = gaussian_filter(power, (0, _SPREAD, _SPREAD), mode=("nearest", "wrap", "nearest"), truncate=3)
    power = power.reshape(len(blocks), -1)
    usual = np.maximum(np.float32(_STRONG**2) * rings.medians(power), np.float32(1e-30))
    power /= usual.take(rings.number, axis=1)
    power -= 1
    np.clip(power, 0, 1, out=power)
    spectra *= power.reshape(spectra.shape)
    return fft.irfft2(spectra, s=blocks.shape[1:])


def _starts(side: int, block: int) -> list[int]:
    """Spread blocks that overlap by half or more from one side of the map to the other."""
    steps = -(-(side - block) // (block // 2))
    return [round(i * (side - block) / max(steps, 1)) for i in range(steps + 1)]


def _overlaps(starts: list[int], window: np.ndarray, side: int) -> np.ndarray:
    """Add up the squared windows of all blocks, (side,) float32."""
    total = np.zeros(side, np.float32)
    for start in starts:
        total[start : start + len(window)] += window**2
    return total


def common_part(
    residual: np.ndarray,
    limit: float,
    moved: tuple[int, int] = MOVED,
    lattice: np.ndarray | None = None,
) -> np.ndarray:
    """Return what all cells of the lattice still have in common, such as corner holes.

    The map is cut into pieces. The highest maxima of a piece's autocorrelation are translations of the
    lattice; the median of the residual and its translated copies is common to all cells. A defect, in one
    copy of many, is not. Where fewer than six translations are found it is 0: the median of copies that
    have nothing in common would add noise.

    Parameters
    ----------
    residual : ndarray of float32, shape (rows, cols)
        Heights without ground and lattice.
    limit : float
        Heights are clipped here where translations are looked for.
    moved : (int, int)
        Least and largest length of a translation in px.
    lattice : ndarray, shape (rows, cols), optional
        Where translations are looked for, in place of the residual. They count where the residual, too, is
        like its translated copies.

    Returns
    -------
    ndarray of float32, shape (rows, cols)
    """
    common = np.zeros_like(residual)

    def fill(piece: tuple[slice, slice]) -> None:
        flat = _smooth(residual, *piece, limit)
        found = translations(flat if lattice is None else lattice[piece], moved)
        if len(found) < _TRANSLATIONS or (lattice is not None and _likeness(flat, found) < _COMMON):
            return
        common[piece] = _median([residual[piece], *_copies(residual, *piece, found)])

    cols = list(_pieces(residual.shape[1]))
    in_threads(fill, [(down, right) for down in _pieces(residual.shape[0]) for right in cols])
    return common


def _smooth(residual: np.ndarray, rows: slice, cols: slice, limit: float) -> np.ndarray:
    """Return a piece of a residual, clipped and blurred as the whole map would be."""
    top, left = max(rows.start - _BLURRED, 0), max(cols.start - _BLURRED, 0)
    some = residual[top : rows.stop + _BLURRED, left : cols.stop + _BLURRED]
    smooth = blurred(np.clip(some, -limit, limit), 1.0)
    return smooth[rows.start - top :, cols.start - left :][: rows.stop - rows.start, : cols.stop - cols.start]


def _likeness(flat: np.ndarray, found: list[tuple[int, int]]) -> float:
    """Return the mean correlation of a map with its translated copies; high and low features are clipped."""
    flat = flat - median(flat)
    sigma = map_sigma(flat)
    flat, total = np.clip(flat, -sigma, sigma), 0.0
    for down, right in found:
        first = flat[: len(flat) - down, max(-right, 0) : flat.shape[1] - max(right, 0)]
        second = flat[down:, max(right, 0) : flat.shape[1] - max(-right, 0)]
        total += float((first * second).mean())
    return total / max(len(found), 1) / max(float((flat * flat).mean()), 1e-30)


def translations(flat: np.ndarray, moved: tuple[int, int] = MOVED) -> list[tuple[int, int]]:
    """List by how many rows and columns a map, (rows, cols), can be moved onto itself, the best first.

    ``moved`` is the least and the largest length of such a translation in px.
    """
    from scipy import fft
    from scipy.ndimage import maximum_filter

    far = min(moved[1], min(flat.shape) // 2)
    sides = [fft.next_fast_len(size + far, real=True) for size in flat.shape]
    spectrum = fft.rfft2(flat - flat.mean(), sides)
    alike = np.roll(fft.irfft2(spectrum.real**2 + spectrum.imag**2, sides), (far, far), (0, 1))
    alike = alike[: 2 * far + 1, : 2 * far + 1]
    for axis, size in enumerate(flat.shape):  # fewer pixels overlap, the farther the copy
        overlap = 1 - np.abs(np.arange(-far, far + 1)) / size
        alike = alike / (overlap[:, None] if axis == 0 else overlap)
    length = np.hypot(*np.ogrid[-far : far + 1, -far : far + 1])
    good = (maximum_filter(alike, _APART) == alike) & (alike > _ALIKE * alike[far, far])
    good &= (length >= moved[0]) & (length <= moved[1])
    good[:far] = good[far, :far] = False  # the other way is the same
    found = np.argwhere(good)
    best = found[np.argsort(-alike[good], kind="stable")[:_TRANSLATIONS]] - far
    return [(int(down), int(right)) for down, right in best]


def _pieces(size: int) -> Iterator[slice]:
    edges = np.linspace(0, size, max(1, round(size / _PIECE)) + 1).round().astype(int).tolist()
    return (slice(*pair) for pair in pairwise(edges))


def _copies(
    residual: np.ndarray, rows: slice, cols: slice, found: list[tuple[int, int]]
) -> Iterator[np.ndarray]:
    """Move the map both ways.

    Pixels beyond the border are +inf and -inf alternately, so that the median ignores them.
    """
    beyond = np.inf
    for way in (1, -1):
        for down, right in found:
            beyond = -beyond
            yield _moved(residual, rows, cols, way * down, way * right, beyond)


def _moved(
    residual: np.ndarray, rows: slice, cols: slice, down: int, right: int, beyond: float
) -> np.ndarray:
    copy = np.full((rows.stop - rows.start, cols.stop - cols.start), beyond, np.float32)
    first = [max(rows.start + down, 0), max(cols.start + right, 0)]
    some = residual[first[0] : max(rows.stop + down, 0), first[1] : max(cols.stop + right, 0)]
    top, left = first[0] - rows.start - down, first[1] - cols.start - right
    copy[top : top + some.shape[0], left : left + some.shape[1]] = some
    return copy


def _median(maps: list[np.ndarray]) -> np.ndarray:
    """Return the median of an odd number of maps."""
    middle = len(maps) // 2
    return np.asarray(np.partition(np.stack(maps, -1), middle, axis=-1)[..., middle])
