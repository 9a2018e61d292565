"""One job in one TOML file: read it, check all of it before any work starts, write one to begin with."""

import json
import re
import tomllib
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from napari_stmml.batch.engine import Cluster
from napari_stmml.batch.job_parameters import ON_CLUSTER, PARAMETERS, TABLE, flat
from napari_stmml.parameter_type import check
from napari_stmml.recipe import RECIPES, Recipe
from napari_stmml.system.files import write_text
from napari_stmml.system.regular_file import NoRegularFile, read_bytes
from napari_stmml.system.user_folder import home_in_full
from napari_stmml.text import quoted, short_stem, shortened

SETS = ("train", "test", "predict")
_NAMES = ("job_name", "model_name", "cluster_model_name")  # which become names of files
_MOST_BYTES = 1 << 20  # of a job file, which has some 10 000
_DOTTED = re.compile(r"(?<![\w\"'-])(?:[\w\"'-]++\s*+\.\s*+){100}")  # which tomllib takes the square of
_HEAD = """# A job of napari-stmml: `stmml run {name}` reads, prepares, trains, clusters and predicts.
# All parameters are in docs/parameters.md. Paths are relative to this file.
"""
_AS_RECIPE = """# What the recipe sets stands behind a #. To change it, remove the # and write another value.
"""


@dataclass(frozen=True)
class JobFile:
    """All parameters of a job, checked, and the folder that its paths are relative to.

    Parameters
    ----------
    values : dict
        Every parameter of ``PARAMETERS`` by name, those of structures also as a table; what is missing is
        taken from the ``recipe``, or gets its default.
    base : Path
        The folder that paths are relative to.

    Raises
    ------
    ValueError
        By name, if a parameter is unknown (with the nearest that is known), of the wrong type or
        impossible, or a path does not exist.
    """

    values: dict[str, Any]
    base: Path

    def __post_init__(self) -> None:
        checked = check(flat(self.values), PARAMETERS)
        recipe = RECIPES[checked.get("recipe", PARAMETERS["recipe"].default)].as_dict()
        every = {name: recipe.get(name, known.default) for name, known in PARAMETERS.items()} | checked
        object.__setattr__(self, "values", every)
        object.__setattr__(self, "base", Path(self.base).absolute())
        for name in _NAMES:
            _check_name(name, every[name])
        self.recipe  # noqa: B018 - which checks what fits together
        from napari_stmml.figures.colour_maps import colour_table

        colour_table(every["cmap"])
        self._check_paths()
        if 0 < every["train_data_limit"] < every["num_clusters"]:
            raise ValueError(
                f"train_data_limit must be 0 (all) or at least num_clusters, {every['num_clusters']}, got"
                f" {every['train_data_limit']}"
            )
        if not every["train_path"]:
            raise ValueError("train_path names no file or folder to train on")

    def _check_paths(self) -> None:
        """Refuse scans and types that are not there, and scans that would lie among the files of the job."""
        types = self.known_types
        if types is not None and not types.is_file():
            named = quoted(self.values[f"{TABLE}.model"])
            raise ValueError(f"{TABLE}.model names {named}, and there is no such file")
        own, _ = _resolved("out_folder", self.values["out_folder"], self.folder)
        for name in (f"{which}_path" for which in SETS):
            for written in self.values[name]:
                path, is_there = _resolved(name, written, self.base / home_in_full(written))
                if not is_there:
                    raise ValueError(f"{name} names {quoted(written)}, and there is no such file or folder")
                if own in (path, *path.parents):
                    raise ValueError(f"{name} lies in the job's own folder, {own}; use another job_name")

    @classmethod
    def read(cls, path: str | Path) -> "JobFile":
        """Read a job file; the ValueError for a bad one begins with its name.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        JobFile

        Raises
        ------
        ValueError
            If the file cannot be read, is not TOML, or has a wrong parameter.
        """
        path = Path(path)
        _, values = read_values(path)
        try:
            return cls(values, path.absolute().parent)
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from error

    @property
    def recipe(self) -> Recipe:
        """The parameters of preparing, training and clustering."""
        return Recipe.among(self.values)

    @property
    def folder(self) -> Path:
        """Where all files of the job go: a folder of the job's name."""
        return self.base / home_in_full(self.values["out_folder"]) / self.values["job_name"]

    @property
    def known_types(self) -> Path | None:
        """The file of known types of structures; None where types are to be found."""
        named = self.values[f"{TABLE}.model"]
        return self.base / home_in_full(named) if named else None

    @property
    def cluster(self) -> Cluster:
        """Where the work is done, if not on this machine."""
        address, file = (self.values[f"{ON_CLUSTER}.{name}"] for name in ("scheduler", "scheduler_file"))
        return Cluster(address, str(self.base / home_in_full(file)) if file else "")

    def paths(self, which: str) -> list[Path]:
        """List what ``train_path``, ``test_path`` or ``predict_path`` names.

        Parameters
        ----------
        which : str
            One of ``SETS``: ``train``, ``test`` or ``predict``.

        Returns
        -------
        list of Path
            Relative ones are taken from the folder of the job file.
        """
        return [self.base / home_in_full(path) for path in self.values[f"{which}_path"]]

    def absolute(self) -> "JobFile":
        """Return the same job with paths that hold wherever its file is.

        Returns
        -------
        JobFile
            With absolute paths and an absolute ``out_folder``.
        """
        paths = {f"{which}_path": [str(path) for path in self.paths(which)] for which in SETS}
        own = {f"{TABLE}.model": str(self.known_types or "")}
        own[f"{ON_CLUSTER}.scheduler_file"] = self.cluster.scheduler_file
        return JobFile({**self.values, **paths, **own, "out_folder": str(self.folder.parent)}, self.base)

    def text(self, name: str = "job.toml", every: bool = False) -> str:
        """Write the job as TOML, every parameter under a line of help with its unit and bounds.

        Values that are those of the recipe are comments, so that whoever names another recipe gets that one.

        Parameters
        ----------
        name : str
            Of the file, for the lines at its head.
        every : bool
            State those values too, as a record of what counted.

        Returns
        -------
        str
        """
        text = _HEAD.format(name=name) + ("" if every else _AS_RECIPE)
        recipe = {} if every else RECIPES[self.values["recipe"]].as_dict()
        for group, some in groupby(PARAMETERS.values(), lambda known: known.group):
            known_group = list(some)
            text += f"\n# ---- {group} ----\n"
            table = known_group[0].name.rpartition(".")[0]
            text += f"[{table}]\n" if table else ""
            for known in known_group:
                value, name = self.values[known.name], known.name.rpartition(".")[2]
                mark = "# " if recipe.get(known.name) == value else ""
                text += f"# {known.described}\n{mark}{name} = {as_toml(value)}\n"
        return text

    def write(self, path: str | Path, every: bool = False) -> Path:
        """Write the job as a TOML file.

        Parameters
        ----------
        path : str or Path
        every : bool
            As ``text`` takes it.

        Returns
        -------
        Path
            Where it was written.
        """
        return write_text(path, self.text(Path(path).name, every))

    def table(self) -> list[dict[str, Any]]:
        """List every parameter with value, default, unit and help, for the parameter table.

        The recipe is called what it is, by its title.
        """
        values = {**self.values, "recipe": self.recipe.title}
        return [
            {
                "name": known.name,
                "value": as_toml(values[known.name]),
                "default": as_toml(known.default),
                "unit": known.unit,
                "help": known.help,
            }
            for known in PARAMETERS.values()
        ]


