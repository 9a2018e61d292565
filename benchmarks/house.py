"""Measure how the package is built: lines, long functions, imports, docstrings, and what three actions run.

Run as ``python benchmarks/house.py [--src SRC] [--modules] [--trace] [--json FILE]``. The tree is read from
its source, by no name of a module, so that flat modules and packages are measured alike. What is counted:

Lines
    Lines that hold a token, or part of one, of code: no comments, no blank lines, no docstrings. A string or
    a bracket over several lines counts with each line that has something on it, the inside of a string whole.
Long and branched functions
    Functions and methods, nested ones by themselves and as part of the outer one. Length: from the first
    statement after the docstring to the last line; over 40. Branches: 1 + the number of ``if``, ``for``,
    ``while``, ``except``, ``case``, conditional expressions, ``and``/``or`` expressions and comprehension
    loops; over 12.
Imports
    Wherever in a module they stand, also within functions; those for type checkers alone (``if
    TYPE_CHECKING``) are left out, and counted beside. A name that a package only hands on lazily (a table of
    names and modules, PEP 562) is an import of the module that has it. A package is a folder of
    ``napari_stmml``, or of its ``viewer``; a module beside them is a package by itself. Arrows: distinct
    pairs of an importing and an imported package. Floors: packages, or modules, on the longest way along
    the arrows, where a ring is one.
Docstrings
    Functions that a module of another package names, and methods that one calls: how many have a section
    "Parameters", "Returns" or "Yields". Whose method a call is, is a guess: that of any class, by its name,
    which the calling module imports, at first or second hand; where also a built-in type has a method of
    that name, of a class that it imports itself.
Trace
    With ``--trace``, the modules in which a function is entered, calls at import time aside, by (a) a first
    map in the viewer, clustered without a model, (b) a dab of the brush in the Correct panel, once as it
    is, once with learning after every stroke, and (c) ``stmml predict`` of one file. Child processes count.
"""

import argparse
import ast
import contextlib
import inspect
import io
import json
import mmap
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tokenize
import tomllib
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

PACKAGE = "napari_stmml"
LONG, BRANCHED = 40, 12  # functions above are listed

# ---- what the scenarios of --trace touch within the package. To be adapted when it is renamed: of each
# tuple, the first that is there is taken.

# Defined at the top of some module, whichever: looked up in the source.
SIMULATE = ("simulate_si001",)  # (shape, size_nm, seed) -> has .heights
FRAME = ("Frame",)  # (direction -> heights, width_nm, height_nm)
WRITE_SESSION = ("write_session",)  # (folder, frames) -> data files
DIRECTIONS = ("forward/up", "backward/up", "forward/down", "backward/down")
READ = ("read_scans", "read_mtrx")  # (path) -> scans; public names, as is the next
TRAIN = ("train_classifier",)  # (scans, n_clusters, recipe) -> has .save(path)
TRAIN_HOW: dict[str, Any] = {"recipe": "instant", "n_clusters": 4}
# Attributes of a panel, found by its display name; parts of a path are divided by dots.
PREDICT, CORRECT = "Predict", "Correct"
MODEL = ("model",)  # of both: a field with .value, None for no model
SCANS = ("layers", "scans")  # of both: a choice of layers with .value
START = ("start_button", "run_button")  # of both: a button with .click()
LIVE = ("live", "learning.live")  # of Correct: a box with .value, learn after every stroke
TRUTH, PREDICTED = "truth", "predicted"  # what the names of Correct's layers begin with
TRUTH_FILES = "*truth*.tif"  # beside the scan, or under the home folder

# ----

VIEWER = f"{PACKAGE}.viewer"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BRANCHES = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.ExceptHandler, ast.BoolOp),
    *(ast.comprehension, ast.match_case),
)
NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}
SECTION = re.compile(r"^\s*(Parameters|Returns|Yields)\n\s*-{3,}\s*$", re.MULTILINE)
BUILT_IN = {
    name
    for kind in (str, bytes, list, dict, set, int, Path, io.TextIOWrapper, threading.Thread, subprocess.Popen)
    for name in dir(kind)
}
SECONDS = 240  # that a scenario may take
Graph = dict[str, set[str]]


# ---- 1 and 2: lines and functions


