"""The Measure widget: what the classes of a map say about the surface, in nm, beside the image."""

from pathlib import Path
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, FloatSpinBox
from napari.layers import Labels
from napari.qt.threading import create_worker
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton

from napari_stmml.heights.flatten import flatten
from napari_stmml.measuring.regions import FLATTENED, Measurements, measure
from napari_stmml.scan import Scan
from napari_stmml.viewer.correct.open_scan import ROLE, OpenScan
from napari_stmml.viewer.correct.session import session_of
from napari_stmml.viewer.io.layers import labels_from_layer
from napari_stmml.viewer.measure.table import RegionTable
from napari_stmml.viewer.shared.overlays import PASSING
from napari_stmml.viewer.shared.panel import Panel, brief_name, scan_of

AROUND_NM, AROUND_PX = 6.0, 60.0  # what the camera shows around a region, beyond it
OF_CLASSES = ("name", "count", "density", "coverage", "height_mean", "area_mean", "nearest")
OF_REGIONS = ("name", "height", "area", "diameter", "nearest", "x", "y")  # these first
NOT_SHOWN = ("label", "number", "row_px", "col_px")


class MeasureWidget(Panel):
    """Measure the regions of a map; a click on a row goes there, a click on a region shows its row."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.session = session_of(napari_viewer)
        self.maps = ComboBox(label="Map", choices=self._maps, tooltip="labels that lie on an open scan")
        self.background = ComboBox(
            label="Background",
            choices=self._classes,
            tooltip="what structures lie on; Correct can mark more classes as background",
        )
        self.least = FloatSpinBox(
            label="Least area (nm²)", value=0.0, max=1e6, step=0.1, tooltip="smaller is noise"
        )
        self._choices.append(self.maps)
        self.form(self.maps, self.background, self.least)
        row = QHBoxLayout()
        self.button, self.save_button = QPushButton("Measure"), QPushButton("Save tables…")
        self.button.clicked.connect(self.measure)
        self.save_button.clicked.connect(self._ask_save)
        self.save_button.setEnabled(False)
        for button in (self.button, self.save_button):
            row.addWidget(button)
        self.column.addLayout(row)
        self.column.addWidget(self.status)
        self.classes, self.regions = RegionTable("statistics of classes"), RegionTable("regions")
        for heading, table, share in (("Classes", self.classes, 2), ("Regions", self.regions, 3)):
            self.column.addWidget(QLabel(heading))
            self.column.addWidget(table, share)
        self.regions.picked.connect(self.go_to)
        self.found: Measurements | None = None
        self._of: tuple[Scan, np.ndarray, Any] | None = (
            None  # scan, flattened heights, layer that was measured
        )
        self._worker: Any = None
        self._listening: list[Any] = []
        self.maps.changed.connect(lambda: self.background.reset_choices())

    # ---- what is measured

    def measure(self) -> None:
        """Measure the map that is chosen, off the main thread."""
        layer = self.maps.value
        if layer is None:
            self.say("Open a scan and label it first: there is no map to measure.")
            return
        image = self._image_of(layer)
        if image is None:
            self.say(f"{layer.name}: no open scan has its size, so there are no heights.", wrong=True)
            return
        scan = scan_of(image)
        labels, names = self._labels(layer)
        background = self._background()
        least = self.least.value
        confidence = self._confidence(image)
        self.button.setEnabled(False)
        self.say("measuring …")

        def work() -> tuple[np.ndarray, Measurements]:
            heights = (
                flatten(scan.heights.astype(float), FLATTENED) if scan.unit in ("", "nm") else scan.heights
            )
            found = measure(
                *(labels, heights, scan.pixel_size),
                names=names,
                background=background,
                min_area=least,
                confidence=confidence,
            )
            return heights, found

        self._worker = create_worker(work, _start_thread=False)
        self._worker.returned.connect(lambda made: self._show(made[1], scan, made[0], layer))
        self._worker.errored.connect(lambda error: self.say(f"{scan.name}: {error}", wrong=True))
        self._worker.finished.connect(lambda: self.button.setEnabled(True))
        self._worker.start()

    def save(self, folder: str | Path) -> None:
        """Write regions, classes, profiles and pair distances as CSV files to a folder."""
        from napari_stmml.measuring.region_tables import write_measurements

        if self.found is None or self._of is None:
            raise ValueError("measure a map first")
        scan, heights, _ = self._of
        stem = "_".join(part for part in (scan.stem or "scan", scan.short_direction) if part)
        model = "" if self.session.path is None else self.session.path.name
        paths = write_measurements(folder, stem, self.found, heights, scan, model=model)
        self.say(f"{len(paths)} files written to {folder}.")

    def go_to(self, row: int) -> None:
        """Move the camera to a region, and choose its class."""
        if self.found is None or self._of is None:
            return
        one, (scan, _, layer) = self.found.regions[row], self._of
        side = one.major + (AROUND_PX if scan.pixel_size is None else AROUND_NM)
        corrected = self._open_scan(layer)
        if corrected is not None:
            self.session.fly_to(corrected, one.row, one.col, side)
        else:
            layer.visible = True
            pixel = 1.0 if scan.pixel_size is None else scan.pixel_size[0]
            self.session.show_place(layer, one.row, one.col, side / pixel)
        layer.selected_label = one.label

    # ---- inside

    def _show(self, found: Measurements, scan: Scan, heights: np.ndarray, layer: Any) -> None:
        self.found, self._of = found, (scan, heights, layer)
        self.classes.show_columns(_first(found.class_columns(), OF_CLASSES, others=False))
        self.regions.show_columns(_first(found.region_columns(), OF_REGIONS, others=True))
        layer.features = _features(layer.features, found.class_columns())
        self.save_button.setEnabled(True)
        if layer not in self._listening:
            layer.mouse_drag_callbacks.append(self._click)
            self._listening.append(layer)
        cut = sum(one.touches_border for one in found.regions)
        classes = sum(not one.background for one in found.classes)
        what = f"{len(found.regions)} regions of {classes} {'class' if classes == 1 else 'classes'}"
        area = f"on {found.scanned:.4g} {found.unit}²"
        self.say(f"{what} {area}; left out of means, at the border: {cut}.")

    def _click(self, layer: Any, event: Any) -> None:
        """Show the row of the region under the mouse."""
        if self.found is None or self._of is None or layer is not self._of[2]:
            return
        row, col = (round(float(at)) for at in layer.world_to_data(event.position)[-2:])
        rows, cols = self.found.numbers.shape
        if 0 <= row < rows and 0 <= col < cols and (number := int(self.found.numbers[row, col])):
            self.regions.choose(number - 1)

    def _open_scan(self, layer: Any) -> OpenScan | None:
        return next((one for one in self.session.scans if layer in (one.truth, one.predicted)), None)

    def _labels(self, layer: Any) -> tuple[np.ndarray, dict[int, str]]:
        """Return labels and names of a map; of a scan under correction, a person's over the model's."""
        one = self._open_scan(layer)
        if one is not None and self.session.classifier is not None:
            classes = self.session.classifier.classes
            return one.shown(classes), dict(enumerate(classes.names, 1))
        data, meta, _ = layer.as_layer_data_tuple()
        found = labels_from_layer(data, meta)
        return found.labels.copy(), dict(found.names)

    def _background(self) -> set[int]:
        """Return the labels that are background: what is chosen, and what is marked in Correct."""
        chosen = {self.background.value} if self.background.value else set()
        if self._open_scan(self.maps.value) is not None and self.session.classifier is not None:
            entries = self.session.classifier.classes.entries
            chosen |= {label for label, entry in enumerate(entries, 1) if entry.background}
        return chosen

    def _confidence(self, image: Any) -> np.ndarray | None:
        one = next((one for one in self.session.scans if one.layer == image), None)
        return None if one is None else one.to_pixels(one.confidence)

    def _image_of(self, layer: Any) -> Any:
        """Return the image that a map lies on: of its scan, or else the lowest of its size."""
        one = self._open_scan(layer)
        if one is not None:
            return one.layer
        fits = [image for image in self._images() if image.data.shape == layer.data.shape]
        name = str(layer.name)
        return next((image for image in fits if name.endswith(brief_name(image))), fits[0] if fits else None)

    def _maps(self, _widget: Any = None) -> list[Any]:
        found = [
            layer
            for layer in self.viewer.layers
            if isinstance(layer, Labels) and layer.ndim == 2 and PASSING not in layer.metadata
        ]
        return [layer for layer in found if layer.metadata.get(ROLE) != "predicted"]

    def _classes(self, _widget: Any = None) -> list[tuple[str, int]]:
        """List the classes of the map, that of the largest area first: the usual background."""
        layer = self.maps.value
        if layer is None:
            return [("none", 0)]
        labels, names = self._labels(layer)
        sizes = np.bincount(labels.ravel(), minlength=max(names, default=0) + 1)
        order = [int(label) for label in np.argsort(-sizes, kind="stable") if label and sizes[label]]
        return [(names.get(label, f"class {label}"), label) for label in order] + [("none", 0)]

    def _ask_save(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Save the tables in a folder")
        if folder:
            try:
                self.save(folder)
            except (ValueError, OSError) as error:
                self.say(str(error), wrong=True)


def _first(columns: dict[str, list[Any]], names: tuple[str, ...], others: bool) -> dict[str, list[Any]]:
    """Put the columns of some quantities first, whatever their unit; then the others, or none."""
    chosen = [
        column for name in names for column in columns if column == name or column.startswith(f"{name}_")
    ]
    left = [column for column in columns if column not in chosen and column not in NOT_SHOWN]
    return {column: columns[column] for column in dict.fromkeys([*chosen, *(left if others else [])])}


def _features(table: Any, columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Put the numbers of classes beside their names in a layer's features: there, other plugins find them."""
    known = {"index", "class"} & set(table)
    features: dict[str, list[Any]] = {name: list(table[name]) for name in ("index", "class") if name in known}
    labels = [int(label) for label in features.get("index", [0, *columns["label"]])]
    features["index"] = labels
    rows = {label: row for row, label in enumerate(columns["label"])}
    for name, values in columns.items():
        if name not in ("label", "name", "background"):
            features[name] = [values[rows[label]] if label in rows else float("nan") for label in labels]
    return features
