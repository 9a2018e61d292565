"""What one widget tells the next within a session of napari."""

from pathlib import Path

from qtpy.QtCore import QObject, Signal

model: Path | None = None  # that was trained or used last
at_once: Path | None = None  # of scans that Predict clustered without a model; it goes with its panel
flatten_method: str | None = None  # the chain that Prepare last gave to training
confidence = False  # whether Predict shows how sure each label is


class _News(QObject):
    """Tells widgets that are open already."""

    flatten_method = Signal(str)


news = _News()


def use_for_training(chain: str) -> None:
    """Give a chain of flatten methods to every Train widget, open now or later."""
    global flatten_method
    flatten_method = chain
    news.flatten_method.emit(chain)
