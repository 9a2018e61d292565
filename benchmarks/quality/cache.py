"""What was measured before, and the code it was measured with: only what changed is measured again.

Comments, docstrings and layout do not count as a change.
"""

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import napari_stmml

FOLDER = Path(__file__).parent / ".cache"
_SOURCES = Path(napari_stmml.__file__).parent
_HERE = Path(__file__).parent


def fingerprint(*parts: Any) -> str:
    """Hash values that JSON knows."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def code_of_package(roots: Iterable[str], without: Iterable[str] = ()) -> str:
    """Hash modules of the package and all that they import of it, without some and what only these import.

    Parameters
    ----------
    roots : iterable of str
        Modules, such as "heights.prepare".
    without : iterable of str
        Modules, and packages with all their modules, such as "srsml24".

    Raises
    ------
    ValueError
        If a name of either is no module of the package any more.
    """
    waiting, excluded = list(roots), set(without)
    if unknown := [name for name in (*waiting, *excluded) if _file_of(name) is None]:
        raise ValueError(f"napari_stmml has no {', '.join(sorted(unknown))}: name its modules as they are")
    seen: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if path is None or name in seen or {name, name.rpartition(".")[0]} & excluded:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        seen[name] = _plain(tree)
        waiting += _imported(tree)
    return fingerprint(sorted(seen.items()))


def code_of(functions: Iterable[Callable[..., Any]]) -> str:
    """Hash functions by what is written in them alone."""
    sources = [textwrap.dedent(inspect.getsource(one)) for one in functions]
    return fingerprint([_plain(ast.parse(source)) for source in sources])


def code_of_benchmark(*names: str) -> str:
    """Hash modules of this folder."""
    return fingerprint([_plain(ast.parse((_HERE / f"{name}.py").read_text("utf-8"))) for name in names])


def folder(*below: str) -> Path:
    """Make a folder of the cache, which git ignores."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    made = FOLDER.joinpath(*below)
    made.mkdir(parents=True, exist_ok=True)
    return made


def _plain(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _file_of(name: str) -> Path | None:
    """Return the file of a module or package, None where there is none."""
    path = _SOURCES.joinpath(*name.split("."))
    found = (path.with_suffix(".py"), path / "__init__.py")
    return next((one for one in found if one.is_file()), None)


def _imported(tree: ast.Module) -> list[str]:
    """List what a module imports of the package: modules, and names that may be modules."""
    found = []
    for node in ast.walk(tree):
        package, _, module = (getattr(node, "module", "") or "").partition(".")
        if isinstance(node, ast.ImportFrom) and package == "napari_stmml":
            names = [f"{module}.{alias.name}" if module else alias.name for alias in node.names]
            found += [module, *names] if module else names
    return found