class Module:
    """One file of the package, parsed."""

    def __init__(self, path: Path, src: Path) -> None:
        self.path, self.place = path, str(path.relative_to(src.parent))
        parts = path.relative_to(src).with_suffix("").parts
        self.is_package = parts[-1] == "__init__"
        self.name = ".".join(parts[:-1] if self.is_package else parts)
        self.text = path.read_text("utf-8")
        self.tree = ast.parse(self.text)
        self.nodes = list(ast.walk(self.tree))

    @cached_property
    def package(self) -> str:
        """The package it counts to: a folder of ours or of our viewer, or itself."""
        parts = self.name.split(".")
        folders = parts if self.is_package else parts[:-1]
        if self.name.startswith(f"{VIEWER}."):
            return ".".join(folders[:3])
        return ".".join(parts[:2])

    @cached_property
    def bound(self) -> set[str]:
        """Names that are defined or imported at the top."""
        imports = [node for node in self.tree.body if isinstance(node, ast.ImportFrom)]
        defined = {node.name for node in self.tree.body if isinstance(node, (ast.ClassDef, *FUNCTIONS))}
        return defined | {one.asname or one.name for node in imports for one in node.names}

    def origin(self, node: ast.ImportFrom) -> str:
        """Return the full name of the module that names are imported from."""
        parts = self.name.split(".")
        above = parts[: len(parts) + self.is_package - node.level] if node.level else []
        return ".".join([*above, *([node.module] if node.module else [])])

    @cached_property
    def lines(self) -> int:
        """Number of lines of code."""
        code: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in NO_CODE:
                code.update(range(token.start[0], token.end[0] + 1))
        for node in self.nodes:
            if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)) and (first := docstring(node)):
                code.difference_update(range(first.lineno, (first.end_lineno or 0) + 1))
        return len(code)

    def functions(self) -> Iterator[tuple[str, str, int, int]]:
        """Yield where each function is, its name, how many lines it has and how many branches."""
        for node in self.nodes:
            if isinstance(node, FUNCTIONS):
                body = node.body[1:] if docstring(node) and len(node.body) > 1 else node.body
                length = (node.end_lineno or 0) - body[0].lineno + 1
                branches = 1 + sum(isinstance(one, BRANCHES) for one in ast.walk(node))
                yield f"{self.place}:{node.lineno}", node.name, length, branches


def docstring(node: Any) -> ast.Expr | None:
    """Return the statement that is the docstring of a module, class or function."""
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first if isinstance(first.value.value, str) else None
    return None


# ---- 3: imports


