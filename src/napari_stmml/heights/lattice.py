"""Take the lattice of a surface apart from what sits on it: most of the signal, none of the interest."""

import numpy as np

from napari_stmml.heights.copies import repeated
from napari_stmml.heights.ground import ground_below

BLOCK = 256  # px a side of the pieces in which a lattice is looked for: 17 nm at 15 px/nm
_STANDS_OUT = (
    1.8  # times the median of their ring of the spectrum, from which on waves are taken for a lattice
)
_LOWEST = 3  # waves in a block, below which nothing is a lattice
_FLOOR = 0.15  # of the window at the sides of a block, as a part of its middle
_SPREAD = 0.8  # waves, over which the power of a spectrum is smoothed
_ROUNDS = 2  # the second starts from what the first has found
_CLIP = 4.0  # robust standard deviations, at which what stands out of ground and lattice is cut
_CLIP_COPIED = 3.0  # likewise, where copies are looked for
_BEYOND = 64  # px, to which the lattice is continued beyond the map, so that it is as sure at its border
_SMALLEST = 16  # px


def split_lattice(heights: np.ndarray, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """Split a map into the rest and what is periodic; their sum is the map.

    The map is cut into overlapping blocks. In the spectrum of each, waves whose power stands out of their
    ring (waves of the same length) are the lattice; so every terrace, domain and stretch between two tip
    changes has a lattice of its own. They are looked for in the heights without their ground, terraces
    with sharp steps, and with what stands out cut off, for clusters and steps would hide the lattice in the
    spectrum. In the second round the map goes on beyond its border with what the first has found, and what
    is left of a large cell in the rest is found as what its copies have in common.

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
    inside = tuple(slice(_BEYOND, _BEYOND + size) for size in heights.shape)
    whole = np.zeros([size + 2 * _BEYOND for size in heights.shape], np.float32)
    for number in range(_ROUNDS):
        flat = heights - ground_below(heights - whole[inside])
        framed = np.pad(flat, _BEYOND, mode="reflect") if number == 0 else whole.copy()
        framed[inside] = flat
        whole = _found(framed, whole, block)
    lattice = whole[inside]
    rest = heights - lattice
    rest -= ground_below(rest)
    lattice = lattice + repeated(rest, float(_CLIP_COPIED * _sigma(rest)))
    return heights - lattice, lattice


def _found(flat: np.ndarray, known: np.ndarray, block: int) -> np.ndarray:
    """Find the lattice in blocks of heights without their ground; ``known`` is what was found before."""
    limit = _CLIP * _sigma(flat - known)
    flat = known + np.clip(flat - known, -limit, limit)
    sides = [max(size, block) for size in flat.shape]  # of the map, reflected to hold one block
    flat = np.pad(
        flat, [(0, side - size) for side, size in zip(sides, flat.shape, strict=True)], mode="reflect"
    )
    tops, lefts = (_starts(side, block) for side in sides)
    window = _FLOOR + (1 - _FLOOR) * np.sin(np.pi * (np.arange(block, dtype=np.float32) + 0.5) / block)
    down, right = (_overlaps(starts, window, side) for starts, side in zip((tops, lefts), sides, strict=True))
    tapered = window[:, None] * window
    rings = _rings(block)
    lattice = np.zeros(sides, np.float32)
    for top in tops:
        blocks = np.stack([flat[top : top + block, left : left + block] for left in lefts]) * tapered
        for left, waves in zip(lefts, _periodic(blocks, rings), strict=True):
            lattice[top : top + block, left : left + block] += waves * tapered
    lattice /= down[:, None]
    lattice /= right
    return lattice[: known.shape[0], : known.shape[1]]


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


def _sigma(rest: np.ndarray) -> np.float32:
    """Return the robust standard deviation, from some 250,000 px at most."""
    step = max(1, int(np.sqrt(rest.size) / 500))
    some = rest[::step, ::step]
    return np.float32(1.4826 * np.median(np.abs(some - np.median(some))))
