"""ObjectsPanel: the types, the members of the chosen one, and the slider; they follow the session."""

from typing import Any

from qtpy.QtWidgets import QCheckBox

from napari_stmml.structures.structures import Structures
from napari_stmml.viewer.shared.panel import delayed, wrapped
from napari_stmml.viewer.shared.slots import guarded, slot
from napari_stmml.viewer.structures.finding_panel import FindingPanel
from napari_stmml.viewer.structures.means import Means
from napari_stmml.viewer.structures.member_gallery import MemberGallery
from napari_stmml.viewer.structures.objects import (
    Identity,
    by_scan,
    identities,
    left_out,
    name_of,
    rows_of,
)
from napari_stmml.viewer.structures.sensitivity import SensitivitySlider
from napari_stmml.viewer.structures.type_list import TypeList

SETTLE_MS = 250  # after the slider was moved, before all that is shown is made anew
EMPTY = "Choose a type in the list, or click an object on the scan."


class ObjectsPanel(FindingPanel):
    """What was found, by type; nothing is corrected here."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.sensitivity, self.types, self.gallery = SensitivitySlider(), TypeList(), MemberGallery()
        self.left_out, self.header = wrapped("left out"), wrapped("objects shown")
        self.disordered = QCheckBox("grains of disordered areas are objects, too")
        self.disordered.setToolTip("otherwise a disordered area is one area, without objects of its own")
        self.means = Means(self)
        self._listed: list[Identity] | None = None  # shown in the gallery in place of a type
        self._title = ""  # of these
        self._shown: Structures | None = None
        self._sensitivity = 1.0  # that is shown
        self._settle = delayed(self, SETTLE_MS, self._settled)
        self.add(self.sensitivity)
        self.column.addWidget(self.types, 3)
        self.add(self.left_out, self.disordered, self.header)
        self.column.addWidget(self.gallery, 2)
        self._follow_session()

    def _follow_session(self) -> None:
        session, types, gallery = self.session, self.types, self.gallery
        self.follow(session.changed, self._show)
        self.follow(session.said, self.say)
        self.sensitivity.moved.connect(guarded(session.set_sensitivity, self.say))
        self.disordered.clicked.connect(guarded(session.set_disordered, self.say))
        self.means.made.connect(types.show_pictures)
        types.chosen_changed.connect(self._choose_type)
        types.eyes_changed.connect(guarded(lambda: self.layers.hide(types.hidden)))
        gallery.selection_changed.connect(self._mark)
        gallery.visited.connect(guarded(self.layers.fly_to, self.say))

    def on_close(self) -> None:
        """Leave the scans as they are, without marks."""
        super().on_close()
        self._settle.stop()
        self.layers.refresh()
        self.layers.clear_marks()

    @slot
    def showEvent(self, event: Any) -> None:
        """Show what was done while the panel was closed."""
        super().showEvent(event)
        if self._shown is not self.session.structures:
            self._show_all()

    def on_found(self, found: Structures) -> None:
        """Choose a type, so that its objects are seen."""
        if not self.types.chosen and self.types.kinds:
            self.types.choose(self.types.kinds[0])

    @slot
    def pick(self, row: int, more: bool = False) -> None:
        """Select an object, a row of the table; ``more``: beside those that are selected."""
        found = self.session.found
        if more and (chosen := self.gallery.chosen):
            rows = sorted({*chosen, row})
            if row not in self.gallery.members.rows:
                self.list_objects(rows, "Selected")
            self.gallery.choose(rows)
            return
        kind = int(found.table.type.iat[row])
        self._listed = None
        if self.types.chosen == [kind]:
            self._choose_type()
        self.types.choose(kind)
        self.gallery.choose([row])
        self.layers.take_active()

    def list_objects(self, rows: list[int], title: str) -> None:
        """Show some objects, rows of the table, in the gallery in place of those of a type."""
        found = self.session.found
        self._listed, self._title = identities(found, self.session.keys, rows), title
        self.types.choose_none()
        self._show_members()

    # ---- what is shown

    @slot
    def _show(self) -> None:
        found = self.session.structures
        if found is not None and found.sensitivity != self._sensitivity:
            self._sensitivity = found.sensitivity
            self.sensitivity.show_value(found.sensitivity, len(found.table))
            self._settle.start()
        else:
            self._settle.stop()
            self._show_all()

    @slot
    def _settled(self) -> None:
        """Show all that the slider has changed."""
        self.layers.refresh()
        self._show_all()

    @slot
    def _show_all(self) -> None:
        found = self._shown = self.session.structures
        self.types.show_types(found)
        self.sensitivity.setEnabled(found is not None)
        self.sensitivity.show_value(
            1.0 if found is None else found.sensitivity, 0 if found is None else len(found.table)
        )
        self.left_out.setText("" if found is None or not found.scans else left_out(found))
        self.disordered.setVisible(found is not None and any(area[2] for area in found.areas))
        if found is not None:
            self.disordered.setChecked(found.with_disordered)
            self._sensitivity = found.sensitivity
            self.means.ask(found, self.session.keys)
        self._show_members()

    @slot
    def _choose_type(self) -> None:
        """Show the members of the chosen type, none of them selected."""
        self._listed = None
        self.gallery.clearSelection()
        self._show_members()

    def _show_members(self) -> None:
        """Show the members of the chosen type, or what is listed; what is selected stays so."""
        found, keys = self.session.structures, self.session.keys
        chosen = self.gallery.objects_chosen
        far: list[float] = []
        if found is None or not found.scans:
            rows, text = [], ""
        elif self._listed is not None:
            rows = rows_of(found, keys, self._listed)
            text = f"{self._title}: {by_scan(found, rows)}"
        else:
            rows, far, text = self._members(found)
        self.gallery.members.show(found, keys, rows, far)
        if found is not None:
            self.gallery.choose(rows_of(found, keys, chosen))
        self.header.setText(text)
        self._mark()

    def _members(self, found: Structures) -> tuple[list[int], list[float], str]:
        kinds = self.types.chosen
        if not kinds:
            return [], [], EMPTY
        far = [found.from_mean(kind) for kind in kinds]
        rows = [int(row) for one in far for row in one.index]
        names = ", ".join(name_of(found, kind) for kind in kinds)
        return rows, [float(one) for some in far for one in some], f"{names}: {by_scan(found, rows)}"

    @slot
    def _mark(self) -> None:
        self.layers.select(self.gallery.chosen)
