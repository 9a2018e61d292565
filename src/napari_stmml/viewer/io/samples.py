"""Scans in napari's File > Open Sample: two simulated ones, and the three that SPIEPy brings."""

from typing import Any

from napari_stmml.io.formats import read_scan_file
from napari_stmml.scan import Scan
from napari_stmml.simulate.session import simulate_session
from napari_stmml.system.temporary import TemporaryFolder
from napari_stmml.viewer.io.layers import LayerData
from napari_stmml.viewer.io.preferences import opened


def si001() -> list[LayerData]:
    """Simulate Si(001)-2x1 rows with vacancies, adatoms and clusters, through real MATRIX bytes."""
    return _simulated(0)


def hexagonal() -> list[LayerData]:
    """Simulate a hexagonal lattice with a step edge, through real MATRIX bytes."""
    return _simulated(1)


def spiepy_defects() -> list[LayerData]:
    """Open SPIEPy's STM image with defects."""
    return _spiepy("image_with_defects.dat")


def spiepy_step() -> list[LayerData]:
    """Open SPIEPy's STM image with a step edge."""
    return _spiepy("image_with_step_edge.dat")


def spiepy_step_and_atoms() -> list[LayerData]:
    """Open SPIEPy's STM image with a step edge and atoms."""
    return _spiepy("image_with_step_edge_and_atoms.dat")


def _simulated(number: int) -> list[LayerData]:
    with TemporaryFolder() as folder:
        return opened(read_scan_file(simulate_session(folder)[number]))


def _spiepy(name: str) -> list[LayerData]:
    from spiepy import demo

    metres: Any = demo.load_demo_file(name)
    return opened([Scan(metres * 1e9, pixel_size=None, source=name)])
