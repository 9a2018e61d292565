"""The command ``stmml``: the same work as in the viewer, without a window."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from napari_stmml import __version__
from napari_stmml.cli import demo, figure, info, job_files, measure, models, structures, submit
from napari_stmml.cli.terminal import safe_output

EXIT = "Exit status: 0 when there is a result, 1 when there is none, 2 when the command was not understood."


class _Commands(TyperGroup):
    """The commands: what one returns is the exit status; what cannot be done is one sentence."""

    def invoke(self, ctx: Any) -> None:
        try:
            status = super().invoke(ctx)
        except (ValueError, OSError, KeyboardInterrupt) as error:
            why = "interrupted" if isinstance(error, KeyboardInterrupt) else error
            print(f"stmml {ctx.invoked_subcommand}: {why}", file=sys.stderr)
            status = 1
        ctx.exit(status)


# Plain text, not in boxes: a sentence stays one line, wherever it goes.
app = typer.Typer(cls=_Commands, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_COMMANDS: tuple[Callable[..., int], ...] = (
    *(
        info.info,
        job_files.init,
        job_files.run,
        job_files.process,
        models.train,
        job_files.cluster,
        submit.submit,
    ),
    *(models.predict, models.learn, structures.structures, figure.figure),
    *(figure.methods, demo.demo),
)
for _command in _COMMANDS:
    app.command(epilog=EXIT)(_command)
app.command(epilog=EXIT, cls=measure.TwoNames)(measure.measure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``stmml``.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of this program, if not given.

    Returns
    -------
    int
        The exit status: 0 when there is a result, 1 when there is none, 2 when nothing was understood.
    """
    with safe_output() as (out, error):
        status = 0
        try:
            app(arguments, prog_name="stmml")
        except SystemExit as ended:
            status = int(ended.code or 0)
        out.flush()
        error.flush()
        if out.lost is not None and not isinstance(out.lost, BrokenPipeError):  # such as | head
            print(f"stmml: standard output took no more: {out.lost}", file=error)
            return 1
    return status


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"napari-stmml {__version__}")
        raise typer.Exit


@app.callback(epilog=EXIT)
def _stmml(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Find recurring structures in STM scans (MATRIX, Nanonis, Gwyddion and others)."""
