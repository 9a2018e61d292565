"""Beside the table of Scan info: the other channels of the frame, and its place on the sample."""

from pathlib import Path
from typing import Any

from napari.layers import Image
from qtpy.QtWidgets import QCheckBox, QWidget
from superqt.utils import create_worker

from napari_stmml.io.other_channels import read_other_channels
from napari_stmml.scan import Scan
from napari_stmml.text import counted
from napari_stmml.viewer.io.channel_layer import channel_to_layer, missing_channels
from napari_stmml.viewer.io.scanner_frame import (
    can_be_in_scanner_frame,
    is_in_scanner_frame,
    place_in_scanner_frame,
)
from napari_stmml.viewer.scan_info.layer_settings import source_of
from napari_stmml.viewer.shared.panel import button, column_of
from napari_stmml.viewer.shared.slots import Say, guarded, slot


class Beside(QWidget):
    """A switch that places a scan in the frame of the microscope, and a button that opens its other channels.

    Parameters
    ----------
    viewer : napari viewer
    say : callable
        Takes a sentence, and ``wrong=True``.
    """

    def __init__(self, viewer: Any, say: Say) -> None:
        super().__init__()
        self.viewer, self.say = viewer, say
        self.layer: Any = None
        self.placed = QCheckBox("In the microscope's frame")
        self.placed.setToolTip("lay the scan and what lies on it where it was on the sample")
        self.placed.clicked.connect(self._place)
        tip = "open what was recorded with this scan: currents, frequency shifts, auxiliary signals"
        self.others = button("Other channels", tip, self.open_channels)
        column_of(self, self.placed, self.others)

    def show_layer(self, layer: Any) -> None:
        """Follow the chosen layer, or None."""
        self.layer = layer if isinstance(layer, Image) else None
        known = self.layer is not None and can_be_in_scanner_frame(self.layer)
        self.placed.setEnabled(known)
        self.placed.setChecked(known and is_in_scanner_frame(self.layer))
        self.others.setEnabled(self.layer is not None and bool(source_of(self.layer)))

    @slot
    def open_channels(self) -> None:
        """Read the other channels of the scan in a thread, and show those of its direction."""
        layer = self.layer
        if layer is None:
            return

        def done(found: list[Scan]) -> None:
            new = missing_channels(self.viewer, layer, found) if layer in self.viewer.layers else []
            for scan in new:
                data, meta, _ = channel_to_layer(scan, layer)
                self.viewer.add_image(data, **meta)
            self.say(
                f"{counted(len(new), 'channel')} opened" if new else "No other channel is there to open."
            )

        self.say(f"reading the channels beside {Path(source_of(layer)).name} …")
        connect = {"returned": guarded(done, self.say), "errored": self._wrong}
        create_worker(read_other_channels, source_of(layer), _connect=connect)

    @slot
    def _wrong(self, error: Exception) -> None:
        self.say(str(error), wrong=True)

    @slot
    def _place(self) -> None:
        if self.layer is not None:
            place_in_scanner_frame(self.viewer, self.layer, self.placed.isChecked())
