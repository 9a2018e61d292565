"""ModelChoice: the model of a panel: one of the recent ones, with date, scans and classes, or any file."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFileDialog

from napari_stmml.model.recent_models import model_info, recent_models
from napari_stmml.system.user_folder import models_folder
from napari_stmml.viewer.shared.panel import button, row_of
from napari_stmml.viewer.shared.plain_text import plain_tip
from napari_stmml.viewer.shared.slots import slot

LETTERS = 18  # of the field: the list that it opens is as wide as its lines


class _List(QComboBox):
    """Recent models, read when the list is opened."""

    def __init__(self, fill: Any) -> None:
        super().__init__()
        self._fill = fill
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(LETTERS)
        self.setMaxVisibleItems(20)

    @slot
    def showPopup(self) -> None:
        """Show the models that there are now, each line in full."""
        self._fill()
        view = self.view()
        view.setMinimumWidth(view.sizeHintForColumn(0) + view.verticalScrollBar().sizeHint().width() + 8)
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        super().showPopup()


class ModelChoice:
    """A row of a form: a list of models and a button for a file; ``value`` is a Path, or None for no model.

    Parameters
    ----------
    label, tooltip : str
    none : str
        What stands there where there is no model.
    """

    changed = Signal(object)  # Path, or None

    def __init__(self, label: str, none: str, tooltip: str) -> None:
        self.label, self.tooltip, self.none = label, tooltip, none
        self.chosen = False  # whether a person chose, or only the panel
        self.list = _List(self._fill)
        self.list.setAccessibleName(label.lower())
        self.list.activated.connect(self._choose)
        tip = "choose a file of a model"
        self.choose_button = button("…", tip, self._ask)
        self.choose_button.setMaximumWidth(36)
        self.native = row_of(self.list, self.choose_button)
        self.native.layout().setStretch(0, 1)
        self._value: Path | None = None
        self._fill()

    @property
    def value(self) -> Path | None:
        """The file of the model."""
        return self._value

    @value.setter
    def value(self, path: str | Path | None) -> None:
        self.chosen = True
        self._put(path)

    def offer(self, path: str | Path | None) -> None:
        """Choose a model for a person, unless that person has chosen one.

        Parameters
        ----------
        path : str, Path or None
        """
        if not self.chosen:
            self._put(path)

    def take(self, path: str | Path | None) -> None:
        """Choose the model that is in use, whoever chose it; another may be offered later.

        Parameters
        ----------
        path : str, Path or None
        """
        self.chosen = False
        self._put(path)

    def _put(self, path: str | Path | None) -> None:
        before, self._value = self._value, None if path is None else Path(path)
        self._fill()
        if self._value != before:
            self.changed.emit(self._value)

    def _fill(self) -> None:
        """List no model, the chosen one and the recent ones."""
        self.list.clear()
        self._add(self.none, None, self.none)
        known = {one.path: one for one in recent_models()}
        if self._value is not None and self._value not in known:
            with suppress(OSError, ValueError):
                known = {self._value: model_info(self._value), **known}
            if self._value not in known:
                self._add(self._value.name, self._value, f"{self._value} cannot be read as a model")
        for path, one in known.items():
            self._add(one.line(), path, one.about())
        paths = [self.list.itemData(row) for row in range(self.list.count())]
        self.list.setCurrentIndex(paths.index(None if self._value is None else str(self._value)))
        row = self.list.currentIndex()
        tip = self.list.itemData(row, Qt.ItemDataRole.ToolTipRole)
        self.list.setToolTip(tip if self._value is not None else plain_tip(self.tooltip))

    def _add(self, text: str, path: Path | None, tip: str) -> None:
        self.list.addItem(text, None if path is None else str(path))
        self.list.setItemData(self.list.count() - 1, plain_tip(tip), Qt.ItemDataRole.ToolTipRole)

    @slot
    def _choose(self, row: int) -> None:
        path = self.list.itemData(row)
        self.value = None if path is None else Path(path)

    def _ask(self) -> None:
        folder = models_folder() if self._value is None else self._value.parent
        path, _ = QFileDialog.getOpenFileName(self.native, "Choose a model", str(folder), "Models (*.stmml)")
        if path:
            self.value = Path(path)
