"""ReviewPanel: flies to one uncertain area after the other; a class key, a stroke or Skip answers."""

from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_stmml.correction.uncertain_area_review import Review
from napari_stmml.text import percent
from napari_stmml.truth.uncertain_areas import ACROSS
from napari_stmml.viewer.correct.session_layers import SessionLayers
from napari_stmml.viewer.io.placement import place_of
from napari_stmml.viewer.shared.panel import button, column_of, row_of, wrapped
from napari_stmml.viewer.shared.slots import slot
from napari_stmml.viewer.shared.temporary_layers import TEMPORARY, active_kept, remove

MARK = "uncertain area"  # the layer that outlines it
MARK_COLOUR = "#ffffff"
VIEW_CELLS = 8 * ACROSS  # what the camera shows around an area


class ReviewPanel(QWidget):
    """Two buttons and a text: what the area seems to be, and how much an answer may settle."""

    scan_wanted = Signal(object)  # AreaToOpen

    def __init__(self, layers: SessionLayers) -> None:
        super().__init__()
        self.layers, self.review = layers, Review(layers.session)
        tip = "show the area, of all open scans, whose label is least certain"
        self.next_button = button("Next uncertain area (N)", tip, self.go)
        self.skip_button = button("Skip", "leave this area as it is, and show the next", self.go)
        self.text = wrapped("uncertain area")
        column_of(self, row_of(self.next_button, self.skip_button), self.text)
        self.show_state()

    @slot
    def go(self) -> None:
        """Show the next area; the one before, if nobody has answered, is skipped."""
        far = self.review.next()
        if far is not None:
            self._clear_mark()
            self.text.setText(f"Opening {far.found.scan} …")
            self.scan_wanted.emit(far)
        elif self.review.asked is None:
            self._clear_mark()
            self.text.setText(f"No uncertain area is left on the open scans. {self._counts()}")
        else:
            self.show_area()

    def show_area(self) -> None:
        """Fly to the area that is asked about, and outline it."""
        assert self.review.asked is not None
        one, area = self.review.asked
        position = one.to_position(area.row, area.col)
        self.layers.fly_to(one, *position, VIEW_CELLS * (one.cell_nm or one.grid.pitch))
        self._mark(self.layers.of(one).truth)
        self.show_state()

    @slot
    def answer(self, label: int) -> None:
        """Paint the area with a class, and show the next."""
        if self.review.answer(label):
            self.go()

    def take_stroke(self, one: Any) -> None:
        """Take a stroke on the area for an answer."""
        if self.review.take_stroke(one):
            self._clear_mark()
            self.show_state()

    def renew(self) -> None:
        """Begin anew where other scans are open."""
        self.review.renew()
        if self.review.asked is None:
            self._clear_mark()
            self.show_state()

    def leave(self) -> None:
        """Ask about nothing any more."""
        self.review.asked = None
        self._clear_mark()
        self.show_state()

    def show_state(self) -> None:
        """Show what is asked, and how far the review is."""
        self.skip_button.setEnabled(self.review.asked is not None)
        if self.review.asked is None:
            self.text.setText(self._counts())
            return
        one, area = self.review.asked
        names = ("nothing", *self.review.session.model.classes.names)
        label = f"“{names[area.label]}”"
        looks = f"{label} or “{names[area.runner_up]}”"
        if area.unlike:
            looks = f"unlike all examples of the model, most similar to {label}"
        self.text.setText(
            f"{one.name}: {looks}. Ctrl+number or a stroke answers; an answer may settle"
            f" {percent(area.gain)} of the surface. {self._counts()}"
        )

    def _counts(self) -> str:
        review = self.review
        if review.began is None:
            return ""
        now, began = percent(review.uncertain_share), percent(review.began)
        return (
            f"{review.answered} answered, {review.skipped} skipped;"
            f" uncertain: {now} of the surface (at first {began})."
        )

    def _mark(self, truth: Any) -> None:
        """Outline the area."""
        self._clear_mark()
        colours = {1: MARK_COLOUR, None: MARK_COLOUR}
        about = {"metadata": {TEMPORARY: MARK}, **place_of(truth)}
        mark = Labels(self.review.pixels.astype(np.uint8), name=MARK, colormap=colours, **about)
        mark.contour, mark.editable = 2, False
        with active_kept(self.layers.viewer):
            self.layers.viewer.add_layer(mark)

    def _clear_mark(self) -> None:
        viewer = self.layers.viewer
        if viewer is not None:
            with active_kept(viewer):
                remove(viewer, MARK)
