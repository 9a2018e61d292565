"""Where to look next: N flies to the least sure place; a class key, a stroke or skip answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_stmml.events import UncertainFound, UncertainPlace
from napari_stmml.truth.doubts import ACROSS, UNSURE, doubts, patch
from napari_stmml.viewer.correct.open_scan import OpenScan
from napari_stmml.viewer.correct.session import Session
from napari_stmml.viewer.shared.overlays import PASSING, find, remove
from napari_stmml.viewer.shared.panel import place_of

LOOK = "look here"  # the layer that marks the place
MARK = "#ffffff"
VIEW_CELLS = 8 * ACROSS  # what the camera shows around a place


@dataclass(frozen=True)
class Far:
    """A place on a scan that is not open."""

    scan: str
    source: str
    channel: str
    direction: str
    doubt: UncertainPlace

    def is_on(self, scan: Any) -> bool:
        """Say whether a scan is the one that it lies on."""
        own = (scan.source, scan.channel, scan.direction)
        return own == (self.source, self.channel, self.direction)


class LookNext(QWidget):
    """Buttons and two lines: what the place seems to be, and how much an answer may settle."""

    wanted = Signal(object)  # Far, whose scan is to be opened

    def __init__(self, session: Session, table: Any) -> None:
        super().__init__()
        self.session, self.table = session, table
        self.asked: tuple[OpenScan, UncertainPlace] | None = None
        self.answered = self.skipped = 0
        self.far: list[Far] = []
        self._patch: np.ndarray | None = None  # px of the place
        self._seen: set[tuple[Any, int, int]] = set()
        self._began: float | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        self.next_button, self.skip_button = QPushButton("Look next (N)"), QPushButton("Skip")
        self.next_button.setToolTip("fly to the place that the model is least sure of, over all open scans")
        self.skip_button.setToolTip("leave this place as it is, and go to the next")
        self.next_button.clicked.connect(self.go)
        self.skip_button.clicked.connect(self.skip)
        for button in (self.next_button, self.skip_button):
            row.addWidget(button)
        column.addLayout(row)
        self.text = QLabel("")
        self.text.setWordWrap(True)
        self.text.setAccessibleName("place to look at")
        column.addWidget(self.text)
        self._show()

    def go(self) -> None:
        """Fly to the next place; the one before, if nobody has answered, counts as skipped."""
        if self.asked is not None:
            self.skipped += 1
        places = self._places()
        if self._began is None and self.session.scans:
            self._began = self.in_doubt()
        far = max(self.far, key=lambda one: one.doubt.weight, default=None)
        if far is not None and (not places or far.doubt.weight > places[0][1].weight):
            self.leave()
            self.far.remove(far)
            self.text.setText(f"Opening {far.scan} …")
            self.wanted.emit(far)
            return
        if not places:
            self.leave()
            self.text.setText(f"Nothing is left to look at on the open scans. {self._counter()}")
            return
        self.show_place(*places[0])

    def show_place(self, one: OpenScan, doubt: UncertainPlace) -> None:
        """Fly to a place and ask about it."""
        self._seen.add((one.key, doubt.row, doubt.col))
        self.asked = (one, doubt)
        self._patch = one.to_pixels(patch(one.answers(self._known(one)), doubt).astype(np.uint8)) > 0
        row, col = one.to_place(doubt.row, doubt.col)
        self.session.fly_to(one, row, col, VIEW_CELLS * (one.cell_nm or one.grid.pitch))
        self._mark(one)
        self._show()

    def skip(self) -> None:
        """Leave the place as it is, and go on."""
        self.go()

    def answer(self, label: int) -> None:
        """Say what the place is: it is painted with the class, and the next one follows."""
        if self.asked is None or self._patch is None:
            return
        one, where = self.asked[0], self._patch
        self.asked = None
        self.answered += 1
        self.session.paint(one, where, label)
        self.go()

    def stroked(self, one: OpenScan) -> None:
        """Take a stroke on the place for an answer."""
        if self.asked is None or self.asked[0] is not one or self._patch is None:
            return
        if (one.truth.data[self._patch] > 0).any():
            self.asked = None
            self.answered += 1
            self._clear_mark()
            self._show()

    def add_far(self, found: UncertainFound) -> None:
        """Take in places of a scan that is not open, as a job reports them."""
        where = (found.scan, found.source, found.channel, found.direction)
        self.far += [Far(*where, place) for place in found.places]

    def renew(self) -> None:
        """Begin anew where other scans are open; of these, places are found as the model is now."""
        self.far = [far for far in self.far if not any(far.is_on(one.scan) for one in self.session.scans)]
        if self.asked is not None and self.asked[0] in self.session.scans:
            return
        self.leave()
        if self.session.scans:
            self._began = None
            self._show()
            return
        self._seen.clear()
        self._began = None
        self.answered = self.skipped = 0
        self._show()

    def leave(self) -> None:
        """Ask nothing any more."""
        self.asked = self._patch = None
        self._clear_mark()

    def in_doubt(self) -> float:
        """Return the share of the labelled cells of all open scans that are in doubt."""
        sure = [one.confidence[np.isfinite(one.confidence) & ~self._known(one)] for one in self.session.scans]
        labelled = sum(int(np.isfinite(one.confidence).sum()) for one in self.session.scans)
        return sum(int((some < UNSURE).sum()) for some in sure) / max(labelled, 1)

    def _places(self) -> list[tuple[OpenScan, UncertainPlace]]:
        scans = list(self.session.scans)
        found = doubts([one.answers(self._known(one)) for one in scans])
        places = [(scans[doubt.scan], doubt) for doubt in found]
        return [(one, doubt) for one, doubt in places if not self._was_seen(one, doubt)]

    def _was_seen(self, one: OpenScan, doubt: UncertainPlace) -> bool:
        """Say whether a place was shown, or one beside it: doubts move a little when a model learns."""
        near = ACROSS // 2
        return any(
            key == one.key and abs(row - doubt.row) <= near and abs(col - doubt.col) <= near
            for key, row, col in self._seen
        )

    def _known(self, one: OpenScan) -> np.ndarray:
        return one.painted_cells() > 0

    def _mark(self, one: OpenScan) -> None:
        """Outline the place."""
        assert self._patch is not None
        self._clear_mark()
        viewer = self.session.viewer
        mark = Labels(
            self._patch.astype(np.uint8),
            name=LOOK,
            colormap={1: MARK, None: MARK},
            metadata={PASSING: LOOK},
            **place_of(one.truth),
        )
        mark.contour, mark.editable = 2, False
        viewer.add_layer(mark)
        viewer.layers.selection.active = one.truth

    def _clear_mark(self) -> None:
        viewer = self.session.viewer
        if viewer is not None and find(viewer, LOOK) is not None:
            active = viewer.layers.selection.active
            remove(viewer, LOOK)
            if active in viewer.layers:
                viewer.layers.selection.active = active

    def _show(self) -> None:
        self.skip_button.setEnabled(self.asked is not None)
        if self.asked is None or self.session.classifier is None:
            self.text.setText(self._counter())
            return
        one, doubt = self.asked
        names = ("nothing", *self.session.classifier.classes.names)
        taken = f"<b>{names[doubt.label]}</b>"
        looks = (
            f"unlike anything the model has seen, nearest to {taken}"
            if doubt.unlike
            else f"{taken}, or else <b>{names[doubt.runner_up]}</b>"
        )
        self.text.setText(
            f"{one.name}: {looks}. Ctrl+number or a stroke answers; an answer may settle"
            f" {100 * doubt.gain:.1f} % of the surface. {self._counter()}"
        )

    def _counter(self) -> str:
        if self._began is None:
            return ""
        return (
            f"{self.answered} answered, {self.skipped} skipped; in doubt {100 * self.in_doubt():.1f} %"
            f" of the surface, at first {100 * self._began:.1f} %."
        )
