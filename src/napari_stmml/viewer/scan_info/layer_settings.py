"""What a layer says of its scan without reading a file: the settings in its metadata, its size and scale."""

from pathlib import Path
from typing import Any

from napari_stmml.io.settings import Row, Setting, for_people
from napari_stmml.scan import Scan
from napari_stmml.text import number
from napari_stmml.viewer.io.layers import KEY
from napari_stmml.viewer.io.placement import pixel_size_nm

LAYER = "This layer"


def source_of(layer: Any) -> str:
    """Return the path of the file that a layer came from, as its metadata say; empty where they do not."""
    return str(_metadata(layer).get("source") or "")


def layer_rows(layer: Any) -> list[Row]:
    """Return the rows of the table that a layer fills: the settings of its scan, its size and scale now."""
    known, shape = _metadata(layer), tuple(layer.data.shape)
    rows = [_row("Name", str(layer.name))]
    for key, label in (("direction", "Direction"), ("channel", "Channel")):
        if known.get(key):
            rows.append(_row(label, str(known[key]), key))
    if known.get("bias") is not None:
        rows.append(_row("Bias", for_people(float(known["bias"]), "Volt"), "bias", known["bias"], "V"))
    if known.get("setpoint") is not None:
        text = for_people(known["setpoint"] * 1e-9, "Ampere")
        rows.append(_row("Setpoint", text, "setpoint", known["setpoint"], "nA"))
    rows += [_row("Rows x columns", " x ".join(map(str, shape))), *_scale_rows(layer, shape)]
    if known.get("direction"):
        rows += _frame_rows(Scan.from_settings([[0.0]], {**known, "pixel_size": None}))  # type: ignore[arg-type]
    if source_of(layer):
        rows.append(_row("File", Path(source_of(layer)).name, "source", source_of(layer)))
    return rows


def _metadata(layer: Any) -> dict[str, Any]:
    known = {} if layer is None else layer.metadata.get(KEY)
    return known if isinstance(known, dict) else {}


def _frame_rows(scan: Scan) -> list[Row]:
    rows = []
    if scan.angle is not None:
        rows.append(_row("Angle", for_people(scan.angle, "Degree"), "angle", scan.angle, "deg"))
    if scan.offset is not None:
        offset = ", ".join(for_people(nm * 1e-9, "Meter") for nm in scan.offset)
        rows.append(_row("Offset, x and y", offset, "offset", list(scan.offset), "nm"))
    if scan.taken is not None:
        rows.append(_row("Taken", f"{scan.taken:%Y-%m-%d %H:%M} UTC", "taken", scan.taken.isoformat()))
    return [*rows, _row("History", ", ".join(scan.history) or "as recorded", "history")]


def _scale_rows(layer: Any, shape: tuple[int, ...]) -> list[Row]:
    """Return the size of a layer by its scale and units, which a person may have changed."""
    size = pixel_size_nm({"scale": layer.scale, "units": layer.units})
    if size is None:
        scale = " x ".join(number(float(one)) for one in layer.scale)
        return [_row("Scale", f"{scale} ({', '.join(map(str, layer.units))})")]
    per_nm = [1 / nm for nm in size]
    sides, density = (" x ".join(dict.fromkeys(map(number, each))) for each in (size, per_nm))
    lengths = [n * nm for n, nm in zip(shape[-2:], size, strict=True)]
    return [
        _row("Height x width", f"{' x '.join(map(number, lengths))} nm", "", lengths, "nm"),
        _row("Pixel size", f"{sides} nm/px", "pixel_size", list(size), "nm/px"),
        _row("Pixel density", f"{density} px/nm", "", per_nm, "px/nm"),
    ]


def _row(label: str, text: str, key: str = "", exact: Any = None, unit: str = "") -> Row:
    return Row(LAYER, label, text, "layer", Setting(key, text if exact is None else exact, unit))
