"""A job as a form: a field for every parameter, made from its declaration, and the job file it stands for."""

from itertools import groupby
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QWidget
from superqt import QCollapsible

from napari_stmml.batch.job_file import JobFile, read_values
from napari_stmml.batch.job_parameters import ON_CLUSTER, PARAMETERS, TABLE
from napari_stmml.recipe import get_recipe
from napari_stmml.system.atomic import replace
from napari_stmml.system.user_folder import home_in_full
from napari_stmml.viewer.io.preferences import preferences
from napari_stmml.viewer.shared.panel import Panel, form_of, show_row
from napari_stmml.viewer.shared.parameter_form import (
    field_for,
    more_parameters,
    set_values,
    show_used,
    take_recipe,
    value_of,
)
from napari_stmml.viewer.shared.slots import slot

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
_ABOVE = ("recipe", "job_name", "out_folder", *SHOWN)
_BELOW_RESULTS = ("include",)
_OF_EVERY_RECIPE = {"features", "both_biases", "window_size", "window_pitch"}  # windows are always cut
_FIRST_PATHS = {"train_path": "folder", "test_path": "validate"}  # whose first path has a field of its own
_LISTS_OF_PATHS = (*_FIRST_PATHS, "predict_path")
_TYPES = f"{TABLE}.model"
_SCHEDULER_FILE = f"{ON_CLUSTER}.scheduler_file"
_PATHS = {*_LISTS_OF_PATHS, "out_folder", _TYPES, _SCHEDULER_FILE}


class JobForm(QObject):
    """The fields of a job, and what was loaded into them.

    A number may have more digits, and a path another form, than its field can show: as long as the field
    says what it said when the job was loaded, the loaded value is the one that counts.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.folder = _folder(panel, "Folder of scans", "train_path")
        self.validate = _folder(panel, "Validate on", "test_path")
        self.results = _folder(panel, PARAMETERS["out_folder"].label, "out_folder")
        self.fields = {name: field_for(known) for name, known in PARAMETERS.items()}
        recipe = field_for(PARAMETERS["recipe"], preferences().recipe)
        self.fields |= {"out_folder": self.results, "recipe": recipe}
        self.fields["train_path"].value = ""
        self._loaded: JobFile | None = None
        self._shown: dict[str, Any] = {}  # what the fields said when it was loaded
        self._proposed: Path | None = None
        self._offered: Path | None = None
        self._shared = panel.shared
        self.folder.changed.connect(self._propose_results)
        self.fields["recipe"].changed.connect(self.take_recipe)
        self.take_recipe()
        for field in self.fields.values():
            field.native.installEventFilter(self)
            field.native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def shown(self) -> QWidget:
        """Lay out what is used most."""
        recipe, name, results, *fields = (self.fields[name] for name in _ABOVE)
        form = form_of(recipe, self.folder, self.validate, results, name, *fields)
        self._show_used()
        return form

    def folded(self) -> QCollapsible:
        """Lay out everything else, in the groups of the parameters."""
        others = [known for known in PARAMETERS.values() if known.name not in _ABOVE + _BELOW_RESULTS]
        groups = groupby(others, lambda known: known.group)
        more = more_parameters({group: [self.fields[one.name] for one in some] for group, some in groups})
        self._show_used()
        return more

    @slot
    def take_recipe(self) -> None:
        """Set the fields to the values of the chosen recipe, and show those that it uses."""
        take_recipe(self.fields, get_recipe(self.fields["recipe"].value), self._shared.flatten_method)
        self._show_used()

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
        self._offered = None  # what is used stays
        values = self._values()
        base = base or Path(values["out_folder"])
        if self._loaded is not None:
            same = {name for name in values if values[name] == self._shown[name]}
            same -= _PATHS if base != self._loaded.base else set()
            values |= {name: self._loaded.values[name] for name in same}
        return JobFile(values, base)

    def load(self, job: JobFile) -> None:
        """Show a job."""
        paths = {
            name: [str(path) for path in job.paths(name.removesuffix("_path"))] for name in _LISTS_OF_PATHS
        }
        for name, own in _FIRST_PATHS.items():
            first, paths[name] = paths[name][:1], paths[name][1:]
            getattr(self, own).value = first[0] if first else None
        others = {name: tuple(some) for name, some in paths.items()} | {"out_folder": job.folder.parent}
        with self.fields["recipe"].changed.blocked():  # the job's values are not those of the recipe
            files = {_TYPES: str(job.known_types or ""), _SCHEDULER_FILE: job.cluster.scheduler_file}
            set_values(self.fields, job.values | others | files)
        self._show_used()
        self._loaded, self._shown = job, self._values()

    def offer_folder(self, folder: Path) -> None:
        """Choose a folder of scans for a person, unless that person has chosen one, or loaded a job.

        Parameters
        ----------
        folder : Path
        """
        if self._loaded is None and self.folder.value in (None, self._offered):
            self.folder.value = self._offered = folder

    def keep_anyway(self, name: str) -> None:
        """Put a scan's name into ``include``, once."""
        field = self.fields["include"]
        field.value = "\n".join(dict.fromkeys([*value_of(field), name]))

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Let the wheel scroll the column, not change numbers under way, unless a field has the focus."""
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return False

    def _show_used(self) -> None:
        recipe = get_recipe(self.fields["recipe"].value)
        show_used(self.fields, recipe, _OF_EVERY_RECIPE)
        show_row(self.validate, recipe.trains or self.validate.value is not None)

    def _values(self) -> dict[str, Any]:
        """Return every parameter as its field says it, with paths that hold everywhere."""
        values = {name: value_of(field) for name, field in self.fields.items()}
        for name, own in _FIRST_PATHS.items():
            first = getattr(self, own).value
            values[name] = (*([] if first is None else [first]), *values[name])
        for name in _LISTS_OF_PATHS:
            values[name] = tuple(map(_absolute, values[name]))
        results = values["out_folder"]
        return values | {"out_folder": "" if results is None else _absolute(results)}

    @slot
    def _propose_results(self) -> None:
        """Propose the folder beside the scans, unless another one was chosen."""
        if self.folder.value is not None and self.results.value in (None, self._proposed):
            self.results.value = self._proposed = Path(_absolute(self.folder.value)).parent


def keep(job: JobFile, path: Path) -> Path:
    """Write a job file; another job of the same name is kept as ``<name>-older-N.toml``.

    Raises
    ------
    ValueError
        If there is a file of this name that is no job file.
    """
    if path.exists():
        try:
            text, values = read_values(path)
            ours = values.keys() <= PARAMETERS.keys()
        except ValueError:
            ours = False
        if not ours:
            raise ValueError(f"{path} is there already and is no job file; choose another name for the run")
        if text == job.text(path.name):
            return path
        number = 1
        while (older := path.with_name(f"{path.stem}-older-{number}.toml")).exists():
            number += 1
        replace(path, older)
    return job.write(path)


def _folder(panel: Panel, label: str, name: str) -> Any:
    """Make a choice of a folder that a parameter names."""
    return panel.file(label, mode="d", nullable=True, value=None, tooltip=PARAMETERS[name].tip)


def _absolute(path: str | Path) -> str:
    return str(home_in_full(path).absolute())
