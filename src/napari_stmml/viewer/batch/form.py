"""A job as a form: a field for every parameter, made from its definition, and the job file it stands for."""

import tomllib
from pathlib import Path
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, LineEdit, SpinBox, TextEdit
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel
from superqt import QCollapsible

from napari_stmml.batch.job_file import JobFile
from napari_stmml.parameters import PARAMETERS, Parameter
from napari_stmml.recipe import RECIPES, Recipe, get_recipe
from napari_stmml.viewer.shared import remembered
from napari_stmml.viewer.shared.panel import Panel, form_of, show_row
from napari_stmml.viewer.shared.recipe_form import field_for, matters, recipe_choice

SHOWN = (
    "flatten_method",
    "pixel_density",
    "pixel_ratio",
    "window_size",
    "window_pitch",
    "epochs",
    "num_clusters",
    "predict_window_pitch",
    "save_jpg",
)
_OF_A_RECIPE = Recipe().as_dict()
_FOR_WINDOWS = {"window_size", "window_pitch"}  # which are cut and saved whatever the recipe
_OF_SOME_RECIPES = set.union(*map(matters, RECIPES.values())) - _FOR_WINDOWS
_LABELS = {"train_path": "Also train on", "test_path": "Also validate on", "predict_path": "Predict only"}


