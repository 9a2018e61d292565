"""Form fields of parameters: label, bounds, choices and tooltip come from the parameter's declaration."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, LineEdit, SpinBox, TextEdit
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCompleter, QLabel
from superqt import QCollapsible

from napari_stmml.heights.flatten import FLATTEN_METHODS
from napari_stmml.parameter_type import MOST, Parameter, parameters_of
from napari_stmml.recipe import Recipe
from napari_stmml.viewer.shared.panel import form_of, show_row
from napari_stmml.viewer.shared.slots import guarded

USUAL, BUTTONS = 60, 50  # px of a number, and of its minus and plus


def field_for(known: Parameter, value: Any = None) -> Any:
    """Make the form field of one parameter, with this value or its default.

    Parameters
    ----------
    known : Parameter
        Declaration of the parameter.
    value : Any
        None for the default.

    Returns
    -------
    Any
        magicgui widget of the kind that fits the parameter, in no form yet.
    """
    value = known.default if value is None else value
    options: dict[str, Any] = {"name": known.name, "label": known.label, "tooltip": known.tip}
    if known.name == "flatten_method":
        return _chain_field(value, options)
    if known.choices:
        return _choice_field(known, value, options)
    match known.default:
        case tuple():
            return _lines_field(value, options)
        case bool():
            return CheckBox(value=value, text=options.pop("label"), **options)
        case str():
            return LineEdit(value=value, **options)
        case int():
            least, most = known.bounds or (None, None)
            return SpinBox(value=value, min=least, max=most, **options)
        case _:
            return _number_field(known, value, options)


def value_of(field: Any) -> Any:
    """Return the value of a field, in the type of its parameter; of a list, each line is one text.

    Parameters
    ----------
    field : Any
        As ``field_for`` makes it.

    Returns
    -------
    Any
        Of a list: tuple of str, without empty lines and without blanks around the texts.
    """
    if isinstance(field, TextEdit):
        return tuple(line.strip() for line in field.value.splitlines() if line.strip())
    return field.value


def set_values(fields: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Set those fields that there are values for.

    Parameters
    ----------
    fields : mapping of str to Any
        Fields by the names of their parameters.
    values : mapping of str to Any
        Values by the names of parameters; those without a field are left out.
    """
    for name in fields.keys() & values.keys():
        value = values[name]
        fields[name].value = "\n".join(value) if isinstance(value, tuple) else value


def take_recipe(fields: Mapping[str, Any], recipe: Recipe, chain: str | None = None) -> None:
    """Set the fields to a recipe's values; the chain that Prepare gave to training stays, if there is one.

    Parameters
    ----------
    fields : mapping of str to Any
        Fields by the names of their parameters.
    recipe : Recipe
    chain : str or None
        Chain of flatten methods to set in place of the recipe's; None to set the recipe's.
    """
    set_values(fields, recipe.as_dict() | ({} if chain is None else {"flatten_method": chain}))


def show_used(fields: Mapping[str, Any], recipe: Recipe, always: Collection[str] = ()) -> None:
    """Show the parameters that change anything in a recipe; ``always`` names what stays as it is.

    Parameters
    ----------
    fields : mapping of str to Any
        Fields by the names of their parameters.
    recipe : Recipe
    always : collection of str
        Names of parameters.
    """
    for name, known in parameters_of(Recipe).items():
        if name in fields and known.used_by is not None and name not in always:
            show_row(fields[name], name in recipe.used)


def more_parameters(groups: Mapping[str, Iterable[Any]]) -> QCollapsible:
    """Lay fields out in a part that unfolds, each group under its heading.

    Parameters
    ----------
    groups : mapping of str to iterable of Any
        Fields of each group by its heading; an empty heading is not shown.

    Returns
    -------
    QCollapsible
    """
    more = QCollapsible("More parameters", expandedIcon="▾", collapsedIcon="▸")
    for group, fields in groups.items():
        if group:
            more.addWidget(QLabel(f"<b>{group}</b>"))
        more.addWidget(form_of(*fields))
    return more


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


def _choice_field(known: Parameter, value: str, options: dict[str, Any]) -> ComboBox:
    """Make a choice whose entries say in their tooltips what they are."""
    field = ComboBox(value=value, choices=list(known.choices), **options)
    for row, meaning in enumerate(known.choices.values()):
        field.native.setItemData(row, meaning, Qt.ItemDataRole.ToolTipRole)
    return field


def _lines_field(value: tuple[str, ...], options: dict[str, Any]) -> TextEdit:
    """Make a low field for texts, one a line."""
    field = TextEdit(value="\n".join(value), **(options | {"tooltip": f"{options['tooltip']}; one a line"}))
    field.native.setMaximumHeight(2 * field.native.fontMetrics().lineSpacing() + 12)
    field.native.setTabChangesFocus(True)
    return field


def _number_field(known: Parameter, value: float, options: dict[str, Any]) -> FloatSpinBox:
    """Make a field with the digits its smallest value needs, in steps of about a tenth of its default."""
    least, most = known.bounds or (-MOST, MOST)
    box = FloatSpinBox(step=float(Decimal(10) ** (Decimal(str(known.default)).adjusted() - 1)), **options)
    digits = -Decimal(str(least)).adjusted()
    few = box.native.decimals() if digits > -3 else 0  # none of what is at least 1000
    box.native.setDecimals(max(digits, few))  # before bounds and value, which it rounds
    box.min, box.max, box.value = least, most, value
    wide = box.native.fontMetrics().horizontalAdvance(box.native.textFromValue(known.default))
    if wide > USUAL:  # napari's style sheet has the last word, unless there is one of the field's own
        box.native.setStyleSheet(f"min-width: {wide + BUTTONS}px")
    return box


def _chain_field(value: str, options: dict[str, Any]) -> LineEdit:
    """Make a line for a chain of methods that suggests them; the recipe says what is wrong with it."""
    known = "\n".join(f"{method}: {what}" for method, what in FLATTEN_METHODS.items())
    tip = f"{options['tooltip']}\nOne method, or several in order joined by +:\n{known}"
    field = LineEdit(value=value, **(options | {"tooltip": tip}))
    line = field.native
    line.setCompleter(ChainCompleter(line))
    line.cursorPositionChanged.connect(guarded(lambda _, place: _show_beginning(line) if place else None))
    _show_beginning(line)
    return field


def _show_beginning(line: Any) -> None:
    """Show how a long text begins, unless somebody is writing it."""
    if not line.hasFocus():
        line.setCursorPosition(0)
