import ast
import itertools
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from npe2 import PluginManifest
from packaging.requirements import Requirement

import napari_stmml

ROOT = Path(napari_stmml.__file__).parent
MODULES = {
    ".".join(("napari_stmml", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
VIEWER = "napari_stmml.viewer"
DOORS = {
    "access2thematrix": {"io.matrix.parsed_frame"},
    "spiepy": {"viewer.io.samples"},  # the viewer opens its demonstration images
    "keras": {"system.keras"},
    "tensorflow": {"system.keras"},
    "sklearn": {"clustering.kmeans", "srsml24.kmeans", "structures.sorting"},
    "tifffile": {"io.tiff_page"},
    "gwyfile": {"io.gwyddion.writer"},
    "gwyddionpy": {"io.gwyddion.converted"},
    "jinja2": {"batch.report"},
    "distributed": {"batch.dask_engine"},
    "PIL": {"figures.pictures", "figures.footer", "io.pictures"},
    "umap": {"clustering.embedding"},
    "matplotlib": {
        *(f"figures.{name}" for name in ("clusters_figure", "colour_maps", "curves", "drawing")),
        "figures.structures_figure",
        "figures.labels_figure",
        *(f"figures.paper.{name}" for name in ("map_drawing", "page", "paper_figure")),
        *(f"figures.paper.{name}_figure" for name in ("measured", "profile", "scan")),
        "viewer.model.curves",  # which needs its Qt canvas
    },
}
GUI = {"napari", "magicgui", "qtpy", "superqt", "PyQt6", "PySide6"}
HEAVY = {"tensorflow", "keras", "sklearn", "matplotlib", "umap"}


def imports_of(path):
    """Return every module that a file names in an import, wherever it stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


IMPORTS = {name: imports_of(path) for name, path in MODULES.items()}
every_module = pytest.mark.parametrize("name", MODULES)


def foreign(name):
    return {imported.partition(".")[0] for imported in IMPORTS[name]} - set(sys.stdlib_module_names)


def run(code, *arguments):
    """Run Python code in a process of its own; return the lines that it printed."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("package", DOORS)
def test_a_foreign_package_is_named_behind_its_door_alone(package):
    named = {name.removeprefix("napari_stmml.") for name in MODULES if package in foreign(name)}
    assert named <= DOORS[package]
    assert named or package == "tensorflow"  # Keras is the door to TensorFlow


def test_temporary_files_are_made_behind_one_door_which_sweeps_them():
    named = {name.removeprefix("napari_stmml.") for name in MODULES if "tempfile" in IMPORTS[name]}
    assert named <= {"system.temporary", "system.locks", "system.keras"}  # the last has one without a name


def test_the_viewer_opens_spiepys_images_and_matplotlibs_canvas_and_no_more():
    spiepy = {name for name in IMPORTS[f"{VIEWER}.io.samples"] if name.startswith("spiepy")}
    canvas = {name for name in IMPORTS[f"{VIEWER}.model.curves"] if name.startswith("matplotlib")}
    assert spiepy <= {"spiepy", "spiepy.demo"}
    assert {name.removesuffix(".FigureCanvasQTAgg") for name in canvas} <= {
        "matplotlib.backends.backend_qtagg"
    }


@every_module
def test_nothing_outside_the_viewer_knows_napari_or_qt(name):
    if not name.startswith(VIEWER):
        assert not foreign(name) & GUI
        assert not any(imported.startswith(VIEWER) for imported in IMPORTS[name])


def test_layers_and_recipes_are_not_made_of_napari():
    assert not foreign(f"{VIEWER}.io.layers") & GUI


def test_scan_and_windows_stand_on_numpy_alone():
    for name in ("scan", "heights.windows"):
        assert foreign(f"napari_stmml.{name}") == {"numpy"}


def test_rooms_import_from_the_rooms_below_them_alone():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(sys.argv[1]))"
    assert any("0 broken" in line for line in run(code, ROOT.parents[1] / "pyproject.toml"))


def test_imports_form_no_ring():
    ours = {name: {one for one in IMPORTS[name] if one in MODULES} - {name} for name in MODULES}
    assert set(TopologicalSorter(ours).static_order()) == set(MODULES)


@every_module
def test_every_foreign_package_is_declared(name):
    about = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*about["dependencies"], *itertools.chain(*about["optional-dependencies"].values())]
    declared = {Requirement(line).name.replace("-", "_") for line in lines}
    names = {
        "sklearn": "scikit_learn",
        "skimage": "scikit_image",
        "keras": "tensorflow",
        "PIL": "pillow",
        "umap": "umap_learn",
    }
    assert {names.get(one, one) for one in foreign(name)} - {"napari_stmml"} <= declared


@every_module
def test_every_module_tells_its_story_first(name):
    docstring = ast.get_docstring(ast.parse(MODULES[name].read_text("utf-8")))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", ":"))


def test_importing_the_package_loads_nothing_but_the_standard_library():
    lines = run(
        "import sys; before = set(sys.modules); import napari_stmml;"
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    loaded = {line.partition(".")[0] for line in lines}
    assert "napari_stmml" in loaded
    assert loaded - {"napari_stmml"} <= set(sys.stdlib_module_names)


def test_importing_the_reader_loads_nothing_heavy():
    loaded = run("import sys, napari_stmml.viewer.io.reader; print(*sys.modules, sep='\\n')")
    assert "napari_stmml.viewer.io.reader" in loaded
    assert not HEAVY & set(loaded)


def test_opening_a_scan_loads_nothing_heavy(session_files):
    *_, layers, loaded = run(
        "import sys; from napari_stmml.viewer.io.reader import get_reader; path = sys.argv[1];"
        "print(len(get_reader(path)(path))); print(*sys.modules)",
        session_files[0],
    )
    assert layers == "4"
    assert "access2thematrix" in loaded.split()
    assert not HEAVY & set(loaded.split())


@pytest.mark.parametrize("name", napari_stmml.__all__)
def test_a_public_name_is_loaded_from_its_module_on_first_use(name):
    assert getattr(napari_stmml, name) is not None
    assert name in dir(napari_stmml)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'napari_stmml' has no attribute 'nothing'"):
        napari_stmml.nothing


def test_the_package_knows_its_version():
    assert napari_stmml.__version__ == version("napari-stmml")


def test_the_manifest_is_valid_and_all_it_names_exists():
    manifest = PluginManifest.from_distribution("napari-stmml")
    manifest.validate_imports()
    commands = {command.id for command in manifest.contributions.commands}
    kinds = ("readers", "writers", "sample_data", "widgets")
    used = {one.command for kind in kinds for one in getattr(manifest.contributions, kind)}
    assert commands == used
    for command in manifest.contributions.commands:
        assert find_spec(command.python_name.partition(":")[0])


def test_the_reader_is_asked_about_matrix_files_in_either_case_and_our_maps():
    readers = PluginManifest.from_distribution("napari-stmml").contributions.readers
    patterns = [pattern for reader in readers for pattern in reader.filename_patterns]
    for name in ("a--1_3.Z_mtrx", "a--1_3.i_mtrx", "a_0001.mtrx", "a.stmml.tif", "a--1_3_fu_labels.tif"):
        assert any(fnmatch(name, pattern) for pattern in patterns), name
    for name in ("a.sxm", "a.3ds", "a.gwy"):
        assert any(fnmatch(name, pattern) for pattern in patterns), name
    for name in ("a.jpg", "a.csv", "labels.nii"):
        assert not any(fnmatch(name, pattern) for pattern in patterns), name


def test_every_file_that_is_no_module_is_in_the_wheel():
    project = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["napari_stmml"]
    packed = {path for pattern in patterns for path in ROOT.glob(pattern)}
    files = {path for path in ROOT.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert files == packed
