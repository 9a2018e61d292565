"""Two biases of one frame: lay the backward scan over the pixels of the forward scan, and the other way."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from napari_stmml.heights.flatten import flatten
from napari_stmml.heights.lattice import split_lattice
from napari_stmml.heights.missing import fill_nearest
from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.heights.spread import robust_sigma
from napari_stmml.scan import Scan

MOST_SHIFT = 0.04  # of the width of a frame, beyond which no hysteresis is looked for


def pair_scans(scans: Iterable[Scan]) -> list[Scan]:
    """Give every scan the heights of its way back, as ``other``, laid over its own pixels.

    Forward and backward of one frame are the same lines, often at two biases. Scans without a partner, or
    with one of another shape, stay as they are.

    Parameters
    ----------
    scans : iterable of Scan
        Of one file or many; partners have one source and channel.

    Returns
    -------
    list of Scan
        In the same order.
    """
    scans = list(scans)
    found = {
        (scan.source, scan.channel, scan.direction): scan for scan in scans if scan.source and scan.direction
    }
    paired = []
    for scan in scans:
        back = found.get((scan.source, scan.channel, scan.way_back))
        if back is not None and back.heights.shape == scan.heights.shape:
            shift = lag(scan.heights, back.heights)
            other = shifted(back.heights, shift)
            scan = replace(scan, other=other, other_bias=back.bias)
        paired.append(scan)
    return paired


def paired(scans: Iterable[Scan], preparation: Preprocessing) -> Iterator[Scan]:
    """Yield the scans to prepare: each with its way back, where the preparation takes both biases.

    Parameters
    ----------
    scans : iterable of Scan
        A sequence is paired as a whole, anything else file by file, as the scans come.
    preparation : Preprocessing
    """
    if not preparation.both_biases:
        yield from scans
    elif isinstance(scans, Sequence):
        yield from pair_scans(scans)
    else:
        for _, of_file in groupby(scans, lambda scan: scan.source):
            yield from pair_scans(of_file)


def way_back(scan: Scan, others: Iterable[Scan]) -> Scan | None:
    """Return the scan of the same frame in the opposite fast direction; None if it is not among the others.

    Of several, one with the same history is taken: a flattened scan goes with a flattened one.

    Parameters
    ----------
    scan : Scan
    others : iterable of Scan
        May hold ``scan`` itself.

    Returns
    -------
    Scan or None
    """
    wanted = (scan.source, scan.channel, scan.heights.shape, scan.way_back or None)
    backs = [one for one in others if (one.source, one.channel, one.heights.shape, one.direction) == wanted]
    return max(backs, key=lambda one: one.history == scan.history, default=None)


def with_way_back(
    scans: Sequence[Scan],
    others: Sequence[Scan],
    preparation: Preprocessing,
    in_file: Callable[[Scan], Sequence[Scan]] = lambda scan: (),
) -> Iterator[Scan]:
    """Yield the scans to prepare, as `paired` does, with the way back of each from the others.

    Parameters
    ----------
    scans : sequence of Scan
    others : sequence of Scan
        Where the way back is looked for, besides ``scans``.
    preparation : Preprocessing
    in_file : callable
        Returns the scans of the file of a scan; asked where two biases are wanted and no way back was found.

    Yields
    ------
    Scan
        One for each of ``scans``, in the same order.
    """
    for scan in scans:
        back = way_back(scan, (*scans, *others))
        if back is None and preparation.both_biases and not scan.history:
            back = way_back(scan, in_file(scan))
        yield next(paired([scan] if back is None else [scan, back], preparation))


def with_other_bias(scans: Sequence[Scan], preparation: Preprocessing) -> Iterator[Scan]:
    """Yield scans that are prepared already: each with the bias of its way back, as `paired` gives it.

    Parameters
    ----------
    scans : sequence of Scan
    preparation : Preprocessing
        Unless it takes both biases, the scans stay as they are.

    Yields
    ------
    Scan
        One for each, in the same order.
    """
    for scan in scans:
        back = way_back(scan, scans) if preparation.both_biases else None
        yield scan if back is None else replace(scan, other_bias=back.bias)


def first_map(heights: np.ndarray) -> np.ndarray:
    """Return the map, (rows, cols), of prepared heights; the first one, of those of two biases.

    Parameters
    ----------
    heights : ndarray, shape (rows, cols) or (2, rows, cols)

    Returns
    -------
    ndarray, shape (rows, cols)
        A view, not a copy.
    """
    return heights if heights.ndim == 2 else heights[0]


def lag(heights: np.ndarray, back: np.ndarray) -> float:
    """Measure how many px along the rows ``back`` lies to the right of ``heights``, both (rows, cols).

    Compared are the sizes of their defects, bright or dark alike: the lattice, and the sign of a defect, can
    differ between biases.

    Returns
    -------
    float
        Rounded to thousandths, so that equal maps have none; 0 where no shift within ``MOST_SHIFT`` of the
        width is found.
    """
    cols = heights.shape[1]
    most = max(2, round(MOST_SHIFT * cols))
    if cols < 4 * most:
        return 0.0
    own, other = _defects(heights), _defects(back)
    n = 2 * cols
    spectrum = np.conj(np.fft.rfft(own, n)) * np.fft.rfft(other, n)
    match = np.fft.irfft(spectrum.sum(0), n)
    near = np.concatenate([match[-most:], match[: most + 1]])
    best = int(near.argmax())
    if best in (0, 2 * most) or near[best] <= 0:
        return 0.0
    before, here, after = near[best - 1 : best + 2]
    curved = before - 2 * here + after
    return round(float(best - most + (0.5 * (before - after) / curved if curved < 0 else 0.0)), 3)


def shifted(heights: np.ndarray, right: float) -> np.ndarray:
    """Move a map, (rows, cols), ``right`` px to the left, by linear interpolation; NaN beyond its border."""
    cols = heights.shape[1]
    at = np.arange(cols) + right
    first = np.floor(at).astype(int)
    part = at - first
    inside = (at >= 0) & (at <= cols - 1)
    low, high = np.clip(first, 0, cols - 1), np.clip(first + 1, 0, cols - 1)
    moved = heights[:, low] * (1 - part) + heights[:, high] * part
    moved[:, ~inside] = np.nan
    return moved


def _defects(heights: np.ndarray) -> np.ndarray:
    """Return the size of the residual at each pixel, in robust sigmas and 6 at most, about its mean."""
    from scipy.ndimage import gaussian_filter

    missing = ~np.isfinite(heights)
    if missing.all():
        return np.zeros(heights.shape)
    flat = flatten(np.where(missing, np.nan, heights), "poly_xy_2 + row_median")
    residual, _ = split_lattice(fill_nearest(flat).astype(np.float32))
    near = gaussian_filter(residual, 1.5) - gaussian_filter(residual, 8)
    size = robust_sigma(near, centre=0.0) or 1.0
    out = np.clip(np.abs(near) / size, 0, 6)
    out[missing] = 0
    return out - out.mean()
