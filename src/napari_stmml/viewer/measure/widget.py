"""The Measure widget: what the classes of a map say about the surface, in nm, beside the image."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox, FloatSpinBox
from napari.layers import Labels
from qtpy.QtWidgets import QComboBox, QFileDialog, QLabel
from superqt.utils import create_worker

from napari_stmml.io.label_tiff import BACKGROUND
from napari_stmml.measuring.cautions import cautions
from napari_stmml.measuring.measurements import Measurements, measure_scan
from napari_stmml.measuring.quantities import with_units
from napari_stmml.measuring.region_tables import write_measurements
from napari_stmml.scan import Scan
from napari_stmml.text import counted, number, short_stem
from napari_stmml.viewer.correct.layer_looks import ROLE
from napari_stmml.viewer.correct.session_layers import correction_of
from napari_stmml.viewer.io.layers import KEY, OBJECTS, labels_from_layer
from napari_stmml.viewer.io.levelling import recorded_scan
from napari_stmml.viewer.measure.scan_choice import image_of_map, misfit, scan_names, why_no_image
from napari_stmml.viewer.measure.series import SeriesPart
from napari_stmml.viewer.measure.table import MeasurementTable, with_statistics
from napari_stmml.viewer.shared.in_sight import map_in_sight
from napari_stmml.viewer.shared.open_figure import open_figure
from napari_stmml.viewer.shared.panel import Panel, button, row_of
from napari_stmml.viewer.shared.slots import guarded, slot
from napari_stmml.viewer.shared.temporary_layers import lasting_layers

LONG_NAMES = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
NONE = "none"  # no class is background
AROUND_NM, AROUND_PX = 6.0, 60.0  # what the camera shows around a region, beyond it
OF_CLASSES = (
    *("name", "count", "n", "density", "density_error", "coverage", "height_mean", "area_mean", "nearest"),
    *("touching", "paired", "inside"),
)
OF_REGIONS = (
    *(
        "name",
        "height",
        "area",
        "area_ratio",
        "diameter",
        "nearest",
        "x",
        "y",
        "major",
        "minor",
        "orientation",
    ),
    *("lowest", "highest", "touches_border", "confidence"),
)


@dataclass(frozen=True, eq=False)
class Measured:
    """A map that was measured: its layer, its scan, which model made it, and the result."""

    layer: Labels
    scan: Scan
    model: str
    result: Measurements


class MeasureWidget(Panel):
    """Measure the regions of a map; a click on a row goes there, a click on a region shows its row."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.correction = correction_of(napari_viewer)
        self.session = self.correction.session
        self.measured: Measured | None = None
        self._named: set[str] = set()  # classes of the map that was chosen last
        self.maps = ComboBox(label="Map", choices=self._maps, tooltip="labels of an open scan")
        tip = "the scan whose heights are measured: chosen for you where the map says which, or only one fits"
        self.scan = ComboBox(label="Scan", choices=self._scans, tooltip=tip, nullable=True)
        self.scan.null_string = "choose the scan of this map"
        self.scan.native.setSizeAdjustPolicy(LONG_NAMES)
        self.background = ComboBox(
            label="Background",
            choices=self._classes,
            tooltip="the class of the surface between structures: it has an area, but no regions. Correct can"
            " mark more classes as background",
        )
        self.least = FloatSpinBox(
            label="Smallest area (nm²)", max=1e6, step=0.1, tooltip="smaller regions are left out as noise"
        )
        self._choices += [self.maps, self.scan]
        self.form(self.maps, self.scan, self.background, self.least)
        self.button = button("Measure", "measure all regions of the map", self.measure)
        tip = "write tables of regions and classes, profiles, averages and pair distances to a folder"
        self.save_button = button("Save tables…", tip, self._ask_save)
        self.save_button.setEnabled(False)
        tip = "a figure for a paper: outlines, and average, profile and pair distances of each class"
        self.figure_button = button("Save figure…", tip, self._open_figure)
        self.add(row_of(self.button, self.save_button, self.figure_button), self.status)
        self.series = SeriesPart(self)
        self.column.insertWidget(self.column.count() - 1, self.series)
        self.classes, self.regions = MeasurementTable("statistics of classes"), MeasurementTable("regions")
        for title, table, share in (("Classes", self.classes, 2), ("Regions", self.regions, 3)):
            self.column.addWidget(QLabel(title))
            self.column.addWidget(table, share)
        self.regions.picked.connect(self.go_to)
        self.maps.changed.connect(self._on_map)
        self.follow(napari_viewer.layers.selection.events.active, self._take_map)
        self._take_map()
        self._on_map()

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that the viewer has now; find the scan of a map that was opened before it."""
        super().reset_choices(event)
        if self.scan.value is None:
            self._find_scan()

    def on_close(self) -> None:
        """Let go of the map that was measured: its layer would call this panel for ever."""
        if self.measured is not None and self.show_row_at in self.measured.layer.mouse_drag_callbacks:
            self.measured.layer.mouse_drag_callbacks.remove(self.show_row_at)
        self.measured = None

    def measure(self) -> None:
        """Measure the chosen map, off the main thread."""
        layer, image = self.maps.value, self.scan.value
        if layer is None:
            self.say("Open a scan and label it first: there is no map to measure.")
            return
        if image is None:
            self.say(why_no_image(layer, self._images()), wrong=True)
            return
        if why := misfit(layer, image):
            self.say(f"{why}: choose the scan that the map was made of.", wrong=True)
            return
        scan = recorded_scan(image)
        (labels, names, objects), model = self.labels_of(layer), self.model_of(layer)
        options = {
            "names": names,
            "background": self._background(),
            "min_area": self.least.value,
            "confidence": self._confidence(image),
            "objects": objects,
        }

        def work() -> Measured:
            return Measured(layer, scan, model, measure_scan(labels, scan, **options))

        self.button.setEnabled(False)
        self.say("measuring …")
        connect = {
            "returned": self._show,
            "errored": guarded(lambda error: self.say(f"{scan.name}: {error}", wrong=True)),
            "finished": guarded(lambda: self.button.setEnabled(True)),
        }
        create_worker(work, _connect=connect)

    def save(self, folder: str | Path) -> None:
        """Write regions, classes, profiles and pair distances as CSV files to a folder."""
        if self.measured is None:
            raise ValueError("measure a map first")
        one = self.measured
        parts = (one.scan.stem or "scan", one.scan.short_direction)
        stem = short_stem("_".join(part for part in parts if part))
        paths = write_measurements(folder, stem, one.result, one.scan, model=one.model)
        self.say(f"{counted(len(paths), 'file')} written to {folder}.")

    @slot
    def go_to(self, row: int) -> None:
        """Move the camera to a region, given by its row in the table, and choose its class."""
        if self.measured is None:
            return
        layer, scan = self.measured.layer, self.measured.scan
        one = self.measured.result.regions.iloc[row]
        side = one.major + (AROUND_PX if scan.pixel_size is None else AROUND_NM)
        corrected = self.correction.scan_of(layer)
        if corrected is not None:
            self.correction.fly_to(corrected, one.row, one.col, side)
        else:
            layer.visible = True
            pixel = 1.0 if scan.pixel_size is None else scan.pixel_size[0]
            self.correction.show_position(layer, one.row, one.col, side / pixel)
        at = np.unravel_index(np.argmax(self.measured.result.numbers == row + 1), layer.data.shape)
        layer.selected_label = int(layer.data[at]) if OBJECTS in layer.metadata else int(one.label)

    @slot
    def show_row_at(self, layer: Any, event: Any) -> None:
        """Select the row of the region under the mouse."""
        if self.measured is None or layer is not self.measured.layer:
            return
        numbers = self.measured.result.numbers
        row, col = (round(float(at)) for at in layer.world_to_data(event.position)[-2:])
        inside = 0 <= row < numbers.shape[0] and 0 <= col < numbers.shape[1]
        if inside and numbers[row, col]:
            self.regions.choose(int(numbers[row, col]) - 1)

    @slot
    def _show(self, measured: Measured) -> None:
        self.measured = measured
        result, layer = measured.result, measured.layer
        self.classes.show_columns(result.classes, OF_CLASSES, result.unit)
        self.regions.show_columns(result.regions, OF_REGIONS, result.unit)
        if OBJECTS not in layer.metadata:  # whose rows are objects
            layer.features = with_statistics(layer.features, with_units(result.classes, result.unit))
        self.save_button.setEnabled(True)
        if self.show_row_at not in layer.mouse_drag_callbacks:
            layer.mouse_drag_callbacks.append(self.show_row_at)
        regions, classes = len(result.regions), int((result.classes["count"] > 0).sum())
        warned = "\n".join(cautions(result))
        found = f"{counted(regions, 'region')} of {counted(classes, 'class')}"
        self.shared.note("Measure", measured.scan, found)
        self.say(
            f"{counted(regions, 'region')} of {counted(classes, 'class')} on {number(result.area)}"
            f" {result.unit}²; {int(result.regions.touches_border.sum())} at the border, left out of means."
            f" Heights of {measured.scan.name}.\n{warned}"
        )

    def labels_of(self, layer: Any) -> tuple[np.ndarray, dict[int, str], np.ndarray | None]:
        """Return labels, names and objects of a map; of a scan under correction, what a person says first."""
        one = self.correction.scan_of(layer)
        if one is not None and self.session.classifier is not None:
            classes = self.session.classifier.classes
            return one.shown(classes), classes.legend[0], None
        data, meta, _ = layer.as_layer_data_tuple()
        found = labels_from_layer(data, meta)
        objects = None if found.objects is None else found.objects.copy()
        return found.labels.copy(), dict(found.names), objects

    def _background(self) -> set[int]:
        """Return the labels of the background: what is chosen here, and what is marked in Correct."""
        return ({self.background.value} if self.background.value else set()) | self.marked(self.maps.value)

    def marked(self, layer: Any) -> set[int]:
        """Return the labels of a map that are marked as background, here in Correct or when it was made."""
        if self.correction.scan_of(layer) is None or self.session.classifier is None:
            return set((layer.metadata.get(KEY) or {}).get(BACKGROUND) or [])
        entries = self.session.classifier.classes.entries
        return {label for label, entry in enumerate(entries, 1) if entry.background}

    def _confidence(self, image: Any) -> np.ndarray | None:
        one = self.correction.scan_of(image)
        return None if one is None else one.to_pixels(one.confidence)

    def model_of(self, layer: Any) -> str:
        """Return the name of the model that made the labels; empty where it is not known."""
        if self.correction.scan_of(layer) is not None:
            return "" if self.session.path is None else self.session.path.name
        return str((layer.metadata.get(KEY) or {}).get("model") or "")

    @slot
    def _take_map(self) -> None:
        """Choose the map that a person looks at, or one of the scan."""
        found = map_in_sight(self.viewer, self.maps.choices, self._image_of)
        if found is not None and found is not self.maps.value:
            self.maps.value = found

    @slot
    def _on_map(self, _layer: Any = None) -> None:
        """Find the scan of the map; keep the background, so that it is one class for all maps of a model."""
        self._find_scan()
        before, of_last = self.background.current_choice, self._named
        self._named = set() if self.maps.value is None else set(self.labels_of(self.maps.value)[1].values())
        self.background.reset_choices()
        if self.background.current_choice != before or (before == NONE and self._named != of_last):
            self.background.value = self._classes()[0][1]

    def _find_scan(self) -> None:
        found = None if self.maps.value is None else self._image_of(self.maps.value)
        self.scan.value = found if found in self.scan.choices else None

    def _image_of(self, layer: Any) -> Any:
        """Return the image that a map lies on, None where it is not known."""
        one = self.correction.scan_of(layer)
        return image_of_map(layer, self._images()) if one is None else self.correction.of(one).image

    def scan_below(self, layer: Any) -> Scan | None:
        """Return the open scan that a map lies on, None where it is not known."""
        image = self.scan.value if layer is self.maps.value else self._image_of(layer)
        return None if image is None or misfit(layer, image) else recorded_scan(image)

    def background_names(self) -> tuple[str, ...]:
        """Return the names of the classes that are background on the map that is chosen."""
        names = self.labels_of(self.maps.value)[1]
        return tuple(names.get(label, f"class {label}") for label in sorted(self._background()))

    def _scans(self, _widget: Any = None) -> list[tuple[str, Any]]:
        return scan_names(self._images())

    def _maps(self, _widget: Any = None) -> list[Any]:
        labels = lasting_layers(self.viewer, Labels)
        return [one for one in labels if one.ndim == 2 and one.metadata.get(ROLE) != "predicted"]

    def _classes(self, _widget: Any = None) -> list[tuple[str, int]]:
        """List the classes of the map, that of the largest area first: the usual background.

        What has no label comes last, but on maps of no known scan, where it is usually the surface, and first
        on maps of objects, where no type is the surface.
        """
        layer = self.maps.value
        if layer is None:
            return [(NONE, 0)]
        labels, names, objects = self.labels_of(layer)
        there, sizes = np.unique(labels, return_counts=True)
        order = there[np.argsort(-sizes, kind="stable")].tolist()
        if 0 not in order or (layer.metadata.get(KEY) or {}).get("source"):
            order = [label for label in order if label] + [0]
        if objects is not None:
            order = [0] + [label for label in order if label]
        return [(names.get(label, f"class {label}") if label else NONE, label) for label in order]

    def _open_figure(self) -> None:
        panel = open_figure(self.viewer, "measured", self.maps.value)
        panel.measure_with(self.scan.value, self._background(), self.least.value)

    def _ask_save(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Save the tables in a folder")
        if folder:
            self.attempt(lambda: self.save(folder))
