"""Draw the packages and their imports into docs/design.md: ``python docs/make_diagram.py``.

Each arrow is an import that no longer way of imports replaces; a package stands above all that it imports.
"""

import ast
import re
from pathlib import Path

import grimp

import napari_stmml

PAGE = Path(__file__).with_name("design.md")
BEGIN, END = "<!-- packages: made by docs/make_diagram.py -->", "<!-- end of packages -->"
SOURCE = Path(napari_stmml.__file__).parent
EVERYBODY = {"scan", "classes", "colours", "recipe", "parameter_type", "events", "scan_key", "system", "text"}


def packages() -> dict[str, set[str]]:
    """Return the packages of napari-stmml, each with those that its modules import."""
    graph = grimp.build_graph("napari_stmml", cache_dir=None, exclude_type_checking_imports=True)
    found: dict[str, set[str]] = {}
    for module in graph.modules:
        package = room(module)
        if package:
            imported = {room(one) for one in graph.find_modules_directly_imported_by(module)}
            found.setdefault(package, set()).update(imported - {package, ""} - EVERYBODY)
    return {package: found[package] for package in sorted(found.keys() - EVERYBODY)}


def room(module: str) -> str:
    """Return the package that a module lies in; empty for napari_stmml itself.

    >>> room("napari_stmml.viewer.correct.widget"), room("napari_stmml.scan")
    ('viewer', 'scan')
    """
    return module.partition(".")[2].partition(".")[0]


def reach(package: str, arrows: dict[str, set[str]]) -> set[str]:
    """Return every package that a package imports, directly or through others."""
    below = set(arrows[package])
    for one in arrows[package]:
        below |= reach(one, arrows)
    return below


def reduced(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """Leave out each arrow that a longer way of arrows replaces."""
    return {
        package: below - set().union(*(reach(one, arrows) for one in below), set())
        for package, below in arrows.items()
    }


def story(package: str) -> str:
    """Return the first line of a package's docstring."""
    path = SOURCE / package / "__init__.py"
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return docstring.splitlines()[0].replace("``", "").rstrip(".")


def diagram() -> str:
    """Return the diagram as a Mermaid flow chart in a code block, which GitHub and GitLab draw."""
    arrows = packages()
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'  {package}["<b>{package}</b><br/>{story(package)}"]' for package in arrows]
    lines += [f"  {package} --> {one}" for package, below in reduced(arrows).items() for one in sorted(below)]
    return "\n".join([*lines, "```"])


def page_with(diagram: str) -> str:
    """Return the text of docs/design.md with a diagram in its place."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n{diagram}\n{END}", PAGE.read_text("utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page_with(diagram()), "utf-8")
