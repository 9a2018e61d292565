"""The commands of job files: ``stmml init``, ``run``, ``process`` and ``cluster``."""

import sys
from pathlib import Path

import typer

from napari_stmml.cli.options import (
    AsJson,
    Include,
    JobPath,
    Processes,
    RecipeName,
    Scheduler,
    SchedulerFile,
)
from napari_stmml.cli.progress import print_report, run_here
from napari_stmml.events import Event, ReportWritten, ScanLabelled, of_type
from napari_stmml.jobs.requests import RunJobFile
from napari_stmml.recipe import DEFAULT
from napari_stmml.system.strict_json import to_json

STEPS = ("process", "train", "cluster", "predict", "measure", "structures")


def init(job: JobPath, recipe: RecipeName = None) -> int:
    """Write a job file. It has every parameter with its value, its unit and a line of help."""
    from napari_stmml.batch.job_file import JobFile

    path = Path(job)
    if path.exists():
        raise ValueError(f"{path} exists already; it is left as it is")
    JobFile({"recipe": recipe or DEFAULT}, path.absolute().parent).write(path)
    print(f"wrote {path}: look through it, then `stmml run {path}`")
    return 0


def run(
    job: JobPath,
    include: Include = [],
    processes: Processes = 0,
    scheduler: Scheduler = "",
    scheduler_file: SchedulerFile = "",
    as_json: AsJson = False,
) -> int:
    """Do all steps of a job file, here or on a Dask cluster. What is done already is left alone."""
    request = RunJobFile(job, STEPS, tuple(include), processes, scheduler, scheduler_file)
    return do_steps(request, as_json)


def process(job: JobPath, include: Include = [], processes: Processes = 0, as_json: AsJson = False) -> int:
    """Prepare the scans of a job file, cut windows, write the report."""
    return do_steps(RunJobFile(job, ("process",), tuple(include), processes), as_json)


def cluster(job: JobPath, include: Include = [], processes: Processes = 0, as_json: AsJson = False) -> int:
    """Cluster the features of a job's trained network."""
    return do_steps(RunJobFile(job, ("cluster",), tuple(include), processes), as_json)


def do_steps(request: RunJobFile, as_json: bool) -> int:
    """Do steps of a job file and print what came of them; return the exit status."""
    from napari_stmml.batch.job_file import JobFile

    job = JobFile.read(request.job)
    heard: list[Event] = []
    try:
        run_here(request, heard, verbose=job.values["verbose"])
    except ValueError:
        print_report(heard, sys.stderr)
        raise
    report = of_type(heard, ReportWritten)[-1]
    labelled = len(of_type(heard, ScanLabelled))
    if as_json:
        about = {"summary": report.summary, "csv": report.csv, "html": report.html}
        print(to_json({"folder": str(job.folder), "labelled": labelled, **about}))
    else:
        print_report([report])
        print(f"files:  {job.folder}")
    return 0


def job_among(
    ctx: typer.Context, paths: list[str], needed: tuple[str, ...], of_jobs: tuple[str, ...]
) -> str | None:
    """Return the job file, if ``paths`` is one, else None; refuse options of the other of the two.

    Parameters
    ----------
    ctx : typer.Context
        Of a command that takes scans or a job file.
    paths : list of str
    needed : tuple of str
        Options that have to be given where there is no job file.
    of_jobs : tuple of str
        Options that only a job file can have.

    Raises
    ------
    typer.BadParameter
        If an option does not belong here, or is missing.
    """
    flags = {one.name: one.opts[0] for one in ctx.command.params}
    given = [name for name, value in ctx.params.items() if value and name not in ("paths", "as_json")]

    def refuse(names: list[str], why: str) -> None:
        if names:
            raise typer.BadParameter(f"{' and '.join(flags[name] for name in names)}: {why}", ctx=ctx)

    if len(paths) == 1 and paths[0].lower().endswith(".toml"):
        refuse([name for name in given if name not in of_jobs], "a job file says this itself")
        return paths[0]
    refuse([name for name in given if name in of_jobs], "only of a job file, JOB.toml")
    refuse([name for name in needed if name not in given], "needed, or one job file, JOB.toml")
    return None
