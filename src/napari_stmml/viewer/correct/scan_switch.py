"""ScanSwitch: says which of the open scans is seen, and goes from one to the next."""

from functools import partial

from qtpy.QtWidgets import QWidget

from napari_stmml.viewer.correct.session_layers import SessionLayers
from napari_stmml.viewer.shared.panel import button, column_of, row_of, wrapped


class ScanSwitch(QWidget):
    """Two buttons and a text; hidden where fewer than two scans are open for correction."""

    def __init__(self, layers: SessionLayers) -> None:
        super().__init__()
        self.session = layers.session
        previous = button("◀", "show the scan before this one (Page Up)", partial(layers.go, -1))
        following = button("▶", "show the scan after this one (Page Down)", partial(layers.go, 1))
        self.text = wrapped("scan that is shown")
        for one in (previous, following):
            one.setMaximumWidth(36)
        column_of(self, row_of(previous, following, self.text))
        self.show_state()

    def show_state(self) -> None:
        """Say which scan is seen."""
        scans, current = self.session.scans, self.session.current
        self.setVisible(len(scans) > 1)
        if current is not None:
            self.text.setText(f"scan {scans.index(current) + 1} of {len(scans)}: {current.name}")
