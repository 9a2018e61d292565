"""What tests of the Structures panel share: two small surfaces with known objects, searched once."""

from dataclasses import replace

import pytest
from napari.utils._proxies import PublicOnlyProxy

from benchmarks.structures.surfaces import EASY, make
from napari_stmml import find_structures
from napari_stmml.viewer.io.layers import scan_of, scan_to_layer
from napari_stmml.viewer.structures.widget import StructuresWidget


@pytest.fixture(scope="package")
def scans():
    """Two scans of rows of dimers, 26 nm wide, with six types of object."""
    settings = replace(EASY, size_nm=26.0, pixel_nm=0.13)
    made = [make("rows", seed, settings=settings).scan for seed in (30, 31)]
    return [replace(scan, source=f"rows-{number}") for number, scan in enumerate(made)]


@pytest.fixture(scope="package")
def found_both(scans):
    return find_structures(scans)


@pytest.fixture(scope="package")
def found(found_both):
    """Keep what was found on the first scan alone."""
    return found_both.without_scan(1)


@pytest.fixture
def images(viewer, scans):
    made = []
    for scan in scans:
        data, meta, _ = scan_to_layer(scan)
        made.append(viewer.add_image(data, **meta))
    viewer.layers.selection.active = made[0]
    return made


@pytest.fixture
def panel(qtbot, viewer, images, home):
    """Dock the panel beside two scans that nobody has searched yet."""
    panel = StructuresWidget(PublicOnlyProxy(viewer))  # as napari gives it to some panels
    qtbot.addWidget(panel)
    yield panel
    panel.session.flush()


def show(panel, found, qtbot):
    panel.session.open(found)
    images = {scan.source: image for scan, image in ((scan_of(one), one) for one in panel.viewer.layers)}
    for key, scan in zip(list(panel.session.keys), found.scans, strict=True):
        panel.layers.show(key, images[scan.source])
    panel.layers.show_again(panel.session.keys[0])
    qtbot.waitUntil(lambda: not panel.layers.busy)
    panel.on_found(found)
    return panel


@pytest.fixture
def shown(panel, found, qtbot):
    """Show what was found on the first scan, as after a search."""
    return show(panel, found, qtbot)


@pytest.fixture
def both(panel, found_both, qtbot):
    """Show what was found on both scans, as after a search."""
    return show(panel, found_both, qtbot)
