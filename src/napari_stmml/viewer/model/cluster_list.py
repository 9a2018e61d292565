"""The clusters of a model as a list: colour, name, share, and pictures of the most typical cells of each."""

from typing import Any

from qtpy.QtCore import QPoint, QRect, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem

from napari_stmml.figures.clusters_figure import cluster_shares, exemplar_pictures, exemplar_width
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.text import percent
from napari_stmml.viewer.shared.painting import painting, picture_of
from napari_stmml.viewer.shared.plain_text import plain_tip
from napari_stmml.viewer.shared.slots import slot

SIDE, GAP, CHIP = 40, 3, 12  # px on the screen of a picture, between two, and of the colour before them
TEXT, MOST_TEXT = 92, 200  # px that are left for name and share
LEAST_HEIGHT = 4 * (SIDE + 8)


class ClusterList(QListWidget):
    """Rows of pictures; a click on one selects its label on the active Labels layer."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        self._strips: list[QPixmap] = []  # of each cluster: its colour and pictures
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
        looks = [classifier.classes.look(cluster) for cluster in range(classifier.n_clusters)]
        wide = "" if shown is None else f"; a picture is {exemplar_width(classifier)} wide"
        for (label, name, _), part in zip(looks, cluster_shares(classifier), strict=True):
            share = percent(part)
            item = QListWidgetItem(f"{name}\n{share}")
            of_all = f"{share} of what the model was fitted to" if share else "of unknown size"
            item.setToolTip(
                plain_tip(f"{name}: {of_all}{wide}.\nClick to choose label {label} to paint with.")
            )
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{name}, {share}")
            item.setData(Qt.ItemDataRole.UserRole, label)
            self.addItem(item)
        pictures: Any = [()] * len(looks) if shown is None else exemplar_pictures(shown)
        self._strips = [_strip(colour, some) for (_, _, colour), some in zip(looks, pictures, strict=True)]
        self.setIconSize(QSize())
        self._draw()

    @slot
    def resizeEvent(self, event: Any) -> None:
        """Show as many pictures as there is room for."""
        super().resizeEvent(event)
        self._draw()

    def sizeHint(self) -> QSize:
        """Ask for little: it scrolls, and gets what is left."""
        return QSize(200, LEAST_HEIGHT)

    def _draw(self) -> None:
        """Show as much of each strip as there is room for, whole pictures and at least one."""
        names = [self.item(row).text().split("\n")[0] for row in range(self.count())]
        widest = max((self.fontMetrics().horizontalAdvance(name) for name in names), default=0)
        text = min(max(TEXT, widest + 5 * GAP), MOST_TEXT)
        room = max(self.viewport().width() - text, CHIP + 2 * GAP + SIDE)
        shown = min(room, max((strip.width() for strip in self._strips), default=0))
        size = QSize(
            shown - (shown - CHIP - GAP) % (SIDE + GAP), max(map(QPixmap.height, self._strips), default=0)
        )
        if size != self.iconSize():
            self.setIconSize(size)
            for row, strip in enumerate(self._strips):
                part = strip.copy(QRect(QPoint(), size))
                icon = QIcon(part)
                icon.addPixmap(part, QIcon.Mode.Selected)  # not tinted: the colours matter
                self.item(row).setIcon(icon)

    @slot
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


def _strip(colour: str, pictures: Any) -> QPixmap:
    """Draw the colour of a cluster and its pictures, (n, side, side, 4) uint8, side by side."""
    pictures = [picture for picture in pictures if picture[..., 3].any()]
    strip = QPixmap(CHIP + GAP + len(pictures) * (SIDE + GAP), SIDE if pictures else CHIP + 14)
    strip.fill(Qt.GlobalColor.transparent)
    with painting(strip) as painter:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(0, 0, CHIP, strip.height(), QColor(colour))
        for place, picture in enumerate(pictures):
            at = QRect(CHIP + GAP + place * (SIDE + GAP), 0, SIDE, SIDE)
            painter.drawImage(at, picture_of(picture))
    return strip
