"""Measure flattening: SPIEPy's functions against ours, and every method of ours at 1024 x 1024.

python benchmarks/flattening.py            # minutes; SPIEPy's iterate_mask takes the most of it
python benchmarks/flattening.py --write    # and put the tables into docs/flattening.md
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import spiepy
from spiepy import demo

from napari_stmml import read_mtrx
from napari_stmml.heights.flatten import METHODS, flatten
from napari_stmml.simulate.surfaces import simulate_hexagonal, simulate_si001, with_artefacts

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "data" / "mtrx"
SPIEPY = {
    "poly_xy": lambda heights: spiepy.flatten_poly_xy(heights, deg=1)[0],
    "poly_xy_2": lambda heights: spiepy.flatten_poly_xy(heights, deg=2)[0],
    "xy": lambda heights: spiepy.flatten_xy(heights)[0],
    "peaks": lambda heights: spiepy.flatten_by_peaks(heights)[0],
    "iterate_mask": lambda heights: spiepy.flatten_by_iterate_mask(heights)[0],
}
BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"


def maps() -> Iterator[tuple[str, np.ndarray]]:
    """Make every map that both are measured on, by name."""
    for name in demo.list_demo_files().values():
        heights = demo.load_demo_file(name) * 1e9
        yield f"{name.removesuffix('.dat')}, {heights.shape[0]} px", heights
        if heights.shape[0] > 256:
            yield f"{name.removesuffix('.dat')}, its corner, 256 px", heights[:256, :256].copy()
    for path in sorted(REAL.glob("*.Z_mtrx")):
        heights = read_mtrx(path)[0].heights
        whole = heights[np.isfinite(heights).all(1)].astype(float)
        yield f"real scan {path.stem.split('--')[1]}, {whole.shape[0]} x {whole.shape[1]}", whole
    smooth = {"bow_nm": 0.0, "line_noise_nm": 0.001}  # else SPIEPy's iterate_mask takes half an hour
    si001 = simulate_si001((2000, 2000), 20.0, 1, step_edge=True)
    yield "simulated Si(001) with a step, 2000 px", with_artefacts(si001, **smooth).heights
    hexagonal = simulate_hexagonal((2000, 2000), 30.0, 1, lattice_nm=2.0)
    yield "simulated hexagonal lattice, 2000 px", with_artefacts(hexagonal, **smooth).heights


def simulated(side: int) -> np.ndarray:
    """Make Si(001) with a step, tilt, bow, line noise and noise."""
    return with_artefacts(simulate_si001((side, side), side / 15, 1, step_edge=True)).heights


def seconds(function: Callable[[], object], times: int) -> float:
    """Return the median time of a call."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def against_spiepy() -> Iterator[str]:
    """Yield the lines of a table, one for each map and method."""
    yield "| map | method | SPIEPy | ours | times faster | largest difference |"
    yield "|---|---|---|---|---|---|"
    for name, heights in maps():
        for method, theirs in SPIEPY.items():
            start = time.perf_counter()
            expected = theirs(heights)
            slow = time.perf_counter() - start
            fast = seconds(lambda heights=heights, method=method: flatten(heights, method), 3)
            apart = np.abs(flatten(heights, method) - expected).max() * 1e3
            yield (
                f"| {name} | `{method}` | {slow:.3f} s | {fast:.4f} s | {slow / fast:.0f} | {apart:.1g} pm |"
            )


def every_method() -> Iterator[str]:
    """Yield the lines of a table, one for each method at 1024 x 1024."""
    yield "| method | 1024 x 1024 |"
    yield "|---|---|"
    heights = simulated(1024)
    for method in METHODS:
        methods = "poly_xy + mask + repeat" if method == "repeat" else method
        taken = seconds(lambda methods=methods: flatten(heights, methods), 5)
        yield f"| `{methods}` | {taken * 1e3:.1f} ms |"


def main() -> None:
    """Measure, print and, with ``--write``, keep."""
    warnings.simplefilter("ignore")  # iterate_mask does not settle on some maps; nor does SPIEPy's
    lines = []
    for line in chain(every_method(), [""], against_spiepy()):
        print(line, flush=True)
        lines.append(line)
    if "--write" in sys.argv:
        page = ROOT / "docs" / "flattening.md"
        before, _, rest = page.read_text("utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        page.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n\n" + END + after, "utf-8")


if __name__ == "__main__":
    main()