class House:
    """All modules of a tree, and what they import of each other."""

    def __init__(self, src: Path) -> None:
        found = (Module(path, src) for path in sorted((src / PACKAGE).rglob("*.py")))
        self.modules = {one.name: one for one in found}
        if not self.modules:
            raise SystemExit(f"there is no {PACKAGE} in {src}")
        self._imports = {name: list(self._imports_of(one)) for name, one in self.modules.items()}
        self._names = {name: {one[0]: one[1:3] for one in found} for name, found in self._imports.items()}

    def _imports_of(self, module: Module) -> Iterator[tuple[str, str, str, bool]]:
        """Yield each name of ours that is imported: as what, from where, and if for type checkers alone.

        From where: a module, and a name in it, which is empty where the module itself is imported.
        """
        typing = {
            id(one)
            for node in module.nodes
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for one in ast.walk(node)
        }
        for node in module.nodes:
            if isinstance(node, ast.Import):
                found = [(one.asname or one.name, one.name, "") for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                found = [(one.asname or one.name, module.origin(node), one.name) for one in node.names]
            else:
                continue
            for local, home, name in found:
                inner = f"{home}.{name}"  # a module, unless the package has a name of its own for it
                if home in self.modules:
                    own = home != module.name and name in self.modules[home].bound
                    there = (inner, "") if inner in self.modules and not own else (home, name)
                    yield local, *there, id(node) in typing

    def lazy(self, module: str, name: str) -> str:
        """Return the module of a name that a package hands on lazily; empty if it does not."""
        for node in self.modules[module].tree.body if self.modules[module].is_package else ():
            value = getattr(node, "value", None)
            if isinstance(value, ast.Dict):
                for key, one in zip(value.keys, value.values, strict=True):
                    if getattr(key, "value", None) == name:
                        home = str(getattr(one, "value", "")).lstrip(".")
                        return next((full for full in (f"{module}.{home}", home) if full in self.modules), "")
        return ""

    def graph(self, typing: bool = False) -> Graph:
        """Return what each module imports of ours."""
        found: Graph = {name: set() for name in self.modules}
        for importer, imports in self._imports.items():
            for _, home, name, alone in imports:
                if typing or not alone:
                    found[importer].add((name and self.lazy(home, name)) or home)
            found[importer].discard(importer)
        return found

    def of_packages(self, graph: Graph) -> Graph:
        """Return what each package imports, from what each module does."""
        found: Graph = {one.package: set() for one in self.modules.values()}
        for importer, imported in graph.items():
            package = self.modules[importer].package
            found[package] |= {self.modules[one].package for one in imported} - {package}
        return found

    # ---- 4: docstrings of what other packages call

    def home(self, module: str, name: str) -> tuple[str, str]:
        """Return the module where a name is defined, and the name there; ("", "") if that is not ours."""
        for _ in range(20):
            if not name or name in self.defined[module]:
                return module, name
            if name in self._names[module]:
                module, name = self._names[module][name]
            elif there := self.lazy(module, name):
                module = there
            else:
                return (f"{module}.{name}", "") if f"{module}.{name}" in self.modules else ("", "")
        return "", ""

    @cached_property
    def defined(self) -> dict[str, dict[str, Any]]:
        """Functions and classes at the top of each module, by their names."""
        kinds = (ast.ClassDef, *FUNCTIONS)
        return {
            name: {node.name: node for node in one.tree.body if isinstance(node, kinds)}
            for name, one in self.modules.items()
        }

    @cached_property
    def public(self) -> dict[tuple[str, str], Any]:
        """Public functions and methods: (module, ``function`` or ``Class.method``) -> the node."""
        found: dict[tuple[str, str], Any] = {}
        for module, defined in self.defined.items():
            for name, node in defined.items():
                inside = [(name, node)] if isinstance(node, FUNCTIONS) else methods_of(node)
                for inner, function in inside:
                    if not inner.startswith("_") and "._" not in inner:
                        found[module, inner] = function
        return found

    def called(self) -> set[tuple[str, str]]:
        """Return the public functions and methods that are called from another package."""
        reach = closure(self.graph(typing=True))
        return {
            use
            for caller in self.modules.values()
            for use in self._uses(caller, reach[caller.name])
            if use in self.public and self.modules[use[0]].package != caller.package
        }

    def _uses(self, caller: Module, reach: set[str]) -> Iterator[tuple[str, str]]:
        """Yield what of ours a module names, and the methods that it may call."""
        homes = {local: self.home(*there) for local, there in self._names[caller.name].items()}
        names = {local: home for local, home in homes.items() if home[0]}
        for node in caller.nodes:
            if isinstance(node, ast.Name) and node.id in names:
                yield names[node.id]
            elif isinstance(node, ast.Attribute) and (owner := names.get(ast.unparse(node.value))):
                module, name = owner
                yield (module, f"{name}.{node.attr}") if name else self.home(module, node.attr)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                method = node.func.attr
                for module, name in self.methods.get(method, ()):
                    own = (module, name.partition(".")[0]) in names.values()
                    if own or (method not in BUILT_IN and module in reach):
                        yield module, name

    @cached_property
    def methods(self) -> dict[str, list[tuple[str, str]]]:
        """Public methods by their bare names."""
        found: dict[str, list[tuple[str, str]]] = {}
        for module, name in self.public:
            if "." in name:
                found.setdefault(name.rpartition(".")[2], []).append((module, name))
        return found


def methods_of(node: ast.ClassDef) -> list[tuple[str, Any]]:
    """List the methods of a class, as ``Class.method``; properties are none."""
    return [
        (f"{node.name}.{one.name}", one)
        for one in node.body
        if isinstance(one, FUNCTIONS)
        and not any(re.search(r"property|setter", ast.unparse(how)) for how in one.decorator_list)
    ]


def says_nothing(function: Any) -> bool:
    """Say whether a function takes nothing and returns nothing, so that no section is due."""
    taken = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)} - {"self", "cls"}
    return not taken and (function.returns is None or ast.unparse(function.returns) == "None")


