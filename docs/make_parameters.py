"""Write docs/parameters.md, and the options of figures, from the declarations of both."""

from itertools import groupby
from pathlib import Path

from napari_stmml.batch.job_file import as_toml
from napari_stmml.batch.job_parameters import PARAMETERS
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.parameter_type import Parameter, parameters_of
from napari_stmml.recipe import Recipe

PAGE = Path(__file__).with_name("parameters.md")
FIGURES = Path(__file__).parent / "howto" / "figure.md"
MARKS = ("<!-- options: made by docs/make_parameters.py -->\n", "<!-- end of options -->")
HEAD = """# Parameters

Made by `python docs/make_parameters.py` from the declarations in `src/napari_stmml/recipe.py` and
`src/napari_stmml/batch/job_parameters.py`, as are the forms in napari and the file of `stmml init`; do not
edit. Names are those of SRSML24 (S. R. Schofield, 2025: its Parameter Summary, or its code); parameters that
it does not have are marked +. `stmml run job.toml` takes all of them, `stmml train --set NAME=VALUE` those of
a [recipe](recipes.md), which the model keeps (marked R).
"""


def row(known: Parameter) -> str:
    """Write the row of a parameter."""
    marks = (["R"] if known.name in parameters_of(Recipe) else []) + ([] if known.srsml24 else ["+"])
    choices = "; ".join(f"`{choice}`: {what}" for choice, what in known.choices.items())
    about = f"{known.help}{f' ({known.span})' if known.span else ''}{f'. {choices}' if choices else ''}"
    unit = known.unit or known.kind.removeprefix("a ")
    return f"| `{known.name}` | `{as_toml(known.default)}` | {unit} | {about} | {' '.join(marks)} |\n"


def page() -> str:
    """Write the page: a table for every group."""
    text = HEAD
    for group, some in groupby(PARAMETERS.values(), lambda known: known.group):
        text += f"\n## {group}\n\n| parameter | default | unit | | |\n|---|---|---|---|---|\n"
        text += "".join(map(row, some))
    return text


def figures_page() -> str:
    """Write the page about figures anew: its table of options, between two marks."""
    before, begin, rest = FIGURES.read_text("utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    table = "| option | default | unit | |\n|---|---|---|---|\n"
    rows = (row(known).removesuffix(" + |\n") + "\n" for known in parameters_of(FigureOptions).values())
    return f"{before}{begin}{table}{''.join(one.rstrip() + chr(10) for one in rows)}{end}{after}"


if __name__ == "__main__":
    for path, text in ((PAGE, page()), (FIGURES, figures_page())):
        path.write_text(text, "utf-8")
        print(f"wrote {path}")
