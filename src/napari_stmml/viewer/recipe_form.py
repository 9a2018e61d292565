"""Form fields for the parameters of a recipe, made from the recipe's own definitions."""

from dataclasses import fields
from decimal import Decimal
from typing import Any

from magicgui.widgets import ComboBox, FloatSpinBox, SpinBox

from napari_stmml.flattening import FLATTEN_METHODS
from napari_stmml.recipe import Recipe

_BY_NAME = {parameter.name: parameter for parameter in fields(Recipe)}


def field_for(name: str, recipe: Recipe) -> Any:
    """Make the form field of one parameter: its default, bounds, unit and help are the recipe's."""
    parameter, value = _BY_NAME[name], getattr(recipe, name)
    label = name.replace("_", " ").capitalize()
    unit, tip = parameter.metadata["unit"], f"{name}: {parameter.metadata['help']}"
    if unit:
        label, tip = f"{label} ({unit})", f"{tip} ({unit})"
    if name == "flatten_method":
        tip = f"{tip}\n" + "\n".join(f"{method}: {what}" for method, what in FLATTEN_METHODS.items())
        return ComboBox(name=name, label=label, value=value, choices=list(FLATTEN_METHODS), tooltip=tip)
    bounds = {"min": parameter.metadata["least"], "max": parameter.metadata["most"], "tooltip": tip}
    if isinstance(parameter.default, int):
        return SpinBox(name=name, label=label, value=value, **bounds)
    # Steps of a tenth of the default: also where that is a learning rate of 0.0001.
    box = FloatSpinBox(name=name, label=label, step=float(getattr(Recipe(), name)) / 10, tooltip=tip)
    digits = -Decimal(str(bounds["min"])).adjusted()
    box.native.setDecimals(max(digits, box.native.decimals()))  # before bounds and value, which it rounds
    box.min, box.max, box.value = bounds["min"], bounds["max"], value
    return box


def values(widgets: list[Any]) -> dict[str, Any]:
    """Return the parameters as they are set, by name."""
    return {widget.name: widget.value for widget in widgets}
