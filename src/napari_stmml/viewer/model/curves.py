"""Two small plots for the Train widget, one at a time: losses, and scores of numbers of clusters."""

from typing import Any

from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from napari.settings import get_settings
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QWidget

from napari_stmml.figures.curves import loss_figure, proposal_figure
from napari_stmml.viewer.shared.panel import column_of, delayed
from napari_stmml.viewer.shared.slots import slot

REDRAW_MS = 500  # between two pictures of the loss curve
LEAST_HEIGHT = 190

Points = list[tuple[float, float]]


class Curves(QWidget):
    """Losses, or the curve of a proposal, whichever was asked for last; nothing before that."""

    def __init__(self) -> None:
        super().__init__()
        theme = get_theme(get_settings().appearance.theme)
        look = {"paper": theme.background.as_hex(), "ink": theme.text.as_hex()}
        self._draw: dict[str, Any] = {}
        self.canvases: dict[str, FigureCanvasQTAgg] = {}
        for name, make in (("loss curve", loss_figure), ("proposal", proposal_figure)):
            figure, self._draw[name] = make(**look)
            canvas = self.canvases[name] = FigureCanvasQTAgg(figure)
            canvas.setMinimumHeight(LEAST_HEIGHT)
            canvas.setAccessibleName(name)
            canvas.draw()  # the first time takes longest: now, not in the middle of a training
            canvas.hide()
        column_of(self, *self.canvases.values())
        self.training: Points = []
        self.validation: Points = []
        self._timer = delayed(self, REDRAW_MS, self._redraw)

    def begin(self, trains: bool) -> None:
        """Forget the losses of an earlier training, and show the empty plot if there is a training."""
        self.training, self.validation = [], []
        self._redraw()
        if trains:
            self._show("loss curve")
        else:
            self.canvases["loss curve"].hide()

    def add_loss(self, epochs: float, loss: float) -> None:
        """Add the loss of a batch, so many epochs after the beginning."""
        self.training.append((epochs, loss))
        self._redraw_soon()

    def add_validation(self, epoch: int, loss: float) -> None:
        """Add the loss on windows that were held out."""
        self.validation.append((epoch, loss))
        self._redraw_soon()

    def show_proposal(self, curve: Points, proposed: int) -> None:
        """Draw (number of clusters, score) and the number that is proposed."""
        self._draw["proposal"](curve, proposed)
        self._show("proposal")
        self.canvases["proposal"].draw_idle()

    def _show(self, which: str) -> None:
        for name, canvas in self.canvases.items():
            canvas.setVisible(name == which)

    def _redraw_soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    @slot
    def _redraw(self) -> None:
        self._draw["loss curve"](self.training, self.validation)
        self.canvases["loss curve"].draw_idle()
