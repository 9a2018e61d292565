"""How long a folder of thousands of scans takes to list, to see and to open? One JSON line each.

Run as ``python benchmarks/browse.py make FOLDER``, which writes 5,000 small simulated scans, and then as
``python benchmarks/browse.py FOLDER``.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from napari_stmml.io.matrix.frame import Frame
from napari_stmml.io.matrix.writer import write_session
from napari_stmml.simulate.surfaces import simulate_si001, with_artefacts

SCANS, EACH, PIXELS, SIZE_NM = 5000, 250, 64, 10.0  # in all, a session, px a side, nm a side
SURFACES = 24  # that differ: the rest are these at other biases and sizes, with noise of their own


def make(folder: Path, scans: int = SCANS) -> None:
    """Write sessions of scans, each in a folder of its own, as a laboratory has them."""
    surfaces = [
        simulate_si001((PIXELS, PIXELS), SIZE_NM, seed=seed, angle=15 * seed) for seed in range(SURFACES)
    ]
    for first in range(0, scans, EACH):
        started = datetime(2024, 1, 8, 9, tzinfo=UTC) + timedelta(days=first // EACH)
        frames = [_frame(surfaces[n % SURFACES], n) for n in range(first, min(first + EACH, scans))]
        write_session(
            folder / f"{started:%Y-%m-%d}",
            frames,
            session=f"default_{started:%Y%b%d-%H%M%S}_STM-STM_Spectroscopy",
            started=started,
        )


def _frame(surface, number: int) -> Frame:
    heights = {
        direction: with_artefacts(surface, tilt_nm=0.4, bow_nm=0.02, seed=2 * number + way).heights
        for way, direction in enumerate(("forward/up", "backward/up"))
    }
    side = SIZE_NM * (1 + number % 5)
    points = 3 * PIXELS * PIXELS // 2 if number % 20 == 19 else None
    bias = (-2.0, -1.5, 1.2, 2.0)[number % 4]
    return Frame(heights, side, side, bias=bias, setpoint=0.05, points_scanned=points)


if __name__ == "__main__":
    make(Path(sys.argv[2]))
