"""The parameters of a job: those of its recipe, and those of files, folders and structures, declared here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from napari_stmml.parameter_type import GROUPS, MOST, Parameter, parameter, parameters_of
from napari_stmml.recipe import STORIES, Recipe
from napari_stmml.scan import SHORT

_general = partial(parameter, group="General")
_scans = partial(parameter, group="Scans")
_paths = partial(_scans, srsml24=False)
_given = partial(_paths, steps=("process",))
_process = partial(parameter, group="MATRIX data file processing", steps=("process",))
_save = partial(parameter, group="Data saving", steps=("files",))
_train = partial(parameter, group="Autoencoder", steps=("train",))
_cluster = partial(parameter, group="Clustering", steps=("cluster",))
_encode = partial(_cluster, steps=("encode",), srsml24=False)
_structures = partial(parameter, group="Structures", steps=("structures",), srsml24=False)
_measure = partial(parameter, group="Measuring", steps=("measure",), srsml24=False)
_on_cluster = partial(parameter, group="Cluster", srsml24=False)
_predict = partial(parameter, group="Image prediction", steps=("predict",))
_ADDED = ("pixel_size", "height_scale")  # unless they are set, records without them still match


@dataclass(frozen=True)
class JobParameters:
    """What a job has besides the parameters of its recipe: where its files are, and what is saved."""

    job_name: str = _general("stmml-job", "its files go to a folder of this name", title="Name of the run")
    verbose: bool = _general(False, "a line for every scan and epoch in the terminal", title="Report more")
    random_seed: int = _general(
        0, "the same seed gives the same labels", 0, MOST, steps=("train",), srsml24=False
    )
    train_path: tuple[str, ...] = _paths((".",), "files and folders to train on", title="Also train on")
    test_path: tuple[str, ...] = _paths(
        (), "to validate on; none: a tenth of each training scan is held out", title="Also validate on"
    )
    predict_path: tuple[str, ...] = _paths((), "to label; none: all of the above", title="Predict only")
    pixel_size: float = _given(
        0.0,
        "nm per pixel of pictures without a scale (PNG, TIFF, NumPy), remembered; 0: none",
        0,
        1e6,
    )
    height_scale: float = _given(0.0, "nm per unit of the values of such pictures; 0: not known", 0, 1e6)
    out_folder: str = _paths(".", "where the folder of the job goes", title="Results in")
    include: tuple[str, ...] = _paths(
        (), "names of scans that are kept although a limit would leave them out", title="Keep anyway"
    )
    mtrx_train_data_limit: int = _scans(
        0, "most files to train on; 0: all", 0, MOST, title="Train on at most", unit="files"
    )
    mtrx_test_data_limit: int = _scans(
        0, "most files to validate on; 0: all", 0, MOST, title="Validate on at most", unit="files"
    )
    recipe: str = _cluster(
        Recipe.name, "gives every value that is left out", group="Recipe", choices=STORIES, srsml24=False
    )
    pixel_ratio: float = _process(
        0.7, "share of scanned lines, below which a scan is left out", 0, 1, title="Least share of lines"
    )
    save_windows: bool = _save(True, "write the windows as .npy files, for use elsewhere")
    together: bool = _save(
        True, "windows of a scan in one file; false: one file each", title="One file a scan"
    )
    save_jpg: bool = _save(
        False, "a picture of every scan, its settings in a footer", title="Save scans as JPG"
    )
    collate: bool = _save(
        False, "all files of a kind in one folder; false: as the scans lie", title="One folder"
    )
    save_window_jpgs: bool = _save(False, "a picture of every window", title="Save windows as JPG")
    save_meta: bool = _save(True, "write settings as text beside windows and pictures", title="Save settings")
    cmap: str = _save(
        "stm", "colour map of pictures: stm, or of matplotlib", title="Colour map", steps=("files", "predict")
    )
    model_name: str = _train("autoencoder", "name of the network's files", title="Name of the network")
    train_data_limit: int = _train(
        0, "most windows to train on; 0: all", 0, MOST, title="Train on at most", unit="windows"
    )
    test_data_limit: int = _train(
        0, "most windows to validate on; 0: all", 0, MOST, title="Validate on at most", unit="windows"
    )
    cluster_model_name: str = _cluster("clusters", "name of the model's files", title="Name of the model")
    save_latent: bool = _encode(
        True, "write features as .npy files, 16 kB for a window of 32 px", title="Save features"
    )
    overlay_alpha: float = _predict(
        0.45, "opacity of the classes in pictures", 0, 1, title="Opacity of classes", srsml24=False
    )


TABLE = "structures"  # of a job file, whose parameters are these
MEASURE = "measure"  # another table
ON_CLUSTER = "cluster"  # another


@dataclass(frozen=True)
class MeasureParameters:
    """How a job measures its label maps; a table of their own in a job file."""

    tables: bool = _measure(
        True, "measure every label map in nm: tables of regions and classes, one summary of all", steps=()
    )
    details: bool = _measure(
        False, "averages, profiles, pair distances and a picture of each map, too: seconds a map"
    )
    background: tuple[str, ...] = _measure(
        (), "classes without regions; none: those marked so, or the one of the largest area on all maps"
    )
    min_area: float = _measure(
        0.0, "smaller regions are left out as noise", 0, 1e9, unit="nm2", title="Smallest area"
    )


@dataclass(frozen=True)
class StructureParameters:
    """How a job finds structures, after all else; a job file has these parameters in a table of their own."""

    find: bool = _structures(
        False, "find every object on all scans together, and sort them into types", title="Find", steps=()
    )
    direction: str = _structures(
        "FU",
        "one map a file, so no object counts twice",
        choices={short: long for long, short in SHORT.items()},
    )
    false_per_1000_nm2: float = _structures(
        1.0, "finds in 1000 nm2 that a surface without objects may give", 0.001, 1000, title="False finds"
    )
    mirror_apart: bool = _structures(False, "mirror images are different types")
    with_disordered: bool = _structures(False, "grains of disordered areas are objects, too")
    model: str = _structures(
        "", "a file of known types, which objects are sorted into; none: types are found", steps=()
    )
    gwy: bool = _structures(
        False, "a .gwy file of each scan, with a mask for each type", title="Save for Gwyddion"
    )


@dataclass(frozen=True)
class ClusterParameters:
    """Where the work of a job is done, if not on this machine; a table of their own in a job file, too."""

    scheduler: str = _on_cluster("", "address of a Dask scheduler, tcp://host:8786; none: this machine")
    scheduler_file: str = _on_cluster("", "the file in which a Dask scheduler has written its address")
    queue: str = _on_cluster(
        "slurm",
        "which queue `stmml submit` writes its script for",
        choices={"slurm": "SLURM (sbatch)", "sge": "Grid Engine (qsub)", "pbs": "PBS (qsub)"},
    )
    workers: int = _on_cluster(4, "places in the queue that work at the same time", 1, 10_000)
    cores: int = _on_cluster(4, "cores of each", 1, 1024)
    memory: str = _on_cluster("8G", "memory of each", title="Memory of each")
    time: str = _on_cluster("4:00:00", "hours:minutes:seconds that each may take")
    options: tuple[str, ...] = _on_cluster(
        (), "further lines for the queue, such as --partition=short", title="Options of the queue"
    )
    setup: tuple[str, ...] = _on_cluster(
        (), "shell commands that come first, such as module load python", title="Commands before"
    )


def in_order(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return parameters in the order of their groups, as a job file has them."""
    return dict(sorted(parameters.items(), key=lambda item: GROUPS.index(item[1].group)))