def closure(graph: Graph) -> Graph:
    """Return all that can be reached from each node."""
    found: Graph = {}
    for start in graph:
        seen: set[str] = set()
        todo = [start]
        while todo:
            new = graph[todo.pop()] - seen
            seen |= new
            todo += new
        found[start] = seen
    return found


def rings(graph: Graph) -> list[list[str]]:
    """List the rings: nodes that reach each other."""
    reach = closure(graph)
    found = {tuple(sorted({one} | {b for b in reach[one] if one in reach[b]})) for one in graph}
    return [list(ring) for ring in sorted(found) if len(ring) > 1]


def longest(graph: Graph) -> list[str]:
    """Return the nodes of the longest way, from top to bottom; of a ring, one stands for all."""
    stands = {one: ring[0] for ring in rings(graph) for one in ring}
    plain: Graph = {stands.get(one, one): set() for one in graph}
    for one, others in graph.items():
        here = stands.get(one, one)
        plain[here] |= {stands.get(other, other) for other in others} - {here}
    ways: dict[str, list[str]] = {}

    def way(one: str) -> list[str]:
        if one not in ways:
            ways[one] = [one, *max(map(way, sorted(plain[one])), key=len, default=[])]
        return ways[one]

    return max(map(way, sorted(plain)), key=len)


def measure(src: Path) -> dict[str, Any]:
    """Return all that is read from the source."""
    house = House(src)
    modules = house.modules.values()
    functions = [one for module in modules for one in module.functions()]
    packages: Counter[str] = Counter()
    for one in modules:
        packages[one.package] += one.lines
    graph, every = house.graph(), house.graph(typing=True)
    rooms, all_rooms = house.of_packages(graph), house.of_packages(every)
    called = house.called()
    lack = sorted(one for one in called if not SECTION.search(ast.get_docstring(house.public[one]) or ""))
    return {
        "lines": {
            "total": sum(packages.values()),
            "packages": dict(packages),
            "modules": {one.name: {"package": one.package, "lines": one.lines} for one in modules},
        },
        "functions": {
            "all": len(functions),
            "long": [{"where": w, "name": n, "lines": k} for w, n, k, _ in functions if k > LONG],
            "branched": [{"where": w, "name": n, "branches": k} for w, n, _, k in functions if k > BRANCHED],
        },
        "imports": {
            "modules": about(graph, every),
            "packages": about(rooms, all_rooms),
            "folders": sorted({one.package for one in modules if one.is_package} - {PACKAGE}),
            "arrows": {one: sorted(others) for one, others in sorted(rooms.items())},
        },
        "docstrings": {
            "called": len(called),
            "with_section": len(called) - len(lack),
            "lacking": len(lack),
            "lacking_nothing_to_say": sum(says_nothing(house.public[one]) for one in lack),
            "lacking_names": [".".join(one) for one in lack],
        },
    }


def about(graph: Graph, with_typing: Graph) -> dict[str, Any]:
    """Return the numbers of a graph of imports."""
    way = longest(graph)
    return {
        "count": len(graph),
        "arrows": sum(map(len, graph.values())),
        "arrows_with_typing": sum(map(len, with_typing.values())),
        "floors": len(way),
        "floors_with_typing": len(longest(with_typing)),
        "longest_way": way,
        "rings": rings(graph),
    }


# ---- 5: what an action runs


