"""A line on the workers of a cluster, with a link to Dask's page of them."""

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_stmml import events
from napari_stmml.text import counted

_LINK = "#3d8fd1"  # seen on napari's dark and light panels


class WorkersLine(QLabel):
    """Says how many workers a job has; hidden where it works on this machine."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setOpenExternalLinks(True)
        self.setAccessibleName("workers of the cluster")
        self.clear()

    def clear(self) -> None:
        """Hide it."""
        super().clear()
        self.hide()

    def take(self, event: events.ClusterWorkers) -> None:
        """Show how many there are now.

        Parameters
        ----------
        event : events.ClusterWorkers
        """
        text, page = f"Cluster: {counted(event.count, 'worker')}", event.dashboard
        if page.startswith(("http://", "https://")):
            text += f' · <a href="{escape(page)}" style="color: {_LINK}">watch them in a browser</a>'
            self.setToolTip(escape(page))
        self.setText(text)
        self.show()
