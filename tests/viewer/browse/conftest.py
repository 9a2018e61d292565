import shutil

import pytest

from napari_stmml.viewer.browse.widget import BrowseWidget

LONG = 20_000  # ms


@pytest.fixture(autouse=True)
def _own_home(home):
    """Keep thumbnails out of the cache of whoever runs the tests."""


@pytest.fixture
def folder(session_files, tmp_path):
    """Copy the session of three scans, the last one broken off, to a folder of its own."""
    return shutil.copytree(session_files[0].parent, tmp_path / "scans")


@pytest.fixture
def files(folder):
    return sorted(folder.glob("*.Z_mtrx"))


@pytest.fixture
def settle(qtbot):
    """Return a function that waits until a panel has listed, drawn and opened what it was asked to."""
    return lambda panel: qtbot.waitUntil(lambda: not panel.busy, timeout=LONG)


@pytest.fixture
def browse(viewer, qtbot, settle):
    """Return a function that shows the scans of paths in a panel."""

    def browse_(*paths):
        panel = BrowseWidget(viewer)
        qtbot.addWidget(panel)
        panel.resize(700, 700)
        panel.show()
        if paths:
            panel.show_paths(paths)
            settle(panel)
        return panel

    return browse_