def _in_table(table: str, declared: type) -> dict[str, Parameter]:
    return {
        f"{table}.{name}": replace(known, name=f"{table}.{name}", title=known.title or known.label)
        for name, known in parameters_of(declared).items()
    }


PARAMETERS = in_order(
    parameters_of(JobParameters)
    | parameters_of(Recipe)
    | _in_table(MEASURE, MeasureParameters)
    | _in_table(TABLE, StructureParameters)
    | _in_table(ON_CLUSTER, ClusterParameters)
)


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a job file with those of its tables as ``structures.NAME``, and so on.

    Parameters
    ----------
    values : mapping of str to object

    Returns
    -------
    dict of str to object

    Examples
    --------
    >>> flat({"epochs": 3, "structures": {"gwy": True}})
    {'epochs': 3, 'structures.find': True, 'structures.gwy': True}
    """
    made = dict(values)
    for name in (MEASURE, TABLE, ON_CLUSTER):
        table = values.get(name)
        if isinstance(table, Mapping):
            del made[name]
            made |= {f"{TABLE}.find": True} if name == TABLE else {}
            made |= {f"{name}.{own}": value for own, value in table.items()}
    return made


def values_of_step(step: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values that a step of a job depends on: with others, it has to be done again.

    Parameters
    ----------
    step : str
        ``process`` (prepared maps and the choice of scans), ``files`` (what is saved beside them), ``train``,
        ``encode`` (saved features), ``cluster``, ``predict``, ``measure`` or ``structures``.
    values : mapping
        Every parameter of a job by name.

    Examples
    --------
    >>> values_of_step("predict", {name: known.default for name, known in PARAMETERS.items()})
    {'cmap': 'stm', 'overlay_alpha': 0.45, 'predict_window_pitch': 2}
    """
    own = {name: known.default for name, known in PARAMETERS.items() if step in known.steps}
    return {name: values[name] for name in own if name not in _ADDED or values[name] != own[name]}