def record(folder: Path, src: Path) -> None:
    """Write down, from now on, the modules in which this process enters a function while ``switch`` is on.

    A module is written as soon as it is entered, for processes may be killed. Functions that are called
    while a module is imported do not count.
    """
    inside = f"{src / PACKAGE}{os.sep}"
    with (folder / "on").open("r+b") as file:
        on = mmap.mmap(file.fileno(), 1)
    out = os.open(folder / f"{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    told: set[str] = set()

    def profile(frame: Any, event: str, arg: Any) -> None:
        code = frame.f_code
        path = code.co_filename
        if event != "call" or not path.startswith(inside) or path in told or on[0] != 1:
            return
        is_function = code.co_flags & inspect.CO_OPTIMIZED  # not the body of a module or class
        if is_function and not importing(frame):
            told.add(path)
            name = path[len(inside) :].removesuffix(".py").replace(os.sep, ".").removesuffix("__init__")
            os.write(out, f"{PACKAGE}.{name}".rstrip(".").encode() + b"\n")

    threading.setprofile(profile)
    sys.setprofile(profile)


def importing(frame: Any) -> bool:
    """Say whether a module is being imported, the program itself aside."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") != "__main__":
            return True
        frame = frame.f_back
    return False


def switch(folder: Path, on: bool) -> None:
    """Let all processes that ``record`` do so, or not."""
    with (folder / "on").open("r+b") as file:
        file.write(b"\1" if on else b"\0")


SITE = """import importlib.util
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("house_trace", {own!r})
sys.modules[spec.name] = house = importlib.util.module_from_spec(spec)
spec.loader.exec_module(house)
house.record(Path({folder!r}), Path({src!r}))
"""


def trace_all(src: Path) -> dict[str, Any]:
    """Run the scenarios, each in processes of its own; return the modules that they enter, or why not."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="house-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        if problem := run_scenario("prepare", src, root, root / "prepare"):
            return {one: {"problem": f"nothing to try it on: {problem}"} for one in SCENARIOS}
        for number, scenario in enumerate(SCENARIOS):
            folder = root / str(number)
            problem = run_scenario(scenario, src, root, folder)
            own = (folder / "pid").read_text() if (folder / "pid").is_file() else ""
            seen = {path.stem: path.read_text().split() for path in folder.glob("[0-9]*.txt")}
            here = sorted(seen.pop(own, []))
            children = sorted({one for modules in seen.values() for one in modules})
            every = sorted({*here, *children})
            found[scenario] = {"problem": problem} if problem else {}
            found[scenario] |= {"process": here, "children": children, "modules": every}
    return found


def run_scenario(name: str, src: Path, root: Path, folder: Path) -> str:
    """Run one scenario in a process that is traced, with its children; return what went wrong."""
    folder.mkdir()
    (folder / "on").write_bytes(b"\0")
    site, home = folder / "site", folder / "home"
    home.mkdir()
    site.mkdir()
    own = str(Path(__file__).resolve())
    (site / "sitecustomize.py").write_text(SITE.format(own=own, folder=str(folder), src=str(src)))
    variables = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(site), str(src))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "QT_QPA_PLATFORM": "offscreen",
        "NAPARI_CONFIG": "",
        "HOME": str(home),  # truths, locks and settings of whoever runs this stay as they are
        "USERPROFILE": str(home),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    variables.pop("DISPLAY", None)
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, own, "--src", str(src), "--scenario", name, "--folders", str(root), str(folder)],
            env=variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        (folder / "pid").write_text(str(process.pid))
        try:
            code = process.wait(SECONDS + 60)
        except subprocess.TimeoutExpired:
            code = None
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # workers that wait for their next job
        process.wait()
    if code == 0:
        return ""
    lines = (folder / "log.txt").read_text(errors="replace").strip().splitlines()
    return f"{name} ended with {code}: {lines[-1] if lines else 'it said nothing'}"


# ---- what is tried, each in a process of its own


class NotThere(Exception):
    """What a scenario needs has another name now: see the top of this file."""


def from_source(src: Path, names: tuple[str, ...]) -> Any:
    """Return a function or class by its name, from whichever module defines it."""
    for module, defined in House(src).defined.items():
        for name in names:
            if name in defined:
                return getattr(import_module(module), name)
    raise NotThere(f"no module defines {' or '.join(names)}")


def part(thing: Any, paths: tuple[str, ...]) -> Any:
    """Return the first attribute that there is of these."""
    for path in paths:
        found = thing
        for name in path.split("."):
            found = getattr(found, name, None)
        if found is not None:
            return found
    raise NotThere(f"{type(thing).__name__} has no {' or '.join(paths)}")


def wait(condition: Callable[[], Any], what: str) -> None:
    """Let the viewer live until something has come about."""
    from qtpy.QtWidgets import QApplication

    until = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"after {SECONDS} s there was still no {what}")
        QApplication.processEvents()
        time.sleep(0.01)


