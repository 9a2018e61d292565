"""What a microscope adds to a surface: a blunt tip, creep, hysteresis, slow noise, spikes, tip changes."""

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from benchmarks.surfaces.two_biases import TwoBiases
from napari_stmml.simulate import surfaces

_TAU = 0.15  # creep dies out after this part of the frame
_BLUR = 0.15  # a tip also averages, with this part of its radius as sigma


def with_artefacts(
    surface: TwoBiases,
    *,
    tilt_nm: float = 1.0,
    bow_nm: float = 0.1,
    line_noise_nm: float = 0.01,
    noise_nm: float = 0.003,
    seed: int = 0,
    tip_radius_nm: float = 0.0,
    creep_nm: float = 0.0,
    lag_nm: float = 0.0,
    slow_noise_nm: float = 0.0,
    spikes: int = 0,
    tip_changes: int = 0,
) -> TwoBiases:
    """Return the surface as a microscope would record it; labels are of what the tip touches.

    Parameters
    ----------
    surface, tilt_nm, bow_nm, line_noise_nm, noise_nm, seed
        As for `napari_stmml.simulate.surfaces.with_artefacts`.
    tip_radius_nm : float
        Radius of curvature of the tip that touches the surface: narrow holes are filled, bumps widen.
    creep_nm : float
        How far the first row is from its place; it decays exponentially down the frame.
    lag_nm : float
        Hysteresis: how far ``other``, recorded on the way back, is shifted along the row at most.
    slow_noise_nm : float
        Standard deviation of row offsets whose power falls as 1/f, about their mean.
    spikes : int
        How many streaks, 1 to 10 px long on one row.
    tip_changes : int
        How many rows from which on the heights are offset, and seen with another sharpness.

    Raises
    ------
    ValueError
        If a standard deviation, a length or a number is negative, or creep would fold the frame.
    """
    for name, sigma in (("tip_radius_nm", tip_radius_nm), ("slow_noise_nm", slow_noise_nm)):
        if not 0 <= sigma < np.inf:
            raise ValueError(f"{name} must be 0 nm or more, got {sigma}")
    for name, count in (("spikes", spikes), ("tip_changes", tip_changes)):
        if count < 0:
            raise ValueError(f"{name} must be 0 or more, got {count}")
    maps, labels = _seen(surface, tip_radius_nm, creep_nm, lag_nm)
    rows = len(labels)
    changes = _tip_changes(rows, tip_changes, np.random.default_rng([seed, 1]))
    recorded = []
    for way, heights in enumerate(maps):
        for first, offset, blur_nm in changes:
            heights = _after_tip_change(heights, first, offset, [blur_nm / nm for nm in surface.pixel_size])
        plain = surfaces.with_artefacts(
            replace(surface, heights=heights),
            tilt_nm=tilt_nm,
            bow_nm=bow_nm,
            line_noise_nm=line_noise_nm,
            noise_nm=noise_nm,
            seed=[seed, 2, way] if way else seed,
        )
        more, heights = np.random.default_rng([seed, 3, way]), plain.heights
        if slow_noise_nm:
            heights = heights + _slow_offsets(rows, slow_noise_nm, more)[:, None]
        recorded.append(_spiked(heights, spikes, more))
    other = recorded[1] if len(recorded) == 2 else None
    return replace(surface, heights=recorded[0], labels=labels, other=other)


