"""What MkDocs does besides: pages made of other files, and links to files that the site does not have.

The gallery is made of ``examples/``, the page of commands of ``stmml --help``, two more of files in the root
of the repository. So each of these texts stands in one place.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import join, normpath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
OF_ROOT = {"CHANGELOG.md": "changes.md", "CONTRIBUTING.md": "contributing.md"}
_EXAMPLES = """# Examples

Each runs as it stands, on scans that it simulates, or on yours: `python examples/NAME.py`.
The tests run all of them."""
_COMMANDS = """# Commands

What `stmml COMMAND --help` says; every parameter of a recipe has [a line](parameters.md)."""
_LINK = re.compile(r"(\]\()([^)#\s]+)([^)]*\))")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made of other files."""
    made = {page: _moved((ROOT / name).read_text("utf-8")) for name, page in OF_ROOT.items()}
    made |= {"gallery.md": gallery(), "commands.md": commands()}
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let links to files that are not of the site lead to the repository."""
    folder = str(Path(page.file.src_uri).parent.as_posix())

    def lead(found: re.Match[str]) -> str:
        before, target, after = found.groups()
        path = normpath(join(folder, target))
        if "://" in target or not path.startswith("../"):
            return found.group()
        path = path.removeprefix("../")
        home = normpath(join("/".join([".."] * folder.count("/")), OF_ROOT[path])) if path in OF_ROOT else ""
        return f"{before}{home or f'{config.repo_url}/blob/main/{path}'}{after}"

    return _LINK.sub(lead, markdown)


def _moved(text: str) -> str:
    """Let the links of a page in the root lead from ``docs/``."""

    def moved(found: re.Match[str]) -> str:
        before, target, after = found.groups()
        if "://" in target:
            return found.group()
        return (
            f"{before}{target.removeprefix('docs/') if target.startswith('docs/') else f'../{target}'}{after}"
        )

    return _LINK.sub(moved, text)


def gallery() -> str:
    """Return the page of examples: what each does, its picture, and all of it."""
    parts = [_EXAMPLES]
    for path in sorted((ROOT / "examples").glob("[0-9]*.py")):
        source = path.read_text("utf-8")
        told = ast.get_docstring(ast.parse(source)) or ""
        title, _, rest = told.partition("\n")
        code = source.split('"""', 2)[2].strip()
        parts.append(f"## {title.rstrip('.')}\n\n{rest.strip()}")
        if (picture := ROOT / "docs" / "gallery" / f"{path.stem}.png").exists():
            parts.append(f"![{title}](gallery/{picture.name})")
        parts.append(f"`examples/{path.name}`\n\n```python\n{code}\n```")
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """Return the page of commands: what ``--help`` says of each."""
    from typer.main import get_command

    from napari_stmml.cli import app

    parts = [_COMMANDS]
    top: Any = get_command(app)
    for name, command in top.commands.items():
        if not command.hidden:
            parts.append("\n".join(_command(name, command)))
    return "\n\n".join(parts) + "\n"


def _command(name: str, command: Any) -> Iterator[str]:
    """Yield the lines of one command."""
    yield f"## stmml {name}\n\n{' '.join((command.help or '').split())}\n"
    rows = [
        (" ".join(_names(one)), " ".join((getattr(one, "help", "") or "").split())) for one in command.params
    ]
    if rows:
        yield "| argument | meaning |\n|---|---|"
    for names, told in rows:
        if "--help" not in names:
            cell = told.replace("|", "\\|").replace("<", "&lt;")
            yield f"| `{names}` | {cell} |"


def _names(one: Any) -> list[str]:
    """Return what a person types for an option or an argument."""
    if one.param_type_name == "argument":
        return [one.metavar or one.name.upper()]
    return [*one.opts, *one.secondary_opts]