class JobForm(QObject):
    """The fields of a job, and what was loaded into them.

    A number may have more digits, and a path another form, than its field can show: as long as the field
    says what it said when the job was loaded, the loaded value is the one that counts.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        about = {name: PARAMETERS[name].described for name in PARAMETERS}
        options: dict[str, Any] = {"mode": "d", "nullable": True, "value": None}
        self.folder = panel.file("Folder of scans", tooltip=f"train_path: {about['train_path']}", **options)
        self.validate = panel.file("Validate on", tooltip=f"test_path: {about['test_path']}", **options)
        self.results = panel.file("Results in", tooltip=f"out_folder: {about['out_folder']}", **options)
        self.name = LineEdit(
            label="Name of the run", value=PARAMETERS["job_name"].default, tooltip=about["job_name"]
        )
        apart = ("job_name", "out_folder")
        self.fields = {known.name: _field(known) for known in PARAMETERS.values() if known.name not in apart}
        self.recipe = self.fields["recipe"]
        self.include = self.fields["include"]
        self.fields["train_path"].value = ""
        self._loaded: JobFile | None = None
        self._shown: dict[str, Any] = {}
        self._offered: Path | None = None
        self.folder.changed.connect(self._offer_results)
        self.recipe.changed.connect(self.take_recipe)
        self.take_recipe(self.recipe.value)
        for field in self.fields.values():
            field.native.installEventFilter(self)
            field.native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def shown(self) -> Any:
        """Lay out what is used most."""
        fields = [self.fields[name] for name in SHOWN]
        form = form_of(self.recipe, self.folder, self.validate, self.results, self.name, *fields)
        self._offer(get_recipe(self.recipe.value))
        return form

    def take_recipe(self, name: str) -> None:
        """Set the fields to a recipe's values, and show those that matter to it."""
        recipe = get_recipe(name)
        for parameter, value in recipe.as_dict().items():
            if parameter != "name":
                self.fields[parameter].value = value
        if remembered.flatten_method is not None:  # it was given to all training of this session
            self.fields["flatten_method"].value = remembered.flatten_method
        self._offer(recipe)

    def _offer(self, recipe: Recipe) -> None:
        for parameter in _OF_SOME_RECIPES:
            show_row(self.fields[parameter], parameter in matters(recipe))
        show_row(self.validate, recipe.trains or self.validate.value is not None)

    def folded(self) -> QCollapsible:
        """Lay out everything else, in the groups of the parameters."""
        more = QCollapsible("More parameters", expandedIcon="▾", collapsedIcon="▸")
        groups: dict[str, list[Any]] = {}
        for name, field in self.fields.items():
            if name not in (*SHOWN, "recipe", "include"):
                groups.setdefault(PARAMETERS[name].group, []).append(field)
        for group, fields in groups.items():
            more.addWidget(QLabel(f"<b>{group}</b>"))
            more.addWidget(form_of(*fields))
        self._offer(get_recipe(self.recipe.value))
        return more

    def job(self, base: Path | None = None) -> JobFile:
        """Return the job that the form stands for, its paths relative to ``base``, by default the results'.

        Raises
        ------
        ValueError
            In one sentence, if a field is empty that has to be filled, or a value is not possible.
        """
        if self.folder.value is None:
            raise ValueError("choose a folder of scans")
        if self.results.value is None:
            raise ValueError("choose a folder for the results")
        now = self._now()
        base = base or Path(now["out_folder"])
        values: dict[str, Any] = {}
        for name, value in now.items():
            values[name] = value
            of_a_path = name.endswith("_path") or name == "out_folder"
            if of_a_path and (self._loaded is None or base != self._loaded.base):
                continue
            if self._loaded is not None and value == self._shown[name]:
                values[name] = self._loaded.values[name]
        return JobFile(values, base)

    def load(self, job: JobFile) -> None:
        """Show a job."""
        with self.recipe.changed.blocked():  # the job's values are not those of the recipe
            for name, field in self.fields.items():
                value = job.values[name]
                field.value = "\n".join(value) if isinstance(value, tuple) else value
        for which, edit in (("train", self.folder), ("test", self.validate)):
            paths = [str(path) for path in job.paths(which)]
            edit.value = paths[0] if paths else None
            self.fields[f"{which}_path"].value = "\n".join(paths[1:])
        self.fields["predict_path"].value = "\n".join(map(str, job.paths("predict")))
        self.results.value, self.name.value = job.folder.parent, job.values["job_name"]
        self._offer(get_recipe(self.recipe.value))
        self._loaded, self._shown = job, self._now()

    def force(self, name: str) -> None:
        """Put a scan's name into ``include``, once."""
        names = _lines(self.include)
        if name not in names:
            self.include.value = "\n".join([*names, name])

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Let the wheel scroll the column, not change numbers under way, unless a field has the focus."""
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return False

    def _now(self) -> dict[str, Any]:
        """Return every parameter as its field says it, with paths that hold everywhere."""
        lists = {name for name, known in PARAMETERS.items() if isinstance(known.default, tuple)}
        now = {name: _lines(field) if name in lists else field.value for name, field in self.fields.items()}
        for which, edit in (("train_path", self.folder), ("test_path", self.validate)):
            now[which] = (*([str(edit.value)] if edit.value is not None else []), *now[which])
        for which in _LABELS:
            now[which] = tuple(str(Path(path).expanduser().absolute()) for path in now[which])
        results = self.results.value
        out = "" if results is None else str(Path(results).expanduser().absolute())
        return now | {"job_name": self.name.value, "out_folder": out}

    def _offer_results(self) -> None:
        """Propose the folder beside the scans, unless another one was chosen."""
        if self.folder.value is not None and self.results.value in (None, self._offered):
            self.results.value = self._offered = Path(self.folder.value).expanduser().absolute().parent


def keep(job: JobFile, path: Path) -> Path:
    """Write a job file; another job of the same name is kept as ``<name>-older-N.toml``.

    Raises
    ------
    ValueError
        If there is a file of this name that is no job file.
    """
    if path.exists():
        try:
            text = path.read_text("utf-8-sig")
            ours = tomllib.loads(text).keys() <= PARAMETERS.keys()
        except ValueError:
            ours = False
        if not ours:
            raise ValueError(f"{path} is there already and is no job file; choose another name for the run")
        if text == job.text(path.name):
            return path
        number = 1
        while (older := path.with_name(f"{path.stem}-older-{number}.toml")).exists():
            number += 1
        path.rename(older)
    return job.write(path)


def _field(known: Parameter) -> Any:
    """Make the field of a parameter."""
    tip = f"{known.name}: {known.described}"
    if known.name == "recipe":
        field = recipe_choice()
        field.tooltip = f"{tip}\n{field.tooltip}"
        return field
    if known.name in _OF_A_RECIPE and not isinstance(known.default, bool):
        field = field_for(known.name, Recipe())
        if known.name != "flatten_method":  # whose tip has all methods as well
            field.tooltip = tip
        return field
    label = _LABELS.get(known.name, known.name.replace("_", " ").capitalize())
    options: dict[str, Any] = {"name": known.name, "tooltip": tip}
    options["label"] = f"{label} ({known.unit})" if known.unit else label
    if isinstance(known.default, tuple):
        field = TextEdit(value="\n".join(known.default), **(options | {"tooltip": f"{tip}; one a line"}))
        field.native.setMaximumHeight(2 * field.native.fontMetrics().lineSpacing() + 12)
        field.native.setTabChangesFocus(True)
        return field
    if isinstance(known.default, bool):
        return CheckBox(value=known.default, text=options.pop("label"), **options)
    if known.choices:
        return ComboBox(value=known.default, choices=list(known.choices), **options)
    if isinstance(known.default, str):
        return LineEdit(value=known.default, **options)
    bounds = {"min": known.least, "max": known.most}
    if isinstance(known.default, int):
        return SpinBox(value=known.default, **bounds, **options)
    return FloatSpinBox(value=known.default, step=0.05, **bounds, **options)


def _lines(field: Any) -> tuple[str, ...]:
    """Return what stands in a field, one a line."""
    return tuple(line.strip() for line in field.value.splitlines() if line.strip())