def wait_until_quiet(folder: Path, seconds: float = 2.0) -> None:
    """Let the viewer live until no other module has been entered for a while."""
    last = [-1, 0.0]

    def quiet() -> bool:
        size = sum(path.stat().st_size for path in folder.glob("[0-9]*.txt"))
        if size != last[0]:
            last[:] = size, time.monotonic()
        return time.monotonic() - last[1] > seconds

    wait(quiet, "rest")


def new_viewer() -> Any:
    """Make a viewer without a screen and without OpenGL."""
    import napari
    import napari._qt.qt_viewer  # has chosen its way to OpenGL when this is imported
    from superqt.utils import WorkerBase
    from vispy.gloo import gl

    gl.glGetParameter = lambda question: {gl.GL_EXTENSIONS: "texture_float"}.get(question, 16384)
    run = WorkerBase.run

    def traced(worker: Any) -> None:
        sys.setprofile(threading.getprofile())  # in a thread of Qt's, which Python does not know
        run(worker)

    WorkerBase.run = traced
    return napari.Viewer(show=False)


def open_panel(viewer: Any, file: Path, name: str) -> tuple[Any, Any]:
    """Open a file with our reader and dock a panel; return the layer on top and the panel."""
    viewer.open([str(file)], plugin="napari-stmml")
    dock, panel = viewer.window.add_plugin_dock_widget("napari-stmml", name)
    dock.setFloating(True)  # in sight, although the window is not
    dock.show()
    wait(lambda: True, "turn")
    return viewer.layers[-1], panel


def labels_of(viewer: Any, name: str = "") -> list[Any]:
    """List the Labels layers whose names begin with a word."""
    return [one for one in viewer.layers if type(one).__name__ == "Labels" and one.name.startswith(name)]


def prepare(src: Path, root: Path, folder: Path) -> None:
    """Write a simulated scan as a MATRIX file, and a model of it."""
    surface = from_source(src, SIMULATE)((128, 128), 12.8, seed=1)
    frame = from_source(src, FRAME)(dict.fromkeys(DIRECTIONS, surface.heights), width_nm=12.8, height_nm=12.8)
    file, *_ = from_source(src, WRITE_SESSION)(root / "scans", [frame])
    package = import_module(PACKAGE)
    scans = list(part(package, READ)(file))
    part(package, TRAIN)(scans[:1], **TRAIN_HOW).save(root / "model.stmml")


def first_map(src: Path, root: Path, folder: Path) -> None:
    """Open the scan, and cluster it at once."""
    file = scan_file(root, folder)
    viewer = new_viewer()
    switch(folder, True)
    layer, panel = open_panel(viewer, file, PREDICT)
    if part(panel, MODEL).value is not None:
        raise NotThere("a fresh Predict panel has a model chosen")
    part(panel, SCANS).value = [layer]
    part(panel, START).click()
    wait(lambda: any(one.data.any() for one in labels_of(viewer)), "Labels layer")
    wait_until_quiet(folder)  # the panel says what was done
    switch(folder, False)


def stroke(src: Path, root: Path, folder: Path, live: bool = False) -> None:
    """Paint a dab of class 2 on a scan that is open for correction."""
    file, model = scan_file(root, folder), folder / "model.stmml"
    shutil.copy(root / "model.stmml", model)
    viewer = new_viewer()
    layer, panel = open_panel(viewer, file, CORRECT)
    part(panel, MODEL).value = model
    part(panel, SCANS).value = [layer]
    part(panel, START).click()
    wait(lambda: labels_of(viewer, TRUTH), "layer to paint on")
    wait(lambda: any(one.data.any() for one in labels_of(viewer, PREDICTED)), "prediction")
    if live:
        part(panel, LIVE).value = True
    wait_until_quiet(folder)
    truth, before = labels_of(viewer, TRUTH)[-1], model.stat().st_mtime_ns
    switch(folder, True)
    truth.mode = "paint"
    truth.selected_label = 2
    truth.paint((60, 60), 2)
    wait(lambda: any(folder.rglob(TRUTH_FILES)), "truth file")
    if live:
        wait(lambda: model.stat().st_mtime_ns != before, "model that has learnt")
    wait_until_quiet(folder)
    switch(folder, False)


