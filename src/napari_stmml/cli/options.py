"""Every option of the commands; of a parameter, the help is that of its declaration."""

from typing import Annotated, Any

import typer

from napari_stmml.batch.job_parameters import PARAMETERS, StructureParameters
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.parameter_type import parameters_of, read_setting
from napari_stmml.recipe import DEFAULT, RECIPES, STORIES, Recipe
from napari_stmml.scan import SHORT
from napari_stmml.text import quoted

_WHERE = "a scan (.Z_mtrx, .sxm, .gwy, ...), a session's _0001.mtrx, or a folder (with all below it)"


def _recipe(name: str) -> str:
    if name not in RECIPES:
        raise typer.BadParameter(f"{quoted(name)} is none of {', '.join(sorted(RECIPES))}")
    return name


def _clusters(text: str) -> int | str:
    """Read a number of clusters, or ``auto``."""
    if text != "auto" and not text.isdecimal():
        raise typer.BadParameter(f"{quoted(text)} is neither a number nor 'auto'")
    return text if text == "auto" else int(text)


def _direction(text: str) -> str:
    if text.upper() not in SHORT.values():
        raise typer.BadParameter(f"{quoted(text)} is none of {', '.join(SHORT.values())}")
    return text.upper()


def _setting(text: str) -> tuple[str, Any]:
    """Read ``name=value`` as a parameter of a recipe."""
    try:
        return read_setting(text, parameters_of(Recipe))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _option(help: str, metavar: str | None = None, *names: str, parser: Any = None) -> Any:  # noqa: A002
    return typer.Option(*names, metavar=metavar, help=help, parser=parser)


def _of_parameter(name: str, metavar: str, more: str = "", parser: Any = None) -> Any:
    return _option(f"{PARAMETERS[name].described}{more}", metavar, parser=parser)


_OF_JOB = f"{_WHERE}; or one job file, JOB.toml"
_STORIES = "; ".join(f"{name}: {story}" for name, story in STORIES.items())

Paths = Annotated[list[str], typer.Argument(metavar="FILE_OR_FOLDER", help=_WHERE)]
PathsOrJob = Annotated[list[str], typer.Argument(metavar="FILE_OR_FOLDER", help=_OF_JOB)]
JobPath = Annotated[str, typer.Argument(metavar="JOB.toml", help="a job file; `stmml init` writes one")]
LabelMaps = Annotated[
    list[str],
    typer.Argument(
        metavar="LABELS.tif",
        help="a label map that predict or the viewer wrote; with --scan, of any program; or a folder of them,"
        " or of a job: a series",
    ),
]

PixelSize = Annotated[float, _of_parameter("pixel_size", "NM")]
HeightScale = Annotated[float, _of_parameter("height_scale", "NM")]

AsJson = Annotated[bool, _option("write the result as JSON on standard output", None, "--json")]
Everything = Annotated[bool, _option("add a table of all settings, rounded for people", None, "--all")]
Include = Annotated[list[str], _option(f"of a job: {PARAMETERS['include'].help}; may be repeated", "NAME")]
Processes = Annotated[int, _option("of a job: prepare this many files at a time (0: one a core)", "N")]
Scheduler = Annotated[
    str, _option(f"of a job: {PARAMETERS['cluster.scheduler'].help}", "ADDRESS", "--scheduler")
]
SchedulerFile = Annotated[
    str, _option(f"of a job: {PARAMETERS['cluster.scheduler_file'].help}", "FILE", "--scheduler-file")
]
Slurm = Annotated[bool, _option("for SLURM", None, "--slurm")]
Sge = Annotated[bool, _option("for Grid Engine", None, "--sge")]
Pbs = Annotated[bool, _option("for PBS", None, "--pbs")]
QueueWorkers = Annotated[int | None, _of_parameter("cluster.workers", "N")]
Cores = Annotated[int | None, _of_parameter("cluster.cores", "N")]
Memory = Annotated[str | None, _of_parameter("cluster.memory", "8G")]
QueueTime = Annotated[str | None, _of_parameter("cluster.time", "H:MM:SS")]
DryRun = Annotated[bool, _option("print the script, and submit nothing", None, "--dry-run")]

NewModel = Annotated[str | None, _option("the model file to write", "M.stmml")]
RecipeName = Annotated[Any, _option(f"default: {DEFAULT}. {_STORIES}", "NAME", parser=_recipe)]
Clusters = Annotated[Any, _of_parameter("num_clusters", "N", "; or auto", _clusters)]
Like = Annotated[str | None, _option("an older model: clusters that it has too keep its names", "OLD.stmml")]
Epochs = Annotated[int | None, _of_parameter("epochs", "N")]
Settings = Annotated[
    list[Any],
    _option("any parameter of docs/recipes.md; may be given again", "NAME=VALUE", "--set", parser=_setting),
]
Seed = Annotated[int | None, _of_parameter("random_seed", "N")]