def _seen(
    surface: TwoBiases, tip_radius_nm: float, creep_nm: float, lag_nm: float
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the heights at one or two biases, and the labels, at the points that the tip touches."""
    labels, maps = surface.labels, [surface.heights]
    if surface.other is not None:
        maps.append(surface.other)
    if tip_radius_nm:
        felt = [_touch(heights, surface.labels, surface.pixel_size, tip_radius_nm) for heights in maps]
        maps, labels = [heights for heights, _ in felt], felt[0][1]
    if creep_nm:
        points = _creep(labels.shape, creep_nm / surface.pixel_size[0])
        maps = [map_coordinates(heights, points, order=3, mode="nearest") for heights in maps]
        labels = map_coordinates(labels, points, order=0, mode="nearest")
    if lag_nm and len(maps) == 2:
        points = _lag(labels.shape, lag_nm / surface.pixel_size[1])
        maps[1] = map_coordinates(maps[1], points, order=3, mode="nearest")
    return maps, labels


def _touch(
    heights: np.ndarray, labels: np.ndarray, pixel_size: tuple[float, float], radius_nm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return heights in nm, and labels, (rows, cols), as a parabolic tip feels them: of what it touches.

    A grey dilation by a paraboloid, one axis after the other, which is exact for a paraboloid.
    """
    for axis, nm in enumerate(pixel_size):
        reach = int(np.ceil(np.sqrt(2 * radius_nm * np.ptp(heights)) / nm))
        around = [(reach, reach) if one == axis else (0, 0) for one in range(2)]
        near, named = np.pad(heights, around, mode="edge"), np.pad(labels, around, mode="edge")
        touched = np.full(heights.shape, -np.inf)
        for px in sorted(range(-reach, reach + 1), key=abs):
            part = [slice(None), slice(None)]
            part[axis] = slice(reach + px, reach + px + heights.shape[axis])
            felt = near[tuple(part)] - (px * nm) ** 2 / (2 * radius_nm)
            higher = felt > touched
            touched[higher] = felt[higher]
            labels = np.where(higher, named[tuple(part)], labels)
        heights = touched
    return gaussian_filter(heights, [_BLUR * radius_nm / nm for nm in pixel_size], mode="nearest"), labels


def _creep(shape: tuple[int, ...], pixels: float) -> np.ndarray:
    """Return where (2, rows, cols) each pixel was recorded, in pixels, ``pixels`` too far down at first."""
    tau = _TAU * shape[0]
    if not 0 <= pixels < tau:
        raise ValueError(
            f"creep_nm must be 0 to {_TAU} of the height of the frame, got {pixels / shape[0]:.3g} of it"
        )
    points = np.indices(shape, dtype=float)
    points[0] += pixels * np.exp(-points[0] / tau)
    return points


def _lag(shape: tuple[int, ...], pixels: float) -> np.ndarray:
    """Return where (2, rows, cols) the way back records: half the lag at the ends, all in the middle."""
    points = np.indices(shape, dtype=float)
    part = points[1] / (shape[1] - 1)
    points[1] += pixels * (0.5 + 2 * part * (1 - part))
    return points


def _tip_changes(rows: int, count: int, rng: np.random.Generator) -> list[tuple[int, float, float]]:
    """Draw first row, offset in nm and blur in nm of tip changes; none near the ends of the frame."""
    return [
        (
            int(rng.uniform(0.15, 0.85) * rows),
            rng.choice([-1, 1]) * rng.uniform(0.03, 0.1),
            rng.uniform(0.05, 0.15),
        )
        for _ in range(count)
    ]


def _after_tip_change(heights: np.ndarray, first: int, offset: float, blur: list[float]) -> np.ndarray:
    """Return heights in nm, from row ``first`` on blurred by so many pixels and lifted by the offset."""
    changed = gaussian_filter(heights, blur, mode="nearest")[first:] + offset
    return np.concatenate([heights[:first], changed])


def _slow_offsets(rows: int, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Draw offsets (rows,) in nm whose power falls as 1/f, about their mean."""
    frequencies = np.fft.rfftfreq(rows)
    phases = rng.normal(size=(2, frequencies.size))
    spectrum = (phases[0] + 1j * phases[1]) / np.sqrt(np.maximum(frequencies, 1 / rows))
    spectrum[0] = 0
    offsets = np.fft.irfft(spectrum, rows)
    return sigma * offsets / max(offsets.std(), np.finfo(float).tiny)


def _spiked(heights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return heights in nm with streaks, half of them one pixel long, most of them up."""
    spiked = heights.copy() if count else heights
    rows, cols = heights.shape
    for _ in range(count):
        length = 1 if rng.random() < 0.5 else int(rng.integers(2, 11))
        row, col = rng.integers(rows), rng.integers(cols)
        spiked[row, col : col + length] += rng.choice([1, 1, 1, -1]) * rng.uniform(0.05, 0.4)
    return spiked