def read_values(path: Path) -> tuple[str, dict[str, Any]]:
    """Read a TOML file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    text : str
    values : dict
        What it says, not checked yet; its table as `flat` gives it.

    Raises
    ------
    ValueError
        In one sentence that names the file: it cannot be read, is larger than a megabyte, or is not TOML.
    """
    try:
        text = read_bytes(path, _MOST_BYTES).decode("utf-8-sig")
        if _DOTTED.search(text):
            raise tomllib.TOMLDecodeError("a name has more than 100 dots")
        return text, flat(tomllib.loads(text))
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}: {path}") from error
    except RecursionError as error:
        raise ValueError(f"{path.name} is not valid TOML: too many brackets within brackets") from error
    except NoRegularFile:
        raise
    except ValueError as error:
        known = isinstance(error, (tomllib.TOMLDecodeError, UnicodeDecodeError))
        why = shortened(str(error), 120) if known else "a number has thousands of digits"
        if any(word in why.lower() for word in ("escape", "hex")):
            why += "; write paths with / or in 'single quotes'"
        raise ValueError(f"{path.name} is not valid TOML: {why}") from error


def _check_name(name: str, text: str) -> None:
    """Refuse what cannot be the name of a file, or leaves no room for our endings."""
    odd = any(letter in '/\\:*?"<>|\x7f' or letter < " " for letter in text)
    if odd or not text.strip(" .") or text != short_stem(text):
        raise ValueError(f"{name} must be usable as the name of a file, got {quoted(text)}")


def _resolved(name: str, written: str, path: Path) -> tuple[Path, bool]:
    """Return a path without links, and whether it is there; refuse one that no disk can have."""
    try:
        found = path.resolve()
        return found, found.exists()
    except (OSError, ValueError, RuntimeError) as error:  # too long, letter 0, links in a circle
        raise ValueError(f"{name} names {quoted(written)}, which cannot be a file or folder") from error


def as_toml(value: Any) -> str:
    """Write a value as TOML.

    >>> as_toml(True), as_toml(1e-8), as_toml(("a", "b"))
    ('true', '1e-08', '["a", "b"]')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(as_toml, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
