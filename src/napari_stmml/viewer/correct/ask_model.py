"""Ask with which model a scan is corrected, where the map that is shown on it was made by another one."""

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QMessageBox


def ask_which(parent: Any, of_map: Path, chosen: Path) -> Path | None:
    """Ask a person which of two models to take.

    Parameters
    ----------
    parent : QWidget
    of_map : Path
        The model that made the map.
    chosen : Path
        The one that the person chose before.

    Returns
    -------
    Path or None
        None where nothing is to be opened.
    """
    box = QMessageBox(parent)
    box.setWindowTitle("Which model?")
    box.setText(f"The map on this scan was made by {of_map.name}, and {chosen.name} is chosen.")
    box.setInformativeText("With another model the scan has other classes. What you painted stays with both.")
    answers = {
        box.addButton(f"Model of the map: {of_map.stem}", QMessageBox.ButtonRole.AcceptRole): of_map,
        box.addButton(f"Chosen model: {chosen.stem}", QMessageBox.ButtonRole.AcceptRole): chosen,
        box.addButton(QMessageBox.StandardButton.Cancel): None,
    }
    box.exec()
    return answers.get(box.clickedButton())
