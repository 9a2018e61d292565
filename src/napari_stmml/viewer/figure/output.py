"""Output: the buttons that save a figure with its record, and copy its methods, in a thread."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from napari_stmml.figures.paper.options import FORMATS, FigureOptions
from napari_stmml.figures.paper.paper_figure import PaperFigure
from napari_stmml.text import counted, short_stem
from napari_stmml.viewer.figure.preview import Drawer
from napari_stmml.viewer.figure.remembered import remember, remembered_folder
from napari_stmml.viewer.shared.panel import button, column_of, row_of
from napari_stmml.viewer.shared.slots import slot

SAVE_TIP = "the figure, and beside it a .json that says what it was made of; of lines a .csv too"
COPY_TIP = "a paragraph with versions, parameters, hash of the model and references, to paste into a paper"


class Output(QWidget):
    """Two buttons.

    Parameters
    ----------
    drawer : Drawer
        Works in its thread.
    asked : callable
        Returns the figure that is chosen in the panel now, and its options, or raises ValueError.
    say : callable
        Shows a sentence in the panel.
    saved : callable
        Gets the path of a figure that was written.
    """

    def __init__(
        self,
        drawer: Drawer,
        asked: Callable[[], tuple[PaperFigure, FigureOptions]],
        say: Callable[[str], None],
        saved: Callable[[Path], None],
    ) -> None:
        super().__init__()
        self._drawer, self._asked, self._saved = drawer, asked, saved
        self.say = say  # what a slot raises is said with it, too
        self.save_button = button("Save figure…", SAVE_TIP, self._ask_save)
        self.methods_button = button("Copy methods text", COPY_TIP, self.copy_methods)
        column_of(self, row_of(self.save_button, self.methods_button))

    def save(self, path: str | Path) -> None:
        """Write the figure; beside it its record, and the table of its lines.

        Parameters
        ----------
        path : str or Path
        """
        asked, options = self._asked()
        if (ending := Path(path).suffix.lower().lstrip(".")) in FORMATS:
            options = replace(options, format=ending)
        remember(options, Path(path).absolute().parent)
        self.say("saving …")
        self._drawer.do("save", lambda: asked.save(path, options), self._say_saved)

    def copy_methods(self) -> None:
        """Put the paragraph of methods into the clipboard."""
        asked, options = self._asked()
        self._drawer.do("methods", lambda: asked.methods(options), self._take_methods)

    @slot
    def _say_saved(self, result: Any) -> None:
        if isinstance(result, Exception):
            raise result
        figure, *others = result
        self._saved(figure)
        self.say(f"Saved {figure}; beside it {', '.join(file.name for file in others)}.")

    @slot
    def _take_methods(self, result: Any) -> None:
        if isinstance(result, Exception):
            raise result
        QApplication.clipboard().setText(result)
        self.say(f"Copied {counted(len(result.split()), 'word')}: paste them into your paper.")

    def _ask_save(self) -> None:
        asked, options = self._asked()
        scan = asked.scans[0].scan
        stem = short_stem("_".join(part for part in (scan.stem, scan.short_direction, asked.kind) if part))
        start = str(remembered_folder() / f"{stem}.{options.format}")
        kinds = ";;".join(f"{one.upper()} (*.{one})" for one in (options.format, "png", "svg", "pdf"))
        path, _ = QFileDialog.getSaveFileName(self, "Save the figure", start, kinds)
        if path:
            self.save(path)
