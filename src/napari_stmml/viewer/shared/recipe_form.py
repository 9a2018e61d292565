"""Form fields for the parameters of a recipe, made from the recipe's own definitions."""

from dataclasses import fields
from decimal import Decimal
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, LineEdit, SpinBox
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCompleter

from napari_stmml.heights.flatten import FLATTEN_METHODS
from napari_stmml.parameters import PARAMETERS
from napari_stmml.recipe import DEFAULT, RECIPES, STORIES, Recipe

LEAST, MOST = -(2**31), 2**31 - 1  # of a number that says no bounds of its own
USUAL, BUTTONS = 60, 50  # px of a number, and of its minus and plus

_BY_NAME = {parameter.name: parameter for parameter in fields(Recipe)}
_IDENTITY = {"name", "features", "both_biases"}  # what makes a recipe that one: chosen by its name
_OF_CELLS = {"flatten_method", "resample", "pixel_density", "pixel_limit", "num_clusters"}
_OF_LEARNED = {"epochs", "batch_size", "learning_rate", "sampled_windows"}


def matters(recipe: Recipe) -> set[str]:
    """Name the parameters that change anything in a recipe, apart from those that make it that recipe."""
    if not recipe.of_windows:
        return _OF_CELLS | (_OF_LEARNED if recipe.trains else set())
    return set(_BY_NAME) - _IDENTITY - {"sampled_windows"}


def recipe_choice() -> ComboBox:
    """Make the choice of a recipe by name; what each is stands in its tip."""
    tip = "\n".join(f"{name}: {story}" for name, story in STORIES.items())
    choice = ComboBox(name="recipe", label="Recipe", choices=list(RECIPES), value=DEFAULT, tooltip=tip)
    for row, name in enumerate(RECIPES):
        choice.native.setItemData(row, STORIES[name], Qt.ItemDataRole.ToolTipRole)
    return choice


class ChainCompleter(QCompleter):
    """Suggests methods for the part of a chain that is being written, the one after the last ``+``."""

    def __init__(self, parent: Any) -> None:
        super().__init__(list(FLATTEN_METHODS), parent)
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterMode(Qt.MatchFlag.MatchContains)

    def splitPath(self, path: str) -> list[str]:
        """Return what is to be completed."""
        return [path.rpartition("+")[2].strip()]

    def pathFromIndex(self, index: Any) -> str:
        """Return the chain with its last part completed."""
        before, plus, _ = self.widget().text().rpartition("+")
        return f"{before.strip()} + {super().pathFromIndex(index)}" if plus else super().pathFromIndex(index)


def field_for(name: str, recipe: Recipe) -> Any:
    """Make the form field of one parameter: its default, bounds, unit and help are the recipe's."""
    parameter, value = _BY_NAME[name], getattr(recipe, name)
    label = name.replace("_", " ").capitalize()
    unit, tip = parameter.metadata.get("unit", ""), f"{name}: {PARAMETERS[name].described}"
    if unit and not label.endswith(unit):
        label = f"{label} ({unit})"
    options = {"name": name, "label": label, "tooltip": tip}
    choices = list(parameter.metadata.get("choices", ()))
    if name == "flatten_method":
        return _chain_field(value, options)
    if choices:
        return ComboBox(value=value, choices=choices, **options)
    if isinstance(parameter.default, bool):
        return CheckBox(value=value, text=label, name=name, tooltip=tip)  # it is its own label
    if isinstance(parameter.default, int):
        return SpinBox(value=value, **_bounds(parameter), **options)
    if isinstance(parameter.default, float):
        return _number_field(parameter, value, options)
    return LineEdit(value=value, **options)


def values(widgets: list[Any]) -> dict[str, Any]:
    """Return the parameters as they are set, by name."""
    return {widget.name: widget.value for widget in widgets}


def _bounds(parameter: Any) -> dict[str, float]:
    least, most = parameter.metadata.get("least"), parameter.metadata.get("most")
    return {"min": LEAST if least is None else least, "max": MOST if most is None else most}


def _number_field(parameter: Any, value: float, options: dict[str, str]) -> FloatSpinBox:
    # Steps of a tenth of the default: also where that is a learning rate of 0.0001.
    box = FloatSpinBox(step=abs(parameter.default) / 10 or 0.1, **options)
    bounds = _bounds(parameter)
    digits = -Decimal(str(bounds["min"])).adjusted()
    few = box.native.decimals() if digits > -3 else 0  # none of what is at least 1000
    box.native.setDecimals(max(digits, few))  # before bounds and value, which it rounds
    box.min, box.max, box.value = bounds["min"], bounds["max"], value
    wide = box.native.fontMetrics().horizontalAdvance(box.native.textFromValue(parameter.default))
    if wide > USUAL:  # napari's style sheet has the last word, unless there is one of the field's own
        box.native.setStyleSheet(f"min-width: {wide + BUTTONS}px")
    return box


def _chain_field(value: str, options: dict[str, str]) -> LineEdit:
    """Make a line for a chain of methods that suggests them; the recipe says what is wrong with it."""
    known = "\n".join(f"{method}: {what}" for method, what in FLATTEN_METHODS.items())
    tip = f"{options['tooltip']}\nOne method, or several in order joined by +:\n{known}"
    field = LineEdit(value=value, **(options | {"tooltip": tip}))
    field.native.setCompleter(ChainCompleter(field.native))
    line = field.native
    line.cursorPositionChanged.connect(lambda _, place: _show_beginning(line) if place else None)
    _show_beginning(line)
    return field


def _show_beginning(line: Any) -> None:
    """Show how a long text begins, unless somebody is writing it."""
    if not line.hasFocus():
        line.setCursorPosition(0)
