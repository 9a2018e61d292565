"""Take the lattice of a surface apart from what sits on it: most of the signal, none of the interest."""

from collections.abc import Iterator

import numpy as np

BLOCK = 256  # px a side of the pieces in which a lattice is looked for: 17 nm at 15 px/nm
_STANDS_OUT = (
    1.8  # times the median of their ring of the spectrum, from which on waves are taken for a lattice
)
_LOWEST = 3  # waves in a block, below which nothing is a lattice
_FLOOR = 0.15  # of the window at the sides of a block, as a part of its middle
_SPREAD = 0.8  # waves, over which the power of a spectrum is smoothed
_ROUNDS = 2  # the second starts from what the first has found
_CELL, _CELLS = 6, 7  # px a side of a cell of the background, and cells a side of its median: 2.8 nm
_CLIP = 4.0  # robust standard deviations, at which what stands out of background and lattice is cut
_SMALLEST = 16  # px


def split_lattice(heights: np.ndarray, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """Split a map into the rest and what is periodic; their sum is the map.

    The map is cut into overlapping blocks. In the spectrum of each, waves whose power stands out of their
    ring (waves of the same length) are the lattice; so every terrace, domain and stretch between two tip
    changes has a lattice of its own. They are looked for in the heights without a median background and
    with what stands out cut off, for clusters and steps would hide the lattice in the spectrum.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols)
        Flattened, without NaN, in any unit; 16 px a side or more.
    block : int
        Side of a block in px, even; some periods of the lattice, and larger than a defect.

    Returns
    -------
    rest, lattice : ndarray of float32, shape (rows, cols)

    Raises
    ------
    ValueError
        If the block is odd or below 16 px, or the map is smaller than 16 px.

    Examples
    --------
    >>> waves = np.cos(2 * np.pi * np.arange(256) / 8) * np.ones((256, 1))
    >>> rest, lattice = split_lattice(waves)
    >>> bool(np.abs(rest).max() < 0.2 * np.abs(waves).max())
    True
    """
    if block < _SMALLEST or block % 2:
        raise ValueError(f"block must be an even number of px from {_SMALLEST} on, got {block}")
    if min(heights.shape) < _SMALLEST:
        raise ValueError(f"a map must be {_SMALLEST} px a side or larger, got {heights.shape}")
    heights = np.asarray(heights, np.float32)
    lattice = np.zeros_like(heights)
    for _ in range(_ROUNDS):
        lattice = _found(heights, lattice, block)
    return heights - lattice, lattice


def _found(heights: np.ndarray, known: np.ndarray, block: int) -> np.ndarray:
    """Find the lattice in blocks of the heights, of which ``known`` is what was found before."""
    coarse = _background(heights, known)
    limit = _CLIP * _sigma(heights, known)
    sides = [max(size, block) for size in heights.shape]  # of the map, reflected to hold one block
    tops, lefts = (_starts(side, block) for side in sides)
    window = _FLOOR + (1 - _FLOOR) * np.sin(np.pi * (np.arange(block, dtype=np.float32) + 0.5) / block)
    down, right = (_overlaps(starts, window, side) for starts, side in zip((tops, lefts), sides, strict=True))
    tapered = window[:, None] * window
    rings = _rings(block)
    lattice = np.zeros(sides, np.float32)
    for top in tops:
        rows = slice(top, min(top + block, heights.shape[0]))
        flat = heights[rows] - known[rows] - _enlarged(coarse, rows, heights.shape[1])
        flat = known[rows] + np.clip(flat, -limit, limit)
        flat = np.pad(flat, ((0, block - len(flat)), (0, sides[1] - flat.shape[1])), mode="reflect")
        blocks = np.stack([flat[:, left : left + block] for left in lefts]) * tapered
        for left, waves in zip(lefts, _periodic(blocks, rings), strict=True):
            lattice[top : top + block, left : left + block] += waves * tapered
    lattice = lattice[: heights.shape[0], : heights.shape[1]]
    lattice /= down[: len(lattice), None]
    lattice /= right[: lattice.shape[1]]
    return lattice


def _periodic(blocks: np.ndarray, rings: list[np.ndarray]) -> np.ndarray:
    """Return the waves that stand out of each block's spectrum; (n, block, block) float32."""
    from scipy import fft
    from scipy.ndimage import gaussian_filter

    spectra = fft.rfft2(blocks)
    power = spectra.real**2 + spectra.imag**2
    power = gaussian_filter(power, (0, _SPREAD, _SPREAD), mode=("nearest", "wrap", "nearest"), truncate=3)
    power = power.reshape(len(blocks), -1)
    passed = np.zeros_like(power)
    for ring in rings:
        found = power[:, ring]
        usual = _STANDS_OUT**2 * np.median(found, axis=1, keepdims=True)
        passed[:, ring] = np.clip(found / np.maximum(usual, np.float32(1e-30)) - 1, 0, 1)
    return fft.irfft2(spectra * passed.reshape(spectra.shape), s=blocks.shape[1:])


def _rings(block: int) -> list[np.ndarray]:
    """List, ring by ring, which waves of a block's spectrum, flattened, have one length."""
    waves = np.hypot(np.fft.fftfreq(block)[:, None], np.fft.rfftfreq(block)[None]) * block
    ring = np.minimum(waves.round().astype(int), block // 2).ravel()
    return [np.flatnonzero(ring == number) for number in range(_LOWEST, block // 2 + 1)]


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


def _background(heights: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the smoothed running median of what is not known, on cells of 6 px."""
    from scipy.ndimage import gaussian_filter, median_filter

    coarse = np.stack([_cells(heights[rows] - known[rows]) for rows in _bands(len(heights))])
    return gaussian_filter(median_filter(coarse, _CELLS, mode="nearest"), 0.7, mode="nearest")


def _bands(size: int) -> Iterator[slice]:
    """Cut rows into bands of one cell; the last may be narrower."""
    return (slice(start, start + _CELL) for start in range(0, size, _CELL))


def _cells(band: np.ndarray) -> np.ndarray:
    """Average a band over its rows and over every 6 columns."""
    starts = np.arange(0, band.shape[1], _CELL)
    widths = np.diff(np.append(starts, band.shape[1])).astype(np.float32)
    return np.add.reduceat(band.mean(0), starts) / widths


def _enlarged(coarse: np.ndarray, rows: slice, cols: int) -> np.ndarray:
    """Interpolate cells between their centres to some rows of pixels, (rows, cols) float32."""
    for axis, pixels in ((0, np.arange(rows.start, rows.stop)), (1, np.arange(cols))):
        at = np.clip((pixels + 0.5) / _CELL - 0.5, 0, coarse.shape[axis] - 1)
        first = at.astype(int)
        share = (at - first).astype(np.float32)
        share = share[:, None] if axis == 0 else share
        last = np.minimum(first + 1, coarse.shape[axis] - 1)
        coarse = coarse.take(first, axis) * (1 - share) + coarse.take(last, axis) * share
    return coarse


def _sigma(heights: np.ndarray, known: np.ndarray) -> np.float32:
    """Return the robust standard deviation of what is not known, from some 250,000 px at most."""
    step = max(1, int(np.sqrt(heights.size) / 500))
    rest = heights[::step, ::step] - known[::step, ::step]
    return np.float32(1.4826 * np.median(np.abs(rest - np.median(rest))))
