"""The Structures widget: every object of the open scans, its type, and how many there are."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtWidgets import QFileDialog, QGridLayout, QMenu, QPushButton, QWidget
from superqt import QCollapsible

from napari_stmml.viewer.shared.keys import as_html
from napari_stmml.viewer.shared.open_figure import open_figure
from napari_stmml.viewer.shared.panel import Callbacks, button, wrapped
from napari_stmml.viewer.shared.plain_text import plain_tip
from napari_stmml.viewer.shared.slots import guarded, slot
from napari_stmml.viewer.structures.objects import by_scan, name_of
from napari_stmml.viewer.structures.objects_panel import ObjectsPanel

DRAG_PX = 5  # a click whose mouse moves further moves the picture
NOTHING_CHOSEN = "Select an object first: click it on the scan, or in the gallery."
HOW_TO_ADD = "Click on the scan where an object is; Esc ends."


class StructuresWidget(ObjectsPanel):
    """Find objects, look at their types, and correct them; all is kept by itself and can be undone."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.kept = wrapped("kept")
        self.add_button = QPushButton("Add an object here")
        self.add_button.setCheckable(True)
        self.add_button.setToolTip("then click on the scan where an object is; Esc ends")
        self.column.addLayout(_grid(self._buttons(), 3))
        keys, text = QCollapsible("Keys"), wrapped("keys", rich=True)
        text.setText(
            f"{as_html('Structures')}. They work in the gallery, and on the scan after a click on an object."
        )
        keys.addWidget(text)
        model, inside = QCollapsible("Types in a model file"), QWidget()
        inside.setLayout(_grid(self._model_buttons(), 3))
        model.addWidget(inside)
        self.add(self.kept, model, keys)
        self._connect()
        self._show_all()
        self._show_kept()

    def _connect(self) -> None:
        self.follow(self.session.path_changed, self._show_kept)
        self.follow(self.layers.key_pressed, self.press)
        self.follow(Callbacks(self.viewer.mouse_drag_callbacks), self._on_mouse)
        self.types.renamed.connect(self._rename)
        self.types.dropped.connect(self._move)
        self.gallery.key_pressed.connect(self.press)
        self.gallery.menu_wanted.connect(self._show_menu)
        self.add_button.toggled.connect(self._say_adding)

    def on_close(self) -> None:
        """End the mode that adds objects."""
        super().on_close()
        self.add_button.setChecked(False)

    # ---- what a person does

    @slot
    def press(self, key: str) -> None:
        """Do what a key stands for."""
        if key == "Escape":
            self.add_button.setChecked(False)
            self.gallery.clearSelection()
        elif key in ("Delete", "Backspace"):
            self._remove()
        elif key == "A":
            self._all_alike()
        elif key == "N":
            self._new_type()
        elif key == "0":
            self._move(0)
        elif int(key) < len(self.types.kinds):
            self._move(self.types.kinds[int(key) - 1])

    @slot
    def _move(self, kind: int) -> None:
        if rows := self._chosen_rows():
            self.session.move(rows, kind)

    @slot
    def _new_type(self) -> None:
        if rows := self._chosen_rows():
            number = len(self.session.found.names) + 1
            self.session.move(rows, number)
            self.types.choose(number)

    @slot
    def _remove(self) -> None:
        if rows := self._chosen_rows():
            self.session.remove(rows)

    @slot
    def _all_alike(self) -> None:
        if rows := self._chosen_rows():
            found, one = self.session.found, rows[0]
            alike = self.session.alike(one)
            self.list_objects(alike, "Like this object")
            self.gallery.choose(alike)
            like = f"Like this object: {by_scan(found, alike)}. Move them to a type, or take them away."
            self.say(like if len(alike) > 1 else "No other object is like this one.")

    @slot
    def _rename(self, number: int, name: str) -> None:
        try:
            if name != name_of(self.session.found, number):
                self.session.rename(number, name)
        finally:
            self.types.show_types(self.session.structures)  # a name that was refused goes back

    @slot
    def _merge(self) -> None:
        chosen = [kind for kind in self.types.chosen if kind]
        if len(chosen) < 2:
            raise ValueError("Select two types or more in the list (Ctrl+click), then merge them.")
        self.session.merge(chosen, chosen[0])
        self.types.choose(chosen[0])

    @slot
    def _split(self) -> None:
        self.session.split(self._one_type("split it"))

    @slot
    def _edit_name(self) -> None:
        self.types.edit_name(self._one_type("give it a name"))

    def _one_type(self, what: str) -> int:
        chosen = [kind for kind in self.types.chosen if kind]
        if len(chosen) != 1:
            raise ValueError(f"Select one type in the list, then {what}.")
        return chosen[0]

    def _chosen_rows(self) -> list[int]:
        rows = self.gallery.chosen
        if not rows:
            self.say(NOTHING_CHOSEN)
        return rows

    def _buttons(self) -> list[QWidget]:
        undo, redo = guarded(self.session.undo, self.say), guarded(self.session.redo, self.say)
        return [
            button("Merge", "make one type of those selected; the first keeps its name", self._merge),
            button("Split", "divide the selected type in two", self._split),
            button("Rename", "give the selected type a name (F2)", self._edit_name),
            button("New type", "make a type of the selected objects (N)", self._new_type),
            button("Not an object", "take the selected objects away (Delete)", self._remove),
            button("All like this one", "select what is like it, on all open scans (A)", self._all_alike),
            self.add_button,
            button("Undo", "undo the last correction (Ctrl+Z)", undo),
            button("Redo", "redo what was undone last (Ctrl+Shift+Z)", redo),
            button("Save figure…", "a figure for a paper of the scan that is seen", self._open_figure),
        ]

    def _model_buttons(self) -> list[QWidget]:
        return [
            button("Types from…", "sort the objects into the types of a model file", self._ask_use),
            button("Save types as…", "keep the types in another file from now on", self._ask_save),
            button("Find types anew", "find types over all open scans together, once more", self._retype),
        ]

    @slot
    def _open_figure(self) -> None:
        key = self.layers.current
        open_figure(self.viewer, layer=None if key is None else self.layers.of(key).outlines)

    @slot
    def _retype(self) -> None:
        self.session.retype()

    @slot
    def _ask_use(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Types from a model", "", "Models (*.stmml)")
        if path:
            self.session.use(Path(path))

    @slot
    def _ask_save(self) -> None:
        start = str(self.session.path or Path.home() / "structures.stmml")
        path, _ = QFileDialog.getSaveFileName(self, "Save the types", start, "Models (*.stmml)")
        if path:
            self.session.save_as(Path(path))

    @slot
    def _show_menu(self, at: Any) -> None:
        if not self.gallery.chosen:
            return
        menu = QMenu(self)
        to = menu.addMenu("Move to")
        for kind in self.types.kinds:
            to.addAction(name_of(self.session.found, kind)).triggered.connect(
                guarded(partial(self._move, kind))
            )
        actions: tuple[tuple[str, Callable[[], Any]], ...] = (
            ("New type", self._new_type),
            ("Not an object", self._remove),
            ("All like this one", self._all_alike),
        )
        for text, do in actions:
            menu.addAction(text).triggered.connect(guarded(do))
        menu.popup(at)

    # ---- the scan

    @slot
    def _on_mouse(self, _viewer: Any, event: Any) -> Iterator[None]:
        """Take a click on the scan; a drag moves the picture, and a layer that is painted on has its own."""
        active = self.viewer.layers.selection.active
        if event.button != 1 or str(getattr(active, "mode", "pan_zoom")) not in ("pan_zoom", "transform"):
            return
        start, position, more = np.asarray(event.pos), event.position, "Control" in event.modifiers
        yield
        moved = 0.0
        while event.type == "mouse_move":
            moved = max(moved, float(np.abs(np.asarray(event.pos) - start).max()))
            yield
        if moved <= DRAG_PX:
            self.click(position, more)

    @slot
    def click(self, position: Any, more: bool = False) -> None:
        """Select the object at a position of the mouse, or add one there."""
        place = self.layers.place_of(position)
        if place is None:
            return
        if self.add_button.isChecked():
            self.session.add(*place)
            self.say(HOW_TO_ADD)
        elif (row := self.layers.row_at(position)) is not None:
            self.pick(row, more)
        elif not more:
            self.gallery.clearSelection()

    @slot
    def _say_adding(self, on: bool) -> None:
        if on:
            self.layers.take_active()
        self.say(HOW_TO_ADD if on else "")

    @slot
    def _show_kept(self) -> None:
        path = self.session.path
        self.kept.setText(
            "Corrections save themselves: of objects beside each scan, of types in a model file."
            if path is None
            else f"Saved by itself: types in {path.name}, corrections of objects beside each scan."
        )
        self.kept.setToolTip(plain_tip(str(path or "")))


def _grid(widgets: list[QWidget], columns: int) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(4)
    for number, one in enumerate(widgets):
        grid.addWidget(one, number // columns, number % columns)
    return grid
