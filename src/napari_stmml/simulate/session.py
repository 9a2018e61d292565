"""A session of simulated scans as MATRIX files: what the demo, the samples and the tests open."""

from pathlib import Path
from typing import Any

from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import Surface, simulate_hexagonal, simulate_si001, with_artefacts

SIZE_NM, PIXELS = 16.0, 240
BIAS, ALTERNATE_BIAS, SETPOINT = -2.0, 2.0, 0.05


def simulate_session(folder: str | Path, *, size_nm: float = SIZE_NM, pixels: int = PIXELS) -> list[Path]:
    """Write a session of three simulated scans as MATRIX files.

    Si(001) rows, a hexagonal lattice with a step edge, and Si(001) again, broken off half-way down.
    All have four directions, forward at -2 V and backward at 2 V.

    Parameters
    ----------
    folder : str or Path
    size_nm : float
        Side of each scan, nm.
    pixels : int
        Side of each scan, px.

    Returns
    -------
    list of Path
        The data files.
    """
    shape = (pixels, pixels)
    # Beside a tall cluster little else is left of a scan that is normalised by its highest point (SRSML24).
    silicon: dict[str, Any] = {"angle": 20, "clusters": 0.0, "vacancies": 0.05, "adatoms": 0.05}
    complete = [
        simulate_si001(shape, size_nm, seed=1, **silicon),
        simulate_hexagonal(shape, size_nm, seed=2, step_edge=True),
        simulate_si001(shape, size_nm, seed=3, **silicon),
    ]
    broken_off = pixels * pixels * 3  # forward and backward up, and half of the way down
    points = [None, None, broken_off]
    frames = [
        _frame(surface, size_nm, seed, scanned)
        for seed, (surface, scanned) in enumerate(zip(complete, points, strict=True))
    ]
    return write_session(folder, frames)


def _frame(surface: Surface, size_nm: float, seed: int, points_scanned: int | None) -> Frame:
    """Measure a surface in four directions: each with noise of its own, the tilt the same."""
    heights = {}
    for number, direction in enumerate(DIRECTIONS):
        heights[direction] = with_artefacts(
            surface, tilt_nm=0.4, bow_nm=0.02, seed=10 * seed + number
        ).heights
    return Frame(
        heights=heights,
        width_nm=size_nm,
        height_nm=size_nm,
        bias=BIAS,
        alternate_bias=ALTERNATE_BIAS,
        alternate_voltage_enabled=True,
        setpoint=SETPOINT,
        points_scanned=points_scanned,
        sample="simulated",
        comment="made by napari-stmml",
    )