def live_stroke(src: Path, root: Path, folder: Path) -> None:
    """Paint a dab while learning after every stroke is on."""
    stroke(src, root, folder, live=True)


def predict_file(src: Path, root: Path, folder: Path) -> None:
    """Label a file by the command."""
    project = tomllib.loads((src.parent / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, name = project["scripts"]["stmml"].partition(":")
    main, file = getattr(import_module(module), name), scan_file(root, folder)
    switch(folder, True)
    code = main(["predict", "--model", str(root / "model.stmml"), "--out", str(folder / "out"), str(file)])
    switch(folder, False)
    if code:
        raise NotThere(f"stmml predict ended with {code}")


def scan_file(root: Path, folder: Path) -> Path:
    """Copy the scan, for what is painted is written beside it; return the data file."""
    shutil.copytree(root / "scans", folder / "scans")
    return next((folder / "scans").glob("*_mtrx"))


SCENARIOS = {
    "first map": first_map,
    "stroke": stroke,
    "stroke, live": live_stroke,
    "stmml predict": predict_file,
}


def play(name: str, src: Path, root: Path, folder: Path) -> None:
    """Play one scenario and end this process, whatever its threads and Qt would say to that."""
    try:
        SCENARIOS.get(name, prepare)(src, root, folder)
    except Exception as error:  # noqa: BLE001 - the last line is told by the process that reads the log
        traceback.print_exc()
        print(f"{type(error).__name__}: {error}", flush=True)
        os._exit(1)
    os._exit(0)


def show(found: dict[str, Any], modules: bool) -> None:
    """Print the numbers, and where the long functions are."""
    lines, imports, said = found["lines"], found["imports"], found["docstrings"]
    size = Counter(one["package"] for one in lines["modules"].values())
    print(f"lines of code: {lines['total']} in {len(lines['modules'])} modules")
    if modules:
        for name, one in lines["modules"].items():
            print(f"{one['lines']:7d}  {name}")
    plain = [name for name in lines["packages"] if name not in imports["folders"]]
    for name in imports["folders"]:
        print(f"{lines['packages'][name]:7d}  {name}, {size[name]} modules")
    print(f"{sum(lines['packages'][name] for name in plain):7d}  modules beside packages, {len(plain)}")
    for kind, what, over in (("long", "lines", LONG), ("branched", "branches", BRANCHED)):
        listed = sorted(found["functions"][kind], key=lambda one: -one[what])
        print(f"functions of more than {over} {what}: {len(listed)} of {found['functions']['all']}")
        for one in listed:
            print(f"{one[what]:7d}  {one['where']} {one['name']}")
    print("imports      count  arrows  floors  rings   (with those for type checkers: arrows, floors)")
    for kind in ("packages", "modules"):
        one = imports[kind]
        row = f"{kind:<10} {one['count']:7d} {one['arrows']:7d} {one['floors']:7d} {len(one['rings']):6d}"
        print(f"{row}   ({one['arrows_with_typing']}, {one['floors_with_typing']})")
    print(f"called from another package: {said['called']} functions and methods")
    print(f"  with a section Parameters, Returns or Yields: {said['with_section']}")
    print(f"  without: {said['lacking']}, of which {said['lacking_nothing_to_say']} take and return nothing")
    if "trace" in found:
        print("modules entered        all  process  children")
        for name, one in found["trace"].items():
            counts = [len(one.get(key, ())) for key in ("modules", "process", "children")]
            numbers = "{:7d} {:8d} {:9d}".format(*counts)
            print(f"  {name:<16} {numbers}  {one.get('problem', '')}".rstrip())


def main() -> None:
    """Measure a tree and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    src = Path(__file__).resolve().parents[1] / "src"
    parser.add_argument("--src", type=Path, default=src, help="the tree: a folder with napari_stmml in it")
    parser.add_argument("--modules", action="store_true", help="list the lines of every module")
    parser.add_argument("--trace", action="store_true", help="also find what three actions run (a minute)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was found")
    parser.add_argument("--scenario", help=argparse.SUPPRESS)
    parser.add_argument("--folders", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    src = options.src.resolve()
    if options.scenario:
        play(options.scenario, src, *options.folders)
    found = measure(src)
    if options.trace:
        found["trace"] = trace_all(src)
    show(found, options.modules)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