Model = Annotated[str | None, _option("the model file to use", "M.stmml")]
OutFolder = Annotated[str | None, _option("folder for label maps and pictures", "DIR")]
Pitch = Annotated[int | None, _of_parameter("predict_window_pitch", "PX")]
Confidence = Annotated[bool, _option("write a map of how sure each label is, too", None, "--confidence")]

Learner = Annotated[str, _option("the model that learns", "M.stmml")]
Learned = Annotated[
    str | None, _option("where to write it (in its own place; the older is kept as .bak)", "NEW.stmml")
]

ScanFile = Annotated[
    str | None,
    _option("data file of the heights, or a folder that holds it (default: the one the map names)", "FILE"),
]
Direction = Annotated[
    Any,
    _option(
        "FU, BU, FD or BD, of maps that do not say it (default: as in their names, or the first of the scan)",
        "DIRECTION",
        parser=_direction,
    ),
]
OutTables = Annotated[
    str | None,
    _option("where to write (default: beside each map, and summary.csv in the folder given)", "FOLDER"),
]
OnlyTables = Annotated[
    bool, _option("no averages, profiles, pair distances and picture: quicker", None, "--only-tables")
]
Background = Annotated[
    list[str],
    _option("a class that is no structure; may be given again (default: that of the largest area)", "NAME"),
]
MinArea = Annotated[float, _option("leave out regions smaller than this", "NM2")]
Pairs = Annotated[
    list[str],
    _option("two classes: write the distances from one to the other too; may be given again", "NAME NAME"),
]

Headless = Annotated[str | None, _option("leave figures and files in DIR instead of opening napari", "DIR")]

StructuresFolder = Annotated[str, _option("folder for tables and figures", "DIR")]
_OF_STRUCTURES = {name: one.described for name, one in parameters_of(StructureParameters).items()}
KnownTypes = Annotated[str | None, _option(_OF_STRUCTURES["model"], "M.stmml", "--model")]
SavedTypes = Annotated[str | None, _option("where to keep the types for other scans", "M.stmml", "--save")]
OneDirection = Annotated[
    Any,
    _option(_OF_STRUCTURES["direction"], "DIRECTION", parser=_direction),
]
FalseFinds = Annotated[float, _option(_OF_STRUCTURES["false_per_1000_nm2"], "N", "--false")]
WithDisordered = Annotated[bool, _option(_OF_STRUCTURES["with_disordered"], None, "--with-disordered")]
Gwy = Annotated[bool, _option(_OF_STRUCTURES["gwy"], None, "--gwy")]
MirrorApart = Annotated[bool, _option(_OF_STRUCTURES["mirror_apart"], None, "--mirror-apart")]

FigureFiles = Annotated[
    list[str],
    typer.Argument(
        metavar="SCAN_OR_LABELS",
        help="a scan, or a label map of classes or of structures (.tif); several are parts of one figure",
    ),
]
_OF_FIGURE = {name: one.described for name, one in parameters_of(FigureOptions).items()}
FigureFile = Annotated[
    str | None,
    _option("the figure, .png, .svg or .pdf (default: NAME_figure.png beside the first file)", "FILE"),
]
FigureWidth = Annotated[str | None, _option(_OF_FIGURE["width"], "COLUMN")]
FigureFormat = Annotated[str | None, _option(_OF_FIGURE["format"], "FORMAT", "--format")]
FigureDpi = Annotated[int | None, _option(_OF_FIGURE["dpi"], "N")]
FigureClasses = Annotated[str | None, _option(_OF_FIGURE["classes"], "HOW")]
Measured = Annotated[
    bool,
    _option("outlines, and average, profile and pair distances of each class", None, "--measured"),
]
Line = Annotated[
    list[str],
    _option(
        "plot the heights from one point to another, in nm to the right and down; may be given again",
        "X,Y,X,Y",
    ),
]
FigureModel = Annotated[
    str | None,
    _option("the model of the labels, for the record (default: found by its name)", "M.stmml"),
]


def _figure_setting(text: str) -> tuple[str, Any]:
    """Read ``name=value`` as an option of a figure."""
    try:
        return read_setting(text, parameters_of(FigureOptions), "a figure")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


FigureSettings = Annotated[
    list[Any],
    _option("any option of docs/howto/figure.md; repeatable", "NAME=VALUE", "--set", parser=_figure_setting),
]
OfMethods = Annotated[
    str,
    typer.Argument(metavar="FILE", help="a model (.stmml), a label map (.tif), or a figure's .json"),
]
