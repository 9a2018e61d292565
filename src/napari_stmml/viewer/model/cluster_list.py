"""The clusters of a model as a list: colour, name, share, and pictures of the most typical places of each."""

from typing import Any

import numpy as np
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QImage, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem

from napari_stmml.figures.clusters_figure import cluster_shares, exemplar_pictures, exemplar_width
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.text import percent

SIDE, GAP, CHIP = 40, 3, 12  # px on the screen of a picture, between two, and of the colour before them
TEXT = 92  # px that are left for name and share
LEAST_HEIGHT = 4 * (SIDE + 8)


class ClusterList(QListWidget):
    """Rows of pictures; a click on one selects its label on the active Labels layer."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self._pictures: list[list[QPixmap]] = []  # of each cluster
        self._colours: list[str] = []
        self.setAccessibleName("clusters")
        self.setMinimumHeight(LEAST_HEIGHT)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setSpacing(1)
        self.itemClicked.connect(self._select)
        self.itemActivated.connect(self._select)
        self.hide()

    def show_model(self, classifier: SurfaceClassifier | None) -> None:
        """Show the clusters of a model; None, and the list is hidden."""
        self.clear()
        self.setVisible(classifier is not None)
        if classifier is None:
            return
        shown = classifier.exemplars
        self._pictures = [[] for _ in range(classifier.n_clusters)] if shown is None else _pixmaps(shown)
        looks = [classifier.classes.look(cluster) for cluster in range(classifier.n_clusters)]
        self._colours = [colour for _, _, colour in looks]
        shares = cluster_shares(classifier)
        wide = "" if shown is None else f"; a picture is {exemplar_width(classifier)} wide"
        for (label, name, _), part in zip(looks, shares, strict=True):
            share = percent(part)
            item = QListWidgetItem(f"{name}\n{share}")
            of_all = f"{share} of what the model was made of" if share else "of unknown size"
            item.setToolTip(f"{name}: {of_all}{wide}.\nClick to choose label {label} to paint with.")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{name}, {share}")
            item.setData(Qt.ItemDataRole.UserRole, label)
            self.addItem(item)
        self._draw()

    def resizeEvent(self, event: Any) -> None:
        """Show as many pictures as there is room for."""
        super().resizeEvent(event)
        self._draw()

    def sizeHint(self) -> QSize:
        """Ask for little: it scrolls, and gets what is left."""
        return QSize(200, LEAST_HEIGHT)

    def _draw(self) -> None:
        room = self.viewport().width() - TEXT - CHIP - GAP
        most = max((len(pictures) for pictures in self._pictures), default=0)
        n = min(most, max(1, room // (SIDE + GAP)))
        size = QSize(CHIP + GAP + n * (SIDE + GAP), SIDE if most else CHIP + 14)
        if size == self.iconSize() and self.count() and not self.item(self.count() - 1).icon().isNull():
            return
        self.setIconSize(size)
        for row in range(self.count()):
            strip = _strip(self._colours[row], self._pictures[row][:n], size)
            icon = QIcon(strip)
            icon.addPixmap(strip, QIcon.Mode.Selected)  # not tinted: colours are what it is about
            self.item(row).setIcon(icon)

    def _select(self, item: QListWidgetItem) -> None:
        """Choose the row's label in the active Labels layer, or else in the topmost, made active."""
        from napari.layers import Labels

        layers = self.viewer.layers
        layer = layers.selection.active
        if not isinstance(layer, Labels):
            layer = next((one for one in reversed(layers) if isinstance(one, Labels)), None)
            if layer is None:
                return
            layers.selection.active = layer
        layer.selected_label = item.data(Qt.ItemDataRole.UserRole)


def _pixmaps(exemplars: np.ndarray) -> list[list[QPixmap]]:
    """Make pictures of exemplars, (n_clusters, n, side, side); a cluster may have fewer than n, or none."""
    rows = []
    for painted in exemplar_pictures(exemplars):
        made = []
        for picture in painted[painted[..., 3].any((1, 2))]:
            pixels = np.ascontiguousarray(picture)
            side = len(pixels)
            image = QImage(pixels.data, side, side, 4 * side, QImage.Format.Format_RGBA8888)
            smooth = Qt.TransformationMode.SmoothTransformation
            made.append(
                QPixmap.fromImage(image).scaled(SIDE, SIDE, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
            )
        rows.append(made)
    return rows


def _strip(colour: str, pictures: list[QPixmap], size: QSize) -> QPixmap:
    strip = QPixmap(size)
    strip.fill(Qt.GlobalColor.transparent)
    painter = QPainter(strip)
    painter.fillRect(0, 0, CHIP, size.height(), QColor(colour))
    for place, picture in enumerate(pictures):
        painter.drawPixmap(CHIP + GAP + place * (SIDE + GAP), 0, picture)
    painter.end()
    return strip
